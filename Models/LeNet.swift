// LeNet-5: convolutions for handwritten digits.
//
// LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998. Its widths, in two
// variants: with tanh and average pooling, near to the paper, and with relu and max pooling, as it is used today. Left out
// of the paper's: the learned factor and bias of each subsampled map, the scale of its tanh (1.7159·tanh(2x/3)), the table
// by which its second convolution sees some maps only, and its output of radial basis functions: a linear layer stands for
// these, as everywhere today. Its layer C5, a convolution over all that is left of the image, is the linear layer fc1: the
// same numbers in the same order.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A 5×5 convolution that pads images of 28 pixels to the 32 of the paper: [N, C, 28 or 32, …] → [N, 6, 28, 28].
struct PaddingConvolution: UnaryLayer {
  /// [6, C, 5, 5]
  let weight: Parameter
  /// [6]
  let bias: Parameter

  init(_ inputChannels: Int) {
    weight = Parameter(shape: [6, inputChannels, 5, 5], initializer: .pytorchWeight)
    bias = Parameter(shape: [6], initializer: .pytorchBias(weight: weight.shape))
  }

  func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == 4 && x.shape[1] == weight.shape[1] && LeNet.sides.contains(x.shape[2]) && x.shape[2] == x.shape[3],
      "\(weight.path): LeNet: input \(x.shape) does not go with weight \(weight.shape) and sides \(LeNet.sides)")
    let padding = (32 - x.shape[2]) / 2
    return convolution(
      x, weight: weight.tensor, bias: bias.tensor, stride: [1, 1], padding: [padding, padding], dilation: [1, 1])
  }
}

/// LeNet-5: two convolutions with a pool after each, and three fully connected layers: [N, 1, 28, 28] or [N, 1, 32, 32]
/// → [N, classes].
public struct LeNet: Classifier {
  /// Which form of LeNet-5 it is.
  public enum Variant: String, Codable, Sendable {
    /// tanh and average pooling.
    case original
    /// relu and max pooling.
    case modern
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// Which of the published networks it is.
    public var variant: Variant
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(_ variant: Variant, inputChannels: Int = 1, classes: Int = 10) {
      self.variant = variant
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// As it is used today: 61,706 parameters.
    public static let lenet5 = Configuration(.modern)
    /// As in 1998: 61,706 parameters.
    public static let original = Configuration(.original)

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc3.weight") ?? classes
    }

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireImages("lenet5", input: input, least: 1)
      guard let input, !LeNet.sides.contains(input[1]) || input[1] != input[2] else { return }
      throw .wrongInput(architecture: "lenet5", input: input, expected: "images of 28×28 or 32×32 pixels")
    }
  }

  /// The sides of the images that it takes.
  static let sides = [28, 32]

  public let configuration: Configuration
  private let conv1: PaddingConvolution
  private let conv2: Conv2d
  private let fc1: Linear
  private let fc2: Linear
  private let fc3: Linear

  public var headPath: String { "fc3" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    conv1 = PaddingConvolution(configuration.inputChannels)
    conv2 = Conv2d(6, 16, kernel: 5)
    fc1 = Linear(16 * 5 * 5, 120)
    fc2 = Linear(120, 84)
    fc3 = Linear(84, configuration.classes)
  }

  public func features(_ x: Tensor) -> Tensor {
    let maps = pooled(activated(conv2(pooled(activated(conv1(x))))))
    return activated(fc2(activated(fc1(maps.flattened()))))
  }

  private func activated(_ x: Tensor) -> Tensor {
    switch configuration.variant {
    case .original: tanh(x)
    case .modern: relu(x)
    }
  }

  private func pooled(_ x: Tensor) -> Tensor {
    switch configuration.variant {
    case .original: averagePool(x, kernel: [2, 2])
    case .modern: maxPool(x, kernel: [2, 2])
    }
  }

  public func head(_ features: Tensor) -> Tensor { fc3(features) }
}

extension Architecture {
  static let leNets = [
    Architecture(
      "lenet5", "LeNet-5 with relu and max pooling (after LeCun et al., 1998)", LeNet.self, .lenet5,
      input: [1, 28, 28]),
    Architecture(
      "lenet5-original", "LeNet-5 with tanh and average pooling (LeCun et al., 1998)", LeNet.self, .original,
      input: [1, 32, 32]),
  ]
}
