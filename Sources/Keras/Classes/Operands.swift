// The arguments of functions of `keras.ops` of several operands: tensors, and numbers and arrays of numbers beside them.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A number, or an array of numbers, that a model is made with.
struct KerasNumbers: Codable, Equatable, Sendable {
  /// In row-major order.
  var scalars: [Float]
  /// Empty for one number.
  var shape: [Int]
}

extension KerasNumbers {
  /// - Parameter value: as a file has it: a number, true or false, lists in lists, or an array with its type.
  init?(_ value: JSONValue) {
    let value = value["config"]?["value"] ?? value["value"] ?? value
    if let number = value.double ?? value.boolean.map({ $0 ? 1 : 0 }) {
      self.init(scalars: [Float(number)], shape: [])
      return
    }
    guard let elements = value.elements, !elements.isEmpty else { return nil }
    let parts = elements.compactMap { KerasNumbers($0) }
    guard parts.count == elements.count, parts.allSatisfy({ $0.shape == parts[0].shape }) else { return nil }
    self.init(scalars: parts.flatMap(\.scalars), shape: [parts.count] + parts[0].shape)
  }

  /// The same beside examples of so many axes; nil where its axes are more, or where examples would get different numbers.
  fileprivate func ofEachExample(axes: Int) -> KerasNumbers? {
    if shape.count <= axes { return self }
    return shape.count == axes + 1 && shape[0] == 1
      ? KerasNumbers(scalars: scalars, shape: Array(shape.dropFirst())) : nil
  }
}

/// The same numbers for every example, whatever its input is.
struct KerasConstantValues: KerasUnaryClass {
  static let key = "constantValues"
  static let classes: [String] = []
  private static let mostNumbers = 1 << 22

  /// In Keras's order of axes, channels last, that of the examples not counted.
  var numbers: KerasNumbers

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let (scalars, shape) = (numbers.scalars, numbers.shape)
    try require("its numbers", scalars.count, in: 1...Self.mostNumbers)
    try require(scalars.allSatisfy(\.isFinite), "its numbers are not finite")
    try require(
      shape.count <= 4 && shape.allSatisfy { $0 > 0 } && KerasShape.product(shape.map { $0 }) == scalars.count,
      "\(scalars.count) numbers do not have the shape \(shape)")
    return KerasShape(keras: shape.map { $0 })
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Filled(numbers: numbers) }

  private struct Filled: UnaryLayer {
    let numbers: KerasNumbers
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let shape = [1] + (numbers.shape.isEmpty ? [1] : numbers.shape)
      let y = Tensor(numbers.scalars, shape: shape).channelsFirst()
      return y.expanded(to: [x.shape[0]] + y.shape.dropFirst())
    }
  }
}

extension KerasGraphBuilder {
  /// Makes the arguments of a function its inputs, in their order and without masks. For numbers and arrays of numbers it adds
  /// layers.
  ///
  /// - Parameter parameters: what each argument is called where it is given by name.
  mutating func giveOperands(
    _ parameters: [[String]], for source: KerasLayerDescription
  ) throws(KerasModelFault) {
    for name in parameters.joined() { give(current + take(name)) }
    var own = source.call.arguments
    // Versions before 3 have several tensors as one list.
    if own.count == 1, case .list(let listed) = own[0], !own[0].tensors.isEmpty { own = listed }
    var arguments: [KerasArgument] = []
    for (place, names) in parameters.enumerated() {
      let positional = place < own.count ? own[place] : nil
      guard let argument = positional ?? names.compactMap({ source.call.keyword($0) }).first else {
        throw source.unsupported("it has no argument '\(names[0])', which is not supported")
      }
      arguments.append(argument)
    }
    try giveOperands(arguments, for: source)
  }

  /// The same of a layer that is given one list.
  mutating func giveOperands(listedFor source: KerasLayerDescription) throws(KerasModelFault) {
    guard source.call.arguments.count == 1, case .list(let arguments) = source.call.arguments[0] else {
      throw source.unsupported("its argument is not one list, which is not supported")
    }
    try giveOperands(arguments, for: source)
  }

  private mutating func giveOperands(
    _ given: [KerasArgument], for source: KerasLayerDescription
  ) throws(KerasModelFault) {
    giveWithoutMasks(current)
    let axes = current.map { $0.isScalar ? 0 : $0.shape.all.count }
    guard let rank = axes.first, Set(axes).count == 1 else {
      throw source.unsupported("its inputs have different numbers of axes, which is not supported")
    }
    let arguments = given.map { argument in
      (argument, numbers: argument.tensors.isEmpty ? argument.value.flatMap { KerasNumbers($0) } : nil)
    }
    let hasArrays = arguments.contains { $0.numbers.map { !$0.shape.isEmpty } ?? false }
    try hasArrays ? turn(to: .channelsLast, for: source) : alignOrders(for: source)
    let tensors = current
    var rest = tensors[...]
    var operands: [Value] = []
    for (argument, numbers) in arguments {
      if argument.tensors.count == 1, let tensor = rest.popFirst() {
        operands.append(tensor)
      } else if argument.tensors.isEmpty, let own = numbers?.ofEachExample(axes: rank) {
        operands.append(try constant(own, beside: tensors[0], for: source))
      } else {
        throw source.unsupported("its arguments are not tensors, and numbers that go with them")
      }
    }
    give(operands)
  }

  /// Adds a layer of numbers that go with a tensor.
  private mutating func constant(
    _ numbers: KerasNumbers, beside tensor: Value, for source: KerasLayerDescription
  ) throws(KerasModelFault) -> Value {
    give([tensor])
    try add(source.unplaced(source.name + "_constant"), KerasConstantValues(numbers: numbers))
    order = tensor.order
    isScalar = tensor.isScalar
    return current[0]
  }
}
