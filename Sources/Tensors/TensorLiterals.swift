import AviaryDiagnostics

/// An element of a tensor written out in nested brackets, as in `let x: Tensor = [[1, 2], [3, 4]]`: a number, or brackets of
/// elements of one shape.
public struct TensorLiteral<Scalar: Sendable>: Sendable {
  let shape: [Int]
  let scalars: [Scalar]

  fileprivate init(_ scalar: Scalar) {
    shape = []
    scalars = [scalar]
  }

  fileprivate init(joining parts: [TensorLiteral]) {
    let inner = parts.first?.shape ?? []
    ensure(
      parts.allSatisfy { $0.shape == inner }, "a tensor literal: \(parts.map(\.shape)) in one pair of brackets differ")
    shape = [parts.count] + inner
    scalars = parts.flatMap(\.scalars)
  }
}

extension TensorLiteral: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: TensorLiteral...) { self.init(joining: elements) }
}

extension TensorLiteral: ExpressibleByIntegerLiteral where Scalar: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Scalar.IntegerLiteralType) { self.init(Scalar(integerLiteral: value)) }
}

extension TensorLiteral: ExpressibleByFloatLiteral where Scalar: ExpressibleByFloatLiteral {
  public init(floatLiteral value: Scalar.FloatLiteralType) { self.init(Scalar(floatLiteral: value)) }
}

/// Brackets, but no bare numbers: were `2` a tensor, `x * 2` would be a product of tensors, which is slower.
extension Tensor: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: TensorLiteral<Float>...) {
    let whole = TensorLiteral(joining: elements)
    self.init(whole.scalars, shape: whole.shape)
  }
}

extension IntTensor: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: TensorLiteral<Int32>...) {
    let whole = TensorLiteral(joining: elements)
    self.init(whole.scalars, shape: whole.shape)
  }
}
