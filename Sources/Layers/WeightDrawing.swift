import AviaryDiagnostics
import AviaryTensors

// How values are drawn that are neither uniform nor normal.

extension Tensor {
  /// Normal random numbers within two deviations of 0: those beyond are drawn again. `deviation` is that of the numbers before.
  init(truncatedNormal deviation: Float, stream: RandomStream, again: RandomStream, shape: [Int]) {
    var values = Tensor(normal: 0, deviation: 1, stream: stream, shape: shape).scalars
    var again = again
    for place in values.indices {
      while abs(values[place]) > 2 { values[place] = Float(again.normal()) }
      values[place] *= deviation
    }
    self.init(values, shape: shape)
  }

  /// An orthogonal matrix, or as many orthogonal rows or columns as there are, times a number, drawn uniformly from all of them
  /// (Saxe et al., 2014; Mezzadri, 2007): normal numbers, made orthogonal from the first row or column to the last. The axes
  /// behind the first count as one, as in PyTorch and, for its layout, in Keras.
  init(orthogonal gain: Float, stream: RandomStream, shape: [Int]) {
    let rows = shape.first ?? 1
    let columns = shape.dropFirst().reduce(1, *)
    let (count, length) = (Swift.min(rows, columns), Swift.max(rows, columns))
    let numbers = Tensor(normal: 0, deviation: 1, stream: stream, shape: [count, length])
    let unit = inference { numbers.orthonormalRows() }
    let matrix = inference { rows <= columns ? unit : unit.transposed([1, 0]) }
    self.init(matrix.scalars.map { $0 * gain }, shape: shape)
  }

  /// Rows made orthogonal to those before them, and of length 1, block by block: against the blocks before by products of
  /// matrices, within a block in double precision, everything twice for the sake of rounding.
  private func orthonormalRows() -> Tensor {
    let (count, length) = (shape[0], shape[1])
    var done: [Float] = []
    for start in stride(from: 0, to: count, by: 64) {
      let end = Swift.min(start + 64, count)
      var block = slice(axis: 0, from: start, to: end)
      if start > 0 {
        let known = Tensor(done, shape: [start, length])
        for _ in 0..<2 {
          let shares = matmul(block, known.transposed([1, 0]))
          block = block - matmul(shares, known)
        }
      }
      var rows = (0..<end - start).map { row in
        block.scalars[row * length..<(row + 1) * length].map(Double.init)
      }
      for row in rows.indices {
        for _ in 0..<2 {
          for former in 0..<row {
            let share = zip(rows[row], rows[former]).reduce(0.0) { $0 + $1.0 * $1.1 }
            for place in 0..<length { rows[row][place] -= share * rows[former][place] }
          }
        }
        let norm = rows[row].reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        for place in 0..<length { rows[row][place] /= Swift.max(norm, 1e-30) }
      }
      done += rows.joined().map { Float($0) }
    }
    return Tensor(done, shape: [count, length])
  }
}
