// EfficientNet: width, depth and image size grown together, from B0 to B7; and its second version.
//
// Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019 (arXiv:1905.11946), and
// "EfficientNetV2: Smaller Models and Faster Training", 2021 (arXiv:2104.00298), as torchvision builds them. Left out:
// progressive learning, which is a way of training. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// An inverted residual with squeeze and excitation (MBConv), or one whose first two convolutions are one (Fused-MBConv):
/// [N, I, H, W] → [N, O, H / stride, W / stride].
public struct EfficientNetBlock: UnaryLayer {
  private let block: Sequential
  /// Nil where the shape changes, so that nothing is added.
  private let stochasticDepth: StochasticDepth?

  init(_ inputs: Int, _ outputs: Int, stride: Int, stage: EfficientNet.Stage, rate: Float, norm: NormSettings) {
    let hidden = stage.hidden(inputs)
    func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1) -> Sequential {
      convolutionBlock(
        inputs, outputs, kernel: kernel, stride: stride, groups: groups, norm: norm, activation: .silu)
    }
    let projection = convolutionBlock(hidden, outputs, kernel: 1, norm: norm, activation: nil)
    switch stage.block {
    case .inverted:
      block = Sequential(
        (hidden == inputs ? [] : [convolution(inputs, hidden, kernel: 1)]) + [
          convolution(hidden, hidden, kernel: stage.kernel, stride: stride, groups: hidden),
          SqueezeExcitation(
            hidden, squeezed: max(1, inputs / 4), activation: .silu, initializer: .kaimingNormal(.out),
            biasInitializer: .zeros),
          projection,
        ])
    case .fused where hidden == inputs:
      block = Sequential([convolution(inputs, outputs, kernel: stage.kernel, stride: stride)])
    case .fused:
      block = Sequential([convolution(inputs, hidden, kernel: stage.kernel, stride: stride), projection])
    }
    stochasticDepth = stride == 1 && inputs == outputs ? StochasticDepth(rate) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard let stochasticDepth else { return block(x) }
    return stochasticDepth(block(x)) + x
  }
}

/// A stem that halves the image, stages of blocks, a 1×1 convolution, the mean over positions, and a linear head:
/// [N, 3, H, W] → [N, classes].
public struct EfficientNet: Classifier {
  /// The kind of a block.
  public enum Block: String, Codable, Sendable, CaseIterable {
    /// An inverted bottleneck with a depthwise convolution, or with a full one in place of its first two layers.
    case inverted, fused
  }

  /// A row of the papers' tables, in the widths that the network has.
  public struct Stage: Codable, Sendable, Equatable {
    /// The kind of its blocks.
    public var block: Block
    /// By how much a block widens its channels inside.
    public var expansion: Int
    /// The side of the depthwise kernels.
    public var kernel: Int
    /// The stride of the first block.
    public var stride: Int
    /// The channels that come out.
    public var channels: Int
    /// The number of blocks.
    public var blocks: Int

    init(_ block: Block, _ expansion: Int, kernel: Int, stride: Int, _ channels: Int, _ blocks: Int) {
      (self.block, self.expansion, self.kernel, self.stride) = (block, expansion, kernel, stride)
      (self.channels, self.blocks) = (channels, blocks)
    }

    /// How many channels there are between the convolutions of a block.
    func hidden(_ inputs: Int) -> Int { roundedWidth(Double(inputs) * Double(expansion)) }
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The channels of the first convolution.
    public var stemWidth: Int
    /// The stages, from the image to the head.
    public var stages: [Stage]
    /// How many features the head is given.
    public var lastWidth: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// The rate at which the branch of a block after the last one would be dropped; it grows linearly from 0.
    public var stochasticDepth: Float = 0.2
    /// Of all batch normalisations.
    public var normEpsilon: Float = 1e-5
    /// The momentum of batch normalisation: the weight of the new batch.
    public var normMomentum: Float = 0.1
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// The network B0 of the first paper, made wider and deeper.
    static func scaled(width: Double, depth: Double, dropout: Float) -> Configuration {
      func stage(_ expansion: Int, _ kernel: Int, _ stride: Int, _ channels: Int, _ blocks: Int) -> Stage {
        Stage(
          .inverted, expansion, kernel: kernel, stride: stride, roundedWidth(Double(channels) * width),
          Int((Double(blocks) * depth).rounded(.up)))
      }
      let stages = [
        stage(1, 3, 1, 16, 1), stage(6, 3, 2, 24, 2), stage(6, 5, 2, 40, 2), stage(6, 3, 2, 80, 3),
        stage(6, 5, 1, 112, 3), stage(6, 5, 2, 192, 4), stage(6, 3, 1, 320, 1),
      ]
      return Configuration(
        stemWidth: roundedWidth(32 * width), stages: stages, lastWidth: 4 * stages[6].channels, dropout: dropout)
    }

