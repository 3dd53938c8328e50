/// How often each class was there, was predicted, and was both: what scores that weigh all classes alike are made of.
struct ClassTally: Equatable {
  private(set) var correct: [Int] = []
  private(set) var examples: [Int] = []
  private(set) var predictions: [Int] = []

  init() {}

  /// Of this many classes, none of which was there yet.
  init(classes: Int) {
    correct = Array(repeating: 0, count: classes)
    (examples, predictions) = (correct, correct)
  }

  /// Counts one example; both classes are at least 0.
  mutating func add(label: Int, predicted: Int) {
    let missing = max(label, predicted) + 1 - correct.count
    if missing > 0 {
      let zeros = Array(repeating: 0, count: missing)
      correct += zeros
      examples += zeros
      predictions += zeros
    }
    correct[label] += label == predicted ? 1 : 0
    examples[label] += 1
    predictions[predicted] += 1
  }

  /// The mean of the classes' F1 scores, over those that were there or predicted; nil without examples (scikit-learn's
  /// `f1_score` with `average="macro"`).
  var macroF1: Double? {
    mean(correct.indices.filter { examples[$0] + predictions[$0] > 0 }) { index in
      2 * Double(correct[index]) / Double(examples[index] + predictions[index])
    }
  }

  /// The mean of the classes' recalls, over those that were there; nil without examples (scikit-learn's
  /// `balanced_accuracy_score`).
  var balancedAccuracy: Double? {
    mean(correct.indices.filter { examples[$0] > 0 }) { Double(correct[$0]) / Double(examples[$0]) }
  }

  /// The mean of the classes' F1 scores, each of which counts as often as it was there; nil without examples (scikit-learn's
  /// `f1_score` with `average="weighted"`).
  var weightedF1: Double? {
    let total = examples.reduce(0, +)
    guard total > 0 else { return nil }
    return correct.indices.reduce(0.0) { sum, index in
      let all = examples[index] + predictions[index]
      return all == 0 ? sum : sum + Double(examples[index]) * 2 * Double(correct[index]) / Double(all)
    } / Double(total)
  }

  /// Matthews' correlation; nil where all examples are of one class, or all predictions are.
  var matthewsCorrelation: Double? {
    let all = Double(examples.reduce(0, +))
    let spread = (all * all - sum(predictions, predictions)) * (all * all - sum(examples, examples))
    guard spread > 0 else { return nil }
    return (Double(correct.reduce(0, +)) * all - sum(examples, predictions)) / spread.squareRoot()
  }

  /// Cohen's kappa; nil where all examples and all predictions are of one class.
  var cohensKappa: Double? {
    let all = Double(examples.reduce(0, +))
    guard all > 0 else { return nil }
    let chance = sum(examples, predictions) / all
    return all > chance ? 1 - (all - Double(correct.reduce(0, +))) / (all - chance) : nil
  }

  /// A quantity that is made of counts of classes, where it is defined; nil of another one.
  func score(_ quantity: Monitor) -> Double? {
    switch quantity {
    case .accuracy:
      let total = examples.reduce(0, +)
      return total > 0 ? Double(correct.reduce(0, +)) / Double(total) : nil
    case .macroF1: return macroF1
    case .balancedAccuracy: return balancedAccuracy
    case .weightedF1: return weightedF1
    case .matthewsCorrelation: return matthewsCorrelation ?? 0
    case .cohensKappa: return cohensKappa ?? 0
    case .loss, .topK, .rmse, .mae, .r2, .pseudoLikelihood: return nil
    }
  }

  /// Moves an example from one predicted class to another.
  mutating func move(label: Int, from old: Int, to new: Int) {
    correct[label] += (new == label ? 1 : 0) - (old == label ? 1 : 0)
    predictions[old] -= 1
    predictions[new] += 1
  }

  private func sum(_ a: [Int], _ b: [Int]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

  private func mean(_ classes: [Int], _ score: (Int) -> Double) -> Double? {
    classes.isEmpty ? nil : classes.reduce(0) { $0 + score($1) } / Double(classes.count)
  }
}
