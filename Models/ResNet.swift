// ResNet: deep residual networks, for ImageNet; ResNeXt and wide residual networks.
//
// He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385), as torchvision builds
// them: where the shape changes, the shortcut is a 1×1 convolution with batch normalisation (option B of the paper), and a
// bottleneck halves the image in its 3×3 convolution, not in its first 1×1 ("version 1.5"). ResNeXt (Xie, Girshick,
// Dollár, Tu & He, "Aggregated Residual Transformations for Deep Neural Networks", 2016, arXiv:1611.05431) splits that
// convolution into groups; wide networks (Zagoruyko & Komodakis, "Wide Residual Networks", 2016, arXiv:1605.07146) have
// bottlenecks of twice the inner width. Left out: the options A and C of the shortcut, and the ten crops at several sizes
// of the paper's tests. Paths are torchvision's names. The paper's networks for CIFAR-10 are in CIFARResNet.swift.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A convolution as every residual network has them: no bias, and He's initialisation by fan-out.
private func conv(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups, bias: false,
    initializer: .kaimingNormal(.out))
}

/// What brings a block's input to the shape of its result; nil where they are equal.
private func shortcut(_ inputs: Int, _ outputs: Int, stride: Int) -> Sequential? {
  stride == 1 && inputs == outputs
    ? nil : Sequential([conv(inputs, outputs, kernel: 1, stride: stride), BatchNorm2d(outputs)])
}

/// Two 3×3 convolutions, and the input added to their result: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct BasicBlock: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  private let downsample: Sequential?

  init(_ inputs: Int, _ outputs: Int, stride: Int) {
    conv1 = conv(inputs, outputs, kernel: 3, stride: stride)
    bn1 = BatchNorm2d(outputs)
    conv2 = conv(outputs, outputs, kernel: 3)
    bn2 = BatchNorm2d(outputs)
    downsample = shortcut(inputs, outputs, stride: stride)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu(bn1(conv1(x)))))
    return relu(y + (downsample?(x) ?? x))
  }
}

/// A 3×3 convolution of the inner width between two 1×1 ones, of which the last makes four times the block's width, and the
/// input added to their result: [N, I, H, W] → [N, 4·W, H / stride, W / stride].
public struct Bottleneck: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  private let conv3: Conv2d
  private let bn3: BatchNorm2d
  private let downsample: Sequential?

  init(_ inputs: Int, _ outputs: Int, inner: Int, groups: Int, stride: Int) {
    conv1 = conv(inputs, inner, kernel: 1)
    bn1 = BatchNorm2d(inner)
    conv2 = conv(inner, inner, kernel: 3, stride: stride, groups: groups)
    bn2 = BatchNorm2d(inner)
    conv3 = conv(inner, outputs, kernel: 1)
    bn3 = BatchNorm2d(outputs)
    downsample = shortcut(inputs, outputs, stride: stride)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x))))))))
    return relu(y + (downsample?(x) ?? x))
  }
}

