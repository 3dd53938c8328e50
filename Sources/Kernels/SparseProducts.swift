import AviaryDiagnostics
import CKernels

/// Where the elements of a sparse matrix stand: compressed rows (CSR).
///
/// - Precondition: kernels read memory by it, so it must hold what it says: `offsets` begin with 0, never fall and end
///   with the number of `columns`, each of which is in `0..<columnCount`.
package struct CompressedRows: Sendable, Equatable {
  /// Row r has the elements `offsets[r]..<offsets[r + 1]`.
  package let offsets: [Int]
  /// The column of each element.
  package let columns: [Int32]
  package let columnCount: Int

  package var rows: Int { offsets.count - 1 }

  package init(offsets: [Int], columns: [Int32], columnCount: Int) {
    ensure(
      offsets.first == 0 && offsets.last == columns.count,
      "CompressedRows: the offsets do not match the number of columns")
    self.offsets = offsets
    self.columns = columns
    self.columnCount = columnCount
  }

  /// The columns as rows, and for each element of the result its place in this one.
  package func transposed() -> (rows: CompressedRows, order: [Int32]) {
    var starts = [Int](repeating: 0, count: columnCount + 1)
    for column in columns { starts[Int(column) + 1] += 1 }
    for column in 0..<columnCount { starts[column + 1] += starts[column] }
    let offsets = starts
    var rowOf = [Int32](repeating: 0, count: columns.count)
    var order = rowOf
    for row in 0..<rows {
      for place in offsetsOfRow(row) {
        let column = Int(columns[place])
        let target = starts[column]
        starts[column] += 1
        rowOf[target] = Int32(row)
        order[target] = Int32(place)
      }
    }
    return (CompressedRows(offsets: offsets, columns: rowOf, columnCount: rows), order)
  }

  /// The places of the elements of a row.
  package func offsetsOfRow(_ row: Int) -> Range<Int> { offsets[row]..<offsets[row + 1] }
}

extension Buffer {
  /// The product of a sparse matrix whose elements this buffer holds with a row-major x of [columns, width]:
  /// [rows, width].
  package func product(_ rows: CompressedRows, _ x: Buffer, width: Int) -> Buffer {
    let y = Buffer(.plain([rows.rows, width]))
    unsafe rows.offsets.withUnsafeBufferPointer { offsets in
      unsafe rows.columns.withUnsafeBufferPointer { columns in
        let matrix = unsafe ak_csr(
          offsets: offsets.baseAddress, columns: columns.baseAddress, values: floats, rows: rows.rows)
        kernel("sparse product", y.layout, floats: 2 * columns.count + columns.count * width + y.count) {
          unsafe ak_csr_multiply(matrix, x.floats, y.floats, width)
        }
      }
    }
    return y
  }

  /// Element i is this buffer's element `order[i]`; row-major.
  package func permuted(_ order: [Int32]) -> Buffer {
    let y = Buffer(.plain([order.count]))
    kernel("permutation", y.layout, floats: 3 * y.count) { unsafe ak_permute(floats, order, y.floats, order.count) }
    return y
  }

  /// The largest elements of each group of rows, column by column, of a row-major [rows, width], and the row that each
  /// comes from: [groups, width], zeros and −1 for a group without rows.
  package func groupMaximum(_ groups: [Int32], width: Int, groupCount: Int) -> (Buffer, winners: [Int32]) {
    let y = Buffer(.plain([groupCount, width]))
    var winners = [Int32](repeating: -1, count: groupCount * width)
    kernel("maximum of groups", y.layout, floats: count + 2 * y.count) {
      unsafe ak_group_max(floats, groups, y.floats, &winners, groups.count, width, groupCount)
    }
    return (y, winners)
  }

  /// The pullback of `groupMaximum`: this buffer is the gradient.
  package func groupMaximumBackward(_ winners: [Int32], rows: Int, width: Int, groupCount: Int) -> Buffer {
    let dx = Buffer(.plain([rows, width]))
    kernel("maximum of groups, gradient", dx.layout, floats: 2 * count + dx.count) {
      unsafe ak_group_max_backward(floats, winners, dx.floats, rows, width, groupCount)
    }
    return dx
  }
}
