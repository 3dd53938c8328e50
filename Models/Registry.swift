import AviaryCheckpoints
import AviaryLayers

/// What a network learns from.
public enum DataKind: String, Sendable, CaseIterable {
  case images, tables, text, graphs
}

/// Another value for one of a configuration's members: a number, a list, a word.
public struct ConfigurationChange: Codable, Equatable, Sendable {
  public var name: String
  /// As JSON has it; words need no quotes.
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// A network of the zoo: what it is called, what it takes, and how it is built.
public struct Architecture: Sendable {
  /// The name by which commands and checkpoints know it.
  public let name: String
  /// What it is, in one line.
  public let summary: String
  /// The kinds of data that it suits.
  public let kinds: [DataKind]
  /// The shape of the input that the published network takes: [C, H, W] of an image, [F] of a row or of a node of a
  /// graph, the size of the vocabulary for text.
  public let input: [Int]
  /// Whether its inputs count as probabilities, so that images have to come to it in [0, 1].
  public let takesProbabilities: Bool
  private let make: @Sendable (_ request: Request) throws(ArchitectureFault) -> any Network

  private struct Request {
    var configuration: JSONValue?
    var input: [Int]?
    var isFitted = false
    var changes: [ConfigurationChange] = []
  }

  init<Model: Network & SendableMetatype>(
    _ name: String, _ summary: String, _ type: Model.Type, _ preset: Model.Configuration, input: [Int],
    kinds: [DataKind] = [.images], takesProbabilities: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.kinds = kinds
    self.input = input
    self.takesProbabilities = takesProbabilities
    make = { (request) throws(ArchitectureFault) in
      var configuration = preset
      let changed = try Self.changed(preset, by: request.changes, architecture: name)
      if let value = request.configuration ?? changed {
        do {
          configuration = try value.decoded()
        } catch {
          if request.configuration == nil,
            let fault = Self.faultyChange(of: preset, among: request.changes, architecture: name)
          {
            throw fault
          }
          throw .badConfiguration(architecture: name, text: value.serialized)
        }
      }
      if request.isFitted, let input = request.input { configuration.fit(input: input) }
      do throws(ConfigurationFault) {
        try configuration.validate(input: request.input)
        let model = Model(configuration)
        try requireMemory(model)
        return model
      } catch {
        throw .refused(architecture: name, fault: error)
      }
    }
  }

  /// The side of the images that the network was designed for, in pixels; nil where it takes none.
  public var imageSize: Int? { input.count == 3 ? input[1] : nil }

  /// Builds the network; its cells are declared, not filled.
  ///
  /// - Parameters:
  ///   - configuration: as checkpoints hold it; nil for the network as published.
  ///   - input: the shape of the input that it shall take; nil for any that it can take.
  public func build(configuration: JSONValue? = nil, input: [Int]? = nil) throws(ArchitectureFault) -> any Network {
    try make(Request(configuration: configuration, input: input))
  }

  /// Builds the published network as it has to be for data of another shape: with other channels, for instance.
  ///
  /// - Parameter changes: values of the configuration other than the published ones.
  public func build(
    fitting input: [Int], changing changes: [ConfigurationChange] = []
  ) throws(ArchitectureFault) -> any Network {
    try make(Request(input: input, isFitted: true, changes: changes))
  }

  /// Builds a network that sorts images, or rows, into classes; see `build`.
  public func buildClassifier(
    configuration: JSONValue? = nil, input: [Int]? = nil
  ) throws(ArchitectureFault) -> any Classifier {
    try classifier(build(configuration: configuration, input: input))
  }

