import AviaryTensors

/// A range test of learning rates (Smith, "Cyclical Learning Rates for Training Neural Networks", 2017): the rate grows with
/// every step of a short training, and the loss shows where it learns fastest and where it breaks. As in fastai, the losses
/// are smoothed, the test ends where they are four times the least, and the rate with the steepest descent is suggested.
public struct LearningRateRange: Equatable, Sendable {
  /// A step of the test.
  public struct Point: Equatable, Sendable {
    /// The rate of the step.
    public let learningRate: Double
    /// The loss of the step's batch.
    public let loss: Double
    /// An exponential mean of the losses so far, corrected for its beginning.
    public let smoothed: Double
  }

  /// The steps so far, in their order.
  public private(set) var points: [Point] = []
  /// How the rates grow.
  public let rates: ClosedRange<Double>
  /// How many steps there are at most.
  public let steps: Int
  private var mean = 0.0

  /// The share of the past in a smoothed loss.
  static let smoothing = 0.98
  /// Where the loss is so many times the least one, the test ends.
  static let limit = 4.0
  /// Points that do not count in the suggestion: at the beginning the mean is noisy, at the end the training breaks.
  static let (skippedAtStart, skippedAtEnd) = (10, 5)

  /// A test that has not begun.
  ///
  /// - Throws: `TrainingFault` unless the rates rise from above 0, in 2 to 100,000 steps.
  public init(_ rates: ClosedRange<Double> = 1e-7...10, steps: Int = 100) throws(TrainingFault) {
    try TrainingFault.check(
      "learning rates of a range test", "\(rates.lowerBound)...\(rates.upperBound)",
      rates.lowerBound > 0 && rates.upperBound.isFinite && rates.lowerBound < rates.upperBound, "rising, above 0")
    try TrainingFault.check("number of steps of a range test", steps, (2...100_000).contains(steps), "2 to 100000")
    self.rates = rates
    self.steps = steps
  }

  /// The rate of the next step.
  var nextRate: Double {
    rates.lowerBound * power(rates.upperBound / rates.lowerBound, Double(points.count) / Double(steps - 1))
  }

  /// Takes in the loss of a step with the next rate. Returns whether the test goes on.
  mutating func add(_ loss: Double) -> Bool {
    guard loss.isFinite else { return false }
    mean = Self.smoothing * mean + (1 - Self.smoothing) * loss
    let smoothed = mean / (1 - power(Self.smoothing, Double(points.count + 1)))
    let least = points.map(\.smoothed).min() ?? smoothed
    points.append(Point(learningRate: nextRate, loss: loss, smoothed: smoothed))
    return points.count < steps && (points.count == 1 || smoothed <= Self.limit * least)
  }

  /// The rate with the steepest descent of the smoothed loss over the logarithm of the rate; nil where it never falls.
  public var steepest: Double? {
    let kept = Array(points.dropFirst(Self.skippedAtStart).dropLast(Self.skippedAtEnd))
    guard kept.count > 1 else { return nil }
    let losses = kept.map(\.smoothed)
    // NumPy's gradient.
    let slopes = losses.indices.map { index -> Double in
      if index == 0 { return losses[1] - losses[0] }
      if index == losses.count - 1 { return losses[index] - losses[index - 1] }
      return (losses[index + 1] - losses[index - 1]) / 2
    }
    guard let least = slopes.min(), least < 0, let place = slopes.firstIndex(of: least) else { return nil }
    return kept[place].learningRate
  }

  /// A tenth of the rate with the least smoothed loss: as high as is still safe.
  public var tenthOfLeast: Double? {
    points.dropFirst(Self.skippedAtStart).dropLast(Self.skippedAtEnd).min { $0.smoothed < $1.smoothed }
      .map { $0.learningRate / 10 }
  }
}

extension Session {
  /// Trains with growing learning rates, without a run folder. The model's weights are worthless afterwards.
  func learningRates(_ empty: LearningRateRange) throws -> LearningRateRange {
    var test = empty
    try prepareModel()
    let learner = StepLearner(task, try makeOptimizer(), options)
    // As the first steps of a run: nothing else is done to gradients there.
    let transform = GradientClipping.transform(options.learning.penalizing(), then: options.clipping)
    var (epoch, number) = (0, 0)
    while true {
      let batches = BatchGroups(try task.batches(epoch: epoch, startingAt: 0), size: options.learning.accumulation)
      for batches in batches {
        let result = try learner.learn(batches, learningRate: test.nextRate, number: number, transform)
        number += 1
        guard result.count > 0 else { continue }
        if !test.add(result.loss) { return test }
      }
      try task.checkBatches()
      epoch += 1
      if test.points.isEmpty { throw TrainingFault.nothingLearned(epoch: epoch) }
    }
  }
}
