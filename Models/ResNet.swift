// ResNet: deep residual networks, for ImageNet.
//
// He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385), as torchvision builds
// them: where the shape changes, the shortcut is a 1×1 convolution with batch normalisation (option B of the paper), and a
// bottleneck halves the image in its 3×3 convolution, not in its first 1×1 ("version 1.5"). Left out: the options A and C
// of the shortcut, and the ten crops at several sizes of the paper's tests. Paths are torchvision's names. The paper's
// networks for CIFAR-10 are in CIFARResNet.swift.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A convolution as every residual network has them: no bias, and He's initialisation by fan-out.
private func conv(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false,
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

/// A 3×3 convolution between two 1×1 ones, of which the last makes four times the width, and the input added to their
/// result: [N, I, H, W] → [N, 4·W, H / stride, W / stride].
public struct Bottleneck: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  private let conv3: Conv2d
  private let bn3: BatchNorm2d
  private let downsample: Sequential?

  init(_ inputs: Int, width: Int, stride: Int) {
    let outputs = width * ResNet.Block.bottleneck.expansion
    conv1 = conv(inputs, width, kernel: 1)
    bn1 = BatchNorm2d(width)
    conv2 = conv(width, width, kernel: 3, stride: stride)
    bn2 = BatchNorm2d(width)
    conv3 = conv(width, outputs, kernel: 1)
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
  public enum Block: String, Codable, Sendable {
    case basic, bottleneck

    /// How many channels a block puts out for each of its width.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// The networks of the paper's table 1: what their stages conv2_x to conv5_x consist of.
  public struct Configuration: ImageConfiguration {
    public var block = Block.basic
    /// How many blocks each stage has.
    public var blocks: [Int]
    /// The width of the blocks of each stage; the stem has as many channels as the first.
    public var widths = [64, 128, 256, 512]
    public var inputChannels = 3
    public var classes = 1000

    public static var addedLater: Set<String> { ["block"] }

    public static let resnet18 = Configuration(blocks: [2, 2, 2, 2])
    public static let resnet34 = Configuration(blocks: [3, 4, 6, 3])
    public static let resnet50 = Configuration(block: .bottleneck, blocks: [3, 4, 6, 3])
    public static let resnet101 = Configuration(block: .bottleneck, blocks: [3, 4, 23, 3])
    public static let resnet152 = Configuration(block: .bottleneck, blocks: [3, 8, 36, 3])
    public static let toy = Configuration(blocks: [2, 2, 1, 1], widths: [8, 16, 24, 32], classes: 5)
    public static let bottleneckToy = Configuration(
      block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 6, 8, 10], classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", blocks.count, in: 4...4)
      try require("widths", widths.count, in: 4...4)
      for count in blocks { try require("blocks", count, in: 1...64) }
      for width in widths { try require("widths", width, in: 1...4096) }
      try requireImages("resnet", input: input, least: 17)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      guard shapes.contains("layer1.0.conv1.weight") else { return }
      block = shapes.contains("layer1.0.conv3.weight") ? .bottleneck : .basic
      blocks = (1...4).map { stage in shapes.count { "layer\(stage).\($0).conv1.weight" } }
      widths = (1...4).map { shapes.outputs(of: "layer\($0).0.conv1.weight", rank: 4) ?? 0 }
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
            ? BasicBlock(inputs, width, stride: stride) : Bottleneck(inputs, width: width, stride: stride)
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
      "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, input: [3, 64, 64]),
  ]
}
