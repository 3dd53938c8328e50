// MobileNetV2: inverted residuals with linear bottlenecks, for phones.
//
// Sandler, Howard, Zhu, Zhmoginov & Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018
// (arXiv:1801.04381), as torchvision builds it. Left out: the segmentation and detection heads of the paper. Paths are
// torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A convolution without bias, batch normalisation and relu6.
private func convolution(
  _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
  padding: MobileNetV2.PaddingStyle = .symmetric
) -> Sequential {
  convolutionBlock(
    inputs, outputs, kernel: kernel, stride: stride, groups: groups, padding: padding == .same ? .same : nil,
    activation: .relu6)
}

/// A 1×1 convolution that expands the channels, a 3×3 one of each channel alone, and a linear 1×1 one that projects them;
/// the input is added where the shape stays: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct InvertedResidual: UnaryLayer {
  private let conv: Sequential
  private let isResidual: Bool

  init(_ inputs: Int, _ outputs: Int, stride: Int, expansion: Int, padding: MobileNetV2.PaddingStyle) {
    let hidden = inputs * expansion
    conv = Sequential(
      (expansion == 1 ? [] : [convolution(inputs, hidden, kernel: 1)]) + [
        convolution(hidden, hidden, kernel: 3, stride: stride, groups: hidden, padding: padding),
        Conv2d(hidden, outputs, kernel: 1, bias: false, initializer: .kaimingNormal(.out)), BatchNorm2d(outputs),
      ])
    isResidual = stride == 1 && inputs == outputs
  }

  public func forward(_ x: Tensor) -> Tensor { isResidual ? x + conv(x) : conv(x) }
}

/// A stem that halves the image, stages of inverted residuals, a 1×1 convolution, the mean over positions, and a linear
/// head: [N, 3, H, W] → [N, classes].
public struct MobileNetV2: Classifier {
  /// Where the zeros around an image stand: as many before it as after it, or as TensorFlow has them, the odd one at the end.
  public enum PaddingStyle: String, Codable, Sendable, CaseIterable {
    /// Alike on both sides, as PyTorch has it, and as TensorFlow has it.
    case symmetric, same
  }

  /// A row of the paper's table 2.
  public struct Stage: Codable, Sendable, Equatable {
    /// By how much a block widens its channels inside.
    public var expansion: Int
    /// The channels that come out.
    public var channels: Int
    /// The number of blocks.
    public var blocks: Int
    /// The stride of the first block.
    public var stride: Int

    init(_ expansion: Int, _ channels: Int, _ blocks: Int, _ stride: Int) {
      (self.expansion, self.channels, self.blocks, self.stride) = (expansion, channels, blocks, stride)
    }
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The stages, from the image to the head.
    public var stages: [Stage]
    /// What all widths are multiplied by, before they are rounded to multiples of 8; the last one does not shrink.
    public var widthMultiplier = 1.0
    /// The rate of dropout in training.
    public var dropout: Float = 0.2
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000
    /// Where zeros are added around images.
    public var padding = PaddingStyle.symmetric

    public static var addedLater: Set<String> { ["padding"] }

    /// 3,504,872 parameters.
    public static let mobilenetV2 = Configuration(stages: [
      Stage(1, 16, 1, 1), Stage(6, 24, 2, 2), Stage(6, 32, 3, 2), Stage(6, 64, 4, 2), Stage(6, 96, 3, 1),
      Stage(6, 160, 3, 2), Stage(6, 320, 1, 1),
    ])
    /// Three narrow stages, for tests.
    public static let toy = Configuration(
      stages: [Stage(1, 16, 1, 1), Stage(2, 24, 2, 2), Stage(3, 24, 1, 1)], widthMultiplier: 0.5, dropout: 0, classes: 5
    )

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", stages.count, in: 1...32)
      for stage in stages {
        try require("expansion", stage.expansion, in: 1...64)
        try require("channels", stage.channels, in: 1...4096)
        try require("blocks", stage.blocks, in: 1...64)
        try require("stride", stage.stride, in: 1...4)
      }
      guard widthMultiplier >= 0.01, widthMultiplier <= 16 else {
        throw .outOfRange(name: "widthMultiplier", value: "\(widthMultiplier)", allowed: "0.01 to 16")
      }
      try requireRate("dropout", dropout)
      try requireImages("mobilenet_v2", input: input, least: 1)
    }

    /// Strides have no shape, so the stages stay what they are: the widths say what these are multiplied by.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.1.weight") ?? classes
      var found: [(stored: Int, channels: Int)] = []
      if let stem = shapes.outputs(of: "features.0.0.weight", rank: 4) { found.append((stem, 32)) }
      var place = 1
      for stage in stages.prefix(32) {
        let last = stage.expansion == 1 ? 1 : 2
        if let width = shapes.outputs(of: "features.\(place).conv.\(last).weight", rank: 4) {
          found.append((width, stage.channels))
        }
        place += min(stage.blocks, 64)
      }
      func fits(_ multiplier: Double) -> Bool {
        var other = self
        other.widthMultiplier = multiplier
        return found.allSatisfy { other.width($0.channels) == $0.stored }
      }
      if found.isEmpty || fits(widthMultiplier) { return }
      // The published ones first, then every hundredth.
      let published = [0.25, 0.35, 0.5, 0.75, 1, 1.3, 1.4]
      if let multiplier = (published + (1...1600).map { Double($0) / 100 }).first(where: fits) {
        widthMultiplier = multiplier
      }
    }

    func width(_ channels: Int) -> Int { roundedWidth(Double(channels) * widthMultiplier) }

    var lastWidth: Int {
      var configuration = self
      configuration.widthMultiplier = max(1, widthMultiplier)
      return configuration.width(1280)
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let classifier: Sequential

  public var headPath: String { "classifier.1" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var channels = configuration.width(32)
    var layers: [any UnaryLayer] = [
      convolution(configuration.inputChannels, channels, kernel: 3, stride: 2, padding: configuration.padding)
    ]
    for stage in configuration.stages {
      for block in 0..<stage.blocks {
        let outputs = configuration.width(stage.channels)
        let stride = block == 0 ? stage.stride : 1
        layers.append(
          InvertedResidual(
            channels, outputs, stride: stride, expansion: stage.expansion, padding: configuration.padding))
        channels = outputs
      }
    }
    features = Sequential(layers + [convolution(channels, configuration.lastWidth, kernel: 1), MeanOverPositions()])
    classifier = Sequential([
      Dropout(configuration.dropout),
      Linear(
        configuration.lastWidth, configuration.classes, initializer: .normal(mean: 0, deviation: 0.01),
        biasInitializer: .zeros),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { features.callAsFunction(x) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let mobileNetsV2 = [
    Architecture(
      "mobilenet_v2", "inverted residuals with linear bottlenecks (Sandler et al., 2018)", MobileNetV2.self,
      .mobilenetV2, input: [3, 224, 224])
  ]
}
