// MNASNet: inverted residuals found by a search that measures speed on a phone.
//
// Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 2018 (arXiv:1807.11626), the network B1 without
// squeeze and excitation, as torchvision builds it. Files of torchvision's first version, whose first two widths were not
// multiplied, have their widths read from their tensors. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// How much of each batch is in the running statistics: the paper's 0.9997 of what was there before.
private let norm = NormSettings(momentum: Float(1 - 0.9997))

/// A 1×1 convolution that expands the channels, one of each channel alone, and a linear 1×1 one; the input is added where the
/// shape stays: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct MNASNetBlock: UnaryLayer {
  private let layers: Sequential
  private let isResidual: Bool

  init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, expansion: Int) {
    let hidden = inputs * expansion
    layers = Sequential(
      convolutionBlock(inputs, hidden, kernel: 1, norm: norm, activation: .relu).elements
        + convolutionBlock(
          hidden, hidden, kernel: kernel, stride: stride, groups: hidden, norm: norm, activation: .relu
        ).elements
        + convolutionBlock(hidden, outputs, kernel: 1, norm: norm, activation: nil).elements)
    isResidual = inputs == outputs && stride == 1
  }

  public func forward(_ x: Tensor) -> Tensor { isResidual ? layers(x) + x : layers(x) }
}

/// A stem that halves the image, a separable convolution, six stages of inverted residuals, a 1×1 convolution, the mean over
/// positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct MNASNet: Classifier {
  /// The stages of the paper's figure 7.
  fileprivate static let stages: [(kernel: Int, stride: Int, expansion: Int, blocks: Int)] = [
    (3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1),
  ]
  /// How many features the head is given, whatever the widths.
  fileprivate static let lastWidth = 1280

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// Of the stem, of the separable convolution, and of the six stages.
    public var widths: [Int]
    /// The rate of dropout in training.
    public var dropout: Float = 0.2
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// All widths multiplied, and rounded to multiples of 8.
    static func scaled(_ multiplier: Double) -> Configuration {
      Configuration(widths: [32, 16, 24, 40, 80, 96, 192, 320].map { roundedWidth(Double($0) * multiplier) })
    }

    /// 2,218,512 parameters.
    public static let half = scaled(0.5)
    /// 3,170,208 parameters.
    public static let threeQuarters = scaled(0.75)
    /// 4,383,312 parameters.
    public static let whole = scaled(1)
    /// 6,282,256 parameters.
    public static let wide = scaled(1.3)
    /// A tenth of the widths, for tests.
    public static let toy: Configuration = {
      var configuration = scaled(0.1)
      (configuration.dropout, configuration.classes) = (0, 5)
      return configuration
    }()

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("widths", widths.count, in: 8...8)
      for width in widths { try require("widths", width, in: 1...4096) }
      try requireRate("dropout", dropout)
      try requireImages("mnasnet", input: input, least: 1)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "layers.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.1.weight") ?? classes
      let last = ["layers.0", "layers.6"] + (8..<14).map { "layers.\($0).0.layers.6" }
      widths = zip(last, widths).map { shapes.outputs(of: "\($0).weight", rank: 4) ?? $1 }
    }
  }

  public let configuration: Configuration
  private let layers: Sequential
  private let classifier: Sequential

  public var headPath: String { "classifier.1" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    var elements =
      convolutionBlock(configuration.inputChannels, widths[0], kernel: 3, stride: 2, norm: norm, activation: .relu)
      .elements
      + convolutionBlock(widths[0], widths[0], kernel: 3, groups: widths[0], norm: norm, activation: .relu).elements
      + convolutionBlock(widths[0], widths[1], kernel: 1, norm: norm, activation: nil).elements
    for (number, stage) in Self.stages.enumerated() {
      let (inputs, outputs) = (widths[number + 1], widths[number + 2])
      elements.append(
        Sequential(
          (0..<stage.blocks).map { block in
            MNASNetBlock(
              block == 0 ? inputs : outputs, outputs, kernel: stage.kernel, stride: block == 0 ? stage.stride : 1,
              expansion: stage.expansion)
          }))
    }
    layers = Sequential(
      elements + convolutionBlock(widths[7], Self.lastWidth, kernel: 1, norm: norm, activation: .relu).elements)
    // He's initialisation by fan-out, for a sigmoid.
    let bound = (3 / Float(configuration.classes)).squareRoot()
    classifier = Sequential([
      Dropout(configuration.dropout),
      Linear(
        Self.lastWidth, configuration.classes, initializer: .uniform(bound: bound), biasInitializer: .zeros),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { layers(x).mean(over: [2, 3]) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let mnasNets = [
    Architecture(
      "mnasnet0_5", "MNASNet with half of the widths (Tan et al., 2018)", MNASNet.self, .half, input: [3, 224, 224]),
    Architecture(
      "mnasnet0_75", "MNASNet with three quarters of the widths (Tan et al., 2018)", MNASNet.self, .threeQuarters,
      input: [3, 224, 224]),
    Architecture("mnasnet1_0", "MNASNet (Tan et al., 2018)", MNASNet.self, .whole, input: [3, 224, 224]),
    Architecture(
      "mnasnet1_3", "MNASNet with 1.3 times the widths (Tan et al., 2018)", MNASNet.self, .wide, input: [3, 224, 224]),
  ]
}
