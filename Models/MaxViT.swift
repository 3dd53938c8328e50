// MaxViT: blocks of convolutions, of attention within windows, and of attention across a grid.
//
// Tu, Talebi, Zhang, Yang, Milanfar, Bovik & Li, "MaxViT: Multi-Axis Vision Transformer", 2022 (arXiv:2204.01697), as
// torchvision builds it. Left out: images that are not square, and generation. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

private let initializer = Initializer.normal(mean: 0, deviation: 0.02)

private func convolution(
  _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1, bias: Bool = false
) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups, bias: bias,
    initializer: initializer, biasInitializer: .zeros)
}

private func norm(_ channels: Int) -> BatchNorm2d { BatchNorm2d(channels, epsilon: 1e-3, momentum: 0.01) }

private func map(_ inputs: Int, _ outputs: Int, bias: Bool = true) -> Linear {
  Linear(inputs, outputs, bias: bias, initializer: initializer, biasInitializer: .zeros)
}

/// An inverted residual with normalisation before it, and squeeze and excitation: [N, I, H, W] → [N, O, H / stride, W /
/// stride].
public struct MaxViTConvolution: UnaryLayer {
  private let proj: Sequential?
  private let stochasticDepth: StochasticDepth
  private let layers: Sequential

  init(_ inputs: Int, _ outputs: Int, stride: Int, dropping rate: Float) {
    let pool: [any UnaryLayer] = stride == 2 ? [AvgPool2d(3, stride: 2, padding: 1)] : []
    proj =
      stride != 1 || inputs != outputs
      ? Sequential(pool + [convolution(inputs, outputs, kernel: 1, bias: true)]) : nil
    stochasticDepth = StochasticDepth(rate)
    let hidden = 4 * outputs
    layers = Sequential([
      "pre_norm": norm(inputs),
      "conv_a": Sequential([convolution(inputs, hidden, kernel: 1), norm(hidden), Activation.gelu]),
      "conv_b": Sequential([
        convolution(hidden, hidden, kernel: 3, stride: stride, groups: hidden), norm(hidden), Activation.gelu,
      ]),
      "squeeze_excitation": SqueezeExcitation(
        hidden, squeezed: max(1, outputs / 4), activation: .silu, initializer: initializer, biasInitializer: .zeros),
      "conv_c": convolution(hidden, outputs, kernel: 1, bias: true),
    ])
  }

  public func forward(_ x: Tensor) -> Tensor { (proj?(x) ?? x) + stochasticDepth(layers(x)) }
}

/// Attention among the positions of a part, with a number for each way in which two lie to each other: [N, parts, positions,
/// C] → [N, parts, positions, C].
public struct RelativePositionAttention: UnaryLayer {
  private let toQkv: Linear
  private let merge: Linear
  private let bias: RelativePositionBias
  private let headWidth: Int

  init(_ channels: Int, headWidth: Int, side: Int) {
    self.headWidth = headWidth
    toQkv = map(channels, 3 * channels)
    merge = map(channels, channels)
    bias = RelativePositionBias(
      window: [side, side], heads: channels / headWidth, isMatrix: true, initializer: initializer)
  }

  public var children: [Child] { bias.children + [Child("to_qkv", toQkv), Child("merge", merge)] }

  public func forward(_ x: Tensor) -> Tensor {
    let (shape, channels) = (x.shape, x.shape[3])
    let parts = toQkv(x).reshaped(to: Array(shape[..<3]) + [3, channels / headWidth, headWidth])
      .transposed([3, 0, 1, 4, 2, 5])
    // torchvision divides by the root of all channels, not of a head's.
    let y = scaledDotProductAttention(
      parts.slice(axis: 0, at: 0), parts.slice(axis: 0, at: 1), parts.slice(axis: 0, at: 2), mask: bias(),
      scale: 1 / Float(channels).squareRoot())
    return merge(y.transposed([0, 1, 3, 2, 4]).reshaped(to: shape))
  }
}

