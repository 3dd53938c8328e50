// Masks of Keras: which steps of a sequence count. Here they are values of the graph, [N, T] of ones and zeros, which layers
// that skip steps take as a further input.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

extension KerasGraphBuilder {
  /// The mask of the first input, as it was given by name or as it comes with the input.
  mutating func takeMask(for source: KerasLayerDescription) -> Value? {
    let known = current.first.flatMap { Self.mask(of: $0) }
    return takeNamedMask(for: source) ?? known
  }

  /// The mask that the layer is given by name, which then is the mask of its first input.
  mutating func takeNamedMask(for source: KerasLayerDescription) -> Value? {
    let given = take("mask").first
    if let given, source.version.keepsNamedMasks { setMask(given.source) }
    return given
  }

  /// The mask that comes with a value.
  static func mask(of value: Value) -> Value? {
    value.mask.map {
      Value(
        source: $0, shape: KerasShape(channels: value.shape.positions.first ?? nil, positions: []),
        order: .channelsLast)
    }
  }

  /// Makes these the inputs, of whose masks the output has none.
  mutating func giveWithoutMasks(_ values: [Value]) {
    give(
      values.map { value in
        var value = value
        value.mask = nil
        return value
      })
  }

  /// Adds a layer that makes a mask of values; they stay the inputs.
  private mutating func mask(
    of values: [Value], _ operation: any KerasLayerClass, for source: KerasLayerDescription
  ) throws(KerasModelFault) -> KerasReference {
    let given = current
    give(values)
    try add(source.unplaced(source.name + "_mask"), operation)
    let made = current[0].source
    give(given)
    return made
  }

  /// Masks the steps of the output of the layer that is being read.
  mutating func maskOutput(
    by operation: any KerasLayerClass, for source: KerasLayerDescription
  ) throws(KerasModelFault) {
    guard let first = current.first else { throw source.unsupported("it is called without an input") }
    outputMask = try mask(of: [first], operation, for: source)
  }

  /// Gives the first input the mask that the output of a join has.
  ///
  /// - Parameters:
  ///   - kind: minimum where a step counts that counts in all inputs, maximum where it counts in any.
  ///   - needsAll: whether there is none where one input has none.
  mutating func joinMasks(
    _ kind: KerasMerge.Kind, needsAll: Bool, for source: KerasLayerDescription
  ) throws(KerasModelFault) {
    guard source.version.masksLists else { return setMask(nil) }
    let masks = current.compactMap { Self.mask(of: $0) }
    let isWhole = masks.count == current.count || !needsAll
    var joined = masks.first?.source
    if isWhole, Set(masks.map(\.source)).count > 1 { joined = try mask(of: masks, KerasMerge(kind: kind), for: source) }
    setMask(isWhole ? joined : nil)
  }
}

/// Ones where numbers are not the given one, and zeros: the mask of tokens.
struct KerasNotEqual: KerasUnaryClass {
  static let key = "notEqual"
  static let classes = ["ops.NotEqual"]
  var number: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let constants = (source.call.arguments + source.call.keywords.map(\.value)).compactMap { $0.constant?.double }
    guard constants.count == 1, graph.current.count == 1 else {
      throw source.unsupported("its arguments are not a tensor and a number")
    }
    return Self(number: Float(constants[0]))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(number.isFinite, "its number is not finite")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Function(number: number) }

  private struct Function: UnaryLayer {
    let number: Float
    let site = Site()

    var children: [Child] { [Child("site", site)] }
    func forward(_ x: Tensor) -> Tensor { (x .!= number).tensor }
  }
}

/// Masking: steps of which all numbers are the given one do not count, and are zeros.
struct KerasMasking: KerasLayerClass {
  static let key = "masking"
  static let classes = ["Masking"]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    guard graph.current.count == 1, graph.shape.positions.count == 1 else {
      throw source.unsupported("it masks steps of sequences, not an input of shape \(graph.shape)")
    }
    try graph.maskOutput(by: KerasStepMask(number: try source.number("mask_value") ?? 0), for: source)
    if let mask = graph.outputMask {
      let steps = KerasShape(channels: graph.shape.positions[0], positions: [])
      graph.give(graph.current + [.init(source: mask, shape: steps, order: .channelsLast)])
    }
    return Self()
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 2 && inputs[0].positions.count == 1, "it takes a sequence and its mask")
    return [inputs[0]]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .joining(Masked()) }

  private struct Masked: JoiningLayer {
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      [inputs[0] * inputs[1].reshaped(to: [inputs[1].shape[0], 1, inputs[1].shape[1]])]
    }
  }
}

/// Which steps of [C, T] have another number than the given one.
struct KerasStepMask: KerasUnaryClass {
  static let key = "stepMask"
  static let classes: [String] = []
  var number: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(number.isFinite && input.positions.count == 1, "it masks steps of sequences")
    return KerasShape(channels: input.positions[0], positions: [])
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Function(number: number) }

  private struct Function: UnaryLayer {
    let number: Float
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    /// [N, C, T] → [N, T]
    func forward(_ x: Tensor) -> Tensor { (x .!= number).any(over: [1]).tensor }
  }
}
