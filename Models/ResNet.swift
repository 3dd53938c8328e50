// ResNet: deep residual networks, for ImageNet.
//
// He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385), as torchvision builds
// them: where the shape changes, the shortcut is a 1×1 convolution with batch normalisation (option B of the paper), and a
// bottleneck halves the image in its 3×3 convolution, not in its first 1×1 ("version 1.5"). Left out: the options A and C
// of the shortcut, and the ten crops at several sizes of the paper's tests. Paths are torchvision's names. The paper's
// networks for CIFAR-10 are in CIFARResNet.swift.

import AviaryLayers
import AviaryTensors

/// A convolution as every residual network has them: no bias, and He's initialisation by fan-out.
private func convolution(
  _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0
) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: padding, bias: false, initializer: .kaimingNormal(.out))
}

/// What brings a block's input to its result's shape; nil where they are equal.
private func shortcut(_ inputs: Int, _ outputs: Int, stride: Int) -> Sequential? {
  guard stride != 1 || inputs != outputs else { return nil }
  return Sequential([convolution(inputs, outputs, kernel: 1, stride: stride), BatchNorm2d(outputs)])
}

/// Two 3×3 convolutions, and the input added to their result: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct BasicBlock: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  /// Brings the input to the result's shape, where that differs.
  private let downsample: Sequential?

  init(_ inputs: Int, _ outputs: Int, stride: Int) {
    conv1 = convolution(inputs, outputs, kernel: 3, stride: stride, padding: 1)
    bn1 = BatchNorm2d(outputs)
    conv2 = convolution(outputs, outputs, kernel: 3, padding: 1)
    bn2 = BatchNorm2d(outputs)
    downsample = shortcut(inputs, outputs, stride: stride)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu(bn1(conv1(x)))))
    return relu(y + (downsample?(x) ?? x))
  }
}

