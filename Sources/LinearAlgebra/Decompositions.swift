import AviaryDiagnostics
import AviaryTensors

/// The lower triangles L of A = L·Lᵀ, of symmetric positive definite matrices: [N…, M, M]; PyTorch's `linalg.cholesky`. Of A
/// only the lower triangle is read.
public func cholesky(_ x: Tensor) throws(LinearAlgebraFault) -> Tensor {
  checkSquare(x, "cholesky")
  let size = x.shape[x.rank - 1]
  var factors: [Matrix] = []
  for (number, matrix) in x.matrices.enumerated() {
    guard let factor = LAPACK.cholesky(matrix) else {
      throw .notPositiveDefinite(operation: "cholesky", matrix: number)
    }
    factors.append(factor)
  }
  return recordedResult(Tensor(factors, like: x), from: x) { [factors] gradient in
    // L⁻ᵀ · Φ(Lᵀ·dL) · L⁻¹, symmetric; Φ takes the lower triangle and half of the diagonal (Murray, 2016).
    let slopes = zip(factors, gradient.matrices).map { l, dl -> Matrix in
      let product = l.transposed * dl
      let phi = Matrix(rows: size, columns: size) { $0 > $1 ? product[$0, $1] : $0 == $1 ? product[$0, $1] / 2 : 0 }
      let lu = LUFactors(l)
      let left = lu.solve(phi, transposed: true)
      let slope = lu.solve(left.transposed, transposed: true).transposed
      return 0.5 * (slope + slope.transposed)
    }
    return [Tensor(slopes, like: x)]
  }
}

/// Q with orthonormal columns and an upper triangle R with A = Q·R: [N…, M, N] → [N…, M, K] and [N…, K, N], K being the
/// smaller size; PyTorch's `linalg.qr`. The gradient asks for independent first K columns.
public func qr(_ x: Tensor) -> (q: Tensor, r: Tensor) {
  ensure(x.rank >= 2, "qr: \(x.shape) is not a matrix")
  let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
  let smaller = min(rows, columns)
  let factors = x.matrices.map(LAPACK.qr)
  let results = recorded(
    [
      Tensor(factors.map(\.q), batch: x.batch, rows: rows, columns: smaller),
      Tensor(factors.map(\.r), batch: x.batch, rows: smaller, columns: columns),
    ], from: x
  ) { gradients in
    let slopes = zip(factors, zip(gradients[0].matrices, gradients[1].matrices)).map { factor, slopes -> Matrix in
      let (dq, dr) = slopes
      // Columns beyond the K-th are Q times their own part of R.
      let rest = smaller..<columns
      let (square, dSquare) = (factor.r.columns(0..<smaller), dr.columns(0..<smaller))
      let (own, dOwn) = (factor.r.columns(rest), dr.columns(rest))
      let dFirst = qrSlope(q: factor.q, r: square, dq: dq + factor.q * own * dOwn.transposed, dr: dSquare)
      return Matrix(rows: rows, columns: columns, dFirst.elements + (factor.q * dOwn).elements)
    }
    return Tensor(slopes, like: x)
  }
  return (results[0], results[1])
}

/// (dQ + Q · copyltu(R·dRᵀ − dQᵀ·Q)) · R⁻ᵀ for a square R (Seeger et al., 2017).
private func qrSlope(q: Matrix, r: Matrix, dq: Matrix, dr: Matrix) -> Matrix {
  let m = r * dr.transposed - dq.transposed * q
  let symmetric = Matrix(rows: m.rows, columns: m.columns) { m[max($0, $1), min($0, $1)] }
  let left = dq + q * symmetric
  // Y·R⁻ᵀ is the transpose of R⁻¹·Yᵀ.
  return LUFactors(r).solve(left.transposed).transposed
}

