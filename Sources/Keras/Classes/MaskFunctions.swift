// Functions of `keras.ops` that Keras makes the masks of joined sequences with.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Any along the last axis, as older files have it: which steps of a sequence have a number other than 0.
struct KerasAnyOfStep: KerasUnaryClass {
  static let key = "anyOfStep"
  static let classes: [String] = []

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  private var steps: KerasStepMask { KerasStepMask(number: 0) }
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { try steps.output(of: input) }
  func layer(on input: KerasShape) -> any UnaryLayer { steps.layer(on: input) }
}

/// ExpandDims of a row, as older files have it: [T] → [1, T], a number for each step.
struct KerasStepColumn: KerasUnaryClass {
  static let key = "stepColumn"
  static let classes: [String] = []

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(input.positions.isEmpty, "it takes rows, not an input of shape \(input)")
    return KerasShape(channels: 1, positions: [input.channels])
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Column() }

  private struct Column: UnaryLayer {
    let site = Site()

    var children: [Child] { [Child("site", site)] }
    func forward(_ x: Tensor) -> Tensor { x.reshaped(to: [x.shape[0], 1, x.shape[1]]) }
  }
}

/// OnesLike and ZerosLike.
struct KerasConstant: KerasUnaryClass {
  static let key = "constant"
  static let classes = ["ops.OnesLike", "ops.ZerosLike"]
  var isOne: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    graph.giveWithoutMasks(graph.current)
    return Self(isOne: source.kind == "ops.OnesLike")
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Filled(isOne: isOne) }

  private struct Filled: UnaryLayer {
    let isOne: Bool
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    /// A comparison that holds for every number, or for none, so that it is a function of the input's shape.
    func forward(_ x: Tensor) -> Tensor {
      let isNumber = (x .== x) .| (x .!= x)
      return (isOne ? isNumber : .!isNumber).tensor
    }
  }
}