    /// The same with the batch normalisation of the original in TensorFlow.
    private static func slowly(_ configuration: Configuration) -> Configuration {
      var configuration = configuration
      (configuration.normEpsilon, configuration.normMomentum) = (1e-3, 0.01)
      return configuration
    }

    /// 5,288,548 parameters.
    public static let b0 = scaled(width: 1, depth: 1, dropout: 0.2)
    /// 7,794,184 parameters.
    public static let b1 = scaled(width: 1, depth: 1.1, dropout: 0.2)
    /// 9,109,994 parameters.
    public static let b2 = scaled(width: 1.1, depth: 1.2, dropout: 0.3)
    /// 12,233,232 parameters.
    public static let b3 = scaled(width: 1.2, depth: 1.4, dropout: 0.3)
    /// 19,341,616 parameters.
    public static let b4 = scaled(width: 1.4, depth: 1.8, dropout: 0.4)
    /// 30,389,784 parameters.
    public static let b5 = slowly(scaled(width: 1.6, depth: 2.2, dropout: 0.4))
    /// 43,040,704 parameters.
    public static let b6 = slowly(scaled(width: 1.8, depth: 2.6, dropout: 0.5))
    /// 66,347,960 parameters.
    public static let b7 = slowly(scaled(width: 2, depth: 3.1, dropout: 0.5))

    /// The tables of the second paper, which gives every stage but its input.
    private static func second(_ stages: [Stage], dropout: Float) -> Configuration {
      Configuration(
        stemWidth: stages[0].channels, stages: stages, lastWidth: 1280, dropout: dropout, normEpsilon: 1e-3)
    }

    /// 21,458,488 parameters.
    public static let v2Small = second(
      [
        Stage(.fused, 1, kernel: 3, stride: 1, 24, 2), Stage(.fused, 4, kernel: 3, stride: 2, 48, 4),
        Stage(.fused, 4, kernel: 3, stride: 2, 64, 4), Stage(.inverted, 4, kernel: 3, stride: 2, 128, 6),
        Stage(.inverted, 6, kernel: 3, stride: 1, 160, 9), Stage(.inverted, 6, kernel: 3, stride: 2, 256, 15),
      ], dropout: 0.2)
    /// 54,139,356 parameters.
    public static let v2Medium = second(
      [
        Stage(.fused, 1, kernel: 3, stride: 1, 24, 3), Stage(.fused, 4, kernel: 3, stride: 2, 48, 5),
        Stage(.fused, 4, kernel: 3, stride: 2, 80, 5), Stage(.inverted, 4, kernel: 3, stride: 2, 160, 7),
        Stage(.inverted, 6, kernel: 3, stride: 1, 176, 14), Stage(.inverted, 6, kernel: 3, stride: 2, 304, 18),
        Stage(.inverted, 6, kernel: 3, stride: 1, 512, 5),
      ], dropout: 0.3)
    /// 118,515,272 parameters.
    public static let v2Large = second(
      [
        Stage(.fused, 1, kernel: 3, stride: 1, 32, 4), Stage(.fused, 4, kernel: 3, stride: 2, 64, 7),
        Stage(.fused, 4, kernel: 3, stride: 2, 96, 7), Stage(.inverted, 4, kernel: 3, stride: 2, 192, 10),
        Stage(.inverted, 6, kernel: 3, stride: 1, 224, 19), Stage(.inverted, 6, kernel: 3, stride: 2, 384, 25),
        Stage(.inverted, 6, kernel: 3, stride: 1, 640, 7),
      ], dropout: 0.4)

