import AviaryKernels

// Functions of single elements under the names that mathematics and PyTorch have for them.

/// 1 / √x, element by element.
public func rsqrt(_ x: Tensor) -> Tensor { apply(.rsqrt, x) }

/// log(1 + x), exact for small x.
public func log1p(_ x: Tensor) -> Tensor { apply(.log1p, x) }

/// eˣ − 1, exact for small x.
public func expm1(_ x: Tensor) -> Tensor { apply(.expm1, x) }

/// The logarithm to the base 2 of every element.
public func log2(_ x: Tensor) -> Tensor { apply(.log2, x) }

/// The logarithm to the base 10 of every element.
public func log10(_ x: Tensor) -> Tensor { apply(.log10, x) }

/// The sine of every element, in radians.
public func sin(_ x: Tensor) -> Tensor { apply(.sin, x) }

/// The cosine of every element, in radians.
public func cos(_ x: Tensor) -> Tensor { apply(.cos, x) }

/// The tangent of every element, in radians.
public func tan(_ x: Tensor) -> Tensor { apply(.tan, x) }

/// The arc sine of every element, in radians.
public func asin(_ x: Tensor) -> Tensor { apply(.asin, x) }

/// The arc cosine of every element, in radians.
public func acos(_ x: Tensor) -> Tensor { apply(.acos, x) }

/// The arc tangent of every element, in radians.
public func atan(_ x: Tensor) -> Tensor { apply(.atan, x) }

/// The hyperbolic sine of every element.
public func sinh(_ x: Tensor) -> Tensor { apply(.sinh, x) }

/// The hyperbolic cosine of every element.
public func cosh(_ x: Tensor) -> Tensor { apply(.cosh, x) }

/// The inverse hyperbolic sine of every element.
public func asinh(_ x: Tensor) -> Tensor { apply(.asinh, x) }

/// The inverse hyperbolic cosine of every element.
public func acosh(_ x: Tensor) -> Tensor { apply(.acosh, x) }

/// The inverse hyperbolic tangent of every element.
public func atanh(_ x: Tensor) -> Tensor { apply(.atanh, x) }

/// Every element rounded down. Its gradient is zero, as are those of `ceil`, `round`, `trunc` and `sign`.
public func floor(_ x: Tensor) -> Tensor { apply(.floor, x) }

/// Every element rounded up.
public func ceil(_ x: Tensor) -> Tensor { apply(.ceil, x) }

/// Every element rounded to the nearest whole number; halves go to the even one, as in PyTorch.
public func round(_ x: Tensor) -> Tensor { apply(.round, x) }

/// Every element rounded toward zero.
public func trunc(_ x: Tensor) -> Tensor { apply(.trunc, x) }

/// −1, 0 or 1: the sign of every element. NaN has sign 0, as in PyTorch.
public func sign(_ x: Tensor) -> Tensor { apply(.sign, x) }

/// The error function of every element.
public func erf(_ x: Tensor) -> Tensor { apply(.erf, x) }

/// 1 − erf(x), exact where that is small.
public func erfc(_ x: Tensor) -> Tensor { apply(.erfc, x) }

/// 1 / x, element by element.
public func reciprocal(_ x: Tensor) -> Tensor { apply(.reciprocal, x) }

/// xᵖ, element by element.
public func pow(_ x: Tensor, _ exponent: Float) -> Tensor { exponent == 2 ? x.squared() : apply(.power(exponent), x) }

/// xᵖ with NumPy's broadcasting.
public func pow(_ x: Tensor, _ exponent: Tensor) -> Tensor {
  pair(.raise, x, exponent) { dy, y, cotangents in
    let (base, power) = (x.detached(), exponent.detached())
    if cotangents.wants(x) {
      let slope = (power * pow(base, power - 1)).replacing(with: 0, where: power .== 0)
      cotangents.add((dy * slope).summed(to: x.shape), to: x)
    }
    if cotangents.wants(exponent) {
      // 0ᵖ is flat in p; its logarithm is not to spoil that.
      let flat = (base .== 0) .& (power .>= 0)
      cotangents.add((dy * y * log(base)).replacing(with: 0, where: flat).summed(to: exponent.shape), to: exponent)
    }
  }
}

/// baseˣ, element by element.
public func pow(_ base: Float, _ x: Tensor) -> Tensor { pow(Tensor(base), x) }

