import AviaryDiagnostics
import AviaryKernels

// Comparisons, element by element, with NumPy's broadcasting. They have the names of Swift's SIMD types, with a dot,
// because `==` says whether two tensors are the same. A comparison with NaN is false, but for `.!=`.

extension Tensor {
  public static func .< (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.less, a, b)) }
  public static func .<= (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.lessOrEqual, a, b)) }
  public static func .> (a: Tensor, b: Tensor) -> Mask { b .< a }
  public static func .>= (a: Tensor, b: Tensor) -> Mask { b .<= a }
  public static func .== (a: Tensor, b: Tensor) -> Mask { Mask(ones: combined(.equal, a, b)) }
  public static func .!= (a: Tensor, b: Tensor) -> Mask { .!(a .== b) }

  public static func .< (a: Tensor, b: Float) -> Mask { a .< Tensor(b) }
  public static func .<= (a: Tensor, b: Float) -> Mask { a .<= Tensor(b) }
  public static func .> (a: Tensor, b: Float) -> Mask { a .> Tensor(b) }
  public static func .>= (a: Tensor, b: Float) -> Mask { a .>= Tensor(b) }
  public static func .== (a: Tensor, b: Float) -> Mask { a .== Tensor(b) }
  public static func .!= (a: Tensor, b: Float) -> Mask { a .!= Tensor(b) }
  public static func .< (a: Float, b: Tensor) -> Mask { Tensor(a) .< b }
  public static func .<= (a: Float, b: Tensor) -> Mask { Tensor(a) .<= b }
  public static func .> (a: Float, b: Tensor) -> Mask { Tensor(a) .> b }
  public static func .>= (a: Float, b: Tensor) -> Mask { Tensor(a) .>= b }
  public static func .== (a: Float, b: Tensor) -> Mask { Tensor(a) .== b }
  public static func .!= (a: Float, b: Tensor) -> Mask { Tensor(a) .!= b }

  /// Where elements are not a number.
  public var isNaN: Mask { self .!= self }
  /// Where elements are neither NaN nor infinite.
  public var isFinite: Mask { abs(detached()) .<= .greatestFiniteMagnitude }
  /// Where elements are infinite.
  public var isInfinite: Mask { abs(detached()) .== .infinity }
}

extension Tensor: Equatable {
  /// Whether shapes and elements are the same; PyTorch's `equal`. As for numbers, a tensor with a NaN equals none. For
  /// element by element see `.==`.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    return operation {
      a.plainBuffer.reading { a in
        b.plainBuffer.reading { b in a.indices.allSatisfy { a[$0] == b[$0] } }
      }
    }
  }
}

/// Where |a − b| ≤ absolute + relative · |b|, with NumPy's broadcasting; infinities of one sign are close to each other.
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
      let (a, b) = (detached().expanded(to: shape).plainBuffer, other.detached().expanded(to: shape).plainBuffer)
      let y = b.reading { b in
        Buffer.made(shape, from: a) { a, y in
          chosen.plainBuffer.reading { mask in
            for i in a.indices { y[i] = mask[i] != 0 ? b[i] : a[i] }
          }
        }
      }
      return recorded(Tensor(y, shape: shape), from: self, other) {
        [x = operand, other = other.operand] dy, cotangents in
        if cotangents.wants(x) { cotangents.add(Tensor.combined(.keep, dy, 1 - chosen).summed(to: x.shape), to: x) }
        if cotangents.wants(other) {
          cotangents.add(Tensor.combined(.keep, dy, chosen).summed(to: other.shape), to: other)
        }
      }
    }
  }

  /// A number where the mask is true, and this tensor's own elements elsewhere; PyTorch's `masked_fill`.
  public func replacing(with value: Float, where mask: Mask) -> Tensor { replacing(with: Tensor(value), where: mask) }
}
