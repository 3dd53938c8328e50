// Vision transformers: an image as a sequence of patches.
//
// Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020 (arXiv:2010.11929), as torchvision builds them. Left out: the
// convolutional stem of Xiao et al., 2021 (torchvision's `conv_stem_configs`), and other image sizes than the one that the
// positions are for. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Attention and a map of each step, both with normalisation before and a residual around them: [N, T, E] → [N, T, E].
public struct VisionTransformerBlock: UnaryLayer {
  private let norm1: LayerNorm
  private let attention: MultiHeadAttention
  private let dropout: Dropout
  private let norm2: LayerNorm
  private let mlp: Sequential

  init(_ configuration: VisionTransformer.Configuration) {
    let (width, hidden) = (configuration.width, configuration.hidden)
    norm1 = LayerNorm(width, epsilon: 1e-6)
    attention = MultiHeadAttention(width, heads: configuration.heads, dropout: configuration.attentionDropout)
    dropout = Dropout(configuration.dropout)
    norm2 = LayerNorm(width, epsilon: 1e-6)
    func map(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(
        inputs, outputs, initializer: .xavierUniform, biasInitializer: .normal(mean: 0, deviation: 1e-6))
    }
    mlp = Sequential([
      map(width, hidden), Activation.gelu, Dropout(configuration.dropout), map(hidden, width),
      Dropout(configuration.dropout),
    ])
  }

  public var children: [Child] {
    [
      Child("ln_1", norm1), Child("self_attention", attention), Child("dropout", dropout), Child("ln_2", norm2),
      Child("mlp", mlp),
    ]
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = x + dropout(attention(norm1(x)))
    return y + mlp(norm2(y))
  }
}

