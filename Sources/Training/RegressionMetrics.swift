/// How well numbers are estimated, in the units of the table.
public struct RegressionMetrics: Equatable, Sendable {
  public private(set) var count = 0
  private var squares = 0.0
  private var magnitudes = 0.0
  /// Of the targets, by Welford's method: sums of squares would cancel for targets far from zero.
  private var mean = 0.0
  private var scatter = 0.0
  /// The same of the estimates.
  private var estimateMean = 0.0
  private var estimateScatter = 0.0

  public init() {}

  public mutating func add(target: Double, estimate: Double) {
    let error = estimate - target
    count += 1
    squares += error * error
    magnitudes += error.magnitude
    let distance = target - mean
    mean += distance / Double(count)
    scatter += distance * (target - mean)
    let estimateDistance = estimate - estimateMean
    estimateMean += estimateDistance / Double(count)
    estimateScatter += estimateDistance * (estimate - estimateMean)
  }

  /// Nil without examples, as are the others.
  public var meanSquaredError: Double? { count == 0 ? nil : squares / Double(count) }
  public var rootMeanSquaredError: Double? { meanSquaredError.map { $0.squareRoot() } }
  public var meanAbsoluteError: Double? { count == 0 ? nil : magnitudes / Double(count) }
  /// The share of the targets' variance that the estimates explain, R²; nil where all targets are the same.
  public var explainedVariance: Double? {
    scatter > 0 ? 1 - squares / scatter : nil
  }
  /// Whether the estimates are all but one number, with a standard deviation of at most 0.1 % of that of the targets: the
  /// inputs count for nothing.
  public var isConstant: Bool { scatter > 0 && estimateScatter <= 1e-6 * scatter }
}
