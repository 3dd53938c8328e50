import AviaryDiagnostics
import AviaryKernels

/// An immutable sparse matrix of Float32 in compressed sparse rows (CSR): adjacency matrices, and features that are mostly
/// zero.
///
/// The column indices of a row are strictly increasing. No gradient flows to the elements; products pass it to the dense
/// operand.
public struct SparseMatrix: Sendable {
  let pattern: SparsePattern
  /// The elements, [nonzeros].
  let elements: Tensor

  init(_ pattern: SparsePattern, elements: Tensor) {
    self.pattern = pattern
    self.elements = elements
  }

  /// The number of rows.
  public var rows: Int { pattern.compressed.rows }
  /// The number of columns.
  public var columns: Int { pattern.compressed.columnCount }
  /// [rows, columns]
  public var shape: [Int] { [rows, columns] }
  /// The number of stored elements.
  public var nonzeros: Int { columnIndices.count }
  /// rows + 1 numbers: row r has the elements `rowOffsets[r]..<rowOffsets[r + 1]`.
  public var rowOffsets: [Int] { pattern.compressed.offsets }
  /// The column of each element.
  public var columnIndices: [Int32] { pattern.compressed.columns }
  /// The elements, row by row.
  public var values: [Float] { elements.scalars }

  /// The range of a row's elements in `columnIndices` and `values`.
  public func places(ofRow row: Int) -> Range<Int> { pattern.compressed.offsetsOfRow(row) }
}

/// The positions of the elements. Matrices with the same pattern share it, and with it the transposed pattern.
final class SparsePattern: Sendable {
  let compressed: CompressedRows
  private let kept = Confined<(pattern: SparsePattern, order: [Int32])?>(nil)

  init(_ compressed: CompressedRows) { self.compressed = compressed }

  /// The pattern with rows and columns exchanged, and for each of its elements the place in this one, computed once. In an
  /// operation only.
  var transposition: (pattern: SparsePattern, order: [Int32]) {
    if let kept = kept.onComputeThread { return kept }
    let (rows, order) = compressed.transposed()
    let made = (SparsePattern(rows), order)
    kept.onComputeThread = made
    return made
  }
}

// MARK: - Making matrices

extension SparseMatrix {
  /// One element of a matrix.
  public struct Triplet: Sendable, Equatable {
    /// The row.
    public var row: Int
    /// The column.
    public var column: Int
    /// The number there.
    public var value: Float

    /// A number and its place.
    public init(_ row: Int, _ column: Int, _ value: Float = 1) {
      self.row = row
      self.column = column
      self.value = value
    }
  }

  /// A matrix of the given elements; elements at the same position are added.
  ///
  /// - Precondition: every position lies in the matrix.
  public init(rows: Int, columns: Int, _ triplets: [Triplet]) {
    do throws(SparseMatrixFault) {
      try self.init(validatingRows: rows, columns: columns, triplets)
    } catch {
      stopProgram("SparseMatrix: \(error)")
    }
  }

  /// A matrix in compressed rows.
  ///
  /// - Precondition: offsets, columns and values are consistent.
  public init(rows: Int, columns: Int, rowOffsets: [Int], columnIndices: [Int32], values: [Float]) {
    do throws(SparseMatrixFault) {
      try self.init(
        validatingRows: rows, columns: columns, rowOffsets: rowOffsets, columnIndices: columnIndices, values: values)
    } catch {
      stopProgram("SparseMatrix: \(error)")
    }
  }

  /// The nonzero elements of a dense matrix [R, C].
  public init(_ dense: Tensor) {
    ensure(dense.rank == 2, "SparseMatrix: \(dense.shape) is not a matrix")
    let (rows, columns) = (dense.shape[0], dense.shape[1])
    let scalars = dense.scalars
    var triplets: [Triplet] = []
    for row in 0..<rows {
      for column in 0..<columns where scalars[row * columns + column] != 0 {
        triplets.append(Triplet(row, column, scalars[row * columns + column]))
      }
    }
    self.init(rows: rows, columns: columns, triplets)
  }

  /// The matrix that selects rows: its product with x is the rows of x at `indices`, in that order.
  public init(selecting indices: [Int], of count: Int) {
    self.init(
      rows: indices.count, columns: count, rowOffsets: Array(0...indices.count),
      columnIndices: indices.map { Int32(clamping: $0) }, values: Array(repeating: 1, count: indices.count))
  }

  /// The same for elements from a file: invalid input is thrown.
  public init(validatingRows rows: Int, columns: Int, _ triplets: [Triplet]) throws(SparseMatrixFault) {
    try SparseMatrixFault.checkSizes(rows: rows, columns: columns, nonzeros: triplets.count)
    // Sorted by row by counting, then each row by column.
    var starts = [Int](repeating: 0, count: rows + 1)
    for triplet in triplets {
      guard triplet.row >= 0, triplet.row < rows else { throw .rowOutside(row: triplet.row, rows: rows) }
      guard triplet.column >= 0, triplet.column < columns else {
        throw .columnOutside(row: triplet.row, column: triplet.column, columns: columns)
      }
      starts[triplet.row + 1] += 1
    }
    for row in 0..<rows { starts[row + 1] += starts[row] }
    let offsets = starts
    var indices = [Int32](repeating: 0, count: triplets.count)
    var values = [Float](repeating: 0, count: triplets.count)
    for triplet in triplets {
      indices[starts[triplet.row]] = Int32(triplet.column)
      values[starts[triplet.row]] = triplet.value
      starts[triplet.row] += 1
    }
    self.init(rows: rows, columns: columns, sorting: offsets, indices, values)
  }