/// Attention and a map of each position within parts of the image: windows, or grids of positions that lie apart.
public struct PartitionAttention: UnaryLayer {
  enum Partition { case window, grid }

  private let attnLayer: Sequential
  private let mlpLayer: Sequential
  private let stochasticDropout: StochasticDepth
  private let side: Int
  private let partition: Partition

  init(_ channels: Int, _ partition: Partition, dropping rate: Float, _ configuration: MaxViT.Configuration) {
    (side, self.partition) = (configuration.partition, partition)
    attnLayer = Sequential([
      LayerNorm(channels), RelativePositionAttention(channels, headWidth: configuration.headWidth, side: side),
      Dropout(configuration.attentionDropout),
    ])
    mlpLayer = Sequential([
      LayerNorm(channels), map(channels, 4 * channels), Activation.gelu, map(4 * channels, channels),
      Dropout(configuration.dropout),
    ])
    stochasticDropout = StochasticDepth(rate)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let (count, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    ensure(
      height % side == 0 && width % side == 0,
      "MaxViT: a map of \(height)×\(width) does not come apart into parts of \(side)×\(side)")
    let (rows, columns) = (height / side, width / side)
    // A position is a place in one of rows × columns windows, or of one of rows × columns grids at a place of the grid.
    let apart =
      partition == .window
      ? x.reshaped(to: [count, channels, rows, side, columns, side]).transposed([0, 2, 4, 3, 5, 1])
      : x.reshaped(to: [count, channels, side, rows, side, columns]).transposed([0, 3, 5, 2, 4, 1])
    var y = apart.reshaped(to: [count, rows * columns, side * side, channels])
    y = y + stochasticDropout(attnLayer(y))
    y = y + stochasticDropout(mlpLayer(y))
    let together = y.reshaped(to: [count, rows, columns, side, side, channels])
      .transposed(partition == .window ? [0, 5, 1, 3, 2, 4] : [0, 5, 3, 1, 4, 2])
    return together.reshaped(to: x.shape)
  }
}

/// A convolution, attention within windows, and attention across the grid: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct MaxViTLayer: UnaryLayer {
  private let layers: Sequential

  init(_ inputs: Int, _ outputs: Int, stride: Int, dropping rate: Float, _ configuration: MaxViT.Configuration) {
    layers = Sequential([
      "MBconv": MaxViTConvolution(inputs, outputs, stride: stride, dropping: rate),
      "window_attention": PartitionAttention(outputs, .window, dropping: rate, configuration),
      "grid_attention": PartitionAttention(outputs, .grid, dropping: rate, configuration),
    ])
  }

  public func forward(_ x: Tensor) -> Tensor { layers(x) }
}

