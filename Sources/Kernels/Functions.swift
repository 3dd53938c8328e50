import AviaryDiagnostics
import CKernels

/// An element-wise function with its own kernel, and its derivative.
package enum ElementFunction: Sendable {
  case leakyRelu(slope: Float)
  case elu(alpha: Float)
  case gelu, geluByTanh, silu, hardSwish, sigmoid, tanh, exp, log, squareRoot, magnitude, square
  case clamp(Float, Float)
  /// The same values as of clamp, but with no slope at the limits themselves.
  case hardTanh(Float, Float)
  case rsqrt, log1p, expm1, log2, log10, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
  case floor, ceil, round, trunc, sign, erf, erfc, reciprocal
  case power(Float)

  private var code: (function: ak_function, p: Float, q: Float) {
    switch self {
    case .leakyRelu(let slope): (AK_LEAKY_RELU, slope, 0)
    case .elu(let alpha): (AK_ELU, alpha, 0)
    case .gelu: (AK_GELU, 0, 0)
    case .geluByTanh: (AK_GELU_TANH, 0, 0)
    case .silu: (AK_SILU, 0, 0)
    case .hardSwish: (AK_HARD_SWISH, 0, 0)
    case .sigmoid: (AK_SIGMOID, 0, 0)
    case .tanh: (AK_TANH, 0, 0)
    case .exp: (AK_EXP, 0, 0)
    case .log: (AK_LOG, 0, 0)
    case .squareRoot: (AK_SQRT, 0, 0)
    case .magnitude: (AK_ABS, 0, 0)
    case .square: (AK_SQUARE, 0, 0)
    case .clamp(let low, let high): (AK_CLAMP, low, high)
    case .hardTanh(let low, let high): (AK_HARD_TANH, low, high)
    case .rsqrt: (AK_RSQRT, 0, 0)
    case .log1p: (AK_LOG1P, 0, 0)
    case .expm1: (AK_EXPM1, 0, 0)
    case .log2: (AK_LOG2, 0, 0)
    case .log10: (AK_LOG10, 0, 0)
    case .sin: (AK_SIN, 0, 0)
    case .cos: (AK_COS, 0, 0)
    case .tan: (AK_TAN, 0, 0)
    case .asin: (AK_ASIN, 0, 0)
    case .acos: (AK_ACOS, 0, 0)
    case .atan: (AK_ATAN, 0, 0)
    case .sinh: (AK_SINH, 0, 0)
    case .cosh: (AK_COSH, 0, 0)
    case .asinh: (AK_ASINH, 0, 0)
    case .acosh: (AK_ACOSH, 0, 0)
    case .atanh: (AK_ATANH, 0, 0)
    case .floor: (AK_FLOOR, 0, 0)
    case .ceil: (AK_CEIL, 0, 0)
    case .round: (AK_ROUND, 0, 0)
    case .trunc: (AK_TRUNC, 0, 0)
    case .sign: (AK_SIGN, 0, 0)
    case .erf: (AK_ERF, 0, 0)
    case .erfc: (AK_ERFC, 0, 0)
    case .reciprocal: (AK_RECIPROCAL, 0, 0)
    case .power(let exponent): (AK_POWER, exponent, 0)
    }
  }

  /// Whether padding, which is zero, stays zero, in the gradient too.
  package var keepsPadding: Bool {
    switch self {
    case .sigmoid, .exp, .log, .squareRoot: false
    case .rsqrt, .log2, .log10, .cos, .acos, .cosh, .acosh, .erfc, .reciprocal, .power: false
    case .clamp(let low, let high), .hardTanh(let low, let high): low <= 0 && high >= 0
    default: true
    }
  }

  /// Whether the derivative is computed from the result, not from the operand.
  package var derivesFromResult: Bool {
    switch self {
    case .sigmoid, .tanh, .exp, .squareRoot, .rsqrt, .expm1, .tan, .reciprocal: true
    default: false
    }
  }

  /// f(x), in the layout of the operand.
  package func callAsFunction(_ x: Buffer) -> Buffer {
    ensure(
      keepsPadding || !x.layout.isPadded, "a function with f(0) ≠ 0 would write to the padding of a blocked layout")
    let y = Buffer(x.layout)
    let (function, p, q) = code
    kernel("function", y.layout, floats: 2 * x.count) { unsafe ak_apply(function, x.floats, p, q, y.floats, x.count) }
    return y
  }

  /// gradient · f′, from the result or the operand, of the same layout.
  package func pullback(_ gradient: Buffer, saved: Buffer) -> Buffer {
    ensure(gradient.layout == saved.layout, "the gradient's layout differs from that of the function's values")
    let dx = Buffer(saved.layout)
    let (function, p, q) = code
    kernel("function, gradient", dx.layout, floats: 3 * dx.count) {
      unsafe ak_apply_backward(function, gradient.floats, saved.floats, p, q, dx.floats, saved.count)
    }
    return dx
  }
}

/// A loss of a prediction and a target, element by element.
package enum ElementLoss: Sendable {
  case absoluteError, squaredError, binaryCrossEntropy
  case huber(delta: Float)
  case smoothL1(beta: Float)
  /// The loss of ones is multiplied by the weight.
  case binaryCrossEntropyOfLogits(positiveWeight: Float)

  private var code: (loss: ak_loss, p: Float) {
    switch self {
    case .absoluteError: (AK_ABSOLUTE_ERROR, 0)
    case .squaredError: (AK_SQUARED_ERROR, 0)
    case .binaryCrossEntropy: (AK_BINARY_CROSS_ENTROPY, 0)
    case .huber(let delta): (AK_HUBER, delta)
    case .smoothL1(let beta): (AK_SMOOTH_L1, beta)
    case .binaryCrossEntropyOfLogits(let weight): (AK_BINARY_CROSS_ENTROPY_OF_LOGITS, weight)
    }
  }

  /// The sum over all elements of two row-major buffers, accumulated in double.
  package func sum(_ x: Buffer, _ target: Buffer) -> Double {
    ensure(x.layout == target.layout && x.layout.isPlain, "a loss needs row-major values and targets of the same shape")
    let losses = Buffer(x.layout)
    let (loss, p) = code
    kernel("loss", x.layout, floats: 3 * x.count) {
      unsafe ak_loss_forward(loss, x.floats, target.floats, p, losses.floats, x.count)
    }
    return losses.sum()
  }

  /// The gradient with respect to the prediction, that of each element's loss being one number.
  package func pullback(_ gradient: Float, _ x: Buffer, _ target: Buffer) -> Buffer {
    ensure(x.layout == target.layout && x.layout.isPlain, "a loss needs row-major values and targets of the same shape")
    let dx = Buffer(x.layout)
    let (loss, p) = code
    kernel("loss, gradient", dx.layout, floats: 3 * dx.count) {
      unsafe ak_loss_backward(loss, gradient, x.floats, target.floats, p, dx.floats, x.count)
    }
    return dx
  }
}