/// The eigenvalues, rising, and eigenvectors, as columns, of symmetric matrices: [N…, M, M] → [N…, M] and [N…, M, M];
/// PyTorch's `linalg.eigh`. Of a matrix only the lower triangle is read. The gradient with respect to the vectors asks for
/// eigenvalues that differ; the sign of a vector is arbitrary.
public func eigh(_ x: Tensor) throws(LinearAlgebraFault) -> (values: Tensor, vectors: Tensor) {
  checkSquare(x, "eigh")
  let size = x.shape[x.rank - 1]
  var found: [(values: [Double], vectors: Matrix)] = []
  for (number, matrix) in x.matrices.enumerated() {
    if !matrix.isFinite { throw .notFinite(operation: "eigh", matrix: number) }
    guard let one = LAPACK.symmetricEigen(matrix) else { throw .notConverged(operation: "eigh", matrix: number) }
    found.append(one)
  }
  let results = recorded(
    [Tensor(rows: found.map(\.values), batch: x.batch, count: size), Tensor(found.map(\.vectors), like: x)], from: x
  ) { [found] gradients in
    let slopes = zip(found, zip(gradients[0].rows, gradients[1].matrices)).map { one, slopes -> Matrix in
      let (values, v) = (one.values, one.vectors)
      let inner = v.transposed * slopes.1
      let middle = Matrix(rows: size, columns: size) { row, column in
        row == column ? slopes.0[row] : quotient(inner[row, column], values[column] - values[row])
      }
      return v * middle * v.transposed
    }
    return Tensor(slopes, like: x)
  }
  return (results[0], results[1])
}

/// U and V with orthonormal columns and singular values S, falling, with A = U·diag(S)·Vᵀ: [N…, M, N] → [N…, M, K], [N…, K]
/// and [N…, K, N], K being the smaller size; PyTorch's `linalg.svd` with `full_matrices=False`. The gradient with respect to
/// U and V asks for singular values that differ; the signs of a pair of vectors are arbitrary.
public func svd(_ x: Tensor) throws(LinearAlgebraFault) -> (u: Tensor, s: Tensor, vt: Tensor) {
  ensure(x.rank >= 2, "svd: \(x.shape) is not a matrix")
  let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
  let smaller = min(rows, columns)
  var found: [(u: Matrix, s: [Double], vt: Matrix)] = []
  for (number, matrix) in x.matrices.enumerated() {
    if !matrix.isFinite { throw .notFinite(operation: "svd", matrix: number) }
    guard let one = LAPACK.svd(matrix) else { throw .notConverged(operation: "svd", matrix: number) }
    found.append(one)
  }
  let results = recorded(
    [
      Tensor(found.map(\.u), batch: x.batch, rows: rows, columns: smaller),
      Tensor(rows: found.map(\.s), batch: x.batch, count: smaller),
      Tensor(found.map(\.vt), batch: x.batch, rows: smaller, columns: columns),
    ], from: x
  ) { [found] gradients in
    let (du, ds, dvt) = (gradients[0].matrices, gradients[1].rows, gradients[2].matrices)
    return Tensor(found.indices.map { svdSlope(found[$0], du: du[$0], ds: ds[$0], dvt: dvt[$0]) }, like: x)
  }
  return (results[0], results[1], results[2])
}

/// U · [(skew(Uᵀ·dU) ∘ 1/E)·S + S·(skew(Vᵀ·dV) ∘ 1/E) + diag(dS)] · Vᵀ with E of S_j² − S_i², and what dU and dV have at right
/// angles to U and V, divided by S (Townsend, 2016).
private func svdSlope(
  _ one: (u: Matrix, s: [Double], vt: Matrix), du: Matrix, ds: [Double], dvt: Matrix
) -> Matrix {
  let (u, s, v, dv) = (one.u, one.s, one.vt.transposed, dvt.transposed)
  let (left, right) = (u.transposed * du, v.transposed * dv)
  let middle = Matrix(rows: s.count, columns: s.count) { i, j in
    if i == j { return ds[i] }
    let gap = (s[j] - s[i]) * (s[j] + s[i])
    return quotient(left[i, j] - left[j, i], gap) * s[j] + s[i] * quotient(right[i, j] - right[j, i], gap)
  }
  var slope = u * middle * one.vt
  func perVector(_ x: Matrix) -> Matrix { Matrix(rows: x.rows, columns: x.columns) { quotient(x[$0, $1], s[$1]) } }
  if u.rows > s.count { slope = slope + perVector(du - u * left) * one.vt }
  if v.rows > s.count { slope = slope + u * perVector(dv - v * right).transposed }
  return slope
}

/// Where nothing is asked for, nothing is divided: equal values do no harm to who does not ask for vectors.
private func quotient(_ a: Double, _ b: Double) -> Double { a == 0 ? 0 : a / b }