/// A stem that halves the image, stages that halve it once each, the mean over positions, and a head of two maps: [N, 3, H, H]
/// → [N, classes].
public struct MaxViT: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The channels of the first convolutions.
    public var stem: Int
    /// How many channels, and how many layers, each stage has.
    public var widths: [Int]
    /// The number of layers in each stage.
    public var layers: [Int]
    /// How many channels a head of attention has.
    public var headWidth = 32
    /// The side of the windows and of the grids.
    public var partition = 7
    /// The rate of dropout in training.
    public var dropout: Float = 0
    /// The rate of dropout of attention weights in training.
    public var attentionDropout: Float = 0
    /// The rate at which the last layer is dropped in training; it grows linearly from 0.
    public var stochasticDepth: Float
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// The published tiny network.
    public static let tiny = Configuration(
      stem: 64, widths: [64, 128, 256, 512], layers: [2, 2, 5, 2], stochasticDepth: 0.2)
    /// Narrow and short, for tests.
    public static let toy = Configuration(
      stem: 4, widths: [4, 8], layers: [2, 1], headWidth: 4, partition: 2, stochasticDepth: 0, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stem", stem, in: 1...16384)
      try require("stages", widths.count, in: 1...8)
      try require("layers", layers.count, in: widths.count...widths.count)
      for count in layers { try require("layers", count, in: 1...128) }
      try require("headWidth", headWidth, in: 1...16384)
      for width in widths {
        try require("widths", width, in: 1...16384)
        guard width % headWidth == 0 else {
          throw .outOfRange(name: "widths", value: "\(width)", allowed: "a multiple of headWidth, \(headWidth)")
        }
      }
      try require("partition", partition, in: 1...64)
      try requireRate("dropout", dropout)
      try requireRate("attentionDropout", attentionDropout)
      try requireRate("stochasticDepth", stochasticDepth)
      try requireImages("maxvit", input: input, least: 1)
      guard let input else { return }
      guard input[1] == input[2], sides(of: input[1]).allSatisfy({ $0 % partition == 0 }) else {
        throw .wrongInput(
          architecture: "maxvit", input: input,
          expected: "square images of a multiple of \(partition << (widths.count + 1)) pixels")
      }
    }

    /// The sides of the maps of the stages.
    private func sides(of image: Int) -> [Int] {
      var side = (image + 1) / 2
      return widths.map { _ in
        side = (side + 1) / 2
        return side
      }
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "stem.0.0.weight", rank: 4) ?? inputChannels
      stem = shapes.outputs(of: "stem.0.0.weight", rank: 4) ?? stem
      classes = shapes.outputs(of: "classifier.5.weight") ?? classes
      func layer(_ stage: Int, _ number: Int) -> String { "blocks.\(stage).layers.\(number).layers" }
      let stages = min(9, shapes.count { "\(layer($0, 0)).MBconv.layers.conv_c.weight" })
      guard stages > 0 else { return }
      layers = (0..<stages).map { stage in shapes.count { "\(layer(stage, $0)).MBconv.layers.conv_c.weight" } }
      widths = (0..<stages).map { shapes.outputs(of: "\(layer($0, 0)).MBconv.layers.conv_c.weight", rank: 4) ?? 0 }
      let attention = "\(layer(0, 0)).window_attention.attn_layer.1"
      if let heads = shapes.inputs(of: "\(attention).relative_position_bias_table"), heads > 0, widths[0] % heads == 0 {
        headWidth = widths[0] / heads
      }
      if let positions = shapes.extent(0, of: "\(attention).relative_position_index", rank: 2),
        let side = shapes.side(of: positions, maps: 1)
      {
        partition = side
      }
    }
  }

  /// A stage: its first layer halves the image.
  public struct Stage: UnaryLayer {
    private let layers: [MaxViTLayer]

    fileprivate init(_ layers: [MaxViTLayer]) { self.layers = layers }

    public func forward(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
  }

  public let configuration: Configuration
  private let stem: Sequential
  private let blocks: [Stage]
  private let classifier: Sequential

  public var headPath: String { "classifier.5" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    stem = Sequential([
      Sequential([
        convolution(configuration.inputChannels, configuration.stem, kernel: 3, stride: 2), norm(configuration.stem),
        Activation.gelu,
      ]),
      Sequential([convolution(configuration.stem, configuration.stem, kernel: 3, bias: true)]),
    ])
    let steps = configuration.layers.reduce(0, +) - 1
    var (number, inputs) = (0, configuration.stem)
    blocks = zip(configuration.widths, configuration.layers).map { width, count in
      Stage(
        (0..<count).map { layer in
          defer { (number, inputs) = (number + 1, width) }
          return MaxViTLayer(
            inputs, width, stride: layer == 0 ? 2 : 1,
            dropping: StochasticDepth.linearRate(block: number, of: steps, last: configuration.stochasticDepth),
            configuration)
        })
    }
    classifier = Sequential(named: [
      ("2", LayerNorm(inputs)), ("3", map(inputs, inputs)), ("4", Activation.tanh),
      ("5", map(inputs, configuration.classes, bias: false)),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { blocks.reduce(stem(x)) { $1($0) }.mean(over: [2, 3]) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let maxViTs = [
    Architecture(
      "maxvit_t", "convolutions and attention in windows and grids, tiny (Tu et al., 2022)", MaxViT.self, .tiny,
      input: [3, 224, 224])
  ]
}