    /// A narrow and short network of the first version, for tests.
    public static let toy = Configuration(
      stemWidth: 8,
      stages: [
        Stage(.inverted, 1, kernel: 3, stride: 1, 8, 1), Stage(.inverted, 2, kernel: 5, stride: 2, 16, 2),
      ], lastWidth: 24, dropout: 0, stochasticDepth: 0, classes: 5)
    /// The same of the second.
    public static let v2Toy = Configuration(
      stemWidth: 8,
      stages: [
        Stage(.fused, 1, kernel: 3, stride: 1, 8, 2), Stage(.fused, 2, kernel: 3, stride: 2, 16, 2),
        Stage(.inverted, 2, kernel: 3, stride: 2, 24, 2),
      ], lastWidth: 24, dropout: 0, stochasticDepth: 0, normEpsilon: 1e-3, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", stages.count, in: 1...32)
      try require("stemWidth", stemWidth, in: 1...8192)
      try require("lastWidth", lastWidth, in: 1...65536)
      for stage in stages {
        try require("expansion", stage.expansion, in: 1...64)
        try require("channels", stage.channels, in: 1...8192)
        try require("blocks", stage.blocks, in: 1...128)
        try require("stride", stage.stride, in: 1...2)
        try requireOddKernel("kernel", stage.kernel)
      }
      try requireRate("dropout", dropout)
      try requireRate("stochasticDepth", stochasticDepth)
      try requireNorm(epsilon: normEpsilon, momentum: normMomentum)
      try requireImages("efficientnet", input: input, least: 1)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.1.weight") ?? classes
      guard let stem = shapes.outputs(of: "features.0.0.weight", rank: 4) else { return }
      stemWidth = stem
      let count = shapes.count(from: 1) { "features.\($0).0.block.0.0.weight" }
      lastWidth = shapes.outputs(of: "features.\(count + 1).0.weight", rank: 4) ?? lastWidth
      if count == 0 { return }
      // Strides and epsilons have no shape: they are those of the published network whose stages these are.
      let candidates = shapes.given.contains("stages") ? [self] : [self] + Self.published
      let fitted = candidates.map { $0.stages(min(count, 33), shapes, inputs: stem) }
      let alike = zip(candidates, fitted).filter { known, found in
        known.stages.count == count
          && zip(known.stages, found).allSatisfy {
            $0.block == $1.block && $0.kernel == $1.kernel && $0.expansion == $1.expansion
          }
      }
      if alike.isEmpty { shapes.assume("stages") }
      stages = alike.first?.1 ?? fitted[0]
      if let same = alike.first(where: { $0.0.stages == $0.1 && $0.0.stemWidth == stem })?.0 {
        if !shapes.given.contains("normEpsilon") { normEpsilon = same.normEpsilon }
        if !shapes.given.contains("normMomentum") { normMomentum = same.normMomentum }
      } else if !shapes.given.contains("normEpsilon") {
        shapes.assume("normEpsilon")
      }
    }

    private static let published = [b0, b1, b2, b3, b4, b5, b6, b7, v2Small, v2Medium, v2Large]

    /// The stages of the tensors, with what these do not say from those that are known.
    private func stages(_ count: Int, _ shapes: TensorShapes, inputs stem: Int) -> [Stage] {
      var inputs = stem
      return (0..<count).compactMap { number in
        var stage = number < stages.count ? stages[number] : stages.last
        stage?.fit(shapes, at: "features.\(number + 1)", inputs: inputs)
        inputs = stage?.channels ?? inputs
        return stage
      }
    }

    var norm: NormSettings { NormSettings(epsilon: normEpsilon, momentum: normMomentum) }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let avgpool = MeanOverPositions()
  private let classifier: Sequential

