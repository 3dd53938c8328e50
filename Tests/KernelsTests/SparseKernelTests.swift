import AviaryKernels
import AviaryTestSupport
import CKernels
import Testing

/// Products with sparse matrices and maxima of groups against plain Swift.
@Suite(.serialized) struct SparseKernelTests {
  struct Matrix {
    let rows: CompressedRows
    let values: [Float]

    /// Each element is kept with the probability `density`; the first row is full, where the density is above zero, and
    /// every third one is empty.
    init(_ rowCount: Int, _ columnCount: Int, density: Double, seed: UInt64) {
      var numbers = TestNumbers(seed: seed)
      var offsets = [0]
      var columns: [Int32] = []
      for row in 0..<rowCount {
        for column in 0..<columnCount {
          let isKept = row % 3 != 2 && Double(numbers.next() >> 11) * 0x1p-53 < density
          if isKept || (row == 0 && density > 0) { columns.append(Int32(column)) }
        }
        offsets.append(columns.count)
      }
      rows = CompressedRows(offsets: offsets, columns: columns, columnCount: columnCount)
      values = numbers.floats(columns.count)
    }

    var dense: [Double] {
      var dense = [Double](repeating: 0, count: rows.rows * rows.columnCount)
      for row in 0..<rows.rows {
        for place in rows.offsetsOfRow(row) {
          dense[row * rows.columnCount + Int(rows.columns[place])] = Double(values[place])
        }
      }
      return dense
    }
  }

  static let sizes: [(rows: Int, columns: Int, density: Double)] = [
    (1, 1, 1), (5, 7, 0.4), (4, 3, 0), (300, 40, 0.1), (900, 50, 0.3),
  ]

  @Test(arguments: sizes, [1, 7, 16, 23, 64, 101])
  func products(size: (rows: Int, columns: Int, density: Double), width: Int) {
    let matrix = Matrix(size.rows, size.columns, density: size.density, seed: 1)
    var numbers = TestNumbers(seed: 2)
    let x = numbers.floats(size.columns * width)
    // In one go on the compute thread: the number of threads belongs to everybody.
    let results = Compute.alone {
      let threads = Compute.threads
      defer { Compute.threads = threads }
      return [1, 2, 5].map { count in
        Compute.threads = count
        let values = Buffer(matrix.values, shape: [matrix.values.count])
        return values.product(matrix.rows, Buffer(x, shape: [size.columns, width]), width: width)
          .scalars(count: size.rows * width)
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2], "the sums of a row have one order")
    let dense = matrix.dense
    var expected = [Double](repeating: 0, count: size.rows * width)
    for row in 0..<size.rows {
      for column in 0..<size.columns where dense[row * size.columns + column] != 0 {
        for j in 0..<width {
          expected[row * width + j] += dense[row * size.columns + column] * Double(x[column * width + j])
        }
      }
    }
    expectClose(actual: results[0], expected: expected, relativeL2: 1e-6, relativeMax: 1e-6, name: "product")
  }

  @Test(arguments: sizes) func transpositions(size: (rows: Int, columns: Int, density: Double)) {
    let matrix = Matrix(size.rows, size.columns, density: size.density, seed: 3)
    let (turned, order) = matrix.rows.transposed()
    #expect(turned.rows == size.columns && turned.columnCount == size.rows)
    let dense = matrix.dense
    let values = Compute.alone {
      Buffer(matrix.values, shape: [matrix.values.count]).permuted(order).scalars(count: order.count)
    }
    var found = 0
    for row in 0..<turned.rows {
      for place in turned.offsetsOfRow(row) {
        #expect(Double(values[place]) == dense[Int(turned.columns[place]) * size.columns + row])
        found += 1
      }
    }
    #expect(found == matrix.values.count)
  }

  @Test func maximaOfGroups() {
    let x: [Float] = [1, -2, 3, 5, -1, 0, 1, 4, -7, -3, .nan, 9]
    let groups: [Int32] = [2, 0, 2, 0, 3, 3]
    let (y, winners) = Compute.alone {
      let (y, winners) = Buffer(x, shape: [6, 2]).groupMaximum(groups, width: 2, groupCount: 4)
      return (y.scalars(count: 8), winners)
    }
    #expect(y[..<6] == [3, 5, 0, 0, 1, 0])
    #expect(y[6].isNaN && y[7] == 9, "what is not a number wins")
    #expect(winners == [1, 1, -1, -1, 0, 2, 5, 5])
    let dx = Compute.alone {
      Buffer([1, 2, 3, 4, 5, 6, 7, 8], shape: [4, 2]).groupMaximumBackward(winners, rows: 6, width: 2, groupCount: 4)
        .scalars(count: 12)
    }
    #expect(dx == [5, 0, 1, 2, 0, 6, 0, 0, 0, 0, 7, 8])
  }

  @Test func ofEqualRowsTheFirstWins() {
    let winners = Compute.alone {
      Buffer([2, 2, 2], shape: [3, 1]).groupMaximum([0, 0, 0], width: 1, groupCount: 1).winners
    }
    #expect(winners == [0])
  }
}
