// Functions of `keras.ops` that choose: Where, and OneHot.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Where: the elements of one tensor where a condition holds, and those of another elsewhere.
struct KerasChoice: KerasLayerClass {
  static let key = "choice"
  static let classes = ["ops.Where"]
  static var takesScalars: Bool { true }

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.giveOperands([["condition"], ["x1", "x"], ["x2", "y"]], for: source)
    return Self()
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 3, "it takes a condition and two tensors, not \(inputs.count) inputs")
    return [try KerasShape.broadcast(inputs)]
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    .joining(Chosen(axes: inputs.map(\.positions.count).max() ?? 0))
  }

  var effect: KerasEffect { .mixes }
  var keepsScalar: Bool { true }

  private struct Chosen: JoiningLayer {
    /// Of positions.
    let axes: Int
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let all = inputs.map { $0.withPositions(axes) }
      return [all[2].replacing(with: all[1], where: all[0] .!= 0)]
    }
  }
}

/// OneHot: [N, …] of whole numbers → [N, …, classes] in Keras's order, ones at the numbers and zeros; zeros alone for a number
/// that is no class.
struct KerasOneHot: KerasUnaryClass {
  static let key = "oneHot"
  static let classes = ["ops.OneHot"]
  static var takesScalars: Bool { true }

  var count: Int
  /// Whether an example is one number, which has no axis in Keras.
  var isOfOne: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard graph.current.count == 1 else { throw source.unsupported("its arguments are not one tensor") }
    try graph.turn(to: .channelsLast, for: source)
    let isOfOne = graph.isScalar
    let axis = try source.integer("axis") ?? -1
    guard axis == -1 || axis == (isOfOne ? 1 : graph.shape.all.count + 1) else {
      throw source.unsupported("axis \(axis) is not supported; the last one is")
    }
    if try source.flag("sparse", default: false) { throw source.unsupported("sparse=True is not supported") }
    if source.setting("on_value", "off_value") != nil {
      throw source.unsupported("other values than 1 and 0 are not supported")
    }
    graph.isScalar = false
    return Self(count: try source.count("num_classes", "depth"), isOfOne: isOfOne)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("num_classes", count, in: 1...KerasShape.mostExtent)
    if isOfOne {
      try require(input.all == [1], "it takes one number, not an input of shape \(input)")
      return KerasShape(channels: count, positions: [])
    }
    try require(input.all.count < 4, "an axis more than those of an input of shape \(input) is not supported")
    return KerasShape(keras: input.keras + [count])
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Marked(count: count, isOfOne: isOfOne) }
  var makesFeatureMaps: Bool? { false }

  private struct Marked: UnaryLayer {
    let count: Int
    let isOfOne: Bool
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      // Keras makes whole numbers of others.
      let own = trunc(isOfOne ? x : x.channelsLast().unsqueezed(axis: x.rank))
      let places = Tensor((0..<count).map { Float($0) }, shape: [count])
      return (own .== places).tensor.channelsFirst()
    }
  }
}
