import AviaryDiagnostics
import AviaryKernels

// Elementwise comparisons with NumPy's broadcasting. They are spelled with a dot, as for Swift's SIMD types, because `==`
// compares whole tensors. Comparisons with NaN are false, except `.!=`.

extension Tensor {
  /// Where the first is less, element by element, with broadcasting.
  public static func .< (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.less, a, b)) }
  /// Where the first is less or equal, element by element, with broadcasting.
  public static func .<= (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.lessOrEqual, a, b)) }
  /// Where the first is greater, element by element, with broadcasting.
  public static func .> (a: Tensor, b: Tensor) -> Mask { b .< a }
  /// Where the first is greater or equal, element by element, with broadcasting.
  public static func .>= (a: Tensor, b: Tensor) -> Mask { b .<= a }
  /// Where elements are equal, element by element, with broadcasting.
  public static func .== (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.equal, a, b)) }
  /// Where elements differ, element by element, with broadcasting.
  public static func .!= (a: Tensor, b: Tensor) -> Mask { .!(a .== b) }

  /// Where the first is less, element by element, with broadcasting.
  public static func .< (a: Tensor, b: Float) -> Mask { a .< Tensor(b) }
  /// Where the first is less or equal, element by element, with broadcasting.
  public static func .<= (a: Tensor, b: Float) -> Mask { a .<= Tensor(b) }
  /// Where the first is greater, element by element, with broadcasting.
  public static func .> (a: Tensor, b: Float) -> Mask { a .> Tensor(b) }
  /// Where the first is greater or equal, element by element, with broadcasting.
  public static func .>= (a: Tensor, b: Float) -> Mask { a .>= Tensor(b) }
  /// Where elements are equal, element by element, with broadcasting.
  public static func .== (a: Tensor, b: Float) -> Mask { a .== Tensor(b) }
  /// Where elements differ, element by element, with broadcasting.
  public static func .!= (a: Tensor, b: Float) -> Mask { a .!= Tensor(b) }
  /// Where the first is less, element by element, with broadcasting.
  public static func .< (a: Float, b: Tensor) -> Mask { Tensor(a) .< b }
  /// Where the first is less or equal, element by element, with broadcasting.
  public static func .<= (a: Float, b: Tensor) -> Mask { Tensor(a) .<= b }
  /// Where the first is greater, element by element, with broadcasting.
  public static func .> (a: Float, b: Tensor) -> Mask { Tensor(a) .> b }
  /// Where the first is greater or equal, element by element, with broadcasting.
  public static func .>= (a: Float, b: Tensor) -> Mask { Tensor(a) .>= b }
  /// Where elements are equal, element by element, with broadcasting.
  public static func .== (a: Float, b: Tensor) -> Mask { Tensor(a) .== b }
  /// Where elements differ, element by element, with broadcasting.
  public static func .!= (a: Float, b: Tensor) -> Mask { Tensor(a) .!= b }

  /// Where elements are NaN.
  public var isNaN: Mask { self .!= self }
  /// Where elements are neither NaN nor infinite.
  public var isFinite: Mask { abs(detached()) .<= .greatestFiniteMagnitude }
  /// Where elements are infinite.
  public var isInfinite: Mask { abs(detached()) .== .infinity }
}

extension Tensor: Equatable {
  /// Whether shapes and elements are equal; PyTorch's `equal`. A tensor with a NaN equals no tensor, itself included. For an
  /// elementwise comparison see `.==`.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    return operation {
      a.plainBuffer.reading { a in
        b.plainBuffer.reading { b in a.indices.allSatisfy { a[$0] == b[$0] } }
      }
    }
  }
}

/// Where |a − b| ≤ absolute + relative · |b|, with NumPy's broadcasting; infinities of the same sign are close.
public func isClose(
  _ a: Tensor, _ b: Tensor, relative: Float = 1e-5, absolute: Float = 1e-8, equalNaN: Bool = false
) -> Mask {
  let (a, b) = (a.detached(), b.detached())
  let near = (abs(a - b) .<= abs(b) * relative + absolute) .& b.isFinite
  let same = near .| (a .== b)
  return equalNaN ? same .| (a.isNaN .& b.isNaN) : same
}

/// Whether all elements are close: see `isClose`.
public func allClose(
  _ a: Tensor, _ b: Tensor, relative: Float = 1e-5, absolute: Float = 1e-8, equalNaN: Bool = false
) -> Bool {
  isClose(a, b, relative: relative, absolute: absolute, equalNaN: equalNaN).all().value
}

extension Tensor {
  /// The elements of `other` where the mask is true and this tensor's own elsewhere, with NumPy's broadcasting. PyTorch's
  /// `where(mask, other, self)`.
  public func replacing(with other: Tensor, where mask: Mask) -> Tensor {
    let shape = Tensor.broadcastShape(Tensor.broadcastShape(self.shape, other.shape), mask.shape)
    let chosen = mask.tensor.expanded(to: shape)
    return operation {
      let (a, b) = untraced {
        (detached().expanded(to: shape).plainBuffer, other.detached().expanded(to: shape).plainBuffer)
      }
      let y = b.reading { b in
        Buffer.made(shape, from: a) { a, y in
          chosen.plainBuffer.reading { mask in
            for i in a.indices { y[i] = mask[i] != 0 ? b[i] : a[i] }
          }
        }
      }
      return recorded(Tensor(y, shape: shape), as: .init("replacing"), from: self, other, chosen) {
        [x = operand, other = other.operand] dy, cotangents in
        if cotangents.wants(x) { cotangents.add(Tensor.combined(.keep, dy, 1 - chosen).summed(to: x.shape), to: x) }
        if cotangents.wants(other) {
          cotangents.add(Tensor.combined(.keep, dy, chosen).summed(to: other.shape), to: other)
        }
      }
    }
  }

  /// A number where the mask is true, this tensor's own elements elsewhere; PyTorch's `masked_fill`.
  public func replacing(with value: Float, where mask: Mask) -> Tensor { replacing(with: Tensor(value), where: mask) }
}