  /// The network as one that sorts images, or rows, into classes, which not every network does.
  public func classifier(_ network: any Network) throws(ArchitectureFault) -> any Classifier {
    guard let classifier = network as? any Classifier else {
      throw .noClassifier(architecture: name, kinds: kinds)
    }
    return classifier
  }
}

/// A way in which a name and a configuration make no network.
public enum ArchitectureFault: Error, Equatable, CustomStringConvertible {
  /// No network has this name.
  case unknown(name: String, known: [String])
  /// The configuration is not what the network's configurations look like.
  case badConfiguration(architecture: String, text: String)
  /// A value of the configuration is to be changed to something that it cannot be.
  case badSetting(architecture: String, name: String, value: String, allowed: String)
  /// The configuration has no value of this name.
  case unknownSetting(architecture: String, name: String, known: [String])
  /// The configuration describes no network, or one that does not take the input.
  case refused(architecture: String, fault: ConfigurationFault)
  /// The checkpoint does not say which network its weights are for.
  case unnamed
  /// The network does not sort images into classes, which is asked of it.
  case noClassifier(architecture: String, kinds: [DataKind])
  /// The network does not suit the data.
  case unsuited(architecture: String, kinds: [DataKind], data: DataKind)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "there is no architecture '\(name)'; there are \(known.joined(separator: ", "))"
    case .badConfiguration(let architecture, let text):
      "this is no configuration of \(architecture): \(text.prefix(200))"
    case .badSetting(let architecture, let name, let value, let allowed):
      "\(architecture): \(name) cannot be \(value.prefix(80)); it must be \(allowed)"
    case .unknownSetting(let architecture, let name, let known):
      "\(architecture) has no setting '\(name)'; there are \(known.joined(separator: ", "))"
    case .refused(let architecture, let fault): "\(architecture): \(fault)"
    case .noClassifier(let architecture, let kinds):
      "\(architecture) is for \(Self.list(kinds)), not for images"
    case .unsuited(let architecture, let kinds, let data):
      "\(architecture) is for \(Self.list(kinds)); the data are \(data.rawValue)"
    case .unnamed: "the file does not say which architecture its weights are for; convert it with --architecture"
    }
  }
}

extension ArchitectureFault {
  private static func list(_ kinds: [DataKind]) -> String { kinds.map(\.rawValue).joined(separator: " and ") }
}

