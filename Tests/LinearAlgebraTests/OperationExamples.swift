import AviaryLinearAlgebra

/// The examples of the documentation page `Operations.md`, one a line: `OperationsPageTests` looks each of them up here.
func runOperationExamples() throws {
  let a: Tensor = [[4, 1, 0], [1, 3, 1], [0, 1, 5]]
  let b = Tensor(ones: [3, 2])
  _ = determinant(a)
  _ = signAndLogDeterminant(a)
  _ = try inverse(a)
  _ = try solve(a, b)
  _ = try leastSquares(a, b)
  _ = try cholesky(a)
  _ = qr(a)
  _ = try eigh(a)
  _ = try svd(a)
}