/// Patches of an image and a class token before them, with learned positions, through blocks of a transformer; what becomes
/// of the token goes through a linear head: [N, 3, H, W] → [N, classes].
public struct VisionTransformer: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The side of the images, in pixels: a multiple of the patch's.
    public var imageSize = 224
    /// The side of a patch in pixels.
    public var patch: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// The number of attention heads of a layer.
    public var heads: Int
    /// How many channels a step has, and how many there are within the map of each step.
    public var width: Int
    /// The width between the two layers of a block's perceptron.
    public var hidden: Int
    /// The rate of dropout in training.
    public var dropout: Float = 0
    /// The rate of dropout of attention weights in training.
    public var attentionDropout: Float = 0
    /// The width of a layer with tanh before the head, which pretraining on larger sets has; nil for none.
    public var representation: Int?
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    private static func base(_ patch: Int) -> Configuration {
      Configuration(patch: patch, layers: 12, heads: 12, width: 768, hidden: 3072)
    }
    private static func large(_ patch: Int) -> Configuration {
      Configuration(patch: patch, layers: 24, heads: 16, width: 1024, hidden: 4096)
    }
    /// The published network of size B with patches of 16×16 pixels.
    public static let vitB16 = base(16)
    /// The published network of size B with patches of 32×32 pixels.
    public static let vitB32 = base(32)
    /// The published network of size L with patches of 16×16 pixels.
    public static let vitL16 = large(16)
    /// The published network of size L with patches of 32×32 pixels.
    public static let vitL32 = large(32)
    /// The published network of size H with patches of 14×14 pixels.
    public static let vitH14 = Configuration(patch: 14, layers: 32, heads: 16, width: 1280, hidden: 5120)
    /// Narrow and short, for tests.
    public static let toy = Configuration(
      imageSize: 16, patch: 4, layers: 2, heads: 2, width: 8, hidden: 12, classes: 5)

    var steps: Int { (imageSize / patch) * (imageSize / patch) + 1 }

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("patch", patch, in: 1...1024)
      try require("imageSize", imageSize, in: patch...8192)
      guard imageSize % patch == 0 else {
        throw .outOfRange(name: "imageSize", value: "\(imageSize)", allowed: "a multiple of the patch, \(patch)")
      }
      try require("layers", layers, in: 1...128)
      try require("width", width, in: 1...16384)
      try require("heads", heads, in: 1...width)
      guard width % heads == 0 else {
        throw .outOfRange(name: "heads", value: "\(heads)", allowed: "a divisor of the width, \(width)")
      }
      try require("hidden", hidden, in: 1...65536)
      try require("representation", representation ?? 1, in: 1...65536)
      try requireRate("dropout", dropout)
      try requireRate("attentionDropout", attentionDropout)
      try requireImages("vit", input: input, side: imageSize)
    }

    public mutating func fit(input: [Int]) {
      guard input.count == 3 else { return }
      (inputChannels, imageSize) = (input[0], input[1])
    }

    /// Heads have no shape. Those of other widths are 64 wide, as in nearly every vision transformer (DeiT's of 192 and 384
    /// have 3 and 6), where that is possible; else as many as there are stay, if the width goes with them.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv_proj.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "heads.head.weight") ?? classes
      representation = shapes.outputs(of: "heads.pre_logits.weight")
      guard let projection = shapes["conv_proj.weight"], projection.count == 4 else { return }
      if projection[0] != width {
        width = projection[0]
        if !shapes.given.contains("heads") {
          shapes.assume("heads")
          if width > 0, width % 64 == 0 { heads = width / 64 }
        }
        if heads < 1 || width % heads != 0 { heads = 1 }
      }
      patch = projection[2]
      if let positions = shapes.extent(1, of: "encoder.pos_embedding", rank: 3),
        let side = shapes.side(of: positions - 1, maps: 1)
      {
        let size = side.multipliedReportingOverflow(by: patch)
        imageSize = size.overflow ? 0 : size.partialValue
      }
      layers = shapes.count { "encoder.layers.encoder_layer_\($0).ln_1.weight" }
      hidden = shapes.outputs(of: "encoder.layers.encoder_layer_0.mlp.0.weight") ?? hidden
    }
  }

  public let configuration: Configuration
  private let classToken: Parameter
  private let projection: Conv2d
  private let positions: Parameter
  private let dropout: Dropout
  private let blocks: [VisionTransformerBlock]
  private let norm: LayerNorm
  private let heads: Sequential

  public var headPath: String { "heads.head" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let (width, patch, channels) = (configuration.width, configuration.patch, configuration.inputChannels)
    classToken = Parameter(shape: [1, 1, width], initializer: .zeros)
    // torchvision cuts the normal distribution off at ±2, so far away that nothing is cut.
    func normal(fanIn: Int) -> Initializer { .normal(mean: 0, deviation: (1 / Float(fanIn)).squareRoot()) }
    projection = Conv2d(
      channels, width, kernel: patch, stride: patch, initializer: normal(fanIn: channels * patch * patch),
      biasInitializer: .zeros)
    positions = Parameter(
      shape: [1, configuration.steps, width], initializer: .normal(mean: 0, deviation: 0.02))
    dropout = Dropout(configuration.dropout)
    blocks = (0..<configuration.layers).map { _ in VisionTransformerBlock(configuration) }
    norm = LayerNorm(width, epsilon: 1e-6)
    let last = configuration.representation ?? width
    let head = Linear(last, configuration.classes, initializer: .zeros, biasInitializer: .zeros)
    heads =
      configuration.representation == nil
      ? Sequential(["head": head])
      : Sequential([
        "pre_logits": Linear(width, last, initializer: normal(fanIn: width), biasInitializer: .zeros),
        "act": Activation.tanh, "head": head,
      ])
  }

  public var children: [Child] {
    [Child("class_token", classToken), Child("conv_proj", projection), Child("encoder.pos_embedding", positions)]
      + [Child("encoder.dropout", dropout)]
      + blocks.enumerated().map { Child("encoder.layers.encoder_layer_\($0)", $1) }
      + [Child("encoder.ln", norm), Child("heads", heads)]
  }

  public func features(_ x: Tensor) -> Tensor {
    let (count, width) = (x.shape[0], configuration.width)
    let patches = projection(x).reshaped(to: [count, width, configuration.steps - 1]).transposed([0, 2, 1])
    let token = classToken.tensor.expanded(to: [count, 1, width])
    var steps = dropout(concatenated([token, patches], axis: 1) + positions.tensor)
    for block in blocks { steps = block(steps) }
    // Steps are normalised by themselves, and the token's alone is used.
    return norm(steps.slice(axis: 1, at: 0))
  }

  public func head(_ features: Tensor) -> Tensor { heads(features) }
}

extension Architecture {
  static let visionTransformers = [
    vit("vit_b_16", "vision transformer, base, patches of 16×16", .vitB16),
    vit("vit_b_32", "vision transformer, base, patches of 32×32", .vitB32),
    vit("vit_l_16", "vision transformer, large, patches of 16×16", .vitL16),
    vit("vit_l_32", "vision transformer, large, patches of 32×32", .vitL32),
    vit("vit_h_14", "vision transformer, huge, patches of 14×14", .vitH14),
  ]

  private static func vit(
    _ name: String, _ summary: String, _ configuration: VisionTransformer.Configuration
  ) -> Architecture {
    Architecture(
      name, "\(summary) (Dosovitskiy et al., 2020)", VisionTransformer.self, configuration, input: [3, 224, 224],
      olderNames: RenamingRule.olderVisionTransformers)
  }
}
