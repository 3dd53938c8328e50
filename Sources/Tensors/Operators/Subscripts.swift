import AviaryDiagnostics
import AviaryKernels

/// A selector of a subscript: `x[0]`, `x[1..<3]`, `x[0..., 2]`, `x[.all, .newAxis, -1]`, `x[.rest, 0]`,
/// `x[.slice(from: 1, by: 2)]`, `x[IntTensor([2, 0])]`.
///
/// Negative positions count from the last. Ranges must lie within the axis, as for Swift's arrays; `.slice` clips its bounds,
/// as Python's slices do.
public protocol AxisSelector {
  /// The part of an axis that it means.
  var selection: AxisSelection { get }
}

/// One entry of a subscript.
public enum AxisSelection: AxisSelector, Sendable {
  /// One position; the axis is dropped.
  case position(Int)
  /// The positions from `from` up to, but not including, `to`; nil is the end of the axis.
  case range(from: Int?, to: Int?)
  /// Python's `from:to:by`; nil is the end of the axis.
  case strided(from: Int?, to: Int?, by: Int)
  /// The positions in a tensor of indices, whose shape replaces the axis; for a vector PyTorch's `index_select`.
  case positions(IntTensor)
  /// A whole axis, all axes that are not named, or a new axis.
  case wholeAxis, ellipsis, added

  /// The part of an axis that it means.
  public var selection: AxisSelection { self }
}

extension AxisSelector where Self == AxisSelection {
  /// The whole axis: Python's `:`.
  public static var all: AxisSelection { .wholeAxis }
  /// All axes not covered by other selectors: Python's `...`.
  public static var rest: AxisSelection { .ellipsis }
  /// A new axis of size 1: PyTorch's `None`.
  public static var newAxis: AxisSelection { .added }
  /// Every `by`-th position: Python's `from:to:by`. Bounds outside of the axis are clipped.
  public static func slice(from start: Int? = nil, to end: Int? = nil, by step: Int = 1) -> AxisSelection {
    .strided(from: start, to: end, by: step)
  }
}

extension Int: AxisSelector {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .position(self) }
}
extension Range: AxisSelector where Bound == Int {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .range(from: lowerBound, to: upperBound) }
}
extension ClosedRange: AxisSelector where Bound == Int {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .range(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1) }
}
extension PartialRangeFrom: AxisSelector where Bound == Int {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .range(from: lowerBound, to: nil) }
}
extension PartialRangeUpTo: AxisSelector where Bound == Int {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .range(from: nil, to: upperBound) }
}
extension PartialRangeThrough: AxisSelector where Bound == Int {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .range(from: nil, to: upperBound == -1 ? nil : upperBound + 1) }
}
extension IntTensor: AxisSelector {
  /// The part of an axis that it means.
  public var selection: AxisSelection { .positions(self) }
}

extension Tensor {
  /// The selected part: one selector for each axis, from the first; the remaining axes stay whole.
  public subscript<each Selector: AxisSelector>(_ selectors: repeat each Selector) -> Tensor {
    var all: [AxisSelection] = []
    for selector in repeat each selectors { all.append(selector.selection) }
    return selecting(all)
  }

  /// The elements where a mask over the leading axes is true; a mask of the same shape gives a vector. PyTorch's
  /// `masked_select`.
  public subscript(_ mask: Mask) -> Tensor {
    ensure(
      shape.starts(with: mask.shape), "subscript: a mask of \(mask.shape) is not one of the first axes of \(shape)")
    let rest = Array(shape.dropFirst(mask.shape.count))
    let places = mask.places
    return taking(rows: places, width: rest.reduce(1, *), shape: [places.count] + rest)
  }

  private func selecting(_ selections: [AxisSelection]) -> Tensor {
    let used = selections.count { if case .ellipsis = $0 { false } else if case .added = $0 { false } else { true } }
    ensure(used <= rank, "subscript: \(shape) has fewer axes than the \(used) that are selected from")
    ensure(
      selections.count { if case .ellipsis = $0 { true } else { false } } <= 1,
      "subscript: .rest can be given once only")
    var part = StridedPart(start: 0, strides: [], shape: [])
    let strides = rowMajorStrides(shape)
    var taken: (axis: Int, positions: IntTensor)?
    var axis = 0

    func keep(_ start: Int, _ size: Int, by step: Int) {
      part.start += start * strides[axis]
      part.strides.append(strides[axis] * step)
      part.shape.append(size)
      axis += 1
    }

    for selection in selections {
      switch selection {
      case .position(let position):
        let place = position < 0 ? position + shape[axis] : position
        ensure(
          (0..<shape[axis]).contains(place), "subscript: \(shape) has no position \(position) along axis \(axis)")
        part.start += place * strides[axis]
        axis += 1
      case .range(let from, let to):
        let size = shape[axis]
        let start = from.map { $0 < 0 ? $0 + size : $0 } ?? 0
        let end = to.map { $0 < 0 ? $0 + size : $0 } ?? size
        ensure(
          0 <= start && start <= end && end <= size,
          "subscript: \(shape) has no positions \(start)..<\(end) along axis \(axis)")
        keep(start, end - start, by: 1)
      case .strided(let from, let to, let step):
        ensure(step > 0, "subscript: a step of \(step) is not positive; see reversed(axes:)")
        let size = shape[axis]
        func clipped(_ bound: Int) -> Int { Swift.min(Swift.max(bound < 0 ? bound + size : bound, 0), size) }
        let start = clipped(from ?? 0)
        keep(start, Swift.max(0, clipped(to ?? size) - start + step - 1) / step, by: step)
      case .positions(let positions):
        ensure(taken == nil, "subscript: only one axis can be selected from by a tensor; see gathered(at:axis:)")
        taken = (part.shape.count, positions)
        keep(0, shape[axis], by: 1)
      case .wholeAxis: keep(0, shape[axis], by: 1)
      case .ellipsis: for _ in 0..<rank - used { keep(0, shape[axis], by: 1) }
      case .added:
        part.strides.append(0)
        part.shape.append(1)
      }
    }
    while axis < rank { keep(0, shape[axis], by: 1) }
    var y = self
    if part.shape.contains(0) {
      y = emptyResult(part.shape, from: self)
    } else if part.shape.reduce(1, *) == count {
      y = reshaped(to: part.shape)
    } else {
      y = strided(part)
    }
    guard let taken else { return y }
    let picked = y.selected(at: IntTensor(taken.positions.scalars), axis: taken.axis)
    return picked.reshaped(to: y.shape.prefix(taken.axis) + taken.positions.shape + y.shape.dropFirst(taken.axis + 1))
  }
}
