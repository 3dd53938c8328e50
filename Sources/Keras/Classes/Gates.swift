// Activations of the numbers along an axis: Glu, and Sparsemax.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Glu: a · sigmoid(b) of the halves a and b of an axis.
struct KerasGatedLinear: KerasUnaryClass {
  static let key = "gatedLinear"
  static let classes = ["ops.Glu"]
  /// Of [C, …].
  var axis: Int

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let given = try source.integer("axis") ?? -1
    guard let axis = graph.axis(given) else { throw source.unsupported("axis \(given) is not supported") }
    return Self(axis: axis)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    var all = input.all
    try require(all.indices.contains(axis), "an input of shape \(input) has no axis \(axis)")
    guard let extent = all[axis] else { throw ShapeFault("the axis of an input of shape \(input) has no known halves") }
    try require(extent % 2 == 0, "\(extent) numbers have no halves")
    all[axis] = extent / 2
    return KerasShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Gated(axis: axis + 1) }

  private struct Gated: UnaryLayer {
    /// Of [N, C, …].
    let axis: Int
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let half = x.shape[axis] / 2
      return x.slice(axis: axis, from: 0, to: half) * sigmoid(x.slice(axis: axis, from: half, to: 2 * half))
    }
  }
}

/// Sparsemax as Keras 3 computes it: [N, C, …] → [N, C, …]. Its threshold is made of the sums of all numbers above it, each added
/// to those before, where the nearest distribution (Martins and Astudillo, 2016) takes the last of them alone.
struct Sparsemax: UnaryLayer {
  private let site = Site()

  var children: [Child] { [Child("site", site)] }

  func forward(_ x: Tensor) -> Tensor {
    let sorted = x.sorted(axis: 1, descending: true).values
    let ranks = Tensor(ones: sorted.shape).cumulativeSum(axis: 1)
    let sums = sorted.cumulativeSum(axis: 1)
    let isAbove = (sorted - (sums - 1) / ranks .> 0).tensor
    let total = (sums * isAbove).sum(over: [1], keepingAxes: true)
    return relu(x - (total - 1) / isAbove.sum(over: [1], keepingAxes: true))
  }
}
