// TimeDistributed: a layer, or a model, for every step by itself.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// The steps of sequences as inputs of their own: [N, C, T, …] → [N · T, C, …].
struct KerasSplitSteps: KerasUnaryClass {
  static let key = "splitSteps"
  static let classes: [String] = []

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self()
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(!input.positions.isEmpty, "an input of shape \(input) has no steps")
    return KerasShape(channels: input.channels, positions: Array(input.positions.dropFirst()))
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Split() }

  private struct Split: UnaryLayer {
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let moved = x.movingAxis(2, to: 1)
      return moved.reshaped(to: [x.shape[0] * x.shape[2], x.shape[1]] + x.shape.dropFirst(3))
    }
  }
}

/// Such inputs as sequences again: [N · T, C', …] and the sequences that were split → [N, C', T, …].
struct KerasJoinSteps: KerasLayerClass {
  static let key = "joinSteps"
  static let classes: [String] = []

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self()
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 2 && !inputs[1].positions.isEmpty, "it takes steps, and the sequences that they are of")
    return [KerasShape(channels: inputs[0].channels, positions: inputs[1].positions.prefix(1) + inputs[0].positions)]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .joining(Joined()) }
  var keepsMask: Bool { true }

  private struct Joined: JoiningLayer {
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let (x, sequences) = (inputs[0], inputs[1])
      let apart = x.reshaped(to: [sequences.shape[0], sequences.shape[2]] + x.shape.dropFirst())
      return [apart.movingAxis(1, to: 2)]
    }
  }
}
