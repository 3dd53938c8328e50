// Functions of `keras.ops` and TensorFlow along axes: means, sums, deviations, largest and smallest values and their places.

import AviaryLayers
import AviaryTensors

/// The mean, the sum, an extreme and so on along axes: `ops.mean(x, axis=1)`.
struct KerasReduction: KerasUnaryClass {
  enum Kind: String, Codable, Sendable {
    case mean, sum, product, maximum, minimum, variance, deviation, length, logarithmOfSum
    /// Ones where any element, or each of them, is not 0, and how many are not.
    case any, all, count
    /// The place of the first largest, or smallest, element along one axis.
    case placeOfMaximum, placeOfMinimum

    var isOfOneAxis: Bool { self == .placeOfMaximum || self == .placeOfMinimum }

    /// [N, C, …] → the same with one element along the axes.
    func callAsFunction(_ x: Tensor, over axes: [Int]) -> Tensor {
      switch self {
      case .mean: x.mean(over: axes, keepingAxes: true)
      case .sum: x.sum(over: axes, keepingAxes: true)
      case .maximum: x.max(over: axes, keepingAxes: true)
      case .minimum: x.min(over: axes, keepingAxes: true)
      case .product: x.product(over: axes, keepingAxes: true)
      case .variance: x.variance(over: axes, correction: 0, keepingAxes: true)
      case .deviation: x.standardDeviation(over: axes, correction: 0, keepingAxes: true)
      case .length: x.norm(over: axes, keepingAxes: true)
      case .logarithmOfSum: x.logSumExp(over: axes, keepingAxes: true)
      case .any: (x .!= 0).any(over: axes, keepingAxes: true).tensor
      case .all: (x .!= 0).all(over: axes, keepingAxes: true).tensor
      case .count: (x .!= 0).tensor.sum(over: axes, keepingAxes: true)
      case .placeOfMaximum: Self.firstPlace(of: x.max(over: axes, keepingAxes: true), in: x, axes)
      case .placeOfMinimum: Self.firstPlace(of: x.min(over: axes, keepingAxes: true), in: x, axes)
      }
    }

    /// How many elements come before the first one of a value, which may be NaN. No element is read, so that it can be traced.
    private static func firstPlace(of value: Tensor, in x: Tensor, _ axes: [Int]) -> Tensor {
      let isIt = (x .== value) .| x.isNaN
      return (isIt.tensor.cumulativeSum(axis: axes[0]) .== 0).tensor.sum(over: axes, keepingAxes: true)
    }
  }

  static let key = "reduction"
  static let classes = kinds.keys.sorted()
  private static let kinds: [String: Kind] = [
    "ops.Mean": .mean, "ops.Sum": .sum, "ops.Max": .maximum, "ops.Min": .minimum, "ops.ReduceMean": .mean,
    "ops.ReduceSum": .sum, "ops.ReduceMax": .maximum, "ops.ReduceMin": .minimum, "ops.Amax": .maximum,
    "ops.Amin": .minimum, "ops.Prod": .product, "ops.ReduceProd": .product, "ops.Var": .variance,
    "ops.ReduceVariance": .variance, "ops.Std": .deviation, "ops.ReduceStd": .deviation, "ops.Norm": .length,
    "ops.Logsumexp": .logarithmOfSum, "ops.ReduceLogsumexp": .logarithmOfSum, "ops.Any": .any, "ops.ReduceAny": .any,
    "ops.All": .all, "ops.ReduceAll": .all, "ops.CountNonzero": .count, "ops.Argmax": .placeOfMaximum,
    "ops.Argmin": .placeOfMinimum,
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
    if kind == .length, let order = source.setting("ord"), order.integer != 2 || source.setting("axis")?.integer == nil
    {
      throw source.unsupported("ord \(order.serialized.prefix(80)) is not supported")
    }
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
    try require(!kind.isOfOneAxis || axes.count == 1, "it is along one axis, not along \(axes.count)")
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
