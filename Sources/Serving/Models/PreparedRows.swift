import AviaryKernels
import AviaryTensors

/// Inputs of one request as a network takes them.
struct PreparedRows: Sendable {
  /// Of one or several rows each, row-major.
  let parts: [Buffer]
  let count: Int
  /// Of one row: [C, H, W] of an image, [F] of a row of a table.
  let shape: [Int]

  init(_ parts: [Buffer], count: Int, shape: [Int]) {
    self.parts = parts
    self.count = count
    self.shape = shape
  }

  /// - Parameter values: `count` rows of this shape.
  init(_ values: [Float], count: Int, shape: [Int]) {
    self.init([Buffer(values, shape: [values.count])], count: count, shape: shape)
  }
}

/// What a network makes of the rows of a request.
struct RowOutputs: Sendable {
  /// [rows, width], row-major: scores of classes, or numbers.
  let values: [Float]
  /// Of classes; the same shape.
  let probabilities: [Float]
  let width: Int

  /// The probabilities of one row.
  func probabilities(of row: Int) -> ArraySlice<Float> { probabilities[row * width..<(row + 1) * width] }
}
