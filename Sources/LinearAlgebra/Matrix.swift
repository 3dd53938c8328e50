import AviaryTensors

/// A matrix of doubles, stored column by column as LAPACK wants it.
struct Matrix: Sendable {
  let rows: Int
  let columns: Int
  var elements: [Double]

  init(rows: Int, columns: Int, _ elements: [Double]) {
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  init(zeros rows: Int, _ columns: Int) {
    self.init(rows: rows, columns: columns, Array(repeating: 0, count: rows * columns))
  }

  init(identity size: Int) { self.init(diagonal: Array(repeating: 1, count: size)) }

  init(diagonal: [Double]) {
    self.init(zeros: diagonal.count, diagonal.count)
    for i in diagonal.indices { self[i, i] = diagonal[i] }
  }

  subscript(row: Int, column: Int) -> Double {
    get { elements[row + column * rows] }
    set { elements[row + column * rows] = newValue }
  }

  /// An element for each place.
  init(rows: Int, columns: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
    self.init(zeros: rows, columns)
    for column in 0..<columns {
      for row in 0..<rows { self[row, column] = element(row, column) }
    }
  }

  var transposed: Matrix { Matrix(rows: columns, columns: rows) { self[$1, $0] } }
  var diagonal: [Double] { (0..<min(rows, columns)).map { self[$0, $0] } }
  var isFinite: Bool { elements.allSatisfy(\.isFinite) }

  /// Some of the columns.
  func columns(_ range: Range<Int>) -> Matrix {
    Matrix(rows: rows, columns: range.count, Array(elements[range.lowerBound * rows..<range.upperBound * rows]))
  }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    var y = Matrix(zeros: a.rows, b.columns)
    for column in 0..<b.columns {
      for inner in 0..<a.columns {
        let factor = b[inner, column]
        for row in 0..<a.rows { y.elements[row + column * a.rows] += a.elements[row + inner * a.rows] * factor }
      }
    }
    return y
  }

  static func * (a: Double, b: Matrix) -> Matrix { Matrix(rows: b.rows, columns: b.columns, b.elements.map { a * $0 }) }

  static func + (a: Matrix, b: Matrix) -> Matrix {
    Matrix(rows: a.rows, columns: a.columns, zip(a.elements, b.elements).map { $0 + $1 })
  }

  static func - (a: Matrix, b: Matrix) -> Matrix {
    Matrix(rows: a.rows, columns: a.columns, zip(a.elements, b.elements).map { $0 - $1 })
  }
}

// MARK: - Tensors

extension Tensor {
  /// The matrices of [N…, R, C], one after the other.
  var matrices: [Matrix] {
    let (rows, columns) = (shape[rank - 2], shape[rank - 1])
    let scalars = scalars
    let count = shape.dropLast(2).reduce(1, *)
    return (0..<count).map { number in
      Matrix(rows: rows, columns: columns) { Double(scalars[(number * rows + $0) * columns + $1]) }
    }
  }

  /// [batch…, R, C] of matrices of one size.
  init(_ matrices: [Matrix], batch: [Int], rows: Int, columns: Int) {
    var scalars: [Float] = []
    scalars.reserveCapacity(matrices.count * rows * columns)
    for matrix in matrices {
      for row in 0..<rows {
        for column in 0..<columns { scalars.append(Float(matrix[row, column])) }
      }
    }
    self.init(scalars, shape: batch + [rows, columns])
  }

  /// [batch…, K] of rows.
  init(rows: [[Double]], batch: [Int], count: Int) {
    self.init(rows.flatMap { $0.map { Float($0) } }, shape: batch + [count])
  }

  /// The rows of [batch…, K].
  var rows: [[Double]] {
    let count = shape[rank - 1]
    let scalars = scalars
    return (0..<shape.dropLast().reduce(1, *)).map { row in scalars[row * count..<(row + 1) * count].map { Double($0) }
    }
  }

  var batch: [Int] { Array(shape.dropLast(2)) }
}
