import AviaryTensors
import AviaryTestSupport
import Testing

/// How sparse matrices are made, checked and transformed.
@Suite struct SparseMatrixTests {
  typealias Triplet = SparseMatrix.Triplet

  static let small = SparseMatrix(
    rows: 3, columns: 4, [Triplet(2, 3, 5), Triplet(0, 1, 2), Triplet(2, 0, -1), Triplet(0, 1, 0.5)])

  @Test func tripletsAreSortedAndThoseOfOnePlaceAdded() {
    let matrix = Self.small
    #expect(matrix.shape == [3, 4] && matrix.nonzeros == 3)
    #expect(matrix.rowOffsets == [0, 1, 1, 3])
    #expect(matrix.columnIndices == [1, 0, 3])
    #expect(matrix.values == [2.5, -1, 5])
    #expect(matrix.dense.scalars == [0, 2.5, 0, 0, 0, 0, 0, 0, -1, 0, 0, 5])
    #expect("\(matrix)" == "SparseMatrix[3, 4], 3 elements")
  }

  @Test func compressedRowsMayStandInAnyOrder() throws {
    let matrix = try SparseMatrix(
      validatingRows: 2, columns: 3, rowOffsets: [0, 3, 3], columnIndices: [2, 0, 2], values: [1, 2, 3])
    #expect(matrix == SparseMatrix(rows: 2, columns: 3, [Triplet(0, 0, 2), Triplet(0, 2, 4)]))
    #expect(matrix != SparseMatrix(rows: 2, columns: 3, [Triplet(0, 0, 2), Triplet(0, 2, 5)]))
    #expect(matrix != SparseMatrix(rows: 2, columns: 4, [Triplet(0, 0, 2), Triplet(0, 2, 4)]))
  }

  @Test func denseAndBack() {
    let x = numbers([5, 7], 1) * Tensor((0..<35).map { $0 % 3 == 0 ? 1 : 0 }, shape: [5, 7])
    let matrix = SparseMatrix(x)
    #expect(matrix.nonzeros == 12 && matrix.dense.scalars == x.scalars)
    #expect(matrix.transposed.dense.scalars == x.transposed([1, 0]).scalars)
    #expect(matrix.transposed.transposed == matrix)
    #expect(SparseMatrix(Tensor(zeros: [2, 0])).shape == [2, 0])
    #expect(SparseMatrix(rows: 0, columns: 3, []).transposed.shape == [3, 0])
  }

  @Test func rowsArePicked() {
    let picked = matmul(SparseMatrix(selecting: [2, 0, 2], of: 3), numbers([3, 4], 2))
    let x = numbers([3, 4], 2).scalars
    #expect(picked.scalars == Array(x[8...] + x[..<4] + x[8...]))
  }

  @Test func rowsAreNormalized() {
    let matrix = SparseMatrix(rows: 3, columns: 2, [Triplet(0, 0, 1), Triplet(0, 1, 3), Triplet(2, 1, -2)])
    #expect(matrix.rowNormalized().dense.scalars == [0.25, 0.75, 0, 0, 0, 1])
    #expect(matrix.rowSums == [4, 0, -2])
    let cancelling = SparseMatrix(rows: 1, columns: 2, [Triplet(0, 0, 1), Triplet(0, 1, -1)])
    #expect(cancelling.rowNormalized() == cancelling, "there is nothing to divide by")
  }

  @Test(arguments: ["ones", "weights"]) func normalizationsEqualPyTorch(name: String) throws {
    let golden = try Goldens("graphs", of: "TensorsTests")
    func array(_ key: String) throws(GoldenFault) -> Goldens.Array { try golden.array("normal/\(name)/\(key)") }
    let (rows, columns, values) = (
      try array("rows").integers, try array("columns").integers, try array("values").floats
    )
    let matrix = SparseMatrix(
      rows: 9, columns: 9, values.indices.map { Triplet(Int(rows[$0]), Int(columns[$0]), values[$0]) })
    for (key, result) in [
      ("with_loops", matrix.symmetricallyNormalized(addingSelfLoops: true)),
      ("without_loops", matrix.symmetricallyNormalized(addingSelfLoops: false)), ("by_row", matrix.rowNormalized()),
    ] {
      let expected = try array(key)
      expectClose(
        actual: result.dense.scalars, shape: result.shape, golden: expected, relativeL2: 1e-7, relativeMax: 1e-7,
        name: "\(name), \(key)")
    }
    // A node without neighbours hears itself alone, and without loops nobody.
    #expect(matrix.rowSums[8] == 0)
    #expect(matrix.symmetricallyNormalized().dense.scalars[80] == 1)
    #expect(matrix.symmetricallyNormalized(addingSelfLoops: false).rowSums[8] == 0)
  }

