import AviaryDiagnostics
import CKernels

extension Buffer {
  package static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = Array(repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }

  /// The elements of a row-major buffer with its axes in another order.
  package func transposed(_ order: [Int], shape: [Int]) -> Buffer {
    ensure(shape.count <= Self.mostAxes, "a tensor of \(shape.count) axes; the most are \(Self.mostAxes)")
    let strides = Self.rowMajorStrides(shape)
    let result = order.map { shape[$0] }
    let y = Buffer(.plain(result))
    if result.contains(0) { return y }
    kernel("rearranging", y.layout, floats: 2 * y.count) {
      unsafe ak_gather(
        floats, order.map { Int64(strides[$0]) }, y.floats, result.map(Int64.init), Int32(result.count))
    }
    return y
  }

  /// The part of `shape` that begins at `start` along an axis of a buffer of the shape `whole`; row-major.
  package func slice(axis: Int, start: Int, shape: [Int], of whole: [Int]) -> Buffer {
    ensure(whole.count <= Self.mostAxes, "a tensor of \(whole.count) axes; the most are \(Self.mostAxes)")
    let source = reordered(to: .plain(whole))
    let strides = Self.rowMajorStrides(whole)
    let y = Buffer(.plain(shape))
    if shape.contains(0) { return y }
    kernel("rearranging", y.layout, floats: 2 * y.count) {
      unsafe ak_gather(
        source.floats + start * strides[axis], strides.map(Int64.init), y.floats, shape.map(Int64.init),
        Int32(shape.count))
    }
    return y
  }
}
