// Functions of `keras.ops` and TensorFlow of single elements: roots, logarithms, powers, limits, whole numbers, truth values, and
// activations with a parameter.

import AviaryLayers
import AviaryTensors

/// A function of single elements: `ops.sqrt(x)`, `x ** 3`, `ops.clip(x, -1, 1)`.
struct KerasElementFunction: KerasUnaryClass {
  enum Kind: String, Codable, Sendable {
    case magnitude, negative, square, squareRoot, reciprocalRoot, reciprocal, logarithm, logarithmOfMore,
      exponentialLess
    case sine, cosine, sign, power, limits
    case tangent, arcSine, arcCosine, arcTangent, hyperbolicSine, hyperbolicCosine, errorFunction
    case binaryLogarithm, decimalLogarithm, powerOfTwo
    case floor, ceiling, rounded, truncated
    /// Ones for 0 alone, for what is not 0, for what is no number, infinite, or neither.
    case opposite, truth, isNaN, isInfinite, isFinite
    case softShrink, hardShrink, threshold, squareplus, celu
  }

  static let key = "elementFunction"
  static let classes = kinds.keys.sorted()
  private static let kinds: [String: Kind] = [
    "ops.Absolute": .magnitude, "ops.Abs": .magnitude, "ops.Negative": .negative, "ops.Neg": .negative,
    "ops.Square": .square, "ops.Sqrt": .squareRoot, "ops.Rsqrt": .reciprocalRoot, "ops.Reciprocal": .reciprocal,
    "ops.Log": .logarithm, "ops.Log1p": .logarithmOfMore, "ops.Expm1": .exponentialLess, "ops.Sin": .sine,
    "ops.Cos": .cosine, "ops.Sign": .sign, "ops.Power": .power, "ops.Pow": .power, "ops.Clip": .limits,
    "ops.ClipByValue": .limits, "ops.Tan": .tangent, "ops.Arcsin": .arcSine, "ops.Arccos": .arcCosine,
    "ops.Arctan": .arcTangent, "ops.Sinh": .hyperbolicSine, "ops.Cosh": .hyperbolicCosine, "ops.Erf": .errorFunction,
    "ops.Log2": .binaryLogarithm, "ops.Log10": .decimalLogarithm, "ops.Exp2": .powerOfTwo, "ops.Floor": .floor,
    "ops.Ceil": .ceiling, "ops.Round": .rounded, "ops.Trunc": .truncated, "ops.LogicalNot": .opposite,
    "ops.Isnan": .isNaN, "ops.Isinf": .isInfinite, "ops.Isfinite": .isFinite, "ops.SoftShrink": .softShrink,
    "ops.HardShrink": .hardShrink, "ops.Threshold": .threshold, "ops.Squareplus": .squareplus, "ops.Celu": .celu,
  ]
  /// The setting of an activation, and its default.
  private static let parameters: [Kind: (name: String, value: Float?)] = [
    .softShrink: ("threshold", 0.5), .hardShrink: ("threshold", 0.5), .threshold: ("threshold", nil),
    .squareplus: ("b", 4), .celu: ("alpha", 1),
  ]
  static var takesScalars: Bool { true }

