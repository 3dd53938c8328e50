// Functions of `keras.ops` and TensorFlow of single elements that are no activations: roots, logarithms, powers, limits.

import AviaryLayers
import AviaryTensors

/// A function of single elements: `ops.sqrt(x)`, `x ** 3`, `ops.clip(x, -1, 1)`.
struct KerasElementFunction: KerasUnaryClass {
  enum Kind: String, Codable, Sendable {
    case magnitude, negative, square, squareRoot, reciprocalRoot, reciprocal, logarithm, logarithmOfMore,
      exponentialLess
    case sine, cosine, sign, power, limits
  }

  static let key = "elementFunction"
  static let classes = kinds.keys.sorted()
  private static let kinds: [String: Kind] = [
    "ops.Absolute": .magnitude, "ops.Abs": .magnitude, "ops.Negative": .negative, "ops.Neg": .negative,
    "ops.Square": .square, "ops.Sqrt": .squareRoot, "ops.Rsqrt": .reciprocalRoot, "ops.Reciprocal": .reciprocal,
    "ops.Log": .logarithm, "ops.Log1p": .logarithmOfMore, "ops.Expm1": .exponentialLess, "ops.Sin": .sine,
    "ops.Cos": .cosine, "ops.Sign": .sign, "ops.Power": .power, "ops.Pow": .power, "ops.Clip": .limits,
    "ops.ClipByValue": .limits,
  ]
  static var takesScalars: Bool { true }

  var kind: Kind
  /// Of a power.
  var exponent: Float?
  /// The least and the largest value of an output.
  var least: Float?
  var most: Float?

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
    default: break
    }
    return function
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(kind != .power || exponent?.isFinite == true, "its exponent is not a number")
    try require((least ?? -.infinity) <= (most ?? .infinity), "there is nothing between its limits")
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
      }
    }

    private func limited(_ x: Tensor) -> Tensor {
      let raised = settings.least.map { x.clamped(to: $0...) } ?? x
      return settings.most.map { raised.clamped(to: ...$0) } ?? raised
    }
  }
}
