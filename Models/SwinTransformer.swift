// Swin transformers: attention within windows that shift from block to block, on maps that shrink from stage to stage.
//
// Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", 2021 (arXiv:2103.14030), and Liu et
// al., "Swin Transformer V2: Scaling Up Capacity and Resolution", 2022 (arXiv:2111.09883), as torchvision builds them. Left
// out: windows and patches that are not square, and the heads for detection and segmentation. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// torchvision cuts the normal distribution off at ±2, so far away that nothing is cut.
private let initializer = Initializer.normal(mean: 0, deviation: 0.02)

/// Attention within windows and a map of each position, each with a residual; the first version normalises what goes in, the
/// second what comes out: [N, H, W, C] → [N, H, W, C].
public struct SwinBlock: UnaryLayer {
  private let norm1: LayerNorm
  private let attn: WindowAttention
  private let stochasticDepth: StochasticDepth
  private let norm2: LayerNorm
  private let mlp: Sequential
  private let version: SwinTransformer.Version

  init(_ channels: Int, heads: Int, shift: Int, dropping rate: Float, _ configuration: SwinTransformer.Configuration) {
    version = configuration.version
    (norm1, norm2) = (LayerNorm(channels), LayerNorm(channels))
    attn = WindowAttention(
      channels, heads: heads, window: configuration.window, shift: shift,
      comparing: version == .v1 ? .products : .cosines, dropout: configuration.dropout,
      attentionDropout: configuration.attentionDropout, initializer: initializer)
    stochasticDepth = StochasticDepth(rate)
    let hidden = configuration.mlpRatio * channels
    mlp = Sequential([
      Linear(channels, hidden, initializer: initializer, biasInitializer: .zeros), Activation.gelu,
      Dropout(configuration.dropout),
      Linear(hidden, channels, initializer: initializer, biasInitializer: .zeros), Dropout(configuration.dropout),
    ])
  }

  public func forward(_ x: Tensor) -> Tensor {
    switch version {
    case .v1:
      let y = x + stochasticDepth(attn(norm1(x)))
      return y + stochasticDepth(mlp(norm2(y)))
    case .v2:
      let y = x + stochasticDepth(norm1(attn(x)))
      return y + stochasticDepth(norm2(mlp(y)))
    }
  }
}

/// Four neighbours as one position, mapped to twice the channels: [N, H, W, C] → [N, ⌈H / 2⌉, ⌈W / 2⌉, 2·C].
public struct PatchMerging: UnaryLayer {
  private let reduction: Linear
  private let norm: LayerNorm
  private let version: SwinTransformer.Version

  init(_ channels: Int, _ version: SwinTransformer.Version) {
    self.version = version
    reduction = Linear(4 * channels, 2 * channels, bias: false, initializer: initializer)
    norm = LayerNorm((version == .v1 ? 4 : 2) * channels)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let even = x.padded(axis: 1, before: 0, after: x.shape[1] % 2).padded(axis: 2, before: 0, after: x.shape[2] % 2)
    let (count, height, width) = (x.shape[0], even.shape[1] / 2, even.shape[2] / 2)
    // Of the four the lower one comes before the one to the right.
    let joined = even.reshaped(to: [count, height, 2, width, 2, x.shape[3]]).transposed([0, 1, 3, 4, 2, 5])
      .reshaped(to: [count, height, width, 4 * x.shape[3]])
    return version == .v1 ? reduction(norm(joined)) : norm(reduction(joined))
  }
}

/// A stem that makes one position of each patch, stages of blocks with patches merged in between, the mean over positions,
/// and a linear head: [N, 3, H, W] → [N, classes].
public struct SwinTransformer: Classifier {
  /// The version of the paper.
  public enum Version: String, Codable, Sendable, CaseIterable {
    /// The paper, and its second version.
    case v1, v2
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The version of the network.
    public var version = Version.v1
    /// The side of what becomes one position.
    public var patch = 4
    /// How many channels the first stage has; each further stage has twice as many.
    public var width: Int
    /// How many blocks, and how many heads, each stage has.
    public var blocks: [Int]
    /// The number of attention heads in each stage.
    public var heads: [Int]
    /// The side of a window, in positions.
    public var window = 7
    /// How many channels there are within the map of each position for one outside.
    public var mlpRatio = 4
    /// The rate of dropout in training.
    public var dropout: Float = 0
    /// The rate of dropout of attention weights in training.
    public var attentionDropout: Float = 0
    /// The rate at which the last block is dropped in training; it grows linearly from 0.
    public var stochasticDepth: Float
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// The published tiny network.
    public static let tiny = Configuration(
      width: 96, blocks: [2, 2, 6, 2], heads: [3, 6, 12, 24], stochasticDepth: 0.2)
    /// The published small network.
    public static let small = Configuration(
      width: 96, blocks: [2, 2, 18, 2], heads: [3, 6, 12, 24], stochasticDepth: 0.3)
    /// The published base network.
    public static let base = Configuration(
      width: 128, blocks: [2, 2, 18, 2], heads: [4, 8, 16, 32], stochasticDepth: 0.5)
    /// The second version of the published tiny network.
    public static let tinyV2 = tiny.second(stochasticDepth: 0.2)
    /// The second version of the published small network.
    public static let smallV2 = small.second(stochasticDepth: 0.3)
    /// The second version of the published base network.
    public static let baseV2 = base.second(stochasticDepth: 0.5)
    /// Narrow and short, for tests; images of 27 pixels and less are filled up, and some blocks are shifted.
    public static let toy = Configuration(
      patch: 2, width: 4, blocks: [2, 2], heads: [1, 2], window: 3, mlpRatio: 2, stochasticDepth: 0, classes: 5)
    /// A small network of the second version, for tests.
    public static let toyV2 = toy.second(window: 3, stochasticDepth: 0)

