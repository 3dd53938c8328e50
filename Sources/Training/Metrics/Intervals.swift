import AviaryPlatform

/// Where a score lies with a given confidence.
public struct ScoreInterval: Equatable, Sendable {
  /// The lower end.
  public let lower: Double
  /// The upper end.
  public let upper: Double

  /// The share of right answers by Wilson's score interval (1927); nil without examples.
  public static func wilson(correct: Int, of count: Int, confidence: Double = 0.95) -> ScoreInterval? {
    count > 0 ? wilson(share: Double(correct) / Double(count), of: count, confidence: confidence) : nil
  }

  /// The same of a share that is the mean of several answers to each example, which are no further examples.
  public static func wilson(share: Double, of count: Int, confidence: Double = 0.95) -> ScoreInterval? {
    guard count > 0 else { return nil }
    let (z, n) = (normalQuantile((1 + confidence) / 2), Double(count))
    let scale = 1 + z * z / n
    let center = (share + z * z / (2 * n)) / scale
    let reach = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return ScoreInterval(lower: max(0, center - reach), upper: min(1, center + reach))
  }
}

/// The mean of a score over several runs, with its scatter and where it lies.
public struct MeanScore: Equatable, Sendable {
  /// The score of each run.
  public let values: [Double]
  /// The mean of the runs.
  public let mean: Double
  /// The standard deviation of a sample (divided by one less than the number of runs).
  public let deviation: Double
  /// By Student's t over the runs, which takes these for independent: mean ± t · deviation / √runs.
  public let interval: ScoreInterval
  /// The same with Nadeau and Bengio's correction (2003): the training items of two folds are mostly the same, so that
  /// the runs are not independent and the plain interval is too narrow; nil where the shares are not known.
  public let correctedInterval: ScoreInterval?

  /// - Parameters:
  ///   - values: of at least two runs.
  ///   - heldOut: how many items a run holds out for one that it learns from; nil where that says nothing.
  ///   - bounds: what the score cannot leave, which cuts the intervals off: a share of right answers is at most 1.
  /// - Returns: nil for fewer values.
  public init?(
    _ values: [Double], heldOut: Double? = nil, bounds: ClosedRange<Double>? = nil, confidence: Double = 0.95
  ) {
    guard values.count > 1 else { return nil }
    let count = Double(values.count)
    self.values = values
    let mean = values.reduce(0, +) / count
    self.mean = mean
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
    self.deviation = deviation
    let t = studentQuantile((1 + confidence) / 2, freedom: count - 1)
    func interval(_ variance: Double) -> ScoreInterval {
      let reach = t * deviation * variance.squareRoot()
      let (lower, upper) = (mean - reach, mean + reach)
      guard let bounds else { return ScoreInterval(lower: lower, upper: upper) }
      return ScoreInterval(lower: max(bounds.lowerBound, lower), upper: min(bounds.upperBound, upper))
    }
    self.interval = interval(1 / count)
    correctedInterval = heldOut.map { interval(1 / count + $0) }
  }
}

/// The number below which a normal variable lies with the probability.
func normalQuantile(_ probability: Double) -> Double {
  root(of: probability) { erfc(-$0 / 2.0.squareRoot()) / 2 }
}

/// The same of Student's t.
///
/// - Parameter freedom: the degrees of freedom, above 0.
func studentQuantile(_ probability: Double, freedom: Double) -> Double {
  root(of: probability) { t in
    let tail = regularizedBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return t < 0 ? tail : 1 - tail
  }
}

/// Where a rising function has a value, by halving.
private func root(of value: Double, _ function: (Double) -> Double) -> Double {
  var (low, high) = (-1.0, 1.0)
  while function(low) > value, low > -1e300 { low *= 2 }
  while function(high) < value, high < 1e300 { high *= 2 }
  while true {
    let middle = low + (high - low) / 2
    if middle <= low || middle >= high { return middle }
    if function(middle) < value { low = middle } else { high = middle }
  }
}

/// The regularized incomplete beta function, by its continued fraction (Lentz's method).
private func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  if x > (a + 1) / (a + b + 2) { return 1 - regularizedBeta(1 - x, b, a) }
  let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x)) / a
  let tiny = 1e-300
  func kept(_ value: Double) -> Double { value.magnitude < tiny ? tiny : value }
  var c = 1.0
  var d = 1 / kept(1 - (a + b) * x / (a + 1))
  var fraction = d
  for m in 1...10_000 {
    let k = Double(m)
    for term in [
      k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)), -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1)),
    ] {
      d = 1 / kept(1 + term * d)
      c = kept(1 + term / c)
      fraction *= c * d
    }
    if (c * d - 1).magnitude < 4 * .ulpOfOne { break }
  }
  return front * fraction
}

/// The logarithm of the gamma function, of positive numbers, by Stirling's series.
private func logGamma(_ x: Double) -> Double {
  var (x, below) = (x, 0.0)
  while x < 15 {
    below += log(x)
    x += 1
  }
  let (inverse, square) = (1 / x, 1 / (x * x))
  let series = inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)))
  return (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + series - below
}

extension ScoreInterval {
  /// The root of a mean of squares: the roots of the ends of the mean's interval by Student's t; nil of fewer than two.
  ///
  /// - Parameters:
  ///   - mean: of the squares.
  ///   - scatter: the sum of their squared distances from it.
  public static func rootMean(
    mean: Double, scatter: Double, count: Double, confidence: Double = 0.95
  ) -> ScoreInterval? {
    guard count > 1, mean.isFinite, scatter.isFinite else { return nil }
    let reach =
      studentQuantile((1 + confidence) / 2, freedom: count - 1) * (scatter / (count - 1) / count).squareRoot()
    return ScoreInterval(lower: max(0, mean - reach).squareRoot(), upper: (mean + reach).squareRoot())
  }
}