/// A 3×3 convolution between two 1×1 ones, of which the last makes four times the width, and the input added to their
/// result: [N, I, H, W] → [N, 4·W, H / stride, W / stride].
public struct Bottleneck: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  private let conv3: Conv2d
  private let bn3: BatchNorm2d
  /// Brings the input to the result's shape, where that differs.
  private let downsample: Sequential?

  init(_ inputs: Int, width: Int, stride: Int) {
    let outputs = width * ResNet.Block.bottleneck.expansion
    conv1 = convolution(inputs, width, kernel: 1)
    bn1 = BatchNorm2d(width)
    conv2 = convolution(width, width, kernel: 3, stride: stride, padding: 1)
    bn2 = BatchNorm2d(width)
    conv3 = convolution(width, outputs, kernel: 1)
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
  /// What the stages are made of.
  public enum Block: String, Codable, Sendable {
    case basic, bottleneck

    /// How many times a block's width it puts out.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// The networks of the paper's table 1, by their number of layers with weights.
  public enum Depth: Int, CaseIterable, Sendable {
    case layers18 = 18
    case layers34 = 34
    case layers50 = 50
    case layers101 = 101
    case layers152 = 152

    var block: Block { rawValue < 50 ? .basic : .bottleneck }

    /// How many blocks the stages conv2_x to conv5_x have.
    var blocks: [Int] {
      switch self {
      case .layers18: [2, 2, 2, 2]
      case .layers34, .layers50: [3, 4, 6, 3]
      case .layers101: [3, 4, 23, 3]
      case .layers152: [3, 8, 36, 3]
      }
    }
  }

  public struct Configuration: NetworkConfiguration {
    public var block: Block
    /// How many blocks each stage has.
    public var blocks: [Int]
    /// The width of the blocks of each stage; the stem has as many channels as the first.
    public var widths: [Int]
    public var inputChannels: Int
    public var classes: Int

    public init(
      block: Block = .basic, blocks: [Int], widths: [Int] = [64, 128, 256, 512], inputChannels: Int = 3,
      classes: Int = 1000
    ) {
      self.block = block
      self.blocks = blocks
      self.widths = widths
      self.inputChannels = inputChannels
      self.classes = classes
    }

    public init(_ depth: Depth) { self.init(block: depth.block, blocks: depth.blocks) }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      // The first checkpoints do not name the block: there was one kind.
      block = try values.decodeIfPresent(Block.self, forKey: .block) ?? .basic
      blocks = try values.decode([Int].self, forKey: .blocks)
      widths = try values.decode([Int].self, forKey: .widths)
      inputChannels = try values.decode(Int.self, forKey: .inputChannels)
      classes = try values.decode(Int.self, forKey: .classes)
    }

    /// ResNet-18: 11,689,512 parameters.
    public static let resnet18 = Configuration(.layers18)
    /// ResNet-34: 21,797,672 parameters.
    public static let resnet34 = Configuration(.layers34)
    /// ResNet-50: 25,557,032 parameters.
    public static let resnet50 = Configuration(.layers50)
    /// ResNet-101: 44,549,160 parameters.
    public static let resnet101 = Configuration(.layers101)
    /// ResNet-152: 60,192,808 parameters.
    public static let resnet152 = Configuration(.layers152)
    /// A ResNet-18 that is narrow and short, for tests.
    public static let toy = Configuration(blocks: [2, 2, 1, 1], widths: [8, 16, 24, 32], classes: 5)
    /// The same of bottlenecks.
    public static let bottleneckToy = Configuration(
      block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 6, 8, 10], classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireCount("stages", blocks.count, in: 4...4)
      try requireCount("widths", widths.count, in: 4...4)
      for count in blocks { try requireCount("blocks", count, in: 1...64) }
      for width in widths { try requireCount("widths", width, in: 1...4096) }
      try requireCommon(
        "resnet", classes: classes, inputChannels: inputChannels, input: input, least: 17)
    }

    public mutating func fit(input: [Int]) { inputChannels = input.first ?? inputChannels }
  }

  public let configuration: Configuration
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let maxpool: MaxPool2d
  private let layer1: Sequential
  private let layer2: Sequential
  private let layer3: Sequential
  private let layer4: Sequential
  private let avgpool: MeanOverPositions
  private let fc: Linear

  public var headPath: String { "fc" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = configuration.widths
    let expansion = configuration.block.expansion
    func stage(_ index: Int) -> Sequential {
      let width = widths[index]
      let given = index == 0 ? widths[0] : widths[index - 1] * expansion
      return Sequential(
        (0..<configuration.blocks[index]).map { block -> any UnaryLayer in
          let inputs = block == 0 ? given : width * expansion
          let stride = block == 0 && index > 0 ? 2 : 1
          return switch configuration.block {
          case .basic: BasicBlock(inputs, width, stride: stride)
          case .bottleneck: Bottleneck(inputs, width: width, stride: stride)
          }
        })
    }
    conv1 = convolution(configuration.inputChannels, widths[0], kernel: 7, stride: 2, padding: 3)
    bn1 = BatchNorm2d(widths[0])
    maxpool = MaxPool2d(3, stride: 2, padding: 1)
    layer1 = stage(0)
    layer2 = stage(1)
    layer3 = stage(2)
    layer4 = stage(3)
    avgpool = MeanOverPositions()
    fc = Linear(widths[3] * expansion, configuration.classes)
  }

  /// The backbone of another network with a head of its own.
  private init(backbone: ResNet, classes: Int) {
    var configuration = backbone.configuration
    configuration.classes = classes
    self.configuration = configuration
    conv1 = backbone.conv1
    bn1 = backbone.bn1
    maxpool = backbone.maxpool
    layer1 = backbone.layer1
    layer2 = backbone.layer2
    layer3 = backbone.layer3
    layer4 = backbone.layer4
    avgpool = backbone.avgpool
    fc = Linear(configuration.widths[3] * configuration.block.expansion, classes)
  }

  public func replacingHead(classes: Int, seed: UInt64) -> ResNet {
    let model = ResNet(backbone: self, classes: classes)
    model.initializeHead(seed: seed)
    return model
  }

  public func features(_ x: Tensor) -> Tensor {
    avgpool(layer4(layer3(layer2(layer1(maxpool(relu(bn1(conv1(x)))))))))
  }

  public func head(_ features: Tensor) -> Tensor { fc(features) }
}
