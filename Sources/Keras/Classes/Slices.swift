// Functions of `keras.ops` and TensorFlow that take parts of tensors, and add and drop axes of one element: `x[:, 0]`, Split, Unstack,
// Stack, ExpandDims, Squeeze.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// An axis of one element more, or less.
struct KerasExtraAxis: KerasUnaryClass {
  static let key = "extraAxis"
  static let classes = ["ops.ExpandDims"]
  static var takesScalars: Bool { true }

  /// The axis in Keras's order, channels last, that of the examples not counted.
  var place: Int
  var isDropped: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard graph.current.count == 1 else { throw source.unsupported("it has \(graph.current.count) inputs, not one") }
    let given = try source.count("axis")
    let isScalar = graph.isScalar
    let rank = isScalar ? 0 : graph.shape.all.count
    let place = (given < 0 ? given + rank + 2 : given) - 1
    guard (0...rank).contains(place) else {
      throw source.unsupported("axis \(given) of an input of shape \(graph.shape) is not supported")
    }
    try graph.turn(to: .channelsLast, for: source)
    // A number without an axis has one of one element here, and keeps it.
    if isScalar { graph.isScalar = false }
    return isScalar ? Self(place: 0, isDropped: true) : Self(place: place, isDropped: false)
  }

  /// Adds a layer that drops all of an input's axes that are given, or all of one element.
  static func addSqueeze(
    _ source: KerasLayerDescription, to graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) {
    try graph.turn(to: .channelsLast, for: source)
    let axes = graph.shape.keras
    let given = try source.integers("axis")
    let places =
      given.map { $0.map { ($0 < 0 ? $0 + axes.count + 1 : $0) - 1 } } ?? axes.indices.filter { axes[$0] == 1 }
    guard Set(places).count == places.count, places.allSatisfy({ axes.indices.contains($0) }) else {
      throw source.unsupported("axes \(given ?? []) of an input of shape \(graph.shape) are not supported")
    }
    for place in places.sorted(by: >) { try drop(place, source, &graph) }
  }

  /// Adds a layer that drops one axis.
  fileprivate static func drop(
    _ place: Int, _ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) {
    let isLast = graph.shape.all.count == 1
    try graph.add(source, Self(place: place, isDropped: true))
    if isLast { graph.isScalar = true }
  }

  /// Adds a layer for each input that gives it a new axis, and one that joins them along it.
  static func addStack(
    _ source: KerasLayerDescription, to graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) {
    try graph.turn(to: .channelsLast, for: source)
    let rank = graph.shape.all.count
    let given = try source.integer("axis") ?? 0
    let place = (given < 0 ? given + rank + 2 : given) - 1
    guard (0...rank).contains(place), graph.current.allSatisfy({ $0.shape.all.count == rank }) else {
      throw source.unsupported("axis \(given) of inputs of shape \(graph.shape) is not supported")
    }
    var parts: [KerasGraphBuilder.Value] = []
    for value in graph.current {
      graph.give([value])
      try graph.add(source.unplaced(source.name + "_part"), Self(place: place, isDropped: false))
      parts += graph.current
    }
    graph.give(parts)
    try graph.add(source, KerasConcatenate(axis: KerasAxisOrder.places(rank: rank + 1)[place]))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    var axes = input.keras
    if isDropped {
      try require(
        axes.indices.contains(place) && axes[place] == 1,
        "an input of shape \(input) has no axis of one element at \(place)")
      axes.remove(at: place)
    } else {
      try require((0...axes.count).contains(place), "an input of shape \(input) has no place \(place) for an axis")
      try require(axes.count < 4, "an axis more than those of an input of shape \(input) is not supported")
      axes.insert(1, at: place)
    }
    return KerasShape(keras: axes)
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Moved(settings: self) }
  var effect: KerasEffect { .rearranges }
  var makesFeatureMaps: Bool? { false }

  private struct Moved: UnaryLayer {
    let settings: KerasExtraAxis
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let (y, axis) = (x.channelsLast(), settings.place + 1)
      return KerasAxisOrder.channelsFirst(settings.isDropped ? y.squeezed(axes: [axis]) : y.unsqueezed(axis: axis))
    }
  }
}

/// A part of a tensor along one axis, or all of it in the opposite order.
struct KerasSlice: KerasUnaryClass {
  static let key = "slice"
  static let classes: [String] = []

  /// Of [C, …].
  var axis: Int
  /// From and to which element, as in Python: counted from the end where it is negative. Nil for the end.
  var start: Int
  var stop: Int?
  /// Whether it is all in the opposite order.
  var isReversed: Bool?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  // MARK: Functions

