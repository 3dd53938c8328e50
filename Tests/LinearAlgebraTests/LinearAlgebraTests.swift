import AviaryLinearAlgebra
import AviaryTestSupport
import Testing

/// What decompositions are for, and where there are none.
@Suite struct LinearAlgebraTests {
  static let singular: Tensor = [[1, 2, 3], [4, 5, 6], [5, 7, 9]]

  static func random(_ shape: [Int], seed: UInt64 = 1) -> Tensor { Tensor(normal: 0, seed: seed, shape: shape) }

  @Test(arguments: [[5, 3], [3, 5], [4, 4], [2, 3, 6, 2], [1, 1], [40, 30]]) func factorsMakeTheMatrix(shape: [Int])
    throws
  {
    let x = Self.random(shape)
    let (q, r) = qr(x)
    #expect(allClose(matmul(q, r), x, relative: 1e-4, absolute: 1e-5))
    #expect(r == r.upperTriangle())
    let (u, s, vt) = try svd(x)
    #expect(allClose(matmul(u * s.unsqueezed(axis: -2), vt), x, relative: 1e-4, absolute: 1e-5))
    let identity = Tensor(identity: min(shape[shape.count - 2], shape[shape.count - 1]))
    for orthonormal in [q, u, vt.transposed()] {
      let product = matmul(orthonormal.transposed(), orthonormal)
      #expect(allClose(product, identity, absolute: 1e-5), "\(product)")
    }
    #expect((s[.rest, .slice(to: -1)] .>= s[.rest, 1...]).all().value)
  }

  @Test func theInverseUndoes() throws {
    let x = Self.random([2, 4, 4]) + 4 * Tensor(identity: 4)
    let undone = matmul(try inverse(x), x)
    #expect(allClose(undone, Tensor(identity: 4), absolute: 1e-5))
    let (sign, logarithm) = signAndLogDeterminant(x)
    #expect(allClose(sign * exp(logarithm), determinant(x), relative: 1e-4))
    #expect(determinant([[0, 1], [1, 0]]).scalar == -1 && determinant([[3]]).scalar == 3)
  }

  @Test func eigenvectorsKeepTheirDirection() throws {
    let half = Self.random([5, 5])
    let x = half + half.transposed()
    let (values, vectors) = try eigh(x)
    #expect(allClose(matmul(x, vectors), vectors * values, absolute: 1e-4))
    #expect((values[..<4] .<= values[1...]).all().value)
  }

  @Test func whatHasNoResultIsThrown() {
    #expect(throws: LinearAlgebraFault.singular(operation: "inverse", matrix: 0)) { try inverse([[1, 2], [2, 4]]) }
    let two = stacked([Tensor(identity: 3), Tensor(zeros: [3, 3])])
    #expect(throws: LinearAlgebraFault.singular(operation: "solve", matrix: 1)) {
      try solve(two, Tensor(ones: [3, 1]))
    }
    #expect(throws: LinearAlgebraFault.notPositiveDefinite(operation: "cholesky", matrix: 0)) {
      try cholesky([[1, 0], [0, -1]])
    }
    #expect(throws: LinearAlgebraFault.notFinite(operation: "svd", matrix: 0)) {
      try svd(Tensor([1, .nan, 0, 1], shape: [2, 2]))
    }
    #expect(throws: LinearAlgebraFault.notFinite(operation: "eigh", matrix: 0)) {
      try eigh(Tensor([.infinity], shape: [1, 1]))
    }
    #expect(throws: LinearAlgebraFault.singular(operation: "leastSquares", matrix: 0)) {
      try leastSquares([[1, 2], [2, 4], [3, 6]], Tensor(ones: [3]))
    }
    #expect(
      LinearAlgebraFault.singular(operation: "solve", matrix: 1).description
        == "solve: matrix 1 of the batch is singular")
  }

  @Test func singularDeterminants() {
    let (y, gradients) = differentiated(["x": Self.singular]) { determinant($0["x"]!) }
    #expect(abs(y.scalar) < 1e-5)
    // The cofactors.
    let expected: Tensor = [[3, -6, 3], [3, -6, 3], [-3, 6, -3]]
    #expect(allClose(gradients["x"]!, expected, absolute: 1e-4), "\(gradients["x"]!)")
    let (sign, logarithm) = signAndLogDeterminant(Tensor(zeros: [2, 2]))
    #expect(sign.scalar == 0 && logarithm.scalar == -.infinity)
    #expect(determinant(Tensor([.nan, 1, 1, 2], shape: [2, 2])).scalar.isNaN)
  }

  @Test func matricesWithoutElements() throws {
    let none = Tensor(zeros: [0, 3, 3])
    #expect(determinant(none).shape == [0])
    #expect(try inverse(none).shape == [0, 3, 3])
    #expect(determinant(Tensor(zeros: [0, 0])).scalar == 1)
    let (u, s, vt) = try svd(Tensor(zeros: [2, 0, 3]))
    #expect(u.shape == [2, 0, 0] && s.shape == [2, 0] && vt.shape == [2, 0, 3])
    #expect(try solve(none, Tensor(zeros: [0, 3, 2])).shape == [0, 3, 2])
  }
}
