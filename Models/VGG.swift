// VGG: very deep networks of 3×3 convolutions.
//
// Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014 (arXiv:1409.1556), as
// torchvision builds them: the configurations A, B, D and E of the paper's table 1, with or without batch normalisation
// after every convolution, and an adaptive pool before the classifier, so that any image of 32 pixels or more is taken.
// Left out: configurations A-LRN and C, and the dense evaluation of the paper. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A VGG network: five groups of 3×3 convolutions with a pool after each, and three fully connected layers:
/// [N, 3, H, W] → [N, classes].
public struct VGG: Classifier {
  /// The networks of the paper's table 1, by their number of layers with weights.
  public enum Depth: Int, Codable, CaseIterable, Sendable {
    /// 11 layers.
    case layers11 = 11
    /// 13 layers.
    case layers13 = 13
    /// 16 layers.
    case layers16 = 16
    /// 19 layers.
    case layers19 = 19

    /// How many convolutions the groups of 64, 128, 256, 512 and 512 channels have.
    var convolutions: [Int] {
      switch self {
      case .layers11: [1, 1, 2, 2, 2]
      case .layers13: [2, 2, 2, 2, 2]
      case .layers16: [2, 2, 3, 3, 3]
      case .layers19: [2, 2, 4, 4, 4]
      }
    }
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The number of layers.
    public var depth: Depth
    /// Whether batch normalisation follows every convolution.
    public var batchNorm: Bool
    /// By how much all inner widths are divided; 1 for the real network.
    public var divisor: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(
      _ depth: Depth, batchNorm: Bool = false, divisor: Int = 1, dropout: Float = 0.5, inputChannels: Int = 3,
      classes: Int = 1000
    ) {
      self.depth = depth
      self.batchNorm = batchNorm
      self.divisor = divisor
      self.dropout = dropout
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// VGG-11: 132,863,336 parameters.
    public static let vgg11 = Configuration(.layers11)
    /// VGG-13: 133,047,848 parameters.
    public static let vgg13 = Configuration(.layers13)
    /// VGG-16: 138,357,544 parameters.
    public static let vgg16 = Configuration(.layers16)
    /// VGG-19: 143,667,240 parameters.
    public static let vgg19 = Configuration(.layers19)
    /// VGG-11 with batch normalisation: 132,868,840 parameters.
    public static let vgg11BatchNorm = Configuration(.layers11, batchNorm: true)
    /// VGG-13 with batch normalisation: 133,053,736 parameters.
    public static let vgg13BatchNorm = Configuration(.layers13, batchNorm: true)
    /// VGG-16 with batch normalisation: 138,365,992 parameters.
    public static let vgg16BatchNorm = Configuration(.layers16, batchNorm: true)
    /// VGG-19 with batch normalisation: 143,678,248 parameters.
    public static let vgg19BatchNorm = Configuration(.layers19, batchNorm: true)
    /// VGG-11 with a sixteenth of the widths, for tests.
    public static let toy = Configuration(.layers11, divisor: 16, classes: 5)
    /// The same with batch normalisation.
    public static let batchNormToy = Configuration(.layers11, batchNorm: true, divisor: 16, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireDivisor(divisor, of: 64)
      try requireRate("dropout", dropout)
      try requireImages("vgg", input: input, least: 32)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.6.weight") ?? classes
      guard shapes.contains("features.0.weight") else { return }
      batchNorm = shapes["features.1.weight"]?.count == 1
      let convolutions = (0..<64).count { shapes["features.\($0).weight"]?.count == 4 }
      depth = Depth.allCases.first { $0.convolutions.reduce(0, +) == convolutions } ?? depth
      divisor = shapes.divisor(of: 64, giving: "features.0.weight") ?? divisor
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let avgpool: AdaptiveAvgPool2d
  private let classifier: Sequential

  /// The last layer: what comes before it was learned with it and serves other classes as well.
  public var headPath: String { "classifier.6" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    features = Self.features(configuration)
    avgpool = AdaptiveAvgPool2d(7)
    let hidden = 4096 / configuration.divisor
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(inputs, outputs, initializer: .normal(mean: 0, deviation: 0.01), biasInitializer: .zeros)
    }
    classifier = Sequential([
      linear(512 / configuration.divisor * 49, hidden), Activation.relu, Dropout(configuration.dropout),
      linear(hidden, hidden), Activation.relu, Dropout(configuration.dropout),
      linear(hidden, configuration.classes),
    ])
  }

  private static func features(_ configuration: Configuration) -> Sequential {
    var layers: [any UnaryLayer] = []
    var inputs = configuration.inputChannels
    for (width, count) in zip([64, 128, 256, 512, 512], configuration.depth.convolutions) {
      let outputs = width / configuration.divisor
      for _ in 0..<count {
        layers.append(
          Conv2d(
            inputs, outputs, kernel: 3, padding: 1, initializer: .kaimingNormal(.out), biasInitializer: .zeros))
        if configuration.batchNorm { layers.append(BatchNorm2d(outputs)) }
        layers.append(Activation.relu)
        inputs = outputs
      }
      layers.append(MaxPool2d(2))
    }
    return Sequential(layers)
  }

  public func features(_ x: Tensor) -> Tensor {
    classifier[0..<6](avgpool(features.callAsFunction(x)).flattened())
  }

  public func head(_ features: Tensor) -> Tensor { classifier.elements[6](features) }
}

extension Architecture {
  static let vggs = [
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
  ]
}