  /// An element of what stands in brackets: `x[:, 1:3, 0, ..., None]`.
  private enum Item {
    case part(start: Int?, stop: Int?, step: Int?)
    case element(Int)
    case rest, newAxis

    /// Whether it is for one axis of the tensor.
    var isOfAnAxis: Bool {
      switch self {
      case .part, .element: true
      case .rest, .newAxis: false
      }
    }

    init?(_ value: JSONValue) {
      func bound(_ part: JSONValue?) -> Int?? {
        guard let part, part != .null else { return .some(nil) }
        return part.integer.map { .some($0) }
      }
      let parts = value["class_name"]?.text == "__slice__" ? value["config"] : value
      if let element = value.integer {
        self = .element(element)
      } else if value == .null {
        self = .newAxis
      } else if value["class_name"]?.text == "__ellipsis__" {
        self = .rest
      } else if let parts, parts.members?.contains(where: { $0.name == "step" }) == true,
        let start = bound(parts["start"]), let stop = bound(parts["stop"]), let step = bound(parts["step"])
      {
        self = .part(start: start, stop: stop, step: step)
      } else {
        return nil
      }
    }
  }

  /// Adds the layers that `x[…]` is.
  static func addItem(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let key =
      source.setting("slice_spec", "key") ?? (source.call.arguments.count == 2 ? source.call.arguments[1].value : nil)
    let given = key.map { $0.elements ?? [$0] } ?? []
    let items = given.compactMap { Item($0) }
    guard !items.isEmpty, items.count == given.count, graph.current.count == 1 else {
      throw source.unsupported("what stands in brackets is more than numbers and ranges, which is not supported")
    }
    try graph.turn(to: .channelsLast, for: source)
    let rest = graph.shape.all.count + 1 - items.count(where: \.isOfAnAxis)
    // The place of the next axis, that of the examples counted.
    var place = 0
    for item in items {
      switch item {
      case .rest: place += max(0, rest)
      case .part(start: nil, stop: nil, step: nil), .part(start: nil, stop: nil, step: 1): place += 1
      case _ where place == 0: throw source.unsupported("a part of the examples is not supported")
      case .newAxis:
        try graph.add(source, KerasExtraAxis(place: place - 1, isDropped: false))
        place += 1
      case .part(let start, let stop, let step):
        guard let axis = graph.axis(place), !graph.isScalar else { throw source.unsupported("it has too few axes") }
        let isReversed = step == -1 && start == nil && stop == nil
        guard step ?? 1 == 1 || isReversed else { throw source.unsupported("a step other than 1 is not supported") }
        try graph.add(source, Self(axis: axis, start: start ?? 0, stop: stop, isReversed: isReversed ? true : nil))
        place += 1
      case .element(let element):
        guard let axis = graph.axis(place), !graph.isScalar else { throw source.unsupported("it has too few axes") }
        try graph.add(source, Self(axis: axis, start: element, stop: element == -1 ? nil : element &+ 1))
        try KerasExtraAxis.drop(place - 1, source, &graph)
      }
    }
  }

  /// Adds a layer for each axis along which a tensor is in the opposite order.
  static func addFlip(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    try graph.turn(to: .channelsLast, for: source)
    guard graph.current.count == 1, let given = try source.integers("axis") else {
      throw source.unsupported("it is that of all axes, also that of the examples, which is not supported")
    }
    for place in given {
      guard let axis = graph.axis(place) else {
        throw source.unsupported("axes \(given) of an input of shape \(graph.shape) are not supported")
      }
      try graph.add(source, Self(axis: axis, start: 0, stop: nil, isReversed: true))
    }
  }

  /// Adds a layer for each part of a tensor along an axis.
  static func addSplit(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let (whole, axis, extent) = try splitAxis(source, &graph)
    let sizes = try source.integers("num_or_size_splits")
    let sections = try source.integers("indices_or_sections")
    let given = sizes ?? sections ?? []
    let isList = source.setting("num_or_size_splits", "indices_or_sections")?.elements != nil
    var ends: [Int]
    if !isList {
      let count = given.first ?? 0
      guard count >= 1, extent % count == 0 else {
        throw source.unsupported("\(extent) elements do not split into \(count) equal parts")
      }
      ends = (1...count).map { $0 * (extent / count) }
    } else if sizes != nil {
      ends = []
      for size in given { ends.append((ends.last ?? 0) + min(max(0, size), extent + 1)) }
    } else {
      ends = given + [extent]
    }
    let starts = [0] + ends.dropLast()
    guard ends.last == extent, zip(starts, ends).allSatisfy({ $0 < $1 }) else {
      throw source.unsupported("parts \(given) of \(extent) elements are not supported")
    }
    var parts: [KerasGraphBuilder.Value] = []
    for (start, end) in zip(starts, ends) {
      graph.give([whole])
      try graph.add(source, Self(axis: axis, start: start, stop: end))
      parts += graph.current
    }
    graph.give(parts)
  }

