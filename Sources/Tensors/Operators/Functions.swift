import AviaryDiagnostics
import AviaryKernels

// Elementwise functions. Each accepts any memory layout and keeps it.

/// x where it is positive, else slope · x (Maas et al., 2013).
public func leakyRelu(_ x: Tensor, slope: Float = 0.01) -> Tensor { apply(.leakyRelu(slope: slope), x) }

/// x where it is positive, else α · (eˣ − 1) (Clevert et al., 2015).
public func elu(_ x: Tensor, alpha: Float = 1) -> Tensor { apply(.elu(alpha: alpha), x) }

/// How a gelu is computed.
public enum GELUApproximation: Sendable {
  /// x · Φ(x), Φ being the distribution function of the normal distribution.
  case none
  /// x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2
  case tanh
}

/// x · Φ(x), Φ being the distribution function of the normal distribution (Hendrycks & Gimpel, 2016).
public func gelu(_ x: Tensor, approximation: GELUApproximation = .none) -> Tensor {
  apply(approximation == .tanh ? .geluByTanh : .gelu, x)
}

/// x / (1 + e⁻ˣ), which is also called swish.
public func silu(_ x: Tensor) -> Tensor { apply(.silu, x) }

/// x · min(max(x + 3, 0), 6) / 6 (Howard et al., 2019).
public func hardSwish(_ x: Tensor) -> Tensor { apply(.hardSwish, x) }

/// min(max(x, low), high), with no slope at the limits themselves, where `clamped(to:)` has one: PyTorch's `hardtanh`.
public func hardTanh(_ x: Tensor, from low: Float = -1, to high: Float = 1) -> Tensor {
  ensure(low <= high, "hardTanh: there is nothing from \(low) to \(high)")
  return apply(.hardTanh(low, high), x)
}

/// min(max(x, 0), 6) (Howard et al., 2017), which is a hard tanh.
public func relu6(_ x: Tensor) -> Tensor { hardTanh(x, from: 0, to: 6) }

/// 1 / (1 + e⁻ˣ), element by element.
public func sigmoid(_ x: Tensor) -> Tensor { apply(.sigmoid, x) }

/// The hyperbolic tangent of every element.
public func tanh(_ x: Tensor) -> Tensor { apply(.tanh, x) }

/// eˣ, element by element.
public func exp(_ x: Tensor) -> Tensor { apply(.exp, x) }

/// The natural logarithm of every element.
public func log(_ x: Tensor) -> Tensor { apply(.log, x) }

/// The square root of every element.
public func sqrt(_ x: Tensor) -> Tensor { apply(.squareRoot, x) }

/// The absolute value of every element. At 0 the gradient is 0.
public func abs(_ x: Tensor) -> Tensor { apply(.magnitude, x) }

extension Tensor {
  /// The square of every element.
  public func squared() -> Tensor { apply(.square, self) }

  /// Every element limited to the range. Gradients pass within it, bounds included.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    apply(.clamp(range.lowerBound, range.upperBound), self)
  }
}

/// The larger of two elements, with NumPy's broadcasting; equal ones share the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { Tensor.broadcast(.maximum, a, b) }

/// The smaller of two elements, with NumPy's broadcasting; equal ones share the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { Tensor.broadcast(.minimum, a, b) }

/// x where it is positive, else slope · x with a learned slope (He et al., 2015): [N, C, …] by [1] or [C] → [N, C, …].
public func prelu(_ x: Tensor, slope: Tensor) -> Tensor {
  ensure(
    slope.shape == [1] || (x.rank >= 2 && slope.shape == [x.shape[1]]),
    "prelu: input \(x.shape) does not go with slope \(slope.shape)")
  return composed(.init("prelu"), from: [x, slope]) {
    let perChannel =
      slope.count == 1 ? slope : slope.reshaped(to: [slope.count] + Array(repeating: 1, count: x.rank - 2))
    // Clamping lets the gradient pass at zero itself, where relu has none: PyTorch counts zero as negative.
    return relu(x) + perChannel * x.clamped(to: -Float.infinity...0)
  }
}

func apply(_ function: ElementFunction, _ x: Tensor) -> Tensor {
  operation {
    if !x.isTracked, case .convolution(let convolution)? = x.deferred, let fused = convolution.ending(with: function) {
      return recorded(Tensor(.convolution(fused), shape: x.shape), as: function.description, from: x) { _, _ in }
    }
    let operand = x.buffer
    let input = function.keepsPadding || !operand.layout.isPadded ? operand : x.plainBuffer
    let y = Tensor(function(input), shape: x.shape)
    let saved = function.derivesFromResult ? y : x
    return recorded(y, as: function.description, from: x) { [x = x.operand, layout = y.buffer.layout] dy, cotangents in
      let dx = function.pullback(dy.buffer.reordered(to: layout), saved: saved.buffer.reordered(to: layout))
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}

extension ElementFunction {
  fileprivate var description: OperationDescription {
    switch self {
    case .leakyRelu(let slope): .init("leakyRelu", "slope", .number(slope))
    case .elu(let alpha): .init("elu", "alpha", .number(alpha))
    case .gelu: .init("gelu", "approximation", .text("none"))
    case .geluByTanh: .init("gelu", "approximation", .text("tanh"))
    case .silu: .init("silu")
    case .hardSwish: .init("hardSwish")
    case .sigmoid: .init("sigmoid")
    case .tanh: .init("tanh")
    case .exp: .init("exp")
    case .log: .init("log")
    case .squareRoot: .init("sqrt")
    case .magnitude: .init("abs")
    case .square: .init("squared")
    case .clamp(let low, let high): .init("clamped", .clamp(low, high))
    case .hardTanh(let low, let high): .init("hardTanh", .clamp(low, high))
    case .power(let exponent): .init("pow", "exponent", .number(exponent))
    case .rsqrt: .init("rsqrt")
    case .log1p: .init("log1p")
    case .expm1: .init("expm1")
    case .log2: .init("log2")
    case .log10: .init("log10")
    case .sin: .init("sin")
    case .cos: .init("cos")
    case .tan: .init("tan")
    case .asin: .init("asin")
    case .acos: .init("acos")
    case .atan: .init("atan")
    case .sinh: .init("sinh")
    case .cosh: .init("cosh")
    case .asinh: .init("asinh")
    case .acosh: .init("acosh")
    case .atanh: .init("atanh")
    case .floor: .init("floor")
    case .ceil: .init("ceil")
    case .round: .init("round")
    case .trunc: .init("trunc")
    case .sign: .init("sign")
    case .erf: .init("erf")
    case .erfc: .init("erfc")
    case .reciprocal: .init("reciprocal")
    }
  }
}
