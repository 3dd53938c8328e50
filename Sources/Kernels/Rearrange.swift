import CKernels

extension Buffer {
  private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = Array(repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }

  /// The elements of a row-major buffer with its axes in another order.
  package func transposed(_ order: [Int], shape: [Int]) -> Buffer {
    precondition(shape.count <= Self.mostAxes, "a tensor of \(shape.count) axes; the most are \(Self.mostAxes)")
    let strides = Self.rowMajorStrides(shape)
    let result = order.map { shape[$0] }
    let y = Buffer(.plain(result))
    if result.contains(0) { return y }
    unsafe ak_gather(
      floats, order.map { Int64(strides[$0]) }, y.floats, result.map(Int64.init), Int32(result.count))
    return y
  }

  /// The part of `shape` that begins at `start` along an axis of a buffer of the shape `whole`; row-major.
  package func slice(axis: Int, start: Int, shape: [Int], of whole: [Int]) -> Buffer {
    precondition(whole.count <= Self.mostAxes, "a tensor of \(whole.count) axes; the most are \(Self.mostAxes)")
    let source = reordered(to: .plain(whole))
    let strides = Self.rowMajorStrides(whole)
    let y = Buffer(.plain(shape))
    if shape.contains(0) { return y }
    unsafe ak_gather(
      source.floats + start * strides[axis], strides.map(Int64.init), y.floats, shape.map(Int64.init),
      Int32(shape.count))
    return y
  }
}

/// Pooling of row-major planes over windows of uneven sizes.
package struct AdaptivePooling: Sendable {
  let planes: Int
  let input: (rows: Int, columns: Int)
  let output: (rows: Int, columns: Int)
  let maximum: Bool

  package init(planes: Int, input: (Int, Int), output: (Int, Int), maximum: Bool) {
    self.planes = planes
    self.input = input
    self.output = output
    self.maximum = maximum
  }

  package func forward(_ x: Buffer, shape: [Int]) -> Buffer {
    let y = Buffer(.plain(shape))
    unsafe ak_adaptive_pool(
      x.floats, y.floats, Int64(planes), Int64(input.rows), Int64(input.columns), Int64(output.rows),
      Int64(output.columns), maximum)
    return y
  }

  package func backward(_ gradient: Buffer, x: Buffer, shape: [Int]) -> Buffer {
    let dx = Buffer(.plain(shape))
    unsafe ak_adaptive_pool_backward(
      gradient.floats, x.floats, dx.floats, Int64(planes), Int64(input.rows), Int64(input.columns),
      Int64(output.rows), Int64(output.columns), maximum)
    return dx
  }
}
