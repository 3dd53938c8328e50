/// A matrix that has no such result.
public enum LinearAlgebraFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The matrix of this number in the batch has no inverse, or not enough independent rows or columns.
  case singular(operation: String, matrix: Int)
  /// The matrix of this number in the batch is not positive definite.
  case notPositiveDefinite(operation: String, matrix: Int)
  /// The matrix of this number in the batch has an element that is NaN or infinite.
  case notFinite(operation: String, matrix: Int)
  /// The iteration for the matrix of this number in the batch did not converge.
  case notConverged(operation: String, matrix: Int)

  public var description: String {
    switch self {
    case .singular(let operation, let matrix): "\(operation): matrix \(matrix) of the batch is singular"
    case .notPositiveDefinite(let operation, let matrix):
      "\(operation): matrix \(matrix) of the batch is not positive definite"
    case .notFinite(let operation, let matrix):
      "\(operation): matrix \(matrix) of the batch has an element that is NaN or infinite"
    case .notConverged(let operation, let matrix): "\(operation): no convergence for matrix \(matrix) of the batch"
    }
  }
}