  /// The same for a matrix from a file: invalid input is thrown. The columns of a row may come in any order; elements at the
  /// same position are added.
  public init(
    validatingRows rows: Int, columns: Int, rowOffsets: [Int], columnIndices: [Int32], values: [Float]
  ) throws(SparseMatrixFault) {
    try SparseMatrixFault.checkSizes(rows: rows, columns: columns, nonzeros: columnIndices.count)
    guard values.count == columnIndices.count else {
      throw .counts(values: values.count, columns: columnIndices.count)
    }
    guard rowOffsets.count == rows + 1, rowOffsets[0] == 0, rowOffsets[rows] == columnIndices.count else {
      throw .offsets(count: rowOffsets.count, rows: rows, last: rowOffsets.last ?? 0, nonzeros: columnIndices.count)
    }
    for row in 0..<rows where rowOffsets[row] > rowOffsets[row + 1] { throw .fallingOffsets(row: row) }
    for row in 0..<rows {
      for place in rowOffsets[row]..<rowOffsets[row + 1] {
        let column = Int(columnIndices[place])
        guard column >= 0, column < columns else { throw .columnOutside(row: row, column: column, columns: columns) }
      }
    }
    self.init(rows: rows, columns: columns, sorting: rowOffsets, columnIndices, values)
  }

  /// Rows whose columns may come in any order, and more than once.
  private init(rows: Int, columns: Int, sorting offsets: [Int], _ indices: [Int32], _ values: [Float]) {
    let isSorted = (0..<rows).allSatisfy { row in
      let row = indices[offsets[row]..<offsets[row + 1]]
      return zip(row, row.dropFirst()).allSatisfy(<)
    }
    if isSorted {
      self.init(offsets, indices, values, columns: columns)
      return
    }
    var newOffsets = [0]
    var newIndices: [Int32] = []
    var newValues: [Float] = []
    for row in 0..<rows {
      // The order of equals decides the last bit of their sum.
      let places = (offsets[row]..<offsets[row + 1]).sorted { (indices[$0], $0) < (indices[$1], $1) }
      let start = newIndices.count
      for place in places {
        if newIndices.count > start, newIndices[newIndices.count - 1] == indices[place] {
          newValues[newValues.count - 1] += values[place]
        } else {
          newIndices.append(indices[place])
          newValues.append(values[place])
        }
      }
      newOffsets.append(newIndices.count)
    }
    self.init(newOffsets, newIndices, newValues, columns: columns)
  }

  private init(_ offsets: [Int], _ indices: [Int32], _ values: [Float], columns: Int) {
    self.init(
      SparsePattern(CompressedRows(offsets: offsets, columns: indices, columnCount: columns)),
      elements: Tensor(values, shape: [values.count]))
  }
}

/// Why numbers are not a valid sparse matrix.
public enum SparseMatrixFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// A size is negative, or there are more rows, columns or elements than 32 bits can count.
  case size(rows: Int, columns: Int, nonzeros: Int)
  /// The numbers of values and of column indices differ.
  case counts(values: Int, columns: Int)
  /// The row offsets are not rows + 1 numbers from 0 to the number of elements.
  case offsets(count: Int, rows: Int, last: Int, nonzeros: Int)
  /// The offsets of a row decrease.
  case fallingOffsets(row: Int)
  /// An element is in a row that the matrix does not have.
  case rowOutside(row: Int, rows: Int)
  /// An element is in a column that the matrix does not have.
  case columnOutside(row: Int, column: Int, columns: Int)

  public var description: String {
    switch self {
    case .size(let rows, let columns, let nonzeros):
      "a sparse matrix of \(rows)×\(columns) with \(nonzeros) elements: each is from 0 to \(Int32.max)"
    case .counts(let values, let columns): "\(values) values for \(columns) columns"
    case .offsets(let count, let rows, let last, let nonzeros):
      "\(count) row offsets that end with \(last), for \(rows) rows with \(nonzeros) elements"
    case .fallingOffsets(let row): "row \(row) ends before it begins"
    case .rowOutside(let row, let rows): "an element in row \(row) of \(rows) rows"
    case .columnOutside(let row, let column, let columns):
      "row \(row) has an element in column \(column) of \(columns) columns"
    }
  }

  static func checkSizes(rows: Int, columns: Int, nonzeros: Int) throws(SparseMatrixFault) {
    let range = 0...Int(Int32.max)
    guard range.contains(rows), range.contains(columns), range.contains(nonzeros) else {
      throw .size(rows: rows, columns: columns, nonzeros: nonzeros)
    }
  }
}
