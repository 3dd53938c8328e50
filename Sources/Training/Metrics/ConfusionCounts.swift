/// How often each class was predicted for examples of each class.
///
/// Only the pairs that were met are kept: a matrix of a hundred thousand classes would have ten thousand million cells.
struct ConfusionCounts: Equatable, Sendable {
  private let classes: Int
  /// By the place in the matrix, row after row.
  private var counts: [Int: Int] = [:]

  init(classes: Int) { self.classes = classes }

  mutating func add(label: Int, predicted: Int) { counts[label * classes + predicted, default: 0] += 1 }

  /// The pairs that were met, by the true class and then by the predicted one.
  var pairs: [ClassificationMetrics.ConfusedPair] {
    counts.sorted { $0.key < $1.key }.map {
      ClassificationMetrics.ConfusedPair(label: $0.key / classes, predicted: $0.key % classes, count: $0.value)
    }
  }

  /// [classes][classes]: rows are the true classes, columns the predicted ones.
  var matrix: [[Int]] {
    var matrix = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    for (place, count) in counts { matrix[place / classes][place % classes] = count }
    return matrix
  }
}
