// Inception v3: large convolutions taken apart into small and one-sided ones, side by side.
//
// Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015
// (arXiv:1512.00567), as torchvision builds it. An auxiliary head learns beside the main one, from maps of at least 17×17
// positions, which images of 299 pixels have: with smaller images it does not take part. A file without it gives a network
// without it. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// The head that looks at inner feature maps of 17×17 or more in training: [N, C, H, W] → [N, classes].
struct InceptionAuxiliaryHead: UnaryLayer {
  /// The smallest map of which pool and convolution leave something.
  static let leastSide = 17

  private let conv0, conv1: InceptionConvolution
  private let fc: Linear

  init(_ blocks: InceptionBlocks, classes: Int) {
    conv0 = blocks.conv(768, 128)
    conv1 = blocks.conv(128, 768, [5, 5], valid: true)
    fc = Linear(768 / blocks.divisor, classes, initializer: .normal(mean: 0, deviation: 0.001))
  }

  func forward(_ x: Tensor) -> Tensor {
    fc(conv1(conv0(averagePool(x, kernel: [5, 5], stride: [3, 3]))).mean(over: [2, 3]))
  }
}

/// A stem that reduces the image to an eighth, eleven blocks of parallel convolutions, two of which halve it, the mean over
/// positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct InceptionV3: AuxiliaryClassifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: InceptionConfiguration {
    /// Whether there is a head that only learns.
    public var auxiliaryHeads = true
    /// Whether images normalised for other networks are normalised anew, as torchvision's published weights want it.
    public var transformInput = false
    /// By how much all inner widths are divided; 1 for the real network.
    public var divisor = 1
    /// The rate of dropout in training.
    public var dropout: Float = 0.5
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// 27,161,264 parameters, 23,834,568 without the auxiliary head.
    public static let inceptionV3 = Configuration()
    /// A sixteenth of the widths, for tests.
    public static let toy = Configuration(divisor: 16, classes: 5)
    /// The same without the auxiliary head.
    public static let plainToy = Configuration(auxiliaryHeads: false, divisor: 16, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireDivisor(divisor, of: 16)
      try requireRate("dropout", dropout)
      try requireColors()
      try requireImages("inception_v3", input: input, least: 75)
    }

    /// No shape says whether the input is transformed. An auxiliary head of other classes than the main one, which was
    /// replaced without it, is none of this network's.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      let stem = "Conv2d_1a_3x3.conv.weight"
      inputChannels = shapes.inputs(of: stem, rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      divisor = shapes.divisor(of: 32, giving: stem) ?? divisor
      if shapes.contains(stem), shapes.outputs(of: "AuxLogits.fc.weight") != classes { auxiliaryHeads = false }
      shapes.assume("transformInput")
    }
  }

  static let deviation: Float = 0.1

  public let configuration: Configuration
  private let input: InceptionInput?
  private let early: Sequential
  private let auxiliary: InceptionAuxiliaryHead?
  private let late: Sequential
  private let dropout: Dropout
  private let fc: Linear

  public var headPath: String { "fc" }
  /// The last layer: what comes before it was learned with it and serves other classes as well.
  public var auxiliaryHeadPaths: [String] { auxiliary == nil ? [] : ["AuxLogits.fc"] }

  public var children: [Child] {
    (input.map { [Child("input", $0)] } ?? []) + early.children + (auxiliary.map { [Child("AuxLogits", $0)] } ?? [])
      + late.children + [Child("dropout", dropout), Child("fc", fc)]
  }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let d = configuration.divisor
    let blocks = InceptionBlocks(divisor: d)
    input = configuration.transformInput ? InceptionInput() : nil
    early = Sequential([
      "Conv2d_1a_3x3": InceptionConvolution(
        configuration.inputChannels, 32 / d, kernel: [3, 3], stride: 2, deviation: Self.deviation),
      "Conv2d_2a_3x3": blocks.conv(32, 32, [3, 3], valid: true), "Conv2d_2b_3x3": blocks.conv(32, 64, [3, 3]),
      "maxpool1": MaxPool2d(3, stride: 2),
      "Conv2d_3b_1x1": blocks.conv(64, 80), "Conv2d_4a_3x3": blocks.conv(80, 192, [3, 3], valid: true),
      "maxpool2": MaxPool2d(3, stride: 2),
      "Mixed_5b": blocks.a(192, pool: 32), "Mixed_5c": blocks.a(256, pool: 64), "Mixed_5d": blocks.a(288, pool: 64),
      "Mixed_6a": blocks.b(288),
      "Mixed_6b": blocks.c(768, inner: 128), "Mixed_6c": blocks.c(768, inner: 160),
      "Mixed_6d": blocks.c(768, inner: 160), "Mixed_6e": blocks.c(768, inner: 192),
    ])
    auxiliary = configuration.auxiliaryHeads ? InceptionAuxiliaryHead(blocks, classes: configuration.classes) : nil
    late = Sequential([
      "Mixed_7a": blocks.d(768), "Mixed_7b": blocks.e(1280), "Mixed_7c": blocks.e(2048), "avgpool": MeanOverPositions(),
    ])
    dropout = Dropout(configuration.dropout)
    fc = Linear(2048 / d, configuration.classes, initializer: .normal(mean: 0, deviation: Self.deviation))
  }

  public func features(_ x: Tensor) -> Tensor { late(early(input?(x) ?? x)) }
  public func head(_ features: Tensor) -> Tensor { fc(dropout(features)) }

  /// The auxiliary head takes part where it has at least 17×17 positions to look at: 299 pixels.
  public func trainingOutputs(_ x: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput]) {
    let maps = early(input?(x) ?? x)
    let logits = head(late(maps))
    guard let auxiliary, maps.shape[2...].allSatisfy({ $0 >= InceptionAuxiliaryHead.leastSide }) else {
      return (logits, [])
    }
    // The weight of torchvision's recipe.
    return (logits, [AuxiliaryOutput(auxiliary(maps), weight: 0.4)])
  }
}

extension Architecture {
  static let inceptionsV3 = [
    Architecture(
      "inception_v3", "Inception v3 (Szegedy et al., 2015)", InceptionV3.self, .inceptionV3, input: [3, 299, 299])
  ]
}
