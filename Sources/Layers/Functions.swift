import AviaryDiagnostics
import AviaryTensors

/// A function of single elements, as an element of a `Sequential`. Each has PyTorch's name and defaults.
public enum Activation: String, Codable, Sendable, CaseIterable, UnaryLayer {
  case identity, relu
  case leakyRelu = "leaky_relu"
  case elu, gelu, silu
  case hardSwish = "hardswish"
  case sigmoid, tanh

  public func forward(_ x: Tensor) -> Tensor {
    switch self {
    case .identity: x
    case .relu: AviaryTensors.relu(x)
    case .leakyRelu: AviaryTensors.leakyRelu(x)
    case .elu: AviaryTensors.elu(x)
    case .gelu: AviaryTensors.gelu(x)
    case .silu: AviaryTensors.silu(x)
    case .hardSwish: AviaryTensors.hardSwish(x)
    case .sigmoid: AviaryTensors.sigmoid(x)
    case .tanh: AviaryTensors.tanh(x)
    }
  }
}

/// x where it is positive, else slope · x: PyTorch's `nn.LeakyReLU`.
public struct LeakyReLU: UnaryLayer {
  private let slope: Float
  private let site = Site()

  public init(slope: Float = 0.01) { self.slope = slope }

  public func forward(_ x: Tensor) -> Tensor { leakyRelu(x, slope: slope) }
}

/// x where it is positive, else α · (eˣ − 1) (Clevert et al., 2016): PyTorch's `nn.ELU`.
public struct ELU: UnaryLayer {
  private let alpha: Float
  private let site = Site()

  public init(alpha: Float = 1) { self.alpha = alpha }

  public func forward(_ x: Tensor) -> Tensor { elu(x, alpha: alpha) }
}

/// A relu that learns its slope below zero, one for all channels or one for each: [N, C, …] → [N, C, …], PyTorch's
/// `nn.PReLU`.
public struct PReLU: UnaryLayer {
  /// [1], or [C]
  public let weight: Parameter

  public init(_ channels: Int = 1, slope: Float = 0.25) {
    ensure(channels >= 1, "PReLU: there are no \(channels) channels")
    weight = Parameter(shape: [channels], initializer: .constant(slope))
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      weight.shape == [1] || (x.rank >= 2 && weight.shape == [x.shape[1]]),
      "\(weight.layerPath): PReLU: input \(x.shape) does not go with weight \(weight.shape)")
    return prelu(x, slope: weight.tensor)
  }
}

/// The softmax along an axis, by default the last: PyTorch's `nn.Softmax`.
public struct Softmax: UnaryLayer {
  private let axis: Int
  private let site = Site()

  public init(axis: Int = -1) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { softmax(x, axis: axis) }
}

/// The logarithm of the softmax along an axis, by default the last: PyTorch's `nn.LogSoftmax`.
public struct LogSoftmax: UnaryLayer {
  private let axis: Int
  private let site = Site()

  public init(axis: Int = -1) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { logSoftmax(x, axis: axis) }
}

/// Dropout (Srivastava et al., 2014): in training each element is zero with probability `rate`, else divided by
/// 1 − rate; in inference, and where it is frozen, nothing happens.
public struct Dropout: UnaryLayer {
  public let rate: Float
  let site = Site()

  public init(_ rate: Float = 0.5) {
    ensure((0...1).contains(rate), "Dropout: the rate \(rate) is not a probability")
    self.rate = rate
  }

  public func forward(_ x: Tensor) -> Tensor {
    site.isFrozen ? x : dropout(x, rate: rate, path: site.path)
  }
}

/// All axes but the first joined into one: [N, C, H, W] → [N, C·H·W].
public struct Flatten: UnaryLayer {
  private let site = Site()

  public init() {}

  public func forward(_ x: Tensor) -> Tensor { x.flattened() }
}
