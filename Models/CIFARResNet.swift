// ResNet for CIFAR-10: the residual networks of the paper's section 4.2.
//
// He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385): a 3×3 stem without
// pooling, and three stages of 16, 32 and 64 channels on maps of 32, 16 and 8. Shortcuts are the paper's option A: where the
// shape changes, every second row and column is taken and the new channels are zero, half of them before and half after the
// old ones, so that a shortcut has no parameters. Names are those of Y. Idelbayev's PyTorch port, whose published weights
// fit. Left out: options B and C, and the network of 1,202 layers.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Two 3×3 convolutions, and the input, subsampled and padded with zero channels where need be, added to their result:
/// [N, I, H, W] → [N, O, H / stride, W / stride].
public struct CIFARBlock: UnaryLayer {
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let conv2: Conv2d
  private let bn2: BatchNorm2d
  private let stride: Int
  /// How many channels of zeros go before and after those of the input.
  private let added: [Int]

  init(_ inputs: Int, _ outputs: Int, stride: Int) {
    conv1 = Conv2d(
      inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false, initializer: .kaimingNormal(.in))
    bn1 = BatchNorm2d(outputs)
    conv2 = Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false, initializer: .kaimingNormal(.in))
    bn2 = BatchNorm2d(outputs)
    self.stride = stride
    let missing = outputs - inputs
    added = [missing / 2, missing - missing / 2]
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu(bn1(conv1(x)))))
    return relu(y + shortcut(x))
  }

  /// Option A: no parameters.
  private func shortcut(_ x: Tensor) -> Tensor {
    let sampled = stride == 1 ? x : averagePool(x, kernel: [1, 1], stride: [stride, stride])
    return sampled.padded(axis: 1, before: added[0], after: added[1])
  }
}

/// A residual network for small images: a stem, three stages of blocks of which the second and the third halve the image,
/// the mean over positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct CIFARResNet: Classifier {
  /// The networks of the paper's table 6, by their number of layers with weights: 6n + 2 for n blocks a stage.
  public enum Depth: Int, CaseIterable, Sendable {
    /// 20 layers.
    case layers20 = 20
    /// 32 layers.
    case layers32 = 32
    /// 44 layers.
    case layers44 = 44
    /// 56 layers.
    case layers56 = 56
    /// 110 layers.
    case layers110 = 110

    /// How many blocks each stage has.
    var blocks: Int { (rawValue - 2) / 6 }
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// How many blocks each of the three stages has.
    public var blocks: Int
    /// How many channels each stage has; the stem has as many as the first.
    public var widths: [Int]
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(blocks: Int, widths: [Int] = [16, 32, 64], inputChannels: Int = 3, classes: Int = 10) {
      self.blocks = blocks
      self.widths = widths
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// The published network of this depth.
    public init(_ depth: Depth) { self.init(blocks: depth.blocks) }

    /// ResNet-20: 269,722 parameters.
    public static let resnet20 = Configuration(.layers20)
    /// ResNet-32: 464,154 parameters.
    public static let resnet32 = Configuration(.layers32)
    /// ResNet-44: 658,586 parameters.
    public static let resnet44 = Configuration(.layers44)
    /// ResNet-56: 853,018 parameters.
    public static let resnet56 = Configuration(.layers56)
    /// ResNet-110: 1,727,962 parameters.
    public static let resnet110 = Configuration(.layers110)
    /// Narrow and short, for tests. Its widths do not double, so that zeros before and after differ in number.
    public static let toy = Configuration(blocks: 2, widths: [4, 7, 12], classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("blocks", blocks, in: 1...256)
      try require("widths", widths.count, in: 3...3)
      for width in widths { try require("widths", width, in: 1...4096) }
      guard widths[0] <= widths[1], widths[1] <= widths[2] else {
        throw .outOfRange(name: "widths", value: "\(widths)", allowed: "no smaller from stage to stage")
      }
      try requireImages("resnet for CIFAR", input: input, least: 8)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "linear.weight") ?? classes
      guard shapes.contains("layer1.0.conv1.weight") else { return }
      blocks = shapes.count { "layer1.\($0).conv1.weight" }
      widths = (1...3).map { shapes.outputs(of: "layer\($0).0.conv1.weight", rank: 4) ?? 0 }
    }
  }

  public let configuration: Configuration
  private let conv1: Conv2d
  private let bn1: BatchNorm2d
  private let layer1: Sequential
  private let layer2: Sequential
  private let layer3: Sequential
  private let avgpool: MeanOverPositions
  private let linear: Linear

  public var headPath: String { "linear" }

  public init(_ configuration: Configuration) {
    let widths = configuration.widths
    func stage(_ index: Int) -> Sequential {
      Sequential(
        (0..<configuration.blocks).map { block in
          CIFARBlock(
            block > 0 ? widths[index] : widths[max(0, index - 1)], widths[index],
            stride: block == 0 && index > 0 ? 2 : 1)
        })
    }
    self.configuration = configuration
    conv1 = Conv2d(
      configuration.inputChannels, widths[0], kernel: 3, padding: 1, bias: false, initializer: .kaimingNormal(.in))
    bn1 = BatchNorm2d(widths[0])
    layer1 = stage(0)
    layer2 = stage(1)
    layer3 = stage(2)
    avgpool = MeanOverPositions()
    linear = Linear(widths[2], configuration.classes, initializer: .kaimingNormal(.in))
  }

  public func features(_ x: Tensor) -> Tensor {
    avgpool(layer3(layer2(layer1(relu(bn1(conv1(x)))))))
  }

  public func head(_ features: Tensor) -> Tensor { linear(features) }
}

extension Architecture {
  static let cifarResNets = [
    Architecture(
      "resnet20", "residual network for CIFAR-10 with 20 layers (He et al., 2015)", CIFARResNet.self, .resnet20,
      input: [3, 32, 32]),
    Architecture(
      "resnet32", "residual network for CIFAR-10 with 32 layers (He et al., 2015)", CIFARResNet.self, .resnet32,
      input: [3, 32, 32]),
    Architecture(
      "resnet44", "residual network for CIFAR-10 with 44 layers (He et al., 2015)", CIFARResNet.self, .resnet44,
      input: [3, 32, 32]),
    Architecture(
      "resnet56", "residual network for CIFAR-10 with 56 layers (He et al., 2015)", CIFARResNet.self, .resnet56,
      input: [3, 32, 32]),
    Architecture(
      "resnet110", "residual network for CIFAR-10 with 110 layers (He et al., 2015)", CIFARResNet.self, .resnet110,
      input: [3, 32, 32]),
  ]
}
