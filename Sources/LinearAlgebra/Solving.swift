import AviaryDiagnostics
@_exported import AviaryTensors

// Results of Float32, computed in double by LAPACK. Batch axes come first: [N…, R, C].

/// The determinant of square matrices: [N…, M, M] → [N…]; PyTorch's `linalg.det`. Its gradient is the
/// cofactors, for singular matrices, too, where PyTorch returns zeros.
public func determinant(_ x: Tensor) -> Tensor {
  checkSquare(x, "determinant")
  let matrices = x.matrices
  let values = matrices.map { Float(LUFactors($0).determinant) }
  return recordedResult(Tensor(values, shape: x.batch), from: x) { gradient in
    let slopes = zip(matrices, gradient.scalars).map { Double($1) * cofactors($0) }
    return [Tensor(slopes, like: x)]
  }
}

/// det · A⁻ᵀ, which for singular matrices is the limit.
private func cofactors(_ a: Matrix) -> Matrix {
  guard a.isFinite, let (u, s, vt) = LAPACK.svd(a) else {
    return Matrix(rows: a.rows, columns: a.columns) { _, _ in .nan }
  }
  let sign = LUFactors(u).determinant * LUFactors(vt).determinant
  let others = s.indices.map { left in s.indices.reduce(sign) { $1 == left ? $0 : $0 * s[$1] } }
  return u * Matrix(diagonal: others) * vt
}

/// The sign of the determinant and the logarithm of its magnitude, without overflow: [N…, M, M] → two of [N…]; PyTorch's
/// `linalg.slogdet`. A singular matrix has sign 0 and −∞; there is no gradient at it, which is NaN.
public func signAndLogDeterminant(_ x: Tensor) -> (sign: Tensor, logarithm: Tensor) {
  checkSquare(x, "signAndLogDeterminant")
  let factors = x.matrices.map(LUFactors.init)
  let size = x.shape[x.rank - 1]
  var (signs, logarithms): ([Float], [Float]) = ([], [])
  for factor in factors {
    let (sign, pivots) = factor.diagonal
    signs.append(Float(pivots.reduce(sign) { $0 * ($1 > 0 ? 1 : $1 < 0 ? -1 : $1) }))
    logarithms.append(Float(pivots.reduce(0) { $0 + logarithm($1.magnitude) }))
  }
  let y = recordedResult(Tensor(logarithms, shape: x.batch), from: x) { gradient in
    let slopes = zip(factors, gradient.scalars).map { factor, slope -> Matrix in
      if factor.isSingular { return Matrix(rows: size, columns: size) { _, _ in .nan } }
      return Double(slope) * factor.solve(Matrix(identity: size), transposed: true)
    }
    return [Tensor(slopes, like: x)]
  }
  return (Tensor(signs, shape: x.batch), y)
}

/// The inverses of square matrices: [N…, M, M]; PyTorch's `linalg.inv`.
public func inverse(_ x: Tensor) throws(LinearAlgebraFault) -> Tensor {
  checkSquare(x, "inverse")
  let size = x.shape[x.rank - 1]
  var inverses: [Matrix] = []
  for (number, matrix) in x.matrices.enumerated() {
    let factors = LUFactors(matrix)
    if factors.isSingular { throw .singular(operation: "inverse", matrix: number) }
    inverses.append(factors.solve(Matrix(identity: size)))
  }
  return recordedResult(Tensor(inverses, like: x), from: x) { [inverses] gradient in
    let slopes = zip(inverses, gradient.matrices).map { y, dy in -1 * (y.transposed * dy * y.transposed) }
    return [Tensor(slopes, like: x)]
  }
}

/// The X of A·X = B: [N…, M, M] by [N…, M, K] → [N…, M, K], or by vectors [N…, M] → [N…, M], the batch axes broadcasting;
/// PyTorch's `linalg.solve`. B is taken for vectors where its shape is that of A without the last axis, or [M].
public func solve(_ a: Tensor, _ b: Tensor) throws(LinearAlgebraFault) -> Tensor {
  checkSquare(a, "solve")
  if b.rank == 1 || b.shape == Array(a.shape.dropLast()) {
    return try solve(a, b.unsqueezed(axis: -1)).squeezed(axes: [-1])
  }
  let size = a.shape[a.rank - 1]
  ensure(b.rank >= 2 && b.shape[b.rank - 2] == size, "solve: \(a.shape) does not go with \(b.shape)")
  let batch = broadcastShape(a.batch, b.batch)
  let (a, b) = (a.expanded(to: batch + [size, size]), b.expanded(to: batch + b.shape.suffix(2)))
  var (factors, solutions): ([LUFactors], [Matrix]) = ([], [])
  for (number, (matrix, right)) in zip(a.matrices, b.matrices).enumerated() {
    let factor = LUFactors(matrix)
    if factor.isSingular { throw .singular(operation: "solve", matrix: number) }
    factors.append(factor)
    solutions.append(factor.solve(right))
  }
  return recordedResult(Tensor(solutions, like: b), from: a, b) { [factors, solutions] gradient in
    let right = zip(factors, gradient.matrices).map { $0.solve($1, transposed: true) }
    let left = zip(right, solutions).map { -1 * ($0 * $1.transposed) }
    return [Tensor(left, like: a), Tensor(right, like: b)]
  }
}

/// The X for which ‖A·X − B‖ is least: [N…, M, N] by [N…, M, K] → [N…, N, K], or by a vector; of several the smallest.
/// PyTorch's `linalg.lstsq` for matrices of full rank; others are refused.
public func leastSquares(_ a: Tensor, _ b: Tensor) throws(LinearAlgebraFault) -> Tensor {
  ensure(a.rank >= 2, "leastSquares: \(a.shape) is not a matrix")
  if b.rank == 1 || b.shape == Array(a.shape.dropLast()) {
    return try leastSquares(a, b.unsqueezed(axis: -1)).squeezed(axes: [-1])
  }
  ensure(
    b.rank >= 2 && b.shape[b.rank - 2] == a.shape[a.rank - 2], "leastSquares: \(a.shape) does not go with \(b.shape)")
  let isTall = a.shape[a.rank - 2] >= a.shape[a.rank - 1]
  let (q, r) = qr(isTall ? a : a.transposed())
  for (number, matrix) in r.matrices.enumerated() {
    let sizes = matrix.diagonal.map(\.magnitude)
    // What float32 makes of dependent columns is no less.
    let least = Double(Float.ulpOfOne) * Double(max(a.shape[a.rank - 2], a.shape[a.rank - 1])) * (sizes.max() ?? 0)
    if sizes.contains(where: { $0 <= least }) { throw .singular(operation: "leastSquares", matrix: number) }
  }
  return isTall ? try solve(r, matmul(q.transposed(), b)) : matmul(q, try solve(r.transposed(), b))
}
