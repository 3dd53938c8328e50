// AlexNet: the network that won ImageNet 2012.
//
// The original: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012:
// two halves on two GPUs, here one tower with convolutions of two groups (layers 2, 4 and 5), and local response
// normalisation after the first two. torchvision's: Krizhevsky, "One weird trick for parallelizing convolutional neural
// networks", 2014 (arXiv:1404.5997), one narrower tower without groups and without normalisation, and an adaptive pool
// that takes images of other sizes; its paths are torchvision's names, and the original counts its layers alike. Left out:
// the original's average over ten crops, and its colour augmentation.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// AlexNet: five convolutions, and three fully connected layers: [N, 3, H, W] → [N, classes].
public struct AlexNet: Classifier {
  /// Which of the two published networks it is.
  public enum Variant: String, Codable, Sendable {
    /// As torchvision builds it.
    case torchvision
    /// With groups and local response normalisation, as in 2012. For images of 227 pixels: of 224, which the paper says, its
    /// first convolution would not make the 55 positions that the paper goes on with.
    case original
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// Which of the published networks it is.
    public var variant: Variant
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
      _ variant: Variant, divisor: Int = 1, dropout: Float = 0.5, inputChannels: Int = 3, classes: Int = 1000
    ) {
      self.variant = variant
      self.divisor = divisor
      self.dropout = dropout
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// torchvision's: 61,100,840 parameters.
    public static let alexnet = Configuration(.torchvision)
    /// That of 2012: 60,965,224 parameters.
    public static let original = Configuration(.original)
    /// A sixteenth of the widths, for tests.
    public static let toy = Configuration(.torchvision, divisor: 16, classes: 5)
    /// The same of 2012.
    public static let originalToy = Configuration(.original, divisor: 16, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      // The original's convolutions of two groups need channels that split.
      try requireDivisor(divisor, of: variant == .original ? 16 : 32)
      try requireRate("dropout", dropout)
      try requireImages("alexnet", input: input, least: variant == .torchvision ? 63 : 67)
    }

    /// The original's normalisations count among its features.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.6.weight") ?? classes
      if shapes.contains("features.3.weight") {
        variant = .torchvision
      } else if shapes.contains("features.4.weight") {
        variant = .original
      }
      divisor = shapes.divisor(of: variant == .original ? 96 : 64, giving: "features.0.weight") ?? divisor
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
    features = configuration.variant == .torchvision ? Self.later(configuration) : Self.original(configuration)
    avgpool = AdaptiveAvgPool2d(6)
    let hidden = 4096 / configuration.divisor
    func linear(_ inputs: Int, _ outputs: Int, bias: Float = 1) -> Linear {
      switch configuration.variant {
      case .torchvision: Linear(inputs, outputs)
      case .original:
        Linear(
          inputs, outputs, initializer: .normal(mean: 0, deviation: 0.01), biasInitializer: .constant(bias))
      }
    }
    classifier = Sequential([
      Dropout(configuration.dropout), linear(256 / configuration.divisor * 36, hidden), Activation.relu,
      Dropout(configuration.dropout), linear(hidden, hidden), Activation.relu,
      linear(hidden, configuration.classes, bias: 0),
    ])
  }

  /// The convolutions of 2014.
  private static func later(_ configuration: Configuration) -> Sequential {
    let d = configuration.divisor
    return Sequential([
      Conv2d(configuration.inputChannels, 64 / d, kernel: 11, stride: 4, padding: 2), Activation.relu,
      MaxPool2d(3, stride: 2),
      Conv2d(64 / d, 192 / d, kernel: 5, padding: 2), Activation.relu, MaxPool2d(3, stride: 2),
      Conv2d(192 / d, 384 / d, kernel: 3, padding: 1), Activation.relu,
      Conv2d(384 / d, 256 / d, kernel: 3, padding: 1), Activation.relu,
      Conv2d(256 / d, 256 / d, kernel: 3, padding: 1), Activation.relu, MaxPool2d(3, stride: 2),
    ])
  }

  /// The convolutions of 2012. Biases of the second, fourth and fifth begin at 1, so that their relus have something to
  /// learn from at once.
  private static func original(_ configuration: Configuration) -> Sequential {
    let d = configuration.divisor
    func conv(
      _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1, bias: Float = 0
    ) -> Conv2d {
      Conv2d(
        inputs, outputs, kernel: kernel, stride: stride, padding: padding, groups: groups,
        initializer: .normal(mean: 0, deviation: 0.01), biasInitializer: .constant(bias))
    }
    // α is divided by the size, as Caffe's AlexNet has it; the paper's formula sums without dividing.
    func normalization() -> LocalResponseNorm { LocalResponseNorm(5, alpha: 1e-4, beta: 0.75, k: 2) }
    return Sequential([
      conv(configuration.inputChannels, 96 / d, kernel: 11, stride: 4), Activation.relu, normalization(),
      MaxPool2d(3, stride: 2),
      conv(96 / d, 256 / d, kernel: 5, padding: 2, groups: 2, bias: 1), Activation.relu, normalization(),
      MaxPool2d(3, stride: 2),
      conv(256 / d, 384 / d, kernel: 3, padding: 1), Activation.relu,
      conv(384 / d, 384 / d, kernel: 3, padding: 1, groups: 2, bias: 1), Activation.relu,
      conv(384 / d, 256 / d, kernel: 3, padding: 1, groups: 2, bias: 1), Activation.relu, MaxPool2d(3, stride: 2),
    ])
  }

  public func features(_ x: Tensor) -> Tensor {
    classifier[0..<6](avgpool(features.callAsFunction(x)).flattened())
  }

  public func head(_ features: Tensor) -> Tensor { classifier.elements[6](features) }
}

extension Architecture {
  static let alexNets = [
    Architecture(
      "alexnet", "AlexNet in one tower (Krizhevsky, 2014)", AlexNet.self, .alexnet, input: [3, 224, 224]),
    Architecture(
      "alexnet-original", "AlexNet with groups and local response normalisation (Krizhevsky et al., 2012)",
      AlexNet.self, .original, input: [3, 227, 227]),
  ]
}
