import AviaryDiagnostics
import CLAPACK

// The calls of LAPACK. Sizes are checked or made here, so that no call can leave its arrays.

/// P·L·U of a square matrix.
struct LUFactors: Sendable {
  private var factors: Matrix
  private var pivots: [Int32]
  /// Whether a pivot is zero, so that there is no inverse.
  let isSingular: Bool

  init(_ a: Matrix) {
    ensure(a.rows == a.columns, "LU of a matrix that is not square")
    factors = a
    pivots = Array(repeating: 0, count: a.rows)
    var size = Int32(a.rows)
    var leading = max(1, size)
    var info: Int32 = 0
    if size > 0 { unsafe dgetrf_(&size, &size, &factors.elements, &leading, &pivots, &info) }
    isSingular = info > 0
  }

  /// 1 or −1 by the rows exchanged, and the diagonal of U.
  var diagonal: (sign: Double, pivots: [Double]) {
    let exchanges = pivots.enumerated().count { $0.offset + 1 != Int($0.element) }
    return (exchanges % 2 == 0 ? 1 : -1, factors.diagonal)
  }

  var determinant: Double {
    let (sign, pivots) = diagonal
    return pivots.reduce(sign, *)
  }

  /// The X of A·X = B, or of Aᵀ·X = B.
  func solve(_ b: Matrix, transposed: Bool = false) -> Matrix {
    ensure(b.rows == factors.rows, "a right-hand side of another size")
    var x = b
    if x.elements.isEmpty { return x }
    var (size, columns, info) = (Int32(b.rows), Int32(b.columns), Int32(0))
    var leading = max(1, size)
    unsafe dgetrs_(
      transposed ? "T" : "N", &size, &columns, factors.elements, &leading, pivots, &x.elements, &leading, &info, 1)
    return x
  }
}

enum LAPACK {
  /// The lower triangle L of A = L·Lᵀ, of the lower triangle of A; nil where A is not positive definite.
  static func cholesky(_ a: Matrix) -> Matrix? {
    ensure(a.rows == a.columns, "Cholesky of a matrix that is not square")
    var l = Matrix(rows: a.rows, columns: a.columns) { $0 >= $1 ? a[$0, $1] : 0 }
    var (size, info) = (Int32(a.rows), Int32(0))
    var leading = max(1, size)
    if size > 0 { unsafe dpotrf_("L", &size, &l.elements, &leading, &info, 1) }
    return info == 0 ? l : nil
  }

  /// Q [M, K] and R [K, N] of [M, N], K being the smaller size.
  static func qr(_ a: Matrix) -> (q: Matrix, r: Matrix) {
    let k = min(a.rows, a.columns)
    if k == 0 { return (Matrix(zeros: a.rows, 0), Matrix(zeros: 0, a.columns)) }
    var factors = a
    var tau = [Double](repeating: 0, count: k)
    var (m, n, count, info) = (Int32(a.rows), Int32(a.columns), Int32(k), Int32(0))
    var room = Int32(64 * max(a.rows, a.columns))
    var work = [Double](repeating: 0, count: Int(room))
    unsafe dgeqrf_(&m, &n, &factors.elements, &m, &tau, &work, &room, &info)
    let r = Matrix(rows: k, columns: a.columns) { $0 <= $1 ? factors[$0, $1] : 0 }
    var q = factors.columns(0..<k)
    unsafe dorgqr_(&m, &count, &count, &q.elements, &m, tau, &work, &room, &info)
    return (q, r)
  }

  /// Rising eigenvalues and their vectors, of the lower triangle of a symmetric matrix; nil where it did not converge.
  static func symmetricEigen(_ a: Matrix) -> (values: [Double], vectors: Matrix)? {
    ensure(a.rows == a.columns, "eigenvalues of a matrix that is not square")
    if a.rows == 0 { return ([], a) }
    var vectors = a
    var values = [Double](repeating: 0, count: a.rows)
    var (size, info) = (Int32(a.rows), Int32(0))
    var (room, integers) = (Int32(1 + 6 * a.rows + 2 * a.rows * a.rows), Int32(3 + 5 * a.rows))
    var work = [Double](repeating: 0, count: Int(room))
    var whole = [Int32](repeating: 0, count: Int(integers))
    unsafe dsyevd_("V", "L", &size, &vectors.elements, &size, &values, &work, &room, &whole, &integers, &info, 1, 1)
    return info == 0 ? (values, vectors) : nil
  }

  /// U [M, K], falling singular values [K] and Vᵀ [K, N] of [M, N], K being the smaller size; nil where it did not converge.
  static func svd(_ a: Matrix) -> (u: Matrix, s: [Double], vt: Matrix)? {
    let k = min(a.rows, a.columns)
    var (u, vt, s) = (Matrix(zeros: a.rows, k), Matrix(zeros: k, a.columns), [Double](repeating: 0, count: k))
    if k == 0 { return (u, s, vt) }
    var input = a
    var (m, n, count, info) = (Int32(a.rows), Int32(a.columns), Int32(k), Int32(0))
    let larger = max(a.rows, a.columns)
    var room = Int32(4 * k * k + 7 * k + 64 * larger)
    var work = [Double](repeating: 0, count: Int(room))
    var whole = [Int32](repeating: 0, count: 8 * k)
    unsafe dgesdd_(
      "S", &m, &n, &input.elements, &m, &s, &u.elements, &m, &vt.elements, &count, &work, &room, &whole, &info, 1)
    return info == 0 ? (u, s, vt) : nil
  }
}