    private func second(window: Int = 8, stochasticDepth: Float) -> Configuration {
      var configuration = self
      (configuration.version, configuration.window) = (.v2, window)
      configuration.stochasticDepth = stochasticDepth
      return configuration
    }

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("patch", patch, in: 1...1024)
      try require("stages", blocks.count, in: 1...8)
      try require("heads", heads.count, in: blocks.count...blocks.count)
      try require("width", width, in: 1...16384)
      for (stage, count) in blocks.enumerated() {
        try require("blocks", count, in: 1...128)
        try require("heads", heads[stage], in: 1...(width << stage))
        guard (width << stage) % heads[stage] == 0 else {
          throw .outOfRange(
            name: "heads", value: "\(heads[stage])", allowed: "a divisor of the width, \(width << stage)")
        }
      }
      try require("window", window, in: version == .v1 ? 1...64 : 2...64)
      try require("mlpRatio", mlpRatio, in: 1...64)
      try requireRate("dropout", dropout)
      try requireRate("attentionDropout", attentionDropout)
      try requireRate("stochasticDepth", stochasticDepth)
      try requireImages("swin", input: input, least: patch)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      classes = shapes.outputs(of: "head.weight") ?? classes
      guard let stem = shapes["features.0.0.weight"], stem.count == 4 else { return }
      (width, inputChannels, patch) = (stem[0], stem[1], stem[2])
      func stage(_ number: Int) -> String { "features.\(2 * number + 1)" }
      let stages = min(9, shapes.count { "\(stage($0)).0.norm1.weight" })
      if stages == 0 { return }
      blocks = (0..<stages).map { number in shapes.count { "\(stage(number)).\($0).norm1.weight" } }
      version = shapes.contains("\(stage(0)).0.attn.logit_scale") ? .v2 : .v1
      heads = (0..<stages).map { number in
        version == .v2
          ? shapes.extent(0, of: "\(stage(number)).0.attn.logit_scale", rank: 3) ?? 0
          : shapes.inputs(of: "\(stage(number)).0.attn.relative_position_bias_table") ?? 0
      }
      if let pairs = shapes.extent(0, of: "\(stage(0)).0.attn.relative_position_index", rank: 1),
        let positions = shapes.side(of: pairs, maps: 1), let side = shapes.side(of: positions, maps: 1)
      {
        window = side
      }
      if let hidden = shapes.outputs(of: "\(stage(0)).0.mlp.0.weight"), width > 0, hidden % width == 0 {
        mlpRatio = hidden / width
      }
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let norm: LayerNorm
  private let head: Linear

  public var headPath: String { "head" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var layers: [any UnaryLayer] = [
      Sequential([
        Conv2d(
          configuration.inputChannels, configuration.width, kernel: configuration.patch, stride: configuration.patch),
        Permute([1, 2, 0]), LayerNorm(configuration.width),
      ])
    ]
    let steps = configuration.blocks.reduce(0, +) - 1
    var (number, width) = (0, configuration.width)
    for (stage, count) in configuration.blocks.enumerated() {
      layers.append(
        Sequential(
          (0..<count).map { block in
            defer { number += 1 }
            return SwinBlock(
              width, heads: configuration.heads[stage], shift: block % 2 == 0 ? 0 : configuration.window / 2,
              dropping: StochasticDepth.linearRate(block: number, of: steps, last: configuration.stochasticDepth),
              configuration)
          }))
      if stage + 1 < configuration.blocks.count {
        layers.append(PatchMerging(width, configuration.version))
        width *= 2
      }
    }
    features = Sequential(layers)
    norm = LayerNorm(width)
    head = Linear(width, configuration.classes, initializer: initializer, biasInitializer: .zeros)
  }

  public func features(_ x: Tensor) -> Tensor { norm(features.callAsFunction(x)).mean(over: [1, 2]) }
  public func head(_ features: Tensor) -> Tensor { head.callAsFunction(features) }
}

extension Architecture {
  static let swinTransformers = [
    swin("swin_t", "tiny", .tiny), swin("swin_s", "small", .small), swin("swin_b", "base", .base),
    swin("swin_v2_t", "tiny", .tinyV2), swin("swin_v2_s", "small", .smallV2), swin("swin_v2_b", "base", .baseV2),
  ]

  private static func swin(
    _ name: String, _ size: String, _ configuration: SwinTransformer.Configuration
  ) -> Architecture {
    let (second, side) = (configuration.version == .v2, configuration.version == .v2 ? 256 : 224)
    return Architecture(
      name, "Swin transformer\(second ? " V2" : ""), \(size) (Liu et al., \(second ? 2022 : 2021))",
      SwinTransformer.self, configuration, input: [3, side, side])
  }
}
