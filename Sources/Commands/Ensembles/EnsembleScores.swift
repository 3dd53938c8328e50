import Aviary

/// The scores of networks on labelled items, each by itself and together.
struct EnsembleScores {
  let rule: EnsembleRule
  let weights: EnsembleWeights
  private let decisions: [ClassDecision]
  /// Empty of numbers.
  private(set) var members: [ClassificationMetrics]
  private(set) var joint: ClassificationMetrics
  private(set) var numbers: [RegressionMetrics]
  private(set) var jointNumbers = RegressionMetrics(keepsPairs: true)
  private var errors: [SquaredErrors]
  private var jointErrors = SquaredErrors()
  /// Of each of several numbers of an item.
  private(set) var steps: [RegressionMetrics] = []
  private var isOfNumbers = false

  init(_ source: EnsembleSource, _ rule: EnsembleRule, _ weights: EnsembleWeights) {
    self.rule = rule
    self.weights = weights
    let count = source.paths.count
    decisions = source.decisions
    members = decisions.map { ClassificationMetrics(classes: source.classes, decision: $0) }
    joint = ClassificationMetrics(
      classes: source.classes, keepsProbabilities: true, decision: rule.decision(of: decisions, weights: weights.values)
    )
    numbers = Array(repeating: RegressionMetrics(), count: count)
    errors = Array(repeating: SquaredErrors(), count: count)
  }

  mutating func add(_ item: ScoredItem) {
    switch item {
    case .classes(let label, let answers):
      for (place, answer) in answers.enumerated() {
        members[place].add(probabilities: answer.probabilities, label: label)
      }
      joint.add(
        probabilities: rule.probabilities(answers, weights: weights.values, decisions: decisions), label: label)
    case .numbers(let targets, let estimates):
      isOfNumbers = true
      if steps.isEmpty { steps = Array(repeating: RegressionMetrics(), count: targets.count) }
      for (step, target) in targets.enumerated() {
        let each = estimates.map { $0[step] }
        for (place, estimate) in each.enumerated() {
          numbers[place].add(target: target, estimate: estimate)
          errors[place].add(estimate - target)
        }
        let estimate = zip(each, weights.values).reduce(0) { $0 + $1.0 * $1.1 }
        steps[step].add(target: target, estimate: estimate)
        jointNumbers.add(target: target, estimate: estimate)
        jointErrors.add(estimate - target)
      }
    }
  }

  /// The report of all networks together.
  func report(_ scan: EnsembleSource.Scan) -> EvaluationReport {
    var report =
      isOfNumbers
      ? EvaluationReport(jointNumbers, item: scan.noun, steps: steps)
      : EvaluationReport(joint, item: scan.noun, skipped: scan.skipped)
    report.part = scan.part
    report.members.append(("part", scan.part.map { .text($0) } ?? .null))
    return scan.lacking.map { report.leavingOut($0) } ?? report
  }

  /// A network's score, or that of all together: what it is called, its value, and where it lies.
  struct Score {
    let value: Double
    let interval: ScoreInterval?
    let loss: Double?
  }

  var isRegression: Bool { isOfNumbers }

  func score(_ member: Int?) -> Score? {
    if isOfNumbers {
      let metrics = member.map { numbers[$0] } ?? jointNumbers
      return metrics.rootMeanSquaredError.map {
        Score(value: $0, interval: (member.map { errors[$0] } ?? jointErrors).interval, loss: nil)
      }
    }
    let metrics = member.map { members[$0] } ?? joint
    return metrics.accuracy.map {
      Score(value: $0, interval: .wilson(correct: metrics.correct, of: metrics.count), loss: metrics.meanLoss)
    }
  }

  func shown(_ score: Score?) -> String {
    guard let score else { return "-" }
    let text = isOfNumbers ? "RMSE \(significant(score.value, 5))" : "accuracy \(percent(score.value))"
    guard let interval = score.interval else { return text }
    func end(_ value: Double) -> String { isOfNumbers ? "\(significant(value, 5))" : percent(value) }
    return text + " (\(end(interval.lower)) to \(end(interval.upper)))"
  }

  /// What the intervals are.
  var method: String {
    isOfNumbers
      ? "95 % intervals by Student's t of the mean squared error" : "95 % intervals by Wilson's score"
  }
}

/// Squared errors, for the interval of their root mean.
private struct SquaredErrors {
  private var count = 0.0
  private var mean = 0.0
  private var scatter = 0.0

  mutating func add(_ error: Double) {
    count += 1
    let distance = error * error - mean
    mean += distance / count
    scatter += distance * (error * error - mean)
  }

  var interval: ScoreInterval? { .rootMean(mean: mean, scatter: scatter, count: count) }
}