/// The angle of the point (x, y) in −π...π, with NumPy's broadcasting.
public func atan2(_ y: Tensor, _ x: Tensor) -> Tensor {
  pair(.atan2, y, x) { gradient, _, cotangents in
    let (ordinate, abscissa) = (y.detached(), x.detached())
    let square = ordinate.squared() + abscissa.squared()
    let share = (gradient / square).replacing(with: 0, where: square .== 0)
    cotangents.add((share * abscissa).summed(to: y.shape), to: y)
    cotangents.add((-(share * ordinate)).summed(to: x.shape), to: x)
  }
}

extension Tensor {
  /// a − b · ⌊a / b⌋, which has the sign of b as in Python; NumPy's broadcasting.
  public static func % (a: Tensor, b: Tensor) -> Tensor {
    pair(.remainder, a, b) { dy, _, cotangents in
      cotangents.add(dy.summed(to: a.shape), to: a)
      cotangents.add((-(dy * floor(a.detached() / b.detached()))).summed(to: b.shape), to: b)
    }
  }

  /// The remainder, with the sign of the divisor, element by element, with broadcasting.
  public static func % (a: Tensor, b: Float) -> Tensor { a % Tensor(b) }
  /// The remainder, with the sign of the divisor, element by element, with broadcasting.
  public static func % (a: Float, b: Tensor) -> Tensor { Tensor(a) % b }
  /// The quotient, element by element, with broadcasting.
  public static func / (a: Float, b: Tensor) -> Tensor { Tensor(a) / b }

  /// The sum takes the place of the first operand.
  public static func += (a: inout Tensor, b: Tensor) { a = a + b }
  /// The difference takes the place of the first operand.
  public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
  /// The product takes the place of the first operand.
  public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
  /// The quotient takes the place of the first operand.
  public static func /= (a: inout Tensor, b: Tensor) { a = a / b }
  /// The remainder, with the sign of the divisor takes the place of the first operand.
  public static func %= (a: inout Tensor, b: Tensor) { a = a % b }
  /// The sum takes the place of the first operand.
  public static func += (a: inout Tensor, b: Float) { a = a + b }
  /// The difference takes the place of the first operand.
  public static func -= (a: inout Tensor, b: Float) { a = a - b }
  /// The product takes the place of the first operand.
  public static func *= (a: inout Tensor, b: Float) { a = a * b }
  /// The quotient takes the place of the first operand.
  public static func /= (a: inout Tensor, b: Float) { a = a / b }
  /// The remainder, with the sign of the divisor takes the place of the first operand.
  public static func %= (a: inout Tensor, b: Float) { a = a % b }

  /// Every element, at least the bound. Gradients pass from the bound up.
  public func clamped(to range: PartialRangeFrom<Float>) -> Tensor {
    apply(.clamp(range.lowerBound, .infinity), self)
  }

  /// Every element, at most the bound. Gradients pass up to the bound.
  public func clamped(to range: PartialRangeThrough<Float>) -> Tensor {
    apply(.clamp(-.infinity, range.upperBound), self)
  }

  /// Every element limited to `low` and `high`, which broadcast and get the gradient where they are the result. Where `low`
  /// exceeds `high`, the result is `high`.
  public func clamped(from low: Tensor? = nil, through high: Tensor? = nil) -> Tensor {
    var y = self
    if let low { y = y.replacing(with: low, where: y .< low) }
    if let high { y = y.replacing(with: high, where: y .> high) }
    // No comparison finds what is not a number.
    for operand in [self, low, high].compactMap(\.self) { y = y.replacing(with: .nan, where: operand.isNaN) }
    return y
  }
}

/// An operation on two tensors with NumPy's broadcasting and a pullback of its own.
private func pair(
  _ kind: BinaryOperation, _ a: Tensor, _ b: Tensor,
  pullback: @escaping (_ gradient: Tensor, _ result: Tensor, _ cotangents: inout Cotangents) -> Void
) -> Tensor {
  operation {
    let y = Tensor.combined(kind, a, b)
    return recorded(y, as: .init(kind.name), from: a, b) { dy, cotangents in pullback(dy, y, &cotangents) }
  }
}

extension Tensor {
  /// The operation with NumPy's broadcasting, which a trace lists and no tape records.
  static func combined(_ kind: BinaryOperation, _ a: Tensor, _ b: Tensor) -> Tensor {
    let shape = broadcastShape(a.shape, b.shape)
    return operation {
      let y = Tensor(
        Buffer.broadcast(kind, a.plainBuffer, a.shape, b.plainBuffer, b.shape, result: shape), shape: shape)
      Pass.current.onComputeThread.trace?.note(.init(kind.name), [a, b], [y])
      return y
    }
  }
}
