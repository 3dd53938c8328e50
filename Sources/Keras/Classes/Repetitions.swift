// Functions of `keras.ops` that repeat what is there, or add it up: Tile, Repeat, Cumsum.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Tile repeats all of a tensor along its axes, Repeat every element along one.
struct KerasRepetition: KerasUnaryClass {
  static let key = "repetition"
  static let classes = ["ops.Tile", "ops.Repeat"]

  /// How often, along each axis of [C, …].
  var counts: [Int]
  /// Whether it is each element, and not all of them.
  var isOfEach: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard graph.current.count == 1 else { throw source.unsupported("its arguments are not one tensor") }
    try graph.turn(to: .channelsLast, for: source)
    let rank = graph.shape.all.count
    if source.kind == "ops.Repeat" {
      let given = try source.integer("axis")
      guard let axis = given.flatMap({ graph.axis($0) }) else {
        throw source.unsupported("axis \(given.map(String.init) ?? "None") is not supported")
      }
      let count = try source.count("repeats")
      return Self(counts: (0..<rank).map { $0 == axis ? count : 1 }, isOfEach: true)
    }
    let given = try source.integers("repeats", "multiples") ?? []
    let counts = Array(repeating: 1, count: max(0, rank + 1 - given.count)) + given
    guard !given.isEmpty, counts.count == rank + 1, counts[0] == 1 else {
      throw source.unsupported("repeats \(given) of an input of shape \(graph.shape) are not supported")
    }
    return Self(counts: [counts[rank]] + counts[1..<rank], isOfEach: false)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      counts.count == input.all.count && counts.allSatisfy { (1...KerasShape.mostExtent).contains($0) },
      "an input of shape \(input) is not repeated \(counts) times")
    let all = zip(input.all, counts).map { extent, count in extent.map { min($0, KerasShape.mostExtent) * count } }
    return KerasShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Repeated(settings: self) }

  private struct Repeated: UnaryLayer {
    let settings: KerasRepetition
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      guard settings.isOfEach else { return x.tiled([1] + settings.counts) }
      return settings.counts.enumerated().reduce(x) { $0.repeated($1.element, axis: $1.offset + 1) }
    }
  }
}

/// Cumsum: the sums of the elements up to each one along an axis.
struct KerasRunningSum: KerasUnaryClass {
  static let key = "runningSum"
  static let classes = ["ops.Cumsum"]
  /// Of [C, …].
  var axis: Int

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard graph.current.count == 1 else { throw source.unsupported("its arguments are not one tensor") }
    for name in ["exclusive", "reverse"] {
      if try source.flag(name, default: false) { throw source.unsupported("\(name)=True is not supported") }
    }
    let type = try source.word("dtype") ?? "float32"
    guard type == "float32" else { throw source.unsupported("the type '\(type)' is not supported") }
    try graph.turn(to: .channelsLast, for: source)
    let given = try source.integer("axis")
    guard let axis = given.flatMap({ graph.axis($0) }) else {
      throw source.unsupported("axis \(given.map(String.init) ?? "None") is not supported")
    }
    return Self(axis: axis)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(input.all.indices.contains(axis), "an input of shape \(input) has no axis \(axis)")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Summed(axis: axis + 1) }

  private struct Summed: UnaryLayer {
    /// Of [N, C, …].
    let axis: Int
    let site = Site()

    var children: [Child] { [Child("site", site)] }
    func forward(_ x: Tensor) -> Tensor { x.cumulativeSum(axis: axis) }
  }
}
