// ConvNeXt: a convolutional network with what transformers for images have.
//
// Liu, Mao, Wu, Feichtenhofer, Darrell & Xie, "A ConvNet for the 2020s", 2022 (arXiv:2201.03545), as torchvision builds it.
// Left out: the heads for detection and segmentation. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// torchvision cuts the normal distribution off at ±2, so far away that nothing is cut.
private let initializer = Initializer.normal(mean: 0, deviation: 0.02)

/// A 7×7 convolution of each channel alone and a map of each position, scaled channel by channel and added to the input:
/// [N, C, H, W] → [N, C, H, W].
public struct ConvNeXtBlock: UnaryLayer {
  private let layerScale: Parameter
  private let block: Sequential
  private let stochasticDepth: StochasticDepth

  init(_ channels: Int, layerScale: Float, dropping rate: Float) {
    self.layerScale = Parameter(shape: [channels, 1, 1], initializer: .constant(layerScale))
    block = Sequential([
      Conv2d(
        channels, channels, kernel: 7, padding: 3, groups: channels, initializer: initializer, biasInitializer: .zeros),
      Permute([1, 2, 0]), LayerNorm(channels, epsilon: 1e-6),
      Linear(channels, 4 * channels, initializer: initializer, biasInitializer: .zeros), Activation.gelu,
      Linear(4 * channels, channels, initializer: initializer, biasInitializer: .zeros), Permute([2, 0, 1]),
    ])
    stochasticDepth = StochasticDepth(rate)
  }

  public func forward(_ x: Tensor) -> Tensor { stochasticDepth(layerScale.tensor * block(x)) + x }
}

/// A stem that makes one position of 4×4, four stages of blocks that halve the image in between, the mean over positions,
/// and a linear head after a normalisation: [N, 3, H, W] → [N, classes].
public struct ConvNeXt: Classifier {
  /// The networks of section 3 of the paper.
  public struct Configuration: ImageConfiguration {
    /// How many blocks each stage has.
    public var blocks: [Int]
    /// How many channels each stage has.
    public var widths: [Int]
    /// The rate at which the last block is dropped in training; it grows linearly from 0.
    public var stochasticDepth: Float
    /// What each block's part begins with.
    public var layerScale: Float = 1e-6
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// The published tiny network.
    public static let tiny = Configuration(blocks: [3, 3, 9, 3], widths: [96, 192, 384, 768], stochasticDepth: 0.1)
    /// The published small network.
    public static let small = Configuration(blocks: [3, 3, 27, 3], widths: [96, 192, 384, 768], stochasticDepth: 0.4)
    /// The published base network.
    public static let base = Configuration(blocks: [3, 3, 27, 3], widths: [128, 256, 512, 1024], stochasticDepth: 0.5)
    /// The published large network.
    public static let large = Configuration(
      blocks: [3, 3, 27, 3], widths: [192, 384, 768, 1536], stochasticDepth: 0.5)
    /// Narrow and short, for tests.
    public static let toy = Configuration(
      blocks: [1, 2, 1, 1], widths: [6, 8, 10, 12], stochasticDepth: 0, layerScale: 0.5, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", blocks.count, in: 1...8)
      try require("widths", widths.count, in: blocks.count...blocks.count)
      for count in blocks { try require("blocks", count, in: 1...128) }
      for width in widths { try require("widths", width, in: 1...16384) }
      try requireRate("stochasticDepth", stochasticDepth)
      guard layerScale.isFinite else {
        throw .outOfRange(name: "layerScale", value: "\(layerScale)", allowed: "a number")
      }
      // The stem needs 4 pixels, and each stage after the first two of what is left.
      try requireImages("convnext", input: input, least: 4 << (blocks.count - 1))
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.2.weight") ?? classes
      let stages = shapes.count { "features.\(2 * $0 + 1).0.layer_scale" }
      guard stages > 0 else { return }
      blocks = (0..<min(stages, 9)).map { stage in
        shapes.count { "features.\(2 * stage + 1).\($0).layer_scale" }
      }
      widths = blocks.indices.map { shapes.extent(0, of: "features.\(2 * $0 + 1).0.layer_scale", rank: 3) ?? 0 }
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let classifier: Sequential

  public var headPath: String { "classifier.2" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    func norm(_ channels: Int) -> LayerNorm { LayerNorm(channels, axis: 1, epsilon: 1e-6) }
    func patches(_ inputs: Int, _ outputs: Int, side: Int) -> Conv2d {
      Conv2d(inputs, outputs, kernel: side, stride: side, initializer: initializer, biasInitializer: .zeros)
    }
    var layers: [any UnaryLayer] = [
      Sequential([patches(configuration.inputChannels, widths[0], side: 4), norm(widths[0])])
    ]
    let steps = configuration.blocks.reduce(0, +) - 1
    var number = 0
    for (stage, width) in widths.enumerated() {
      layers.append(
        Sequential(
          (0..<configuration.blocks[stage]).map { _ in
            defer { number += 1 }
            return ConvNeXtBlock(
              width, layerScale: configuration.layerScale,
              dropping: StochasticDepth.linearRate(block: number, of: steps, last: configuration.stochasticDepth))
          }))
      if stage + 1 < widths.count {
        layers.append(Sequential([norm(width), patches(width, widths[stage + 1], side: 2)]))
      }
    }
    features = Sequential(layers)
    let last = widths[widths.count - 1]
    classifier = Sequential([
      LayerNorm(last, epsilon: 1e-6), Flatten(),
      Linear(last, configuration.classes, initializer: initializer, biasInitializer: .zeros),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { features.callAsFunction(x).mean(over: [2, 3]) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let convNeXts = [
    convNeXt("tiny", .tiny), convNeXt("small", .small), convNeXt("base", .base), convNeXt("large", .large),
  ]

  private static func convNeXt(_ size: String, _ configuration: ConvNeXt.Configuration) -> Architecture {
    Architecture(
      "convnext_\(size)", "convolutional network after transformers, \(size) (Liu et al., 2022)", ConvNeXt.self,
      configuration, input: [3, 224, 224])
  }
}
