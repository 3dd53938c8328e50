/// A selection along one axis of a dataset: `count` elements from `start` on, every `stride`-th one.
///
/// One slice for each axis makes a *hyperslab*, which `HDF5Reader.bytes(of:at:)` reads. Ranges are slices too:
/// `2..<5`, `2...4`, `2...`, `..<5` and `...4` select what they do in an array.
public struct HDF5Slice: Sendable, Equatable {
  /// The place of the first element.
  public let start: Int
  /// The number of elements; `nil` for as many as there are up to the end of the axis.
  public let count: Int?
  /// The distance from one element to the next, at least 1.
  public let stride: Int

  /// `count` elements from `start`; nil reads to the end of the axis.
  public init(start: Int = 0, count: Int? = nil, stride: Int = 1) {
    self.start = start
    self.count = count
    self.stride = stride
  }

  /// The elements of a range, or every `stride`-th of them, beginning with the first.
  public init(_ range: some HDF5SliceExpression, by stride: Int = 1) {
    let whole = range.hdf5Slice
    // A stride that is not positive is reported where the slice is used.
    let count = whole.count.map { $0 > 0 && stride > 0 ? ($0 - 1) / stride + 1 : $0 }
    self.init(start: whole.start, count: count, stride: stride)
  }

  /// The whole axis.
  public static let all = HDF5Slice()
}

/// A selection along one axis: a range of `Int`, or an `HDF5Slice`.
public protocol HDF5SliceExpression {
  /// The part of an axis that it means.
  var hdf5Slice: HDF5Slice { get }
}

extension HDF5Slice: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice { self }
}

extension Range<Int>: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice { HDF5Slice(start: lowerBound, count: upperBound.minus(lowerBound)) }
}

extension ClosedRange<Int>: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice {
    HDF5Slice(start: lowerBound, count: upperBound.minus(lowerBound).plus(1) ?? .max)
  }
}

extension PartialRangeFrom<Int>: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice { HDF5Slice(start: lowerBound) }
}

extension PartialRangeUpTo<Int>: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice { HDF5Slice(count: upperBound) }
}

extension PartialRangeThrough<Int>: HDF5SliceExpression {
  /// The part of an axis that it means.
  public var hdf5Slice: HDF5Slice { HDF5Slice(count: upperBound.plus(1) ?? .max) }
}

extension Int {
  /// `self - other`, which is at most `Int.max`: more is outside every axis anyway.
  fileprivate func minus(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? .max : difference
  }
}
