// ShuffleNet v2: half of the channels pass each block untouched, and a shuffle mixes the halves.
//
// Ma, Zhang, Zheng & Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018
// (arXiv:1807.11164), as torchvision builds it. Left out: the paper's deeper networks with squeeze and excitation or
// residuals. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A 1×1 convolution without bias, normalisation and relu.
private func pointwise(_ inputs: Int, _ outputs: Int) -> [any UnaryLayer] {
  [Conv2d(inputs, outputs, kernel: 1, bias: false), BatchNorm2d(outputs), Activation.relu]
}

/// A 3×3 convolution of each channel alone, without bias, and normalisation.
private func depthwise(_ channels: Int, stride: Int) -> [any UnaryLayer] {
  [
    Conv2d(channels, channels, kernel: 3, stride: stride, padding: 1, groups: channels, bias: false),
    BatchNorm2d(channels),
  ]
}

/// One half of the channels as it is and one through convolutions, or, with a stride, all of them through two branches;
/// joined and shuffled: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct ShuffleBlock: UnaryLayer {
  /// Nil where half of the input passes.
  private let branch1: Sequential?
  private let branch2: Sequential

  init(_ inputs: Int, _ outputs: Int, stride: Int) {
    let half = outputs / 2
    branch1 = stride == 1 ? nil : Sequential(depthwise(inputs, stride: stride) + pointwise(inputs, half))
    branch2 = Sequential(
      pointwise(stride == 1 ? half : inputs, half) + depthwise(half, stride: stride) + pointwise(half, half))
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard let branch1 else {
      let half = x.shape[1] / 2
      let kept = x.slice(axis: 1, from: 0, to: half)
      return interleaved([kept, branch2(x.slice(axis: 1, from: half, to: 2 * half))])
    }
    return interleaved([branch1(x), branch2(x)])
  }
}

/// A stem that halves the image twice, three stages that halve it again, a 1×1 convolution, the mean over positions, and a
/// linear head: [N, 3, H, W] → [N, classes].
public struct ShuffleNetV2: Classifier {
  /// The paper's table 5.
  public struct Configuration: ImageConfiguration {
    /// How many blocks each stage has.
    public var blocks = [4, 8, 4]
    /// The channels of the stem, of each stage, and of the last convolution.
    public var widths: [Int]
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// 1,366,792 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let x0_5 = Configuration(widths: [24, 48, 96, 192, 1024])
    /// 2,278,604 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let x1_0 = Configuration(widths: [24, 116, 232, 464, 1024])
    /// 3,503,624 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let x1_5 = Configuration(widths: [24, 176, 352, 704, 1024])
    /// 7,393,996 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let x2_0 = Configuration(widths: [24, 244, 488, 976, 2048])
    /// Short and narrow stages, for tests.
    public static let toy = Configuration(blocks: [2, 1, 2], widths: [6, 8, 12, 16, 20], classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", blocks.count, in: 3...3)
      try require("widths", widths.count, in: 5...5)
      for count in blocks { try require("blocks", count, in: 1...64) }
      for width in widths { try require("widths", width, in: 1...8192) }
      for width in widths[1...3] where width % 2 == 1 {
        throw .outOfRange(name: "widths", value: "\(width)", allowed: "even in the stages, whose channels split in two")
      }
      try requireImages("shufflenet_v2", input: input, least: 1)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      guard let first = shapes.outputs(of: "conv1.0.weight", rank: 4),
        let last = shapes.outputs(of: "conv5.0.weight", rank: 4)
      else { return }
      let stages = (2...4).map { 2 * (shapes.outputs(of: "stage\($0).0.branch2.0.weight", rank: 4) ?? 0) }
      widths = [first] + stages + [last]
      blocks = (2...4).map { stage in shapes.count { "stage\(stage).\($0).branch2.0.weight" } }
    }
  }

  public let configuration: Configuration
  private let conv1: Sequential
  private let maxpool = MaxPool2d(3, stride: 2, padding: 1)
  private let stage2, stage3, stage4: Sequential
  private let conv5: Sequential
  private let avgpool = MeanOverPositions()
  private let fc: Linear

  public var headPath: String { "fc" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    func stage(_ number: Int) -> Sequential {
      Sequential(
        (0..<configuration.blocks[number - 2]).map { block -> any UnaryLayer in
          let (inputs, outputs) = (widths[number - (block == 0 ? 2 : 1)], widths[number - 1])
          return ShuffleBlock(inputs, outputs, stride: block == 0 ? 2 : 1)
        })
    }
    conv1 = Sequential([
      Conv2d(configuration.inputChannels, widths[0], kernel: 3, stride: 2, padding: 1, bias: false),
      BatchNorm2d(widths[0]), Activation.relu,
    ])
    (stage2, stage3, stage4) = (stage(2), stage(3), stage(4))
    conv5 = Sequential(pointwise(widths[3], widths[4]))
    fc = Linear(widths[4], configuration.classes)
  }

  public func features(_ x: Tensor) -> Tensor { avgpool(conv5(stage4(stage3(stage2(maxpool(conv1(x))))))) }
  public func head(_ features: Tensor) -> Tensor { fc(features) }
}

extension Architecture {
  static let shuffleNetsV2 = [
    Architecture(
      "shufflenet_v2_x0_5", "ShuffleNet v2 of half the width (Ma et al., 2018)", ShuffleNetV2.self, .x0_5,
      input: [3, 224, 224]),
    Architecture(
      "shufflenet_v2_x1_0", "ShuffleNet v2 (Ma et al., 2018)", ShuffleNetV2.self, .x1_0, input: [3, 224, 224]),
    Architecture(
      "shufflenet_v2_x1_5", "ShuffleNet v2 of 1.5 times the width (Ma et al., 2018)", ShuffleNetV2.self, .x1_5,
      input: [3, 224, 224]),
    Architecture(
      "shufflenet_v2_x2_0", "ShuffleNet v2 of twice the width (Ma et al., 2018)", ShuffleNetV2.self, .x2_0,
      input: [3, 224, 224]),
  ]
}