/// A residual network: a stem that halves the image twice, four stages of blocks that halve it three times more, the mean
/// over positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct ResNet: Classifier {
  /// The kind of a residual block.
  public enum Block: String, Codable, Sendable {
    /// Two 3×3 convolutions, or one between two of 1×1.
    case basic, bottleneck

    /// How many channels a block puts out for each of its width.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// The networks of the papers' tables: what their stages conv2_x to conv5_x consist of.
  public struct Configuration: ImageConfiguration {
    /// The kind of its blocks.
    public var block = Block.basic
    /// How many blocks each stage has.
    public var blocks: [Int]
    /// The width of the blocks of each stage; the stem has as many channels as the first.
    public var widths = [64, 128, 256, 512]
    /// How many groups the 3×3 convolutions of bottlenecks have: ResNeXt's cardinality.
    public var groups = 1
    /// How many channels each group has for a block 64 wide.
    public var widthPerGroup = 64
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    public static var addedLater: Set<String> { ["block", "groups", "widthPerGroup"] }

    /// ResNet18 of the paper.
    public static let resnet18 = Configuration(blocks: [2, 2, 2, 2])
    /// ResNet34 of the paper.
    public static let resnet34 = Configuration(blocks: [3, 4, 6, 3])
    /// ResNet50 of the paper.
    public static let resnet50 = Configuration(block: .bottleneck, blocks: [3, 4, 6, 3])
    /// ResNet101 of the paper.
    public static let resnet101 = Configuration(block: .bottleneck, blocks: [3, 4, 23, 3])
    /// ResNet152 of the paper.
    public static let resnet152 = Configuration(block: .bottleneck, blocks: [3, 8, 36, 3])
    /// 25,028,904 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let resnext50_32x4d = Configuration(
      block: .bottleneck, blocks: [3, 4, 6, 3], groups: 32, widthPerGroup: 4)
    /// 88,791,336 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let resnext101_32x8d = Configuration(
      block: .bottleneck, blocks: [3, 4, 23, 3], groups: 32, widthPerGroup: 8)
    /// 83,455,272 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let resnext101_64x4d = Configuration(
      block: .bottleneck, blocks: [3, 4, 23, 3], groups: 64, widthPerGroup: 4)
    /// 68,883,240 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let wide_resnet50_2 = Configuration(block: .bottleneck, blocks: [3, 4, 6, 3], widthPerGroup: 128)
    /// 126,886,696 parameters.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let wide_resnet101_2 = Configuration(block: .bottleneck, blocks: [3, 4, 23, 3], widthPerGroup: 128)
    /// A network of small sizes, for tests.
    public static let toy = Configuration(blocks: [2, 2, 1, 1], widths: [8, 16, 24, 32], classes: 5)
    /// A small network of bottleneck blocks, for tests.
    public static let bottleneckToy = Configuration(
      block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 6, 8, 10], classes: 5)
    /// Bottlenecks of two groups, for tests.
    public static let groupedToy = Configuration(
      block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 6, 8, 10], groups: 2, widthPerGroup: 48, classes: 5)
    /// Bottlenecks of twice the inner width, for tests.
    public static let wideToy = Configuration(
      block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 6, 8, 10], widthPerGroup: 128, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", blocks.count, in: 4...4)
      try require("widths", widths.count, in: 4...4)
      for count in blocks { try require("blocks", count, in: 1...64) }
      for width in widths { try require("widths", width, in: 1...4096) }
      // Basic blocks have no inner width of their own.
      try require("groups", groups, in: 1...(block == .basic ? 1 : 4096))
      try require("widthPerGroup", widthPerGroup, in: block == .basic ? 64...64 : 1...4096)
      for width in widths { try require("inner width", innerWidth(width), in: 1...65536) }
      try requireImages("resnet", input: input, least: 17)
    }

    /// The channels of the 3×3 convolution in a bottleneck of this width.
    func innerWidth(_ width: Int) -> Int { width * widthPerGroup / 64 * groups }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      guard shapes.contains("layer1.0.conv1.weight") else { return }
      block = shapes.contains("layer1.0.conv3.weight") ? .bottleneck : .basic
      blocks = (1...4).map { stage in shapes.count { "layer\(stage).\($0).conv1.weight" } }
      func outputs(_ stage: Int, _ layer: Int) -> Int {
        shapes.outputs(of: "layer\(stage).0.conv\(layer).weight", rank: 4) ?? 0
      }
      guard block == .bottleneck else {
        widths = (1...4).map { outputs($0, 1) }
        (groups, widthPerGroup) = (1, 64)
        return
      }
      widths = (1...4).map { outputs($0, 3) / Block.bottleneck.expansion }
      if let each = shapes.inputs(of: "layer1.0.conv2.weight", rank: 4), each > 0 {
        groups = max(1, outputs(1, 1) / each)
      }
      let inner = (1...4).map { outputs($0, 1) / groups }
      // The inner width is rounded down, so that several values may go with the tensors: the known one, if it does.
      func fits(_ value: Int) -> Bool {
        (1...4096).contains(value) && zip(widths, inner).allSatisfy { $0 * value / 64 == $1 }
      }
      if !fits(widthPerGroup) {
        widthPerGroup = zip(widths, inner).map { ($1 * 64 + max($0, 1) - 1) / max($0, 1) }.max() ?? 0
      }
    }
  }

  public let configuration: Configuration
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let maxpool = MaxPool2d(3, stride: 2, padding: 1)
  private let layer1, layer2, layer3, layer4: Sequential
  private let avgpool = MeanOverPositions()
  private let fc: Linear

  public var headPath: String { "fc" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    var channels = widths[0]
    func stage(_ index: Int) -> Sequential {
      Sequential(
        (0..<configuration.blocks[index]).map { block -> any UnaryLayer in
          let (inputs, width, stride) = (channels, widths[index], block == 0 && index > 0 ? 2 : 1)
          channels = width * configuration.block.expansion
          return configuration.block == .basic
            ? BasicBlock(inputs, width, stride: stride)
            : Bottleneck(
              inputs, channels, inner: configuration.innerWidth(width), groups: configuration.groups, stride: stride)
        })
    }
    conv1 = conv(configuration.inputChannels, channels, kernel: 7, stride: 2)
    bn1 = BatchNorm2d(channels)
    (layer1, layer2, layer3, layer4) = (stage(0), stage(1), stage(2), stage(3))
    fc = Linear(channels, configuration.classes)
  }

  public func features(_ x: Tensor) -> Tensor {
    avgpool(layer4(layer3(layer2(layer1(maxpool(relu(bn1(conv1(x)))))))))
  }

  public func head(_ features: Tensor) -> Tensor { fc(features) }
}

extension Architecture {
  static let resNets = [
    Architecture(
      "resnet18", "residual network with 18 layers (He et al., 2015)", ResNet.self, .resnet18, input: [3, 224, 224]),
    Architecture(
      "resnet34", "residual network with 34 layers (He et al., 2015)", ResNet.self, .resnet34, input: [3, 224, 224]),
    Architecture(
      "resnet50", "residual network with 50 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet50,
      input: [3, 224, 224]),
    Architecture(
      "resnet101", "residual network with 101 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet101,
      input: [3, 224, 224]),
    Architecture(
      "resnet152", "residual network with 152 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet152,
      input: [3, 224, 224]),
    Architecture(
      "resnext50_32x4d", "ResNeXt with 50 layers, 32 groups of 4 channels (Xie et al., 2016)", ResNet.self,
      .resnext50_32x4d, input: [3, 224, 224]),
    Architecture(
      "resnext101_32x8d", "ResNeXt with 101 layers, 32 groups of 8 channels (Xie et al., 2016)", ResNet.self,
      .resnext101_32x8d, input: [3, 224, 224]),
    Architecture(
      "resnext101_64x4d", "ResNeXt with 101 layers, 64 groups of 4 channels (Xie et al., 2016)", ResNet.self,
      .resnext101_64x4d, input: [3, 224, 224]),
    Architecture(
      "wide_resnet50_2", "residual network with 50 layers, twice as wide inside (Zagoruyko & Komodakis, 2016)",
      ResNet.self, .wide_resnet50_2, input: [3, 224, 224]),
    Architecture(
      "wide_resnet101_2", "residual network with 101 layers, twice as wide inside (Zagoruyko & Komodakis, 2016)",
      ResNet.self, .wide_resnet101_2, input: [3, 224, 224]),
    Architecture(
      "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, input: [3, 64, 64]),
  ]
}