  // MARK: - What files may say

  @Test func whatContradictsItselfIsThrown() {
    func fault(
      _ rows: Int, _ columns: Int, _ offsets: [Int], _ indices: [Int32], _ values: [Float]
    ) -> SparseMatrixFault? {
      #expect(throws: SparseMatrixFault.self) {
        try SparseMatrix(
          validatingRows: rows, columns: columns, rowOffsets: offsets, columnIndices: indices, values: values)
      }
    }
    #expect(fault(-1, 2, [0], [], []) == .size(rows: -1, columns: 2, nonzeros: 0))
    #expect(fault(1, 1 << 40, [0, 0], [], []) == .size(rows: 1, columns: 1 << 40, nonzeros: 0))
    #expect(fault(.max, 1, [0], [], []) == .size(rows: .max, columns: 1, nonzeros: 0))
    #expect(fault(1, 2, [0, 1], [0], [1, 2]) == .counts(values: 2, columns: 1))
    #expect(fault(2, 2, [0, 1], [0], [1]) == .offsets(count: 2, rows: 2, last: 1, nonzeros: 1))
    #expect(fault(1, 2, [0, 2], [0], [1]) == .offsets(count: 2, rows: 1, last: 2, nonzeros: 1))
    #expect(fault(1, 2, [1, 1], [0], [1]) == .offsets(count: 2, rows: 1, last: 1, nonzeros: 1))
    #expect(fault(0, 2, [], [], []) == .offsets(count: 0, rows: 0, last: 0, nonzeros: 0))
    #expect(fault(2, 2, [0, 2, 1], [0], [1]) == .fallingOffsets(row: 1))
    #expect(fault(2, 2, [0, -5, 1], [0], [1]) == .fallingOffsets(row: 0))
    #expect(fault(2, 2, [0, 1, 2], [0, 2], [1, 1]) == .columnOutside(row: 1, column: 2, columns: 2))
    #expect(fault(2, 2, [0, 1, 2], [-1, 0], [1, 1]) == .columnOutside(row: 0, column: -1, columns: 2))
    #expect(throws: SparseMatrixFault.rowOutside(row: 2, rows: 2)) {
      try SparseMatrix(validatingRows: 2, columns: 2, [Triplet(2, 0)])
    }
    #expect(throws: SparseMatrixFault.rowOutside(row: -1, rows: 2)) {
      try SparseMatrix(validatingRows: 2, columns: 2, [Triplet(-1, 0)])
    }
    #expect(throws: SparseMatrixFault.columnOutside(row: 1, column: .max, columns: 2)) {
      try SparseMatrix(validatingRows: 2, columns: 2, [Triplet(1, .max)])
    }
    for fault in [
      SparseMatrixFault.size(rows: -1, columns: 2, nonzeros: 0), .fallingOffsets(row: 1), .rowOutside(row: 2, rows: 2),
    ] { #expect(!fault.description.contains("\n")) }
  }

  @Test func aProgrammersMistakeEndsTheProgram() async {
    for (result, message) in [
      (
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          _ = matmul(SparseMatrix(rows: 2, columns: 3, []), Tensor(zeros: [2, 3]))
        }, "matmul: a sparse matrix [2, 3] does not go with [2, 3]"
      ),
      (
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          _ = linear(SparseMatrix(rows: 2, columns: 3, []), weight: Tensor(zeros: [3, 2]))
        }, "linear: a sparse input [2, 3] does not go with weight [3, 2]"
      ),
      (
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          _ = SparseMatrix(rows: 2, columns: 3, [SparseMatrix.Triplet(0, 3)])
        }, "SparseMatrix: row 0 has an element in column 3 of 3 columns"
      ),
      (
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
          _ = segmentMax(Tensor(zeros: [2, 3]), segments: IntTensor([0, 2]), count: 2)
        }, "segments: 2 is not one of the 2 groups"
      ),
    ] {
      let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(text.contains(message), "\(text)")
    }
  }
}
