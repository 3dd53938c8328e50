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
    ensure(shape.count <= Self.mostAxes, "a tensor has \(shape.count) axes; at most \(Self.mostAxes) are supported")
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

  /// The part of `shape` that begins at `start` along an axis of a buffer of the shape `whole`: row-major, or, of channels
  /// in blocks, in blocks.
  package func slice(axis: Int, start: Int, shape: [Int], of whole: [Int]) -> Buffer {
    ensure(whole.count <= Self.mostAxes, "a tensor has \(whole.count) axes; at most \(Self.mostAxes) are supported")
    if axis == 1, let block = layout.channelBlock, start % block == 0, shape[1] % block == 0, count > 0, shape[1] > 0 {
      let y = Buffer(.blocked(shape, channels: block))
      let positions = shape.dropFirst(2).reduce(1, *)
      kernel("rearranging", y.layout, floats: 2 * y.count) {
        unsafe ak_copy_rows(
          floats + start * positions, count / shape[0], y.floats, y.count / shape[0], shape[0], y.count / shape[0])
      }
      return y
    }
    if axis == 1, layout.channelBlock != nil, !shape.contains(0) {
      let origins = (start..<start + shape[1]).map { ChannelOrigin(source: 0, channel: Int32($0)) }
      if let y = Self.gatheringChannels([self], origins, shape: shape) { return y }
    }
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

  /// Adds a row-major part to the places that begin at `start` along an axis of this row-major buffer of the shape `whole`.
  /// The memory must not be shared.
  package func add(_ part: Buffer, axis: Int, start: Int, shape: [Int], of whole: [Int]) {
    ensure(whole.count <= Self.mostAxes, "a tensor has \(whole.count) axes; at most \(Self.mostAxes) are supported")
    if shape.contains(0) { return }
    let strides = Self.rowMajorStrides(whole)
    kernel("addition", part.layout, floats: 3 * part.count) {
      unsafe ak_scatter_add(
        part.floats, floats + start * strides[axis], strides.map(Int64.init), shape.map(Int64.init),
        Int32(shape.count))
    }
  }
}
