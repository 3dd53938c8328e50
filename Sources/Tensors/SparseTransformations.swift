import AviaryDiagnostics
import AviaryKernels

extension SparseMatrix {
  /// The transposed matrix: [R, C] → [C, R]. The transposed pattern is computed once and cached.
  public var transposed: SparseMatrix {
    operation {
      let (pattern, order) = self.pattern.transposition
      return SparseMatrix(pattern, elements: Tensor(elements.plainBuffer.permuted(order), shape: elements.shape))
    }
  }

  /// The dense matrix: [R, C].
  public var dense: Tensor {
    let values = self.values
    var scalars = [Float](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for place in places(ofRow: row) { scalars[row * columns + Int(columnIndices[place])] = values[place] }
    }
    return Tensor(scalars, shape: shape)
  }

  /// The sum of each row, accumulated in double.
  public var rowSums: [Double] {
    let values = self.values
    return (0..<rows).map { row in places(ofRow: row).reduce(0) { $0 + Double(values[$1]) } }
  }

  /// Elements in the same places.
  func with(_ values: [Float]) -> SparseMatrix {
    SparseMatrix(pattern, elements: Tensor(values, shape: [values.count]))
  }

  /// Each row divided by its sum; a row whose sum is zero stays as it is.
  public func rowNormalized() -> SparseMatrix {
    var values = self.values
    for (row, sum) in rowSums.enumerated() where sum != 0 {
      for place in places(ofRow: row) { values[place] = Float(Double(values[place]) / sum) }
    }
    return with(values)
  }

  /// The propagation of a graph convolution: D^−½ (A + I) D^−½, where D holds the row sums of A + I on its diagonal
  /// (Kipf & Welling, 2017). A node without neighbors then sees only itself.
  ///
  /// - Parameter addingSelfLoops: false leaves out the I; a row whose sum is not positive becomes zero.
  public func symmetricallyNormalized(addingSelfLoops: Bool = true) -> SparseMatrix {
    ensure(rows == columns, "symmetricallyNormalized: \(shape) is not an adjacency, which is square")
    let matrix = addingSelfLoops ? self.addingSelfLoops() : self
    let factors = matrix.rowSums.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }
    var values = matrix.values
    for row in 0..<rows {
      for place in matrix.places(ofRow: row) {
        values[place] = Float(Double(values[place]) * factors[row] * factors[Int(matrix.columnIndices[place])])
      }
    }
    return matrix.with(values)
  }

  /// A + I.
  private func addingSelfLoops() -> SparseMatrix {
    let values = self.values
    var triplets: [Triplet] = []
    triplets.reserveCapacity(nonzeros + rows)
    for row in 0..<rows {
      for place in places(ofRow: row) { triplets.append(Triplet(row, Int(columnIndices[place]), values[place])) }
      triplets.append(Triplet(row, row))
    }
    return SparseMatrix(rows: rows, columns: columns, triplets)
  }
}

extension SparseMatrix: Equatable {
  /// Whether sizes, places and elements are the same.
  public static func == (a: SparseMatrix, b: SparseMatrix) -> Bool {
    a.pattern.compressed == b.pattern.compressed && a.values == b.values
  }
}

extension SparseMatrix: CustomStringConvertible {
  /// The shape and the number of stored elements.
  public var description: String { "SparseMatrix\(shape), \(nonzeros) elements" }
}