  var kind: Kind
  /// Of a power.
  var exponent: Float?
  /// The least and the largest value of an output.
  var least: Float?
  var most: Float?
  /// Of an activation.
  var parameter: Float?
  /// What a threshold puts in the place of less.
  var replacement: Float?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard let kind = kinds[source.kind], graph.current.count == 1 else {
      throw source.unsupported("its arguments are not one tensor, and perhaps a number")
    }
    var function = Self(kind: kind)
    switch kind {
    case .power:
      let arguments = source.call.arguments + source.call.keywords.filter { $0.name != "name" }.map(\.value)
      guard arguments.count == 2, arguments[0].constant == nil, let exponent = arguments[1].constant?.double else {
        throw source.unsupported("its arguments are not a tensor and a number")
      }
      function.exponent = Float(exponent)
    case .limits:
      function.least = try source.number("x_min", "clip_value_min")
      function.most = try source.number("x_max", "clip_value_max")
    case .rounded:
      guard try source.integer("decimals") ?? 0 == 0 else { throw source.unsupported("decimals are not supported") }
    default: break
    }
    if let (name, value) = parameters[kind] { function.parameter = try source.number(name) ?? value }
    if kind == .threshold { function.replacement = try source.number("default_value") }
    return function
  }

  /// Adds a layer that makes a tensor one of another type, or nothing where all numbers stay.
  static func addCast(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let type = try source.word("dtype") ?? "float32"
    switch type {
    case "float32": try graph.add(source, KerasActivation())
    case "bool": try graph.add(source, Self(kind: .truth))
    case "int32", "int64": try graph.add(source, Self(kind: .truncated))
    default: throw source.unsupported("the type '\(type)' is not supported")
    }
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(kind != .power || exponent?.isFinite == true, "its exponent is not a number")
    try require((least ?? -.infinity) <= (most ?? .infinity), "there is nothing between its limits")
    if Self.parameters[kind] != nil {
      try require(parameter?.isFinite == true, "it has no parameter")
      try require(kind != .celu || parameter != 0, "alpha is 0")
      try require(kind != .softShrink || (parameter ?? 0) >= 0, "its threshold is negative")
      try require(
        kind != .threshold || replacement?.isFinite == true, "it has no value for what is below its threshold")
    }
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Function(settings: self) }
  var isElementwise: Bool { true }
  var keepsMask: Bool { false }
  var keepsScalar: Bool { true }

  private struct Function: UnaryLayer {
    let settings: KerasElementFunction
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      switch settings.kind {
      case .magnitude: abs(x)
      case .negative: -x
      case .square: x.squared()
      case .squareRoot: sqrt(x)
      case .reciprocalRoot: rsqrt(x)
      case .reciprocal: reciprocal(x)
      case .logarithm: log(x)
      case .logarithmOfMore: log1p(x)
      case .exponentialLess: expm1(x)
      case .sine: sin(x)
      case .cosine: cos(x)
      case .sign: sign(x)
      case .power: pow(x, settings.exponent ?? 1)
      case .limits: limited(x)
      case .tangent: tan(x)
      case .arcSine: asin(x)
      case .arcCosine: acos(x)
      case .arcTangent: atan(x)
      case .hyperbolicSine: sinh(x)
      case .hyperbolicCosine: cosh(x)
      case .errorFunction: erf(x)
      case .binaryLogarithm: log2(x)
      case .decimalLogarithm: log10(x)
      case .powerOfTwo: pow(2, x)
      case .floor: floor(x)
      case .ceiling: ceil(x)
      case .rounded: round(x)
      case .truncated: trunc(x)
      case .opposite: (x .== 0).tensor
      case .truth: (x .!= 0).tensor
      case .isNaN: x.isNaN.tensor
      case .isInfinite: x.isInfinite.tensor
      case .isFinite: x.isFinite.tensor
      case .softShrink, .hardShrink, .threshold, .squareplus, .celu: bent(x, by: settings.parameter ?? 1)
      }
    }

    private func bent(_ x: Tensor, by parameter: Float) -> Tensor {
      switch settings.kind {
      case .softShrink: Activation.softShrink(threshold: parameter).forward(x)
      case .hardShrink: Activation.hardShrink(threshold: parameter).forward(x)
      case .squareplus: Activation.squareplus(b: parameter).forward(x)
      case .celu: relu(x) + expm1(x.clamped(to: ...0) * (1 / parameter)) * parameter
      default: x.replacing(with: settings.replacement ?? 0, where: x .<= parameter)
      }
    }

    private func limited(_ x: Tensor) -> Tensor {
      let raised = settings.least.map { x.clamped(to: $0...) } ?? x
      return settings.most.map { raised.clamped(to: ...$0) } ?? raised
    }
  }
}
