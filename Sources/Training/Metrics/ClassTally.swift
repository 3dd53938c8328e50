/// How often each class was there, was predicted, and was both: what scores that weigh all classes alike are made of.
struct ClassTally: Equatable {
  private var correct: [Int] = []
  private var examples: [Int] = []
  private var predictions: [Int] = []

  init() {}

  /// - Parameter confusion: rows are the true classes, columns the predicted ones.
  init(confusion: [[Int]]) {
    correct = confusion.indices.map { confusion[$0][$0] }
    examples = confusion.map { $0.reduce(0, +) }
    predictions = confusion.indices.map { column in confusion.reduce(0) { $0 + $1[column] } }
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

  private func mean(_ classes: [Int], _ score: (Int) -> Double) -> Double? {
    classes.isEmpty ? nil : classes.reduce(0) { $0 + score($1) } / Double(classes.count)
  }
}
