import AviaryPlatform

/// Weights for the members of an ensemble, none below 0 and together 1.
public struct EnsembleWeights: Equatable, Sendable {
  /// One weight for each member, in their order.
  public let values: [Double]

  /// Equal ones.
  public init(count: Int) { values = Array(repeating: 1 / Double(count), count: count) }

  /// Given ones, scaled to sum to 1; nil unless all are finite, none is below 0 and one is above.
  public init?(_ given: [Double]) {
    let sum = given.reduce(0, +)
    guard given.allSatisfy({ $0 >= 0 }), sum > 0, sum.isFinite else { return nil }
    values = given.map { $0 / sum }
  }

  /// Those with the least mean negative logarithm of the probability of the true class.
  ///
  /// - Parameter own: of each item, the probability that each member gives to its true class.
  public init(leastLogLoss own: [[Double]]) {
    let floored = own.map { $0.map { max($0, .ulpOfOne) } }
    self.init(minimizing: LogLoss(rows: floored), members: own.first?.count ?? 1)
  }

  /// Those with the least mean squared error.
  ///
  /// - Parameter errors: of each estimate, that of each member less the truth.
  public init(leastSquares errors: [[Double]]) {
    self.init(minimizing: SquaredError(rows: errors), members: errors.first?.count ?? 1)
  }

  /// By Newton's method with a barrier before the weights that are 0, which is lowered until the objective is within 1e-10 of
  /// its least value. Both objectives are convex.
  private init(minimizing objective: some Objective, members: Int) {
    var weights = Array(repeating: 1 / Double(members), count: members)
    var barrier = 0.1
    while members > 1, barrier * Double(members) > 1e-11 {
      for _ in 0..<100 {
        let (value, gradient, curvature) = objective.at(weights, barrier)
        guard let step = Self.step(gradient, curvature) else { break }
        let decrease = -zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
        // Written so that NaN ends it, too.
        guard decrease > 1e-15 * max(1, value.magnitude) else { break }
        var length = zip(weights, step).reduce(1.0) { $1.1 < 0 ? min($0, -0.99 * $1.0 / $1.1) : $0 }
        var next = weights
        for _ in 0..<60 {
          next = zip(weights, step).map { $0 + length * $1 }
          if objective.value(next, barrier) <= value - 1e-4 * length * decrease { break }
          length /= 2
        }
        weights = next
      }
      barrier /= 10
    }
    // What the barrier alone keeps above 0.
    let kept = weights.map { $0 > 1e-7 ? $0 : 0 }
    let sum = kept.reduce(0, +)
    values = kept.map { $0 / sum }
  }

  /// The step that keeps the sum: the solution of H d = −g with Σ d = 0; nil where H cannot be solved.
  private static func step(_ gradient: [Double], _ curvature: [[Double]]) -> [Double]? {
    guard let factor = cholesky(curvature) else { return nil }
    let along = solved(factor, gradient)
    let across = solved(factor, Array(repeating: 1, count: gradient.count))
    let share = along.reduce(0, +) / across.reduce(0, +)
    return zip(along, across).map { share * $1 - $0 }
  }

  private static func cholesky(_ matrix: [[Double]]) -> [[Double]]? {
    var factor = matrix
    for row in matrix.indices {
      for column in 0...row {
        var sum = matrix[row][column]
        for inner in 0..<column { sum -= factor[row][inner] * factor[column][inner] }
        if row == column {
          guard sum > 0, sum.isFinite else { return nil }
          factor[row][row] = sum.squareRoot()
        } else {
          factor[row][column] = sum / factor[column][column]
        }
      }
    }
    return factor
  }

  private static func solved(_ factor: [[Double]], _ right: [Double]) -> [Double] {
    var result = right
    for row in right.indices {
      for inner in 0..<row { result[row] -= factor[row][inner] * result[inner] }
      result[row] /= factor[row][row]
    }
    for row in right.indices.reversed() {
      for inner in (row + 1)..<right.count { result[row] -= factor[inner][row] * result[inner] }
      result[row] /= factor[row][row]
    }
    return result
  }
}

/// A convex function of weights, as a mean over items of a function of one sum of each: Σ weight · value.
private protocol Objective {
  /// [items][members]
  var rows: [[Double]] { get }
  /// What a sum costs, and the first two derivatives.
  func cost(_ sum: Double) -> (value: Double, slope: Double, curvature: Double)
}

private struct LogLoss: Objective {
  let rows: [[Double]]
  func cost(_ sum: Double) -> (value: Double, slope: Double, curvature: Double) {
    (-log(sum), -1 / sum, 1 / (sum * sum))
  }
}

private struct SquaredError: Objective {
  let rows: [[Double]]
  func cost(_ sum: Double) -> (value: Double, slope: Double, curvature: Double) { (sum * sum, 2 * sum, 2) }
}

extension Objective {
  func value(_ weights: [Double], _ barrier: Double) -> Double {
    guard weights.allSatisfy({ $0 > 0 }) else { return .infinity }
    let mean = rows.reduce(0) { $0 + cost(Self.sum($1, weights)).value } / Double(max(1, rows.count))
    return mean - barrier * weights.reduce(0) { $0 + log($1) }
  }

  func at(
    _ weights: [Double], _ barrier: Double
  ) -> (value: Double, gradient: [Double], curvature: [[Double]]) {
    let members = weights.indices
    var gradient = weights.map { -barrier / $0 }
    var curvature = members.map { row in members.map { $0 == row ? barrier / (weights[row] * weights[row]) : 0 } }
    let share = 1 / Double(max(1, rows.count))
    for row in rows {
      let (_, slope, bend) = cost(Self.sum(row, weights))
      for first in members {
        gradient[first] += share * slope * row[first]
        for second in 0...first { curvature[first][second] += share * bend * row[first] * row[second] }
      }
    }
    for first in members { for second in 0..<first { curvature[second][first] = curvature[first][second] } }
    return (value(weights, barrier), gradient, curvature)
  }

  private static func sum(_ row: [Double], _ weights: [Double]) -> Double {
    zip(row, weights).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
