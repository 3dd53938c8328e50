// Scores of the confusion matrix beyond accuracy. Names and edge cases are scikit-learn's; what it sets to 0 with a warning,
// or to NaN, is nil here and listed in `undefined`.

/// Means of the classes' precision, recall and F1 score.
///
/// They run over the classes that were there or predicted. A class that was never predicted counts with a precision of 0,
/// one that was not there with a recall of 0, as in scikit-learn.
public struct AveragedScores: Codable, Equatable, Sendable {
  /// Of what was predicted as a class, the share that is.
  public var precision: Double
  /// Of what is of a class, the share that was found.
  public var recall: Double
  /// The harmonic mean of both.
  public var f1: Double
}

extension ClassificationMetrics {
  /// The number of examples of each class.
  public var support: [Int] { tally.examples }

  /// How often each class was predicted.
  public var predictions: [Int] { tally.predictions }

  /// The harmonic mean of precision and recall of each class; nil for a class neither there nor predicted.
  public var f1: [Double?] {
    zip(zip(support, predictions), classes.indices).map { counts, c in
      let all = counts.0 + counts.1
      return all == 0 ? nil : 2 * Double(tally.correct[c]) / Double(all)
    }
  }

  /// The confusion matrix as shares of each true class; nil where the class has no examples.
  public var confusionRates: [[Double?]] {
    zip(confusion, support).map { row, all in row.map { all == 0 ? nil : Double($0) / Double(all) } }
  }

  /// Every class counts alike; nil without examples.
  public var macroAverage: AveragedScores? { averaged { _ in 1 } }

  /// Every class counts as often as it is there; nil without examples.
  public var weightedAverage: AveragedScores? { averaged { Double($0) } }

  private func averaged(_ weight: (_ support: Int) -> Double) -> AveragedScores? {
    let (support, predictions) = (support, predictions)
    let counted = classes.indices.filter { support[$0] + predictions[$0] > 0 }
    let total = counted.reduce(0) { $0 + weight(support[$1]) }
    guard total > 0 else { return nil }
    func mean(_ values: [Double?]) -> Double {
      counted.reduce(0) { $0 + weight(support[$1]) * (values[$1] ?? 0) } / total
    }
    return AveragedScores(precision: mean(precision), recall: mean(recall), f1: mean(f1))
  }

  /// Matthews' correlation of the true classes with the predicted ones, from −1 to 1; nil where all examples are of one
  /// class, or all predictions are (scikit-learn says 0).
  public var matthewsCorrelation: Double? {
    let (support, predictions) = (support.map { Double($0) }, predictions.map { Double($0) })
    let all = Double(count)
    func sum(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let spread = (all * all - sum(predictions, predictions)) * (all * all - sum(support, support))
    guard spread > 0 else { return nil }
    return (Double(correct) * all - sum(support, predictions)) / spread.squareRoot()
  }

  /// Cohen's kappa: agreement beyond what chance would give; nil where all examples and all predictions are of one class.
  public var cohensKappa: Double? {
    guard count > 0 else { return nil }
    let all = Double(count)
    let chance = zip(support, predictions).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } / all
    guard all - chance > 0 else { return nil }
    return 1 - (all - Double(correct)) / (all - chance)
  }

  /// What the confusion matrix leaves undefined, and why: a line for each quantity.
  public var undefined: [String] {
    guard count > 0 else { return ["everything: there are no examples"] }
    let (support, predictions) = (support, predictions)
    var lines: [String] = []
    func add(_ quantity: String, _ reason: String, _ isConcerned: (Int) -> Bool) {
      let names = classes.indices.filter(isConcerned).map { "'\(classes[$0])'" }
      guard !names.isEmpty else { return }
      let more = names.count > 5 ? " and \(names.count - 5) more" : ""
      lines.append("\(quantity) of \(names.prefix(5).joined(separator: ", "))\(more): \(reason)")
    }
    add("precision", "never predicted (0 in averages)") { support[$0] > 0 && predictions[$0] == 0 }
    add("recall", "no examples (0 in averages)") { support[$0] == 0 && predictions[$0] > 0 }
    add("precision, recall and F1", "no examples, and never predicted (left out of averages)") {
      support[$0] + predictions[$0] == 0
    }
    if matthewsCorrelation == nil {
      let one = predictions.count(where: { $0 > 0 }) == 1 ? "predictions" : "examples"
      lines.append("Matthews correlation: all \(one) are of one class")
    }
    if cohensKappa == nil { lines.append("Cohen's kappa: all examples and predictions are of one class") }
    return lines
  }
}
