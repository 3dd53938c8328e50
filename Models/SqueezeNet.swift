// SqueezeNet: AlexNet's accuracy with fifty times fewer parameters.
//
// Iandola et al., "SqueezeNet", 2016 (arXiv:1602.07360), and its release 1.1, which needs fewer operations, as torchvision
// builds them. The rounding of the pools is configuration: torchvision rounds up, the Caffe and Keras originals down, and
// weights of the one give other features in the other. Left out: the paper's networks with bypasses. Paths are
// torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A 1×1 convolution that squeezes the channels, and two that expand them, joined: [N, I, H, W] → [N, 2·E, H, W].
public struct Fire: UnaryLayer {
  private let squeeze: Conv2d
  private let expand1x1: Conv2d
  private let expand3x3: Conv2d

  init(_ inputs: Int, squeeze squeezed: Int, expand expanded: Int) {
    let initializer = Initializer.kaimingUniform()
    squeeze = Conv2d(inputs, squeezed, kernel: 1, initializer: initializer, biasInitializer: .zeros)
    expand1x1 = Conv2d(squeezed, expanded, kernel: 1, initializer: initializer, biasInitializer: .zeros)
    expand3x3 = Conv2d(squeezed, expanded, kernel: 3, padding: 1, initializer: initializer, biasInitializer: .zeros)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let squeezed = relu(squeeze(x))
    return concatenated([relu(expand1x1(squeezed)), relu(expand3x3(squeezed))], axis: 1)
  }
}

/// SqueezeNet: [N, 3, H, W] → [N, classes].
public struct SqueezeNet: Classifier {
  /// The version of the paper, or its successor with fewer operations.
  public enum Version: String, Codable, Sendable {
    /// The paper's.
    case original = "1.0"
    /// With a smaller first convolution and earlier pools.
    case revised = "1.1"

    /// The channels and the window of the first convolution.
    var stem: (channels: Int, kernel: Int) { self == .original ? (96, 7) : (64, 3) }
  }

  /// What makes logits of the feature maps.
  public enum Head: String, Codable, Sendable {
    /// The original: dropout, 1×1 convolution, relu, mean over positions.
    case convolution
    /// What replaces it in fine-tuning: dropout, mean over positions, linear.
    case linear
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The version of the network.
    public var version: Version
    /// How the pools round: torchvision's round up, the Caffe and Keras originals down.
    public var poolRounding: PoolRounding
    /// By how much all inner channels are divided; 1 for the real network.
    public var divisor: Int
    /// The form of the head.
    public var head: Head
    /// The rate of dropout in training.
    public var dropout: Float
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    public static var addedLater: Set<String> { ["version"] }

    /// A configuration of these values.
    public init(
      _ version: Version = .revised, poolRounding: PoolRounding = .up, divisor: Int = 1, head: Head = .convolution,
      dropout: Float = 0.5, inputChannels: Int = 3, classes: Int = 1000
    ) {
      self.version = version
      self.poolRounding = poolRounding
      self.divisor = divisor
      self.head = head
      self.dropout = dropout
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// SqueezeNet 1.0: 1,248,424 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let squeezenet1_0 = Configuration(.original)
    /// SqueezeNet 1.1: 1,235,496 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let squeezenet1_1 = Configuration()
    /// An eighth of the channels, for tests.
    public static let toy = Configuration(divisor: 8, classes: 5)
    /// The same of SqueezeNet 1.0.
    public static let toyOfThePaper = Configuration(.original, divisor: 8, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      guard [1, 2, 4, 8, 16].contains(divisor) else {
        throw .outOfRange(name: "divisor", value: "\(divisor)", allowed: "1, 2, 4, 8 or 16")
      }
      guard (0..<1).contains(dropout) else {
        throw .outOfRange(name: "dropout", value: "\(dropout)", allowed: "in [0, 1)")
      }
      let least = version == .original ? (up: 21, down: 35) : (up: 17, down: 31)
      try requireImages("squeezenet", input: input, least: poolRounding == .up ? least.up : least.down)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.weight", rank: 4) ?? inputChannels
      switch shapes.extent(2, of: "features.0.weight", rank: 4) {
      case Version.original.stem.kernel: version = .original
      case Version.revised.stem.kernel: version = .revised
      default: break
      }
      divisor = shapes.divisor(of: version.stem.channels, giving: "features.0.weight") ?? divisor
      if let rows = shapes.outputs(of: "classifier.1.weight", rank: 4) {
        (head, classes) = (.convolution, rows)
      } else if let rows = shapes.outputs(of: "classifier.2.weight") {
        (head, classes) = (.linear, rows)
      }
    }

    public mutating func replaceHead(outputs: Int) {
      head = .linear
      classes = outputs
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let classifier: Sequential

  public var headPath: String { "classifier" }

  public init(_ configuration: Configuration) {
    let d = configuration.divisor
    let pool = { MaxPool2d(3, stride: 2, rounding: configuration.poolRounding) }
    func fire(_ inputs: Int, _ squeeze: Int, _ expand: Int) -> Fire {
      Fire(inputs / d, squeeze: squeeze / d, expand: expand / d)
    }
    self.configuration = configuration
    let stem = configuration.version.stem
    let first: [any UnaryLayer] = [
      Conv2d(
        configuration.inputChannels, stem.channels / d, kernel: stem.kernel, stride: 2, initializer: .kaimingUniform(),
        biasInitializer: .zeros),
      Activation.relu, pool(), fire(stem.channels, 16, 64), fire(128, 16, 64),
    ]
    let later: [any UnaryLayer] =
      switch configuration.version {
      case .original:
        [
          fire(128, 32, 128), pool(), fire(256, 32, 128), fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256),
          pool(), fire(512, 64, 256),
        ]
      case .revised:
        [
          pool(), fire(128, 32, 128), fire(256, 32, 128),
          pool(), fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256),
        ]
      }
    features = Sequential(first + later)
    classifier = Self.classifier(configuration)
  }

  private static func classifier(_ configuration: Configuration) -> Sequential {
    let channels = 512 / configuration.divisor
    switch configuration.head {
    case .convolution:
      return Sequential([
        Dropout(configuration.dropout),
        Conv2d(
          channels, configuration.classes, kernel: 1, initializer: .normal(mean: 0, deviation: 0.01),
          biasInitializer: .zeros),
        Activation.relu,
        MeanOverPositions(),
      ])
    case .linear:
      return Sequential([
        Dropout(configuration.dropout), MeanOverPositions(), Linear(channels, configuration.classes),
      ])
    }
  }

  /// The input of the head: feature maps [N, 512, H', W'] for the original one. A linear head is given their means
  /// [N, 512], so that these can be kept: the mean over positions that it begins with then has nothing left to do.
  public func features(_ x: Tensor) -> Tensor {
    let maps = features.callAsFunction(x)
    return configuration.head == .linear ? maps.mean(over: [2, 3]) : maps
  }

  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let squeezeNets = [
    Architecture(
      "squeezenet1_0", "SqueezeNet 1.0 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_0, input: [3, 224, 224]),
    Architecture(
      "squeezenet1_1", "SqueezeNet 1.1 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_1,
      input: [3, 227, 227],
      keras: .squeezeNet),
    Architecture(
      "squeezenet-toy", "SqueezeNet 1.1 with an eighth of the channels, for tests", SqueezeNet.self, .toy,
      input: [3, 64, 64]),
  ]
}
