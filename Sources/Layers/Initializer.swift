import AviaryTensors

/// How a parameter begins.
///
/// Fans are counted as in PyTorch: for a weight of [O, I, k…] fan-in is I·k… and fan-out O·k….
public indirect enum Initializer: Sendable, Equatable {
  /// What a bound is counted from: the inputs or the outputs of an element.
  public enum Fan: Sendable {
    /// The inputs or the outputs of an element.
    case `in`, out
  }

  /// The same number everywhere.
  case constant(Float)
  /// Uniform from −bound to bound.
  case uniform(bound: Float)
  /// Normal with this mean and standard deviation.
  case normal(mean: Float, deviation: Float)
  /// He et al., 2015, for relu: the deviation is √(2 / fan).
  case kaimingNormal(Fan)
  /// He et al., 2015: the bound is √(6 / ((1 + a²) · fan-in)) for a relu whose negative slope is a.
  case kaimingUniform(negativeSlope: Float = 0)
  /// Glorot & Bengio, 2010: the deviation is √(2 / (fan-in + fan-out)).
  case xavierNormal
  /// Glorot & Bengio, 2010: the bound is √(6 / (fan-in + fan-out)).
  case xavierUniform
  /// Keras's `he_normal`: normal with the deviation √(2 / fan-in) within two deviations.
  case heNormal
  /// Keras's `glorot_normal`: the same with √(2 / (fan-in + fan-out)).
  case glorotNormal
  /// LeCun et al., 1998, as Keras's `lecun_normal` has it: the same with √(1 / fan-in).
  case lecunNormal
  /// LeCun et al., 1998: the bound is √(3 / fan-in).
  case lecunUniform
  /// Normal with a deviation, and drawn again beyond two of them (Keras's `truncated_normal`).
  case truncatedNormal(deviation: Float)
  /// Saxe et al., 2014: orthogonal rows or columns, times `gain` (PyTorch's and Keras's `orthogonal`).
  case orthogonal(gain: Float)
  /// Another one, but for one row, which is zero: that of the symbol that fills sequences up.
  case zeroRow(Int, others: Initializer)

  /// 0 everywhere.
  public static let zeros = Initializer.constant(0)
  /// 1 everywhere.
  public static let ones = Initializer.constant(1)
  /// PyTorch's default for weights of convolutions and linear maps: uniform with the bound 1 / √fan-in.
  public static let pytorchWeight = Initializer.kaimingUniform(negativeSlope: Float(5).squareRoot())
  /// PyTorch's default for biases: uniform with the bound 1 / √fan-in of the weight.
  public static func pytorchBias(weight shape: [Int]) -> Initializer {
    .uniform(bound: 1 / Float(max(1, fans(shape).in)).squareRoot())
  }

  /// What the elements of a parameter are drawn from.
  public enum Distribution: Sendable, Equatable {
    /// The same number everywhere.
    case constant(Float)
    /// Uniform from −bound to bound.
    case uniform(bound: Float)
    /// Normal with this mean and standard deviation.
    case normal(mean: Float, deviation: Float)
    /// Within two deviations of 0; the deviation is that of all normal numbers.
    case truncatedNormal(deviation: Float)
    /// Rows or columns that are orthogonal to each other, multiplied by the gain (Saxe et al., 2014).
    case orthogonal(gain: Float)
  }

  /// The deviation of normal numbers of deviation 1 that lie within two of them.
  private static let truncatedDeviation: Float = 0.879_625_66

  /// The distribution for a parameter of the shape given.
  public func distribution(shape: [Int]) -> Distribution {
    let (fanIn, fanOut) = Self.fans(shape)
    switch self {
    case .constant(let value): return .constant(value)
    case .uniform(let bound): return .uniform(bound: bound)
    case .normal(let mean, let deviation): return .normal(mean: mean, deviation: deviation)
    case .kaimingNormal(let fan):
      return .normal(mean: 0, deviation: (2 / Float(fan == .in ? fanIn : fanOut)).squareRoot())
    case .kaimingUniform(let slope):
      return .uniform(bound: (6 / ((1 + slope * slope) * Float(fanIn))).squareRoot())
    case .xavierNormal: return .normal(mean: 0, deviation: (2 / Float(fanIn + fanOut)).squareRoot())
    case .xavierUniform: return .uniform(bound: (6 / Float(fanIn + fanOut)).squareRoot())
    case .heNormal: return Self.truncated(2 / Float(fanIn))
    case .glorotNormal: return Self.truncated(2 / Float(fanIn + fanOut))
    case .lecunNormal: return Self.truncated(1 / Float(fanIn))
    case .lecunUniform: return .uniform(bound: (3 / Float(fanIn)).squareRoot())
    case .truncatedNormal(let deviation): return .truncatedNormal(deviation: deviation)
    case .orthogonal(let gain): return .orthogonal(gain: gain)
    case .zeroRow(_, let others): return others.distribution(shape: shape)
    }
  }

  /// Such that what is drawn has the variance.
  private static func truncated(_ variance: Float) -> Distribution {
    .truncatedNormal(deviation: variance.squareRoot() / truncatedDeviation)
  }

  func tensor(shape: [Int], seed: UInt64, path: String) -> Tensor {
    if case .zeroRow(let row, let others) = self {
      let mask = (0..<shape[0]).map { $0 == row ? Float(0) : 1 }
      let column = [shape[0]] + Array(repeating: 1, count: shape.count - 1)
      return others.tensor(shape: shape, seed: seed, path: path) * Tensor(mask, shape: column)
    }
    let stream = RandomStream(seed: seed, purpose: "initialisation", path: path)
    switch distribution(shape: shape) {
    case .constant(let value): return Tensor(repeating: value, shape: shape)
    case .uniform(let bound): return Tensor(uniform: -bound, bound, stream: stream, shape: shape)
    case .normal(let mean, let deviation):
      return Tensor(normal: mean, deviation: deviation, stream: stream, shape: shape)
    case .truncatedNormal(let deviation):
      let again = RandomStream(seed: seed, purpose: "initialisation again", path: path)
      return Tensor(truncatedNormal: deviation, stream: stream, again: again, shape: shape)
    case .orthogonal(let gain): return Tensor(orthogonal: gain, stream: stream, shape: shape)
    }
  }

  private static func fans(_ shape: [Int]) -> (in: Int, out: Int) {
    guard shape.count >= 2 else { return (max(1, shape.first ?? 1), max(1, shape.first ?? 1)) }
    let window = shape.dropFirst(2).reduce(1, *)
    return (shape[1] * window, shape[0] * window)
  }
}
