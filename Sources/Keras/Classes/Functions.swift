// Functions of `keras.ops` of a tensor and a number: `2 * x`, `1 - x`, `ops.maximum(x, 0.1)`.

import AviaryLayers
import AviaryTensors

/// A function of a tensor and a number, or of two tensors, as `x + 3` becomes a part of a functional model.
struct KerasScalar: KerasUnaryClass {
  static let key = "scalar"
  static let classes = functions.keys.sorted()
  static let functions: [String: KerasMerge.Kind] = [
    "ops.Add": .add, "ops.AddV2": .add, "ops.Subtract": .subtract, "ops.Sub": .subtract,
    "ops.Multiply": .multiply, "ops.Mul": .multiply, "ops.Divide": .divide, "ops.TrueDivide": .divide,
    "ops.Truediv": .divide, "ops.RealDiv": .divide, "ops.Maximum": .maximum, "ops.Minimum": .minimum,
    "ops.LogicalOr": .either, "ops.LogicalAnd": .both, "ops.LogicalXor": .onlyOne,
    "ops.Less": .less, "ops.LessEqual": .lessOrEqual, "ops.Greater": .greater, "ops.GreaterEqual": .greaterOrEqual,
    "ops.Equal": .equal, "ops.NotEqual": .unequal, "ops.Power": .power, "ops.Pow": .power,
    "ops.FloorDivide": .wholeQuotient, "ops.Mod": .remainder, "ops.SquaredDifference": .squaredDifference,
    "ops.Logaddexp": .logarithmOfSum,
  ]
  /// What the arguments are called that may be given by name.
  static let names = ["x1", "x2", "x", "y"]
  static var takesScalars: Bool { true }
  var keepsScalar: Bool { true }
  var kind: KerasMerge.Kind
  var number: Float
  /// Whether the number comes first.
  var isReversed: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard let kind = functions[source.kind] else { throw source.unsupported("the function is not supported") }
    let all = arguments(of: source)
    guard all.count == 2, let place = all.firstIndex(where: { $0.constant != nil }),
      let number = all[place].constant?.double
    else { throw source.unsupported("its arguments are not a tensor and a number") }
    guard ![.either, .both, .onlyOne].contains(kind) else { throw source.unsupported("it does not take a number") }
    for name in names { graph.give(graph.current + graph.take(name)) }
    return Self(kind: kind, number: Float(number), isReversed: place == 0)
  }

  /// The two arguments: the other is the second, or is called y.
  private static func arguments(of source: KerasLayerDescription) -> [KerasArgument] {
    source.call.arguments + source.call.keywords.filter { names.contains($0.name) }.map(\.value)
  }

  /// The function of this name, which of truth values is another one: their sum is true where one of them is.
  static func function(of source: KerasLayerDescription) -> KerasMerge.Kind? {
    let kind = functions[source.kind]
    return kind == .add && source.call.isOfTruthValues ? .either : kind
  }

  /// Adds a function of two tensors, of a tensor and an array of numbers, or of a number that comes first and has no function
  /// of its own.
  ///
  /// - Returns: whether the function is one.
  static func addPair(
    _ source: KerasLayerDescription, to graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) -> Bool {
    guard let kind = function(of: source), !graph.takesTexts else { return false }
    let isReversedPower = kind == .power && source.call.arguments.first?.constant?.double != nil
    guard source.call.tensors.count == 2 || isReversedPower || hasArray(source) else { return false }
    try graph.giveOperands([["x1", "x"], ["x2", "y"]], for: source)
    let areScalars = graph.isScalar
    try graph.add(source, KerasMerge(kind: kind))
    graph.isScalar = areScalars
    return true
  }

  /// Whether one of the two arguments is a tensor, and the other an array of numbers.
  private static func hasArray(_ source: KerasLayerDescription) -> Bool {
    let constants = arguments(of: source).filter { $0.tensors.isEmpty }
    return constants.count == 1 && constants[0].constant?.double == nil
      && constants[0].value.flatMap { KerasNumbers($0) } != nil
  }

  /// The list of several numbers that one of the arguments is, and whether it is the first.
  static func list(of source: KerasLayerDescription) -> (numbers: [Float], isFirst: Bool)? {
    let all = arguments(of: source)
    guard all.count == 2, let place = all.firstIndex(where: { $0.tensors.isEmpty }), let value = all[place].value else {
      return nil
    }
    let list = value.elements ?? value["config"]?["value"]?.elements ?? []
    let numbers = list.compactMap(\.double).map { Float($0) }
    return numbers.count == list.count && numbers.count > 1 ? (numbers, place == 0) : nil
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(number.isFinite, "its number is not finite")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Function(kind: kind, number: number, isReversed: isReversed) }
  var isElementwise: Bool { true }
  var keepsMask: Bool { false }

  private struct Function: UnaryLayer {
    let kind: KerasMerge.Kind
    let number: Float
    let isReversed: Bool
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      switch kind {
      case .add, .average: x + number
      case .subtract: isReversed ? number - x : x - number
      case .multiply: x * number
      case .divide: isReversed ? number / x : x * (1 / number)
      case .maximum: x.clamped(to: number...)
      case .minimum: x.clamped(to: ...number)
      case .distance: abs(x - number)
      default: isReversed ? kind(Tensor(number), x) : kind(x, Tensor(number))
      }
    }
  }
}