  public var headPath: String { "classifier.1" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let norm = configuration.norm
    var layers = [
      convolutionBlock(
        configuration.inputChannels, configuration.stemWidth, kernel: 3, stride: 2, norm: norm, activation: .silu)
    ]
    var (channels, number) = (configuration.stemWidth, 0)
    let total = configuration.stages.reduce(0) { $0 + $1.blocks }
    for stage in configuration.stages {
      layers.append(
        Sequential(
          (0..<stage.blocks).map { block in
            let rate = StochasticDepth.linearRate(block: number, of: total, last: configuration.stochasticDepth)
            number += 1
            defer { channels = stage.channels }
            return EfficientNetBlock(
              channels, stage.channels, stride: block == 0 ? stage.stride : 1, stage: stage, rate: rate, norm: norm)
          }))
    }
    layers.append(convolutionBlock(channels, configuration.lastWidth, kernel: 1, norm: norm, activation: .silu))
    features = Sequential(layers)
    classifier = Sequential([
      Dropout(configuration.dropout),
      Linear(
        configuration.lastWidth, configuration.classes,
        initializer: .uniform(bound: 1 / Float(configuration.classes).squareRoot()), biasInitializer: .zeros),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { avgpool(features.callAsFunction(x)) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension EfficientNet.Stage {
  /// Takes over what the tensors of the stage at a path say, which is everything but the stride.
  fileprivate mutating func fit(_ shapes: TensorShapes, at path: String, inputs: Int) {
    func has(_ name: String) -> Bool { shapes.contains("\(path).0.block.\(name).weight") }
    func outputs(_ block: Int, _ name: String) -> Int? {
      shapes.outputs(of: "\(path).\(block).block.\(name).weight", rank: 4)
    }
    let expands = has("2.fc1") || !has("1.fc1") && has("1.0")
    block = has("2.fc1") || has("1.fc1") ? .inverted : .fused
    let (wide, last) =
      switch (block, expands) {
      case (.inverted, true): ("1.0", "3.0")
      case (.inverted, false): ("0.0", "2.0")
      case (.fused, true): ("0.0", "1.0")
      case (.fused, false): ("0.0", "0.0")
      }
    channels = outputs(0, last) ?? channels
    blocks = shapes.count { "\(path).\($0).block.0.0.weight" }
    kernel = shapes.extent(2, of: "\(path).0.block.\(wide).weight", rank: 4) ?? kernel
    guard expands else {
      expansion = 1
      return
    }
    let widths = [(inputs, outputs(0, wide)), (channels, outputs(1, wide))].filter { $0.1 != nil }
    func fits(_ factor: Int) -> Bool {
      var other = self
      other.expansion = factor
      return widths.allSatisfy { other.hidden($0.0) == $0.1 }
    }
    if let factor = ([expansion] + Array(1...64)).first(where: fits) { expansion = factor }
  }
}

extension Architecture {
  static let efficientNets: [Architecture] = {
    typealias Row = (name: String, summary: String, preset: EfficientNet.Configuration, side: Int)
    let rows: [Row] = [
      ("efficientnet_b0", "EfficientNet-B0 (Tan & Le, 2019)", .b0, 224),
      ("efficientnet_b1", "EfficientNet-B1 (Tan & Le, 2019)", .b1, 240),
      ("efficientnet_b2", "EfficientNet-B2 (Tan & Le, 2019)", .b2, 288),
      ("efficientnet_b3", "EfficientNet-B3 (Tan & Le, 2019)", .b3, 300),
      ("efficientnet_b4", "EfficientNet-B4 (Tan & Le, 2019)", .b4, 380),
      ("efficientnet_b5", "EfficientNet-B5 (Tan & Le, 2019)", .b5, 456),
      ("efficientnet_b6", "EfficientNet-B6 (Tan & Le, 2019)", .b6, 528),
      ("efficientnet_b7", "EfficientNet-B7 (Tan & Le, 2019)", .b7, 600),
      ("efficientnet_v2_s", "EfficientNetV2-S (Tan & Le, 2021)", .v2Small, 384),
      ("efficientnet_v2_m", "EfficientNetV2-M (Tan & Le, 2021)", .v2Medium, 480),
      ("efficientnet_v2_l", "EfficientNetV2-L (Tan & Le, 2021)", .v2Large, 480),
    ]
    return rows.map { Architecture($0.name, $0.summary, EfficientNet.self, $0.preset, input: [3, $0.side, $0.side]) }
  }()
}
