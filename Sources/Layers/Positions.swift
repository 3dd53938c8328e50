import AviaryDiagnostics
import AviaryTensors

/// A learned vector for each place, added to the steps of sequences: [N, T, E] → [N, T, E], T being at most `steps`.
public struct LearnedPositions: UnaryLayer {
  /// [steps, E]
  public let weight: Parameter

  /// Positions for sequences of at most `steps`, `width` numbers each.
  public init(_ steps: Int, _ width: Int, initializer: Initializer = .normal(mean: 0, deviation: 0.02)) {
    weight = Parameter(shape: [steps, width], initializer: initializer)
  }

  public func forward(_ x: Tensor) -> Tensor { self(x, from: 0) }

  /// The same for steps that come after others.
  ///
  /// - Parameter start: the place of the first step.
  public func callAsFunction(_ x: Tensor, from start: Int) -> Tensor {
    ensure(
      x.rank >= 2 && x.shape[x.rank - 1] == weight.shape[1] && start >= 0
        && start + x.shape[x.rank - 2] <= weight.shape[0],
      "\(weight.layerPath): LearnedPositions: input \(x.shape) from place \(start) on does not go with \(weight.shape)")
    return x + weight.tensor.slice(axis: 0, from: start, to: start + x.shape[x.rank - 2])
  }
}

/// Sines and cosines of the place, added to the steps of sequences (Vaswani et al., 2017): [N, T, E] → [N, T, E], for
/// sequences of any length.
///
/// Channel 2i has the sine of place / 10000^(2i / E), and channel 2i + 1 its cosine.
public struct SinusoidalPositions: UnaryLayer {
  private let width: Int
  private let site = Site()

  /// Positions for steps of this width, which is even.
  public init(_ width: Int) {
    ensure(width >= 1, "SinusoidalPositions: a width of \(width)")
    self.width = width
  }

  public func forward(_ x: Tensor) -> Tensor { self(x, from: 0) }

  /// The same for steps that come after others.
  ///
  /// - Parameter start: the place of the first step.
  public func callAsFunction(_ x: Tensor, from start: Int) -> Tensor {
    ensure(
      x.rank >= 2 && x.shape[x.rank - 1] == width && start >= 0,
      "\(site.layerPath): SinusoidalPositions: input \(x.shape) does not have \(width) channels")
    return composed(.init("sinusoidalPositions", ["from": .integer(start)]), from: [x]) {
      x + Self.table(start..<start + x.shape[x.rank - 2], width: width)
    }
  }

  /// [places, width], computed in double: angles of a thousand have no digits left in floats.
  static func table(_ places: Range<Int>, width: Int) -> Tensor {
    let rates = (0..<width).map { power(10000, -Double($0 / 2 * 2) / Double(width)) }
    let values = places.flatMap { place in
      rates.enumerated().map { channel, rate in
        let angle = Double(place) * rate
        return Float(channel % 2 == 0 ? sine(angle) : cosine(angle))
      }
    }
    return Tensor(values, shape: [places.count, width])
  }
}
