// MobileNetV3: inverted residuals with squeeze and excitation and hard-swish, found by search, for phones.
//
// Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244), as torchvision builds it, with its options of a
// reduced tail and of dilated convolutions in it. Left out: the heads for segmentation and detection of the paper. Paths are
// torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A 1×1 convolution that expands the channels, one of each channel alone, perhaps squeeze and excitation, and a linear 1×1
/// convolution; the input is added where the shape stays: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct MobileNetV3Block: UnaryLayer {
  private let block: Sequential
  private let isResidual: Bool

  init(_ inputs: Int, _ row: MobileNetV3.Row, norm: NormSettings) {
    let activation = row.activation
    var layers: [any UnaryLayer] = []
    if row.expanded != inputs {
      layers.append(convolutionBlock(inputs, row.expanded, kernel: 1, norm: norm, activation: activation))
    }
    layers.append(
      convolutionBlock(
        row.expanded, row.expanded, kernel: row.kernel, stride: row.dilation > 1 ? 1 : row.stride,
        dilation: row.dilation, groups: row.expanded, norm: norm, activation: activation))
    if row.squeezes {
      layers.append(
        SqueezeExcitation(
          row.expanded, squeezed: roundedWidth(Double(row.expanded / 4)), scaleActivation: .hardSigmoid(),
          initializer: .kaimingNormal(.out), biasInitializer: .zeros))
    }
    layers.append(convolutionBlock(row.expanded, row.channels, kernel: 1, norm: norm, activation: nil))
    block = Sequential(layers)
    isResidual = row.stride == 1 && inputs == row.channels
  }

  public func forward(_ x: Tensor) -> Tensor { isResidual ? block(x) + x : block(x) }
}

/// A stem that halves the image, inverted residuals, a 1×1 convolution, the mean over positions, a linear layer, and a linear
/// head: [N, 3, H, W] → [N, classes].
public struct MobileNetV3: Classifier {
  /// A block: a row of the paper's tables 1 and 2, in the widths that the network has.
  public struct Row: Codable, Sendable, Equatable {
    /// The side of the depthwise kernels.
    public var kernel: Int
    /// The channels inside of the block.
    public var expanded: Int
    /// The channels that come out.
    public var channels: Int
    /// Whether it has squeeze and excitation.
    public var squeezes: Bool
    /// The activation of the block.
    public var activation: Activation
    /// Where the convolution is dilated, it does not stride.
    public var stride: Int
    /// The dilation of the depthwise convolution.
    public var dilation: Int

    init(
      _ kernel: Int, _ expanded: Int, _ channels: Int, _ squeezes: Bool, _ activation: Activation, _ stride: Int,
      dilation: Int = 1
    ) {
      (self.kernel, self.expanded, self.channels, self.squeezes) = (kernel, expanded, channels, squeezes)
      (self.activation, self.stride, self.dilation) = (activation, stride, dilation)
    }
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The channels of the first convolution.
    public var stemWidth = 16
    /// The blocks, as the rows of the paper's table.
    public var rows: [Row]
    /// How many outputs the linear layer before the head has.
    public var hidden: Int
    /// The rate of dropout in training.
    public var dropout: Float = 0.2
    /// Of all batch normalisations.
    public var normEpsilon: Float = 1e-3
    /// The momentum of batch normalisation: the weight of the new batch.
    public var normMomentum: Float = 0.01
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// 5,483,032 parameters.
    public static let large = Configuration(
      rows: [
        Row(3, 16, 16, false, .relu, 1), Row(3, 64, 24, false, .relu, 2), Row(3, 72, 24, false, .relu, 1),
        Row(5, 72, 40, true, .relu, 2), Row(5, 120, 40, true, .relu, 1), Row(5, 120, 40, true, .relu, 1),
        Row(3, 240, 80, false, .hardSwish, 2), Row(3, 200, 80, false, .hardSwish, 1),
        Row(3, 184, 80, false, .hardSwish, 1), Row(3, 184, 80, false, .hardSwish, 1),
        Row(3, 480, 112, true, .hardSwish, 1), Row(3, 672, 112, true, .hardSwish, 1),
        Row(5, 672, 160, true, .hardSwish, 2), Row(5, 960, 160, true, .hardSwish, 1),
        Row(5, 960, 160, true, .hardSwish, 1),
      ], hidden: 1280)
    /// 2,542,856 parameters.
    public static let small = Configuration(
      rows: [
        Row(3, 16, 16, true, .relu, 2), Row(3, 72, 24, false, .relu, 2), Row(3, 88, 24, false, .relu, 1),
        Row(5, 96, 40, true, .hardSwish, 2), Row(5, 240, 40, true, .hardSwish, 1),
        Row(5, 240, 40, true, .hardSwish, 1), Row(5, 120, 48, true, .hardSwish, 1),
        Row(5, 144, 48, true, .hardSwish, 1), Row(5, 288, 96, true, .hardSwish, 2),
        Row(5, 576, 96, true, .hardSwish, 1), Row(5, 576, 96, true, .hardSwish, 1),
      ], hidden: 1024)
    /// A few narrow blocks, one of which is dilated, for tests.
    public static let toy = Configuration(
      stemWidth: 8,
      rows: [
        Row(3, 8, 8, false, .relu, 1), Row(3, 24, 16, true, .relu, 2), Row(5, 40, 16, true, .hardSwish, 1),
        Row(5, 40, 24, true, .hardSwish, 2, dilation: 2),
      ], hidden: 16, dropout: 0, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("rows", rows.count, in: 1...128)
      try require("stemWidth", stemWidth, in: 1...8192)
      try require("hidden", hidden, in: 1...65536)
      for row in rows {
        try requireOddKernel("kernel", row.kernel)
        try require("expanded", row.expanded, in: 1...65536)
        try require("channels", row.channels, in: 1...8192)
        try require("stride", row.stride, in: 1...2)
        try require("dilation", row.dilation, in: 1...16)
      }
      try requireRate("dropout", dropout)
      try requireNorm(epsilon: normEpsilon, momentum: normMomentum)
      try requireImages("mobilenet_v3", input: input, least: 1)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.3.weight") ?? classes
      hidden = shapes.outputs(of: "classifier.0.weight") ?? hidden
      guard let stem = shapes.outputs(of: "features.0.0.weight", rank: 4) else { return }
      stemWidth = stem
      let count = min(129, shapes.count(from: 1) { "features.\($0).block.0.0.weight" })
      if count == 0 { return }
      // Strides, dilations and activations have no shape: they are those of the published network whose blocks these are.
      let candidates = shapes.given.contains("rows") ? [rows] : [rows, Self.large.rows, Self.small.rows]
      let fitted = candidates.map { Self.rows(count, like: $0, shapes) }
      let published = zip(candidates, fitted).first { known, found in
        known.count == count && zip(known, found).allSatisfy { $0.kernel == $1.kernel && $0.squeezes == $1.squeezes }
      }
      if published == nil { shapes.assume("rows") }
      rows = published?.1 ?? fitted[0]
    }

