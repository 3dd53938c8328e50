// Functions of `keras.ops` and TensorFlow along axes: means, sums, largest and smallest values.

import AviaryLayers
import AviaryTensors

/// The mean, the sum, or an extreme along axes: `ops.mean(x, axis=1)`.
struct KerasReduction: KerasUnaryClass {
  enum Kind: String, Codable, Sendable {
    case mean, sum, maximum, minimum

    /// [N, C, …] → the same with one element along the axes.
    func callAsFunction(_ x: Tensor, over axes: [Int]) -> Tensor {
      switch self {
      case .mean: x.mean(over: axes, keepingAxes: true)
      case .sum: x.sum(over: axes, keepingAxes: true)
      case .maximum: x.max(over: axes, keepingAxes: true)
      case .minimum: x.min(over: axes, keepingAxes: true)
      }
    }
  }

  static let key = "reduction"
  static let classes = kinds.keys.sorted()
  private static let kinds: [String: Kind] = [
    "ops.Mean": .mean, "ops.Sum": .sum, "ops.Max": .maximum, "ops.Min": .minimum, "ops.ReduceMean": .mean,
    "ops.ReduceSum": .sum, "ops.ReduceMax": .maximum, "ops.ReduceMin": .minimum, "ops.Amax": .maximum,
    "ops.Amin": .minimum,
  ]

  var kind: Kind
  /// Axes of [C, …].
  var axes: [Int]
  var keepsAxes: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard let kind = kinds[source.kind], graph.current.count == 1 else {
      throw source.unsupported("its arguments are not one tensor")
    }
    if source.setting("initial") != nil { throw source.unsupported("an initial value is not supported") }
    try graph.turn(to: .channelsLast, for: source)
    guard let given = try source.integers("axis") else {
      throw source.unsupported("it is that of all axes, also that of the examples, which is not supported")
    }
    let axes = given.compactMap { graph.axis($0) }
    guard !axes.isEmpty, Set(axes).count == given.count else {
      throw source.unsupported("axes \(given) of an input of shape \(graph.shape) are not supported")
    }
    let keeps = try source.flag("keepdims", default: false)
    // Without the axis of its numbers a row is one number, which has no axis in Keras.
    if !keeps, axes.count == graph.shape.all.count { graph.isScalar = true }
    return Self(kind: kind, axes: axes.sorted(), keepsAxes: keeps)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      !axes.isEmpty && Set(axes).count == axes.count && axes.allSatisfy { input.all.indices.contains($0) },
      "an input of shape \(input) has no axes \(axes)")
    let all = input.all.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    if keepsAxes { return KerasShape(channels: all[0], positions: Array(all.dropFirst())) }
    let rest = KerasAxisOrder.places(rank: input.all.count).filter { !axes.contains($0) }.map { input.all[$0] }
    return KerasShape(keras: rest)
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Reduced(settings: self) }
  var effect: KerasEffect { kind == .mean && !axes.contains(0) ? .averages : .computes }
  var makesFeatureMaps: Bool? { axes.contains(0) ? false : nil }
  var keepsScalar: Bool { !keepsAxes }

  private struct Reduced: UnaryLayer {
    let settings: KerasReduction
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let y = settings.kind(x, over: settings.axes.map { $0 + 1 })
      guard !settings.keepsAxes else { return y }
      let places = KerasAxisOrder.places(rank: x.rank - 1)
      let dropped = places.indices.filter { settings.axes.contains(places[$0]) }.map { $0 + 1 }
      return KerasAxisOrder.channelsFirst(y.channelsLast().squeezed(axes: dropped))
    }
  }
}

/// The axes of an example as Keras has them, with channels last, where here they are first.
enum KerasAxisOrder {
  /// Keras's axes in order, as those of [C, …].
  static func places(rank: Int) -> [Int] { Array(1..<max(1, rank)) + [0] }

  /// [N, …, C] → [N, C, …]; of [N], which has no channels, [N, 1].
  static func channelsFirst(_ x: Tensor) -> Tensor { x.rank < 2 ? x.reshaped(to: [-1, 1]) : x.channelsFirst() }
}

extension KerasShape {
  /// Of Keras's axes, channels last. Without any there is one element.
  init(keras axes: [Int?]) {
    self.init(channels: axes.last ?? 1, positions: Array(axes.dropLast()))
  }

  /// The axes as Keras has them, channels last.
  var keras: [Int?] { positions + [channels] }
}