/// The zoo.
public enum Zoo {
  public static let architectures: [Architecture] = [
    Architecture(
      "resnet18", "residual network with 18 layers (He et al., 2015)", ResNet.self, .resnet18, input: [3, 224, 224]),
    Architecture(
      "resnet34", "residual network with 34 layers (He et al., 2015)", ResNet.self, .resnet34, input: [3, 224, 224]),
    Architecture(
      "resnet50", "residual network with 50 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet50,
      input: [3, 224, 224]),
    Architecture(
      "resnet101", "residual network with 101 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet101,
      input: [3, 224, 224]),
    Architecture(
      "resnet152", "residual network with 152 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet152,
      input: [3, 224, 224]),
    Architecture(
      "resnet20", "residual network for CIFAR-10 with 20 layers (He et al., 2015)", CIFARResNet.self, .resnet20,
      input: [3, 32, 32]),
    Architecture(
      "resnet32", "residual network for CIFAR-10 with 32 layers (He et al., 2015)", CIFARResNet.self, .resnet32,
      input: [3, 32, 32]),
    Architecture(
      "resnet44", "residual network for CIFAR-10 with 44 layers (He et al., 2015)", CIFARResNet.self, .resnet44,
      input: [3, 32, 32]),
    Architecture(
      "resnet56", "residual network for CIFAR-10 with 56 layers (He et al., 2015)", CIFARResNet.self, .resnet56,
      input: [3, 32, 32]),
    Architecture(
      "resnet110", "residual network for CIFAR-10 with 110 layers (He et al., 2015)", CIFARResNet.self, .resnet110,
      input: [3, 32, 32]),
    Architecture(
      "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, input: [3, 64, 64]),
    Architecture(
      "squeezenet1_1", "SqueezeNet 1.1 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_1, input: [3, 227, 227]),
    Architecture(
      "squeezenet-toy", "SqueezeNet 1.1 with an eighth of the channels, for tests", SqueezeNet.self, .toy,
      input: [3, 64, 64]),
    Architecture(
      "gcn", "graph convolutional network (Kipf & Welling, 2017)", GCN.self, .gcn, input: [1433], kinds: [.graphs]),
    Architecture(
      "gcn-toy", "a graph convolutional network of three narrow layers, for tests", GCN.self, .toy, input: [12],
      kinds: [.graphs]),
    Architecture(
      "char-lstm", "character language model, two layers of LSTM (Graves, 2013)", CharacterModel.self, .lstm,
      input: [65],
      kinds: [.text]),
    Architecture(
      "char-gru", "character language model, two layers of GRU", CharacterModel.self, .gru, input: [65], kinds: [.text]),
    Architecture(
      "char-rnn", "character language model, two plain recurrent layers", CharacterModel.self, .rnn, input: [65],
      kinds: [.text]),
    Architecture(
      "char-toy", "a small character language model, for tests", CharacterModel.self, .toy, input: [7], kinds: [.text]),
    Architecture(
      "sequence-lstm", "LSTM with one answer for a time series, or a text in a table", SequenceClassifier.self, .lstm,
      input: [24],
      kinds: [.tables]),
    Architecture(
      "sequence-gru", "GRU with one answer for a time series, or a text in a table", SequenceClassifier.self, .gru,
      input: [24],
      kinds: [.tables]),
    Architecture(
      "sequence-toy", "a small GRU in both directions, for tests", SequenceClassifier.self, .toy, input: [6, 3],
      kinds: [.tables]),
    Architecture(
      "alexnet", "AlexNet in one tower (Krizhevsky, 2014)", AlexNet.self, .alexnet, input: [3, 224, 224]),
    Architecture(
      "alexnet-original", "AlexNet with groups and local response normalisation (Krizhevsky et al., 2012)",
      AlexNet.self, .original, input: [3, 227, 227]),
    Architecture(
      "vgg11", "VGG with 11 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg11, input: [3, 224, 224]),
    Architecture(
      "vgg13", "VGG with 13 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg13, input: [3, 224, 224]),
    Architecture(
      "vgg16", "VGG with 16 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg16, input: [3, 224, 224]),
    Architecture(
      "vgg19", "VGG with 19 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg19, input: [3, 224, 224]),
    Architecture(
      "vgg11_bn", "VGG with 11 layers and batch normalisation", VGG.self, .vgg11BatchNorm, input: [3, 224, 224]),
    Architecture(
      "vgg13_bn", "VGG with 13 layers and batch normalisation", VGG.self, .vgg13BatchNorm, input: [3, 224, 224]),
    Architecture(
      "vgg16_bn", "VGG with 16 layers and batch normalisation", VGG.self, .vgg16BatchNorm, input: [3, 224, 224]),
    Architecture(
      "vgg19_bn", "VGG with 19 layers and batch normalisation", VGG.self, .vgg19BatchNorm, input: [3, 224, 224]),
    Architecture(
      "xai", "VGG-like network for small images (Liu & Deng, 2015)", XAINet.self, .xai, input: [3, 100, 100]),
    Architecture(
      "lenet5", "LeNet-5 with relu and max pooling (after LeCun et al., 1998)", LeNet.self, .lenet5,
      input: [1, 28, 28]),
    Architecture(
      "lenet5-original", "LeNet-5 with tanh and average pooling (LeCun et al., 1998)", LeNet.self, .original,
      input: [1, 32, 32]),
    Architecture(
      "mlp", "multilayer perceptron 784-256-128-10", MLP.self, .mlp, input: [1, 28, 28], kinds: [.images, .tables]),
    Architecture(
      "mlp-784-300-100-10", "multilayer perceptron 784-300-100-10", MLP.self, .mlp300, input: [1, 28, 28],
      kinds: [.images, .tables]),
    Architecture(
      "fashion-dnn", "multilayer perceptron for Fashion-MNIST, the same as mlp", MLP.self, .mlp, input: [1, 28, 28]),
    Architecture(
      "dbn", "deep belief network 784-500-250-10 (Hinton et al., 2006); with one hidden layer, a Boltzmann machine",
      MLP.self, .deepBelief, input: [1, 28, 28], takesProbabilities: true),
    Architecture(
      "fashion-cnn", "convolutional network for Fashion-MNIST with batch normalisation", FashionCNN.self, .fashionCNN,
      input: [1, 28, 28]),
    Architecture(
      "simple-convnet", "one convolution and one hidden layer (Saito, 2016)", SimpleConvNet.self, .simpleConvNet,
      input: [1, 28, 28]),
  ]

  /// What files describe layer by layer, and nobody asks for by its name.
  private static let described = [
    Architecture(
      KerasChain.architecture, "the chain of layers that a Keras file describes", KerasChain.self, .empty, input: [1],
      kinds: [.images, .tables])
  ]

  /// The network with this name.
  public static func architecture(named name: String) throws(ArchitectureFault) -> Architecture {
    guard let found = (architectures + described).first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: architectures.map(\.name))
    }
    return found
  }
}
