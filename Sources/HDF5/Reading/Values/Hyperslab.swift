/// A selection of a dataset's elements that fits its extents: a progression of indices along each axis.
struct Hyperslab {
  /// `count` indices from `start` on, `stride` apart; the stride of fewer than two is 1.
  struct Progression {
    let start: Int
    let count: Int
    let stride: Int

    /// The part of the progression within `range`, by position: the first, and how many.
    func part(in range: Range<Int>) -> (first: Int, count: Int) {
      guard count > 0, range.lowerBound < range.upperBound, range.upperBound > start else { return (0, 0) }
      let below = range.lowerBound - start
      let first = below <= 0 ? 0 : (below - 1) / stride + 1
      let end = min(count, (range.upperBound - 1 - start) / stride + 1)
      return first < end ? (first, end - first) : (0, 0)
    }

    subscript(_ index: Int) -> Int { start + index * stride }
  }

  let axes: [Progression]
  /// Elements selected.
  let count: Int

  /// Progressions within the extents of a dataset.
  init(_ axes: [Progression]) {
    self.axes = axes
    // The product of all extents is an `Int`, and where one of them is zero, so is the product of the counts.
    count = axes.contains { $0.count == 0 } ? 0 : axes.reduce(1) { $0 * $1.count }
  }

  /// Selects `slices` of a dataset; the axes after them are selected whole. `path` and `object` name it in faults.
  init(_ slices: [HDF5Slice], of extents: [Int], path: String, object: String) throws(HDF5Fault) {
    func fault(_ reason: String) -> HDF5Fault { .outOfBounds(path: path, object: object, reason: reason) }
    guard slices.count <= extents.count else {
      throw fault("the selection has \(slices.count) axes, the dataset \(extents.count)")
    }
    var axes: [Progression] = []
    for (axis, extent) in extents.enumerated() {
      let slice = axis < slices.count ? slices[axis] : .all
      guard slice.stride > 0 else { throw fault("axis \(axis): the stride is \(slice.stride), and must be at least 1") }
      guard slice.start >= 0, slice.start <= extent else {
        throw fault("axis \(axis): the selection starts at \(slice.start), the axis has \(extent) elements")
      }
      let available = slice.start < extent ? (extent - 1 - slice.start) / slice.stride + 1 : 0
      let count = slice.count ?? available
      guard count >= 0, count <= available else {
        let step = slice.stride == 1 ? "" : " with stride \(slice.stride)"
        throw fault(
          "axis \(axis): the selection of \(count) elements from \(slice.start) on\(step) does not fit in \(extent)")
      }
      axes.append(Progression(start: slice.start, count: count, stride: count > 1 ? slice.stride : 1))
    }
    self.init(axes)
  }
}
