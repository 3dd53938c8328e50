import AviaryDiagnostics
import AviaryKernels

/// Truth values of any rank: the result of comparing tensors, for `replacing(with:where:)` and subscripts.
///
/// The pointwise operators are those of Swift's own SIMD types: `.&`, `.|`, `.^` and `.!`, with NumPy's broadcasting. No
/// gradient flows through a mask.
public struct Mask: Sendable {
  /// Ones where the mask is true, and zeros.
  public let tensor: Tensor

  /// A mask from a tensor of zeros and ones.
  init(ones tensor: Tensor) { self.tensor = tensor.detached() }

  /// A mask of the given values, in row-major order.
  public init(_ values: [Bool], shape: [Int]) { self.init(ones: Tensor(values.map { $0 ? 1 : 0 }, shape: shape)) }

  /// True where an element is not zero, NaN included; PyTorch's `x.bool()`.
  public init(_ x: Tensor) { self = (x .!= 0) }

  /// The sizes of the axes.
  public var shape: [Int] { tensor.shape }
  /// The truth values in row-major order.
  public var values: [Bool] { tensor.scalars.map { $0 != 0 } }
  /// The number of true values; PyTorch's `count_nonzero`.
  public var trueCount: Int {
    operation {
      noteReading(tensor)
      return Int(tensor.plainBuffer.sum())
    }
  }

  /// Where both are true.
  public static func .& (a: Mask, b: Mask) -> Mask { Mask(ones: .combined(.keep, a.tensor, b.tensor)) }
  /// Where one or both are true.
  public static func .| (a: Mask, b: Mask) -> Mask { Mask(ones: .combined(.maximum, a.tensor, b.tensor)) }
  /// Where one of both is true.
  public static func .^ (a: Mask, b: Mask) -> Mask { .!Mask(ones: .combined(.equal, a.tensor, b.tensor)) }
  /// Where it is false.
  public static prefix func .! (a: Mask) -> Mask { Mask(ones: 1 - a.tensor) }

  /// Whether any value is true along the given axes, by default along all.
  public func any(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Mask {
    Mask(tensor.detached().sum(over: axes, keepingAxes: keepingAxes))
  }

  /// Whether all values are true along the given axes, by default along all.
  public func all(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Mask {
    .!(.!self).any(over: axes, keepingAxes: keepingAxes)
  }

  /// The only truth value.
  public var value: Bool { tensor.scalar != 0 }

  /// The positions of the true values: [true values, axes]; PyTorch's `nonzero`.
  public var positions: IntTensor {
    let strides = rowMajorStrides(shape)
    let places = places
    let rows = places.flatMap { place in zip(shape, strides).map { Int32(Int(place) / $1 % $0) } }
    return IntTensor(rows, shape: [places.count, shape.count])
  }

  /// The positions of the true values in row-major order.
  var places: [Int32] { values.enumerated().filter(\.element).map { Int32($0.offset) } }
}

extension Mask: Equatable {
  /// Whether shapes and truth values are the same.
  public static func == (a: Mask, b: Mask) -> Bool { a.tensor == b.tensor }
}
