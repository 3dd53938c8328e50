import AviaryDiagnostics
import AviaryTensors

/// A relu that learns its slope below zero: one for all elements or one for each channel, as PyTorch's `nn.PReLU`, or one
/// for each element, as Keras's. [N, C, …] → [N, C, …].
public struct PReLU: UnaryLayer {
  /// [1], [C], or [C, …]
  public let weight: Parameter

  /// One slope for all elements, or one for each channel.
  public init(_ channels: Int = 1, slope: Float = 0.25) { self.init(shape: [channels], slope: slope) }

  /// - Parameter shape: of one input, [C, …], where each element has a slope of its own.
  public init(shape: [Int], slope: Float = 0.25) {
    ensure(!shape.isEmpty && shape.allSatisfy { $0 >= 1 }, "PReLU: \(shape) is not a shape for slopes")
    weight = Parameter(shape: shape, initializer: .constant(slope))
  }

  public func forward(_ x: Tensor) -> Tensor {
    let shape = weight.shape
    ensure(
      shape == [1] || x.shape.dropFirst().starts(with: shape) && (shape.count == 1 || shape.count == x.rank - 1),
      "\(weight.layerPath): PReLU: input \(x.shape) does not go with weight \(shape)")
    // As in `prelu`: clamping lets the gradient pass at zero itself.
    return shape.count == 1
      ? prelu(x, slope: weight.tensor) : relu(x) + weight.tensor * x.clamped(to: -Float.infinity...0)
  }
}

/// The softmax along an axis, by default the last: PyTorch's `nn.Softmax`.
public struct Softmax: UnaryLayer {
  private let axis: Int
  private let site = Site()

  /// Along this axis, counted from the end where it is negative.
  public init(axis: Int = -1) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { softmax(x, axis: axis) }
}

/// The logarithm of the softmax along an axis, by default the last: PyTorch's `nn.LogSoftmax`.
public struct LogSoftmax: UnaryLayer {
  private let axis: Int
  private let site = Site()

  /// Along this axis, counted from the end where it is negative.
  public init(axis: Int = -1) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { logSoftmax(x, axis: axis) }
}

/// Dropout (Srivastava et al., 2014): in training each element is zero with probability `rate`, else divided by
/// 1 − rate; in inference, and when frozen, it passes its input on.
public struct Dropout: UnaryLayer {
  /// The probability of zero.
  public let rate: Float
  let site = Site()

  /// Dropout with this probability.
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
  private let channelsLast: Bool
  private let site = Site()

  /// - Parameter channelsLast: whether the channels of a position lie side by side in the row, as Keras has them: [N, C, H,
  ///   W] → [N, H·W·C].
  public init(channelsLast: Bool = false) { self.channelsLast = channelsLast }

  public func forward(_ x: Tensor) -> Tensor { (channelsLast ? x.channelsLast() : x).flattened() }
}
