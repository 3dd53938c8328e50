// ResNet: deep residual networks.
//
// He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385), as torchvision builds
// them: basic blocks whose shortcut is a 1×1 convolution with batch normalisation where the shape changes. Paths are
// torchvision's names.

import AviaryLayers
import AviaryTensors

/// Two 3×3 convolutions, and the input added to their result: [N, I, H, W] → [N, O, H / stride, W / stride].
public struct BasicBlock: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  /// Brings the input to the result's shape, where that differs.
  private let downsample: Sequential?

  init(_ inputChannels: Int, _ outputChannels: Int, stride: Int) {
    func conv(_ inputs: Int, kernel: Int, stride: Int, padding: Int) -> Conv2d {
      Conv2d(
        inputs, outputChannels, kernel: kernel, stride: stride, padding: padding, bias: false,
        initializer: .kaimingNormal(.out))
    }
    conv1 = conv(inputChannels, kernel: 3, stride: stride, padding: 1)
    bn1 = BatchNorm2d(outputChannels)
    conv2 = conv(outputChannels, kernel: 3, stride: 1, padding: 1)
    bn2 = BatchNorm2d(outputChannels)
    downsample =
      stride == 1 && inputChannels == outputChannels
      ? nil
      : Sequential([
        conv(inputChannels, kernel: 1, stride: stride, padding: 0), BatchNorm2d(outputChannels),
      ])
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu(bn1(conv1(x)))))
    return relu(y + (downsample?(x) ?? x))
  }
}

/// A residual network: a stem that halves the image twice, four stages of blocks that halve it three times more, the mean
/// over positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct ResNet: Classifier {
  public struct Configuration: NetworkConfiguration {
    /// How many blocks each stage has.
    public var blocks: [Int]
    /// How many channels each stage has; the stem has as many as the first.
    public var widths: [Int]
    public var inputChannels: Int
    public var classes: Int

    public init(blocks: [Int], widths: [Int] = [64, 128, 256, 512], inputChannels: Int = 3, classes: Int = 1000) {
      self.blocks = blocks
      self.widths = widths
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// ResNet-18: 11,689,512 parameters.
    public static let resnet18 = Configuration(blocks: [2, 2, 2, 2])
    /// A ResNet-18 that is narrow and short, for tests.
    public static let toy = Configuration(blocks: [2, 2, 1, 1], widths: [8, 16, 24, 32], classes: 5)

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
    func stage(_ index: Int) -> Sequential {
      Sequential(
        (0..<configuration.blocks[index]).map { block in
          BasicBlock(
            block > 0 ? widths[index] : widths[max(0, index - 1)], widths[index],
            stride: block == 0 && index > 0 ? 2 : 1)
        })
    }
    conv1 = Conv2d(
      configuration.inputChannels, widths[0], kernel: 7, stride: 2, padding: 3, bias: false,
      initializer: .kaimingNormal(.out))
    bn1 = BatchNorm2d(widths[0])
    maxpool = MaxPool2d(3, stride: 2, padding: 1)
    layer1 = stage(0)
    layer2 = stage(1)
    layer3 = stage(2)
    layer4 = stage(3)
    avgpool = MeanOverPositions()
    fc = Linear(widths[3], configuration.classes)
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
    fc = Linear(configuration.widths[3], classes)
  }

  public func replacingHead(classes: Int, seed: UInt64) -> ResNet {
    let model = ResNet(backbone: self, classes: classes)
    model.initializeHead(seed: seed)
    return model
  }

  public func features(_ x: Tensor) -> Tensor {
    let stem = maxpool(relu(bn1(conv1(x))))
    return avgpool(layer4(layer3(layer2(layer1(stem)))))
  }

  public func head(_ features: Tensor) -> Tensor { fc(features) }
}
