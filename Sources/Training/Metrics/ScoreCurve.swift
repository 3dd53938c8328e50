/// One class against the rest: how many examples of it, and how many others, have a score of at least each threshold. The
/// receiver operating characteristic, the precision–recall curve and their areas follow from it, as scikit-learn defines them.
public struct ScoreCurve: Equatable, Sendable {
  /// The distinct scores, the highest first. An example counts as of the class where its score is at least the threshold.
  public private(set) var thresholds: [Double] = []
  /// For each threshold, how many examples of the class reach it.
  public private(set) var truePositives: [Int] = []
  /// For each threshold, how many others do.
  public private(set) var falsePositives: [Int] = []

  /// - Parameter examples: the score of each example, and whether it is of the class.
  public init(_ examples: [(score: Double, isPositive: Bool)]) {
    var (right, wrong) = (0, 0)
    for example in examples.sorted(by: { $0.score > $1.score }) {
      if example.isPositive { right += 1 } else { wrong += 1 }
      if thresholds.last == example.score {
        truePositives[truePositives.count - 1] = right
        falsePositives[falsePositives.count - 1] = wrong
      } else {
        thresholds.append(example.score)
        truePositives.append(right)
        falsePositives.append(wrong)
      }
    }
  }

  /// The number of examples of the class.
  public var positives: Int { truePositives.last ?? 0 }
  /// The number of other examples.
  public var negatives: Int { falsePositives.last ?? 0 }

  /// The area under the receiver operating characteristic: how often an example of the class has a higher score than
  /// another, of which equal scores count half. Nil where all examples are of the class, or none.
  public var rocArea: Double? {
    guard positives > 0, negatives > 0 else { return nil }
    var (area, last) = (0.0, (right: 0, wrong: 0))
    for (right, wrong) in zip(truePositives, falsePositives) {
      area += Double(wrong - last.wrong) * Double(right + last.right) / 2
      last = (right, wrong)
    }
    return area / (Double(positives) * Double(negatives))
  }

  /// The mean of the precisions at each threshold, weighted by the gain in recall; nil without examples of the class.
  public var averagePrecision: Double? {
    guard positives > 0 else { return nil }
    var (sum, last) = (0.0, 0)
    for (right, wrong) in zip(truePositives, falsePositives) {
      sum += Double(right - last) / Double(positives) * (Double(right) / Double(right + wrong))
      last = right
    }
    return sum
  }

  /// The threshold with the highest F1 score, the lowest of equal ones; nil without examples of the class.
  public var bestThreshold: (threshold: Double, f1: Double)? {
    guard positives > 0 else { return nil }
    var best: (threshold: Double, f1: Double)?
    for (index, threshold) in thresholds.enumerated() {
      let f1 =
        2 * Double(truePositives[index]) / Double(positives + truePositives[index] + falsePositives[index])
      if f1 >= best?.f1 ?? 0 { best = (threshold, f1) }
    }
    return best
  }
}