    /// The rows of the tensors, with what these do not say from rows that are known.
    private static func rows(_ count: Int, like known: [Row], _ shapes: TensorShapes) -> [Row] {
      (0..<count).compactMap { number in
        var row = number < known.count ? known[number] : known.last
        row?.fit(shapes, at: "features.\(number + 1).block")
        return row
      }
    }

    var norm: NormSettings { NormSettings(epsilon: normEpsilon, momentum: normMomentum) }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let avgpool = MeanOverPositions()
  private let classifier: Sequential

  /// The last layer: what comes before it was learned with it and serves other classes as well.
  public var headPath: String { "classifier.3" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let norm = configuration.norm
    var channels = configuration.stemWidth
    var layers: [any UnaryLayer] = [
      convolutionBlock(
        configuration.inputChannels, channels, kernel: 3, stride: 2, norm: norm, activation: .hardSwish)
    ]
    for row in configuration.rows {
      layers.append(MobileNetV3Block(channels, row, norm: norm))
      channels = row.channels
    }
    layers.append(convolutionBlock(channels, 6 * channels, kernel: 1, norm: norm, activation: .hardSwish))
    features = Sequential(layers)
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(inputs, outputs, initializer: .normal(mean: 0, deviation: 0.01), biasInitializer: .zeros)
    }
    classifier = Sequential([
      linear(6 * channels, configuration.hidden), Activation.hardSwish, Dropout(configuration.dropout),
      linear(configuration.hidden, configuration.classes),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { classifier[0..<3](avgpool(features.callAsFunction(x))) }
  public func head(_ features: Tensor) -> Tensor { classifier[3](features) }
}

extension MobileNetV3.Row {
  /// Takes over what the tensors of the block at a path say.
  fileprivate mutating func fit(_ shapes: TensorShapes, at path: String) {
    func has(_ name: String) -> Bool { shapes.contains("\(path).\(name).weight") }
    squeezes = has("2.fc1") || has("1.fc1")
    // The convolution of each channel alone comes first where nothing is expanded.
    let depthwise = has("2.fc1") || !squeezes && has("2.0") ? 1 : 0
    expanded = shapes.outputs(of: "\(path).\(depthwise).0.weight", rank: 4) ?? expanded
    kernel = shapes.extent(2, of: "\(path).\(depthwise).0.weight", rank: 4) ?? kernel
    channels = shapes.outputs(of: "\(path).\(depthwise + (squeezes ? 2 : 1)).0.weight", rank: 4) ?? channels
  }
}

extension Architecture {
  static let mobileNetsV3 = [
    Architecture(
      "mobilenet_v3_large", "large network of searched inverted residuals (Howard et al., 2019)", MobileNetV3.self,
      .large, input: [3, 224, 224]),
    Architecture(
      "mobilenet_v3_small", "small network of searched inverted residuals (Howard et al., 2019)", MobileNetV3.self,
      .small, input: [3, 224, 224]),
  ]
}