  /// Adds a layer for each element of a tensor along an axis.
  static func addUnstack(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let (whole, axis, extent) = try splitAxis(source, &graph)
    let place = KerasAxisOrder.places(rank: whole.shape.all.count).firstIndex(of: axis) ?? 0
    var parts: [KerasGraphBuilder.Value] = []
    for element in 0..<extent {
      graph.give([whole])
      try graph.add(source, Self(axis: axis, start: element, stop: element + 1))
      try KerasExtraAxis.drop(place, source, &graph)
      parts += graph.current
    }
    graph.give(parts)
  }

  /// The one input, the axis along which it is split, and how many elements that has.
  private static func splitAxis(
    _ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) -> (KerasGraphBuilder.Value, axis: Int, extent: Int) {
    try graph.turn(to: .channelsLast, for: source)
    let given = try source.integer("axis") ?? 0
    guard let whole = graph.current.first, graph.current.count == 1, let axis = graph.axis(given),
      let extent = whole.shape.all[axis]
    else { throw source.unsupported("axis \(given) of an input of shape \(graph.shape) is not supported") }
    return (whole, axis, extent)
  }

  // MARK: The layer

  /// The part of so many elements, as in Python.
  private func range(of count: Int) -> Range<Int> {
    func bound(_ place: Int) -> Int { min(count, max(0, place < 0 ? place + count : place)) }
    let first = bound(start)
    return first..<max(first, stop.map(bound) ?? count)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    var all = input.all
    try require(all.indices.contains(axis), "an input of shape \(input) has no axis \(axis)")
    try require(
      [start, stop ?? 0].allSatisfy { (-KerasShape.mostExtent...KerasShape.mostExtent).contains($0) },
      "no input has an element \(start), or one before \(stop ?? 0)")
    if let extent = all[axis] {
      try require(!range(of: extent).isEmpty, "nothing is left of an input of shape \(input)")
      all[axis] = range(of: extent).count
    } else {
      // Which elements the last ones are depends on the input.
      try require(
        isReversed == true || (start == 0 && (stop ?? 0) > 0),
        "of an axis of any size only the first elements can be taken; the model needs a complete input shape")
      all[axis] = isReversed == true ? nil : stop == 1 ? 1 : nil
    }
    return KerasShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Part(settings: self) }
  var effect: KerasEffect { .computes }

  private struct Part: UnaryLayer {
    let settings: KerasSlice
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let axis = settings.axis + 1
      guard settings.isReversed != true else { return x.reversed(axis: axis) }
      let range = settings.range(of: x.shape[axis])
      return x.slice(axis: axis, from: range.lowerBound, to: range.upperBound)
    }
  }
}

/// Matmul: [N, …, R, K] and [N, …, K, P] → [N, …, R, P], in Keras's order of axes.
struct KerasMatrixProduct: KerasLayerClass {
  static let key = "matrixProduct"
  static let classes = ["ops.Matmul"]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    graph.giveWithoutMasks(graph.current + graph.take("x1") + graph.take("x2") + graph.take("b"))
    for name in ["transpose_a", "transpose_b", "adjoint_a", "adjoint_b"] {
      if try source.flag(name, default: false) { throw source.unsupported("\(name)=True is not supported") }
    }
    try graph.turn(to: .channelsLast, for: source)
    return Self()
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 2, "it takes two tensors, not \(inputs.count)")
    let (a, b) = (inputs[0].keras, inputs[1].keras)
    let (inner, rows) = (a[a.count - 1], b.count > 1 ? b[b.count - 2] : nil)
    try require(
      a.count == b.count && a.count > 1 && a.dropLast(2) == b.dropLast(2)
        && (inner == rows || inner == nil || rows == nil),
      "inputs of the shapes \(inputs[0]) and \(inputs[1]) have no product")
    return [KerasShape(keras: a.dropLast() + [b[b.count - 1]])]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .joining(Product()) }
  var effect: KerasEffect { .mixes }

  private struct Product: JoiningLayer {
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      [matmul(inputs[0].channelsLast(), inputs[1].channelsLast()).channelsFirst()]
    }
  }
}
