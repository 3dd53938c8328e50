/// How well numbers are estimated, in the units of the table. Names are scikit-learn's.
public struct RegressionMetrics: Equatable, Sendable {
  /// One example.
  public struct Pair: Equatable, Sendable {
    /// What was to be estimated.
    public let target: Double
    /// What was estimated.
    public let estimate: Double
  }

  /// How many there are.
  public private(set) var count = 0
  private var squares = 0.0
  private var magnitudes = 0.0
  private var targets = Spread()
  private var estimates = Spread()
  private var errors = Spread()
  /// The target and the estimate of every example, 16 bytes each, in their order; nil where they are not kept.
  public private(set) var pairs: [Pair]?

  /// - Parameter keepsPairs: whether every example is kept, for the median and for pictures.
  public init(keepsPairs: Bool = false) { if keepsPairs { pairs = [] } }

  /// Adds an estimate.
  public mutating func add(target: Double, estimate: Double) {
    let error = estimate - target
    count += 1
    squares += error * error
    magnitudes += error.magnitude
    targets.add(target)
    estimates.add(estimate)
    errors.add(error)
    pairs?.append(Pair(target: target, estimate: estimate))
  }

  /// Nil without examples, as are the others.
  public var meanSquaredError: Double? { count == 0 ? nil : squares / Double(count) }
  /// The square root of the mean squared error; nil of nothing.
  public var rootMeanSquaredError: Double? { meanSquaredError.map { $0.squareRoot() } }
  /// The mean magnitude of the errors; nil of nothing.
  public var meanAbsoluteError: Double? { count == 0 ? nil : magnitudes / Double(count) }
  /// By how much the estimates are too high on average.
  public var meanError: Double? { count == 0 ? nil : errors.mean }
  /// Of an even number of examples, the mean of the two in the middle; nil, too, where the examples are not kept.
  public var medianAbsoluteError: Double? {
    guard let errors = pairs?.map({ ($0.estimate - $0.target).magnitude }).sorted(), !errors.isEmpty else { return nil }
    let middle = errors.count / 2
    return errors.count % 2 == 1 ? errors[middle] : (errors[middle - 1] + errors[middle]) / 2
  }
  /// The coefficient of determination, R²: 1 less the squared errors' share of the targets' scatter; nil where all targets are
  /// the same.
  public var r2: Double? { targets.scatter > 0 ? 1 - squares / targets.scatter : nil }
  /// The same, but that estimates that are all too high or too low by one number count as right; nil where all targets are the
  /// same.
  public var explainedVariance: Double? { targets.scatter > 0 ? 1 - errors.scatter / targets.scatter : nil }
  /// Whether the estimates are all but one number, with a standard deviation of at most 0.1 % of that of the targets: the
  /// inputs count for nothing.
  public var isConstant: Bool { targets.scatter > 0 && estimates.scatter <= 1e-6 * targets.scatter }

  /// The mean of numbers and the sum of their squared distances from it, by Welford's method: sums of squares would cancel for
  /// numbers far from zero.
  private struct Spread: Equatable, Sendable {
    private var count = 0.0
    private(set) var mean = 0.0
    private(set) var scatter = 0.0

    mutating func add(_ value: Double) {
      count += 1
      let distance = value - mean
      mean += distance / count
      scatter += distance * (value - mean)
    }
  }
}
