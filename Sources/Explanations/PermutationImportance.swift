import AviaryDiagnostics
import AviaryTensors

/// How much a model's score falls when the values of a column are shuffled among the rows (Breiman, 2001; Fisher et al.,
/// 2018): what scikit-learn's `permutation_importance` computes.
///
/// Columns that say the same share their importance: shuffling one leaves the other.
public struct PermutationImportance: Sendable {
  /// One shuffling of one column: the row whose value each row gets.
  public struct Shuffling: Sendable {
    /// The place of the column.
    public let column: Int
    /// From which row each value comes.
    public let rows: [Int]
  }

  /// The score of the table as it is.
  public let score: Double
  /// By how much each shuffling lowers it: a list for each column.
  public let importances: [[Double]]

  /// The mean of each column.
  public var means: [Double] { importances.map(Self.mean) }

  /// The standard deviation of each column's, over its shufflings (not of a sample: divided by their number).
  public var deviations: [Double] {
    importances.map { list in
      let mean = Self.mean(list)
      return (list.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(list.count)).squareRoot()
    }
  }

  private static func mean(_ list: [Double]) -> Double { list.reduce(0, +) / Double(list.count) }

  /// - Parameters:
  ///   - repeats: how often each column is shuffled, at least once.
  ///   - seed: of the shufflings.
  ///   - score: of the model on the table, or on the table after a shuffling; higher is better.
  ///   - rows: the rows of the table to score.
  ///   - columns: the columns to rank.
  public init<Failure>(
    columns: Int, rows: Int, repeats: Int = 5, seed: UInt64 = 0, score: (Shuffling?) throws(Failure) -> Double
  ) throws(Failure) {
    ensure(repeats >= 1, "PermutationImportance: \(repeats) repeats")
    try self.init(columns: columns, repeats: repeats, score: score) { column, number in
      var stream = RandomStream(
        seed: seed, purpose: "permutation importance", path: String(column), step: UInt64(number))
      return stream.permutation(rows)
    }
  }

  /// The same with given shufflings.
  init<Failure>(
    columns: Int, repeats: Int, score: (Shuffling?) throws(Failure) -> Double, rows: (Int, Int) -> [Int]
  ) throws(Failure) {
    let whole = try score(nil)
    var importances: [[Double]] = []
    for column in 0..<columns {
      var list: [Double] = []
      for number in 0..<repeats {
        list.append(whole - (try score(Shuffling(column: column, rows: rows(column, number)))))
      }
      importances.append(list)
    }
    self.score = whole
    self.importances = importances
  }
}
