import AviaryTestSupport
import Testing

@testable import AviaryExplanations

@Suite struct PermutationImportanceTests {
  private let rows = 40
  private let columns = 5
  private let table = Goldens.formula(count: 200, k: 60, scale: 1).map(Double.init)
  private let weights = Goldens.formula(count: 15, k: 61, scale: 1).map(Double.init)

  /// The scores of a linear model for three classes, on the table after a shuffling.
  private func outputs(_ shuffling: PermutationImportance.Shuffling?) -> [[Double]] {
    (0..<rows).map { row in
      (0..<3).map { output in
        (0..<columns).reduce(0) { sum, column in
          let source = shuffling?.column == column ? shuffling?.rows[row] ?? row : row
          return sum + table[source * columns + column] * weights[column * 3 + output]
        }
      }
    }
  }

  @Test func scikitLearnsValues() throws {
    let goldens = try Goldens("explanations", of: "ExplanationsTests")
    let orders = try goldens.array("permutation/orders").integers.map { Int($0) }
    let classes = try goldens.array("permutation/classes").integers.map { Int($0) }
    let numbers = try goldens.array("permutation/numbers").values
    let mean = numbers.reduce(0, +) / Double(rows)
    func accuracy(_ shuffling: PermutationImportance.Shuffling?) -> Double {
      let right = zip(outputs(shuffling), classes).count { row, label in row.indices.max { row[$0] < row[$1] } == label
      }
      return Double(right) / Double(rows)
    }
    func explained(_ shuffling: PermutationImportance.Shuffling?) -> Double {
      let errors = zip(outputs(shuffling), numbers).reduce(0) { $0 + ($1.0[0] - $1.1) * ($1.0[0] - $1.1) }
      return 1 - errors / numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    for (name, score) in [("accuracy", accuracy), ("r2", explained)] {
      let found = PermutationImportance(columns: columns, repeats: 4, score: score) { column, number in
        let start = (column * 4 + number) * rows
        return Array(orders[start..<start + rows])
      }
      func compare(_ values: [Double], _ key: String) throws {
        for (a, b) in zip(values, try goldens.array("permutation/\(name)/\(key)").values) {
          #expect(abs(a - b) < 1e-10)
        }
      }
      try compare(found.importances.flatMap { $0 }, "importances")
      try compare(found.means, "means")
      try compare(found.deviations, "deviations")
      #expect(found.score == score(nil))
    }
  }

  @Test func shufflingsAreKeyedByTheSeed() {
    func orders(_ seed: UInt64) -> [[Int]] {
      var seen: [[Int]] = []
      _ = PermutationImportance(columns: 2, rows: 9, repeats: 3, seed: seed) { shuffling -> Double in
        if let shuffling { seen.append(shuffling.rows) }
        return 0
      }
      return seen
    }
    let first = orders(1)
    #expect(first == orders(1) && first != orders(2))
    #expect(first.count == 6 && Set(first).count == 6)
    #expect(first.allSatisfy { $0.sorted() == Array(0..<9) })
  }
}
