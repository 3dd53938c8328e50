// Layers that move numbers: Flatten, Reshape, Permute, RepeatVector, padding, cropping, up-sampling; and Rescaling.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

struct KerasFlatten: KerasUnaryClass {
  static let key = "flatten"
  static let classes = ["Flatten"]
  /// Whether the row has a position's channels side by side.
  var channelsLast: Bool
  /// Whether Keras has it so, and the rows of the weights after it were brought into the other order.
  var reordered: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    // Told that channels are first, Keras brings them to the end before it flattens.
    let isFirst = try source.word("data_format") == "channels_first"
    if isFirst { try graph.turn(to: .channelsFirst, for: source) }
    return Self(channelsLast: isFirst || graph.order == .channelsLast, reordered: false)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    KerasShape(channels: input.count, positions: [])
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Flatten(channelsLast: channelsLast) }
  var effect: KerasEffect { .rearranges }
}

struct KerasReshape: KerasUnaryClass {
  static let key = "reshape"
  static let classes = ["Reshape", "ops.Reshape"]
  /// In Keras's order, channels last.
  var shape: [Int]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    guard source.isFunction else {
      let given = source.setting("target_shape", "dims")?.elements ?? []
      let shape = given.compactMap(\.integer)
      guard shape.count == given.count else { throw source.unsupported("its target_shape is not a list of numbers") }
      return Self(shape: shape)
    }
    // The first is the number of examples, which has to stay open.
    let given = source.setting("newshape", "shape")?.elements ?? []
    let shape = given.dropFirst().compactMap(\.integer)
    guard let first = given.first, first == .null || first.integer == -1, shape.count == given.count - 1 else {
      throw source.unsupported("a shape that does not begin with -1 for the examples is not supported")
    }
    return Self(shape: shape)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    guard let count = input.count else { throw ShapeFault("it needs an input whose shape is known") }
    var shape = shape
    try require((1...4).contains(shape.count), "target_shape \(shape) is not supported")
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      let rest = KerasShape.product(shape.map { $0 }) ?? 0
      try require(rest > 0 && count % rest == 0, "target_shape \(shape) does not take \(count) numbers")
      shape[open] = count / rest
    }
    try require(
      shape.allSatisfy { $0 > 0 } && KerasShape.product(shape.map { $0 }) == count,
      "target_shape \(shape) does not take \(count) numbers")
    return KerasShape(channels: shape[shape.count - 1], positions: shape.dropLast().map { $0 })
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Reshape(shape, axis: 1) }
  var effect: KerasEffect { .rearranges }
  var makesFeatureMaps: Bool? { false }
}

struct KerasPermute: KerasUnaryClass {
  static let key = "transpose"
  static let classes = ["Permute", "ops.Transpose", "ops.Swapaxes", "ops.Moveaxis"]
  /// Axis i of the result is axis order[i] of [C, …].
  var order: [Int]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let rank = graph.shape.all.count
    let dims = try dims(of: source, rank: rank)
    guard dims.sorted() == Array(1...rank) else { throw source.unsupported("dims \(dims) do not order \(rank) axes") }
    // Keras's axis k, from 1, is the position k, and the last the channels, which stand first here.
    let own = dims.map { $0 == rank ? 0 : $0 }
    return Self(order: [own[rank - 1]] + own.dropLast())
  }

  /// Keras's axes, from 1, in their new order. Functions also count that of the examples, which has to stay the first.
  private static func dims(of source: KerasLayerDescription, rank: Int) throws(KerasModelFault) -> [Int] {
    var dims = Array(0...rank)
    func place(_ name: String) throws(KerasModelFault) -> Int {
      let axis = try source.count(name)
      let place = axis < 0 ? axis + rank + 1 : axis
      guard dims.indices.contains(place) else { throw source.unsupported("its input has no axis \(axis)") }
      return place
    }
    switch source.kind {
    case "ops.Swapaxes": dims.swapAt(try place("axis1"), try place("axis2"))
    case "ops.Moveaxis":
      let (from, to) = (try place("source"), try place("destination"))
      dims.insert(dims.remove(at: from), at: to)
    case "ops.Transpose": dims = try source.integers("axes", "perm") ?? dims.reversed()
    default: return try source.integers("dims") ?? []
    }
    guard dims.first == 0 else {
      throw source.unsupported("the axes \(dims) do not begin with that of the examples, which is not supported")
    }
    return Array(dims.dropFirst())
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(order.sorted() == Array(input.all.indices), "\(order) does not order the axes of \(input)")
    let all = order.map { input.all[$0] }
    return KerasShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Permute(order) }
  var effect: KerasEffect { .rearranges }
  var makesFeatureMaps: Bool? { false }
}

struct KerasRepeatVector: KerasUnaryClass {
  static let key = "repeatVector"
  static let classes = ["RepeatVector"]
  var count: Int

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    // Of a row both orders are the same; of what it becomes, steps come before channels.
    graph.order = .channelsLast
    return Self(count: try source.count("n"))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("n", count, in: 1...KerasShape.mostExtent)
    try require(input.positions.isEmpty, "it repeats rows of numbers, not an input of shape \(input)")
    return KerasShape(channels: input.channels, positions: [count])
  }

  func layer(on input: KerasShape) -> any UnaryLayer { RepeatRow(count) }
  var makesFeatureMaps: Bool? { false }
}

/// What padding and cropping have in common: amounts before and after, for each axis of positions.
private func resized(_ input: KerasShape, by amounts: [[Int]], _ sign: Int) throws(ShapeFault) -> KerasShape {
  let isFit =
    amounts.count == input.positions.count && (1...3).contains(amounts.count)
    && amounts.allSatisfy { $0.count == 2 && $0.allSatisfy { (0...65_536).contains($0) } }
  try require(isFit, "amounts \(amounts) do not go with an input of shape \(input)")
  let positions = zip(input.positions, amounts).map { size, amount in size.map { $0 + sign * (amount[0] + amount[1]) } }
  try require(positions.allSatisfy { ($0 ?? 1) > 0 }, "nothing is left of an input of shape \(input)")
  return KerasShape(channels: input.channels, positions: positions)
}

struct KerasZeroPadding: KerasUnaryClass {
  static let key = "zeroPadding"
  static let classes = ["ZeroPadding#"]
  var amounts: [[Int]]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(amounts: try source.amounts(try graph.positions(of: source), "padding"))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { try resized(input, by: amounts, 1) }
  func layer(on input: KerasShape) -> any UnaryLayer { ZeroPad(amounts.map { ($0[0], $0[1]) }) }
}

struct KerasCropping: KerasUnaryClass {
  static let key = "cropping"
  static let classes = ["Cropping#"]
  var amounts: [[Int]]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(amounts: try source.amounts(try graph.positions(of: source), "cropping"))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { try resized(input, by: amounts, -1) }
  func layer(on input: KerasShape) -> any UnaryLayer { Crop(amounts.map { ($0[0], $0[1]) }) }
}

struct KerasUpSampling: KerasUnaryClass {
  static let key = "upSampling"
  static let classes = ["UpSampling#"]
  var size: [Int]
  /// Whether between positions; nil for no, as in older files.
  var isBilinear: Bool?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let axes = try graph.positions(of: source)
    let size = try source.numbers(axes, default: 2, "size", "length")
    let name = try source.word("interpolation") ?? "nearest"
    guard name == "nearest" || (name == "bilinear" && axes == 2) else {
      throw source.unsupported("interpolation '\(name)' is not supported")
    }
    return Self(size: size, isBilinear: name == "bilinear" ? true : nil)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(isBilinear != true || size.count == 2, "only images are interpolated")
    try require(
      size.count == input.positions.count && size.allSatisfy { (1...4096).contains($0) },
      "size \(size) does not go with an input of shape \(input)")
    let positions = zip(input.positions, size).map { position, factor in position.map { $0 * factor } }
    return KerasShape(channels: input.channels, positions: positions)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    isBilinear == true
      ? KerasResizing(factors: size, interpolation: .bilinear).layer(on: input) : Upsample(size)
  }
}

struct KerasRescaling: KerasUnaryClass {
  static let key = "scaling"
  static let classes = ["Rescaling"]
  var scale: Float
  var offset: Float
  /// Those of each channel; nil where one number holds for all.
  var scales: [Float]?
  var offsets: [Float]?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    func numbers(_ name: String, default value: Float) throws(KerasModelFault) -> (one: Float, all: [Float]?) {
      guard let given = try source.numbers(name) else { return (value, nil) }
      return given.count == 1 ? (given[0], nil) : (value, given)
    }
    let scale = try numbers("scale", default: 1)
    let offset = try numbers("offset", default: 0)
    if scale.all != nil || offset.all != nil { try graph.turn(to: .channelsLast, for: source) }
    return Self(scale: scale.one, offset: offset.one, scales: scale.all, offsets: offset.all)
  }

  /// Adds a sum, difference, product or quotient of a tensor and a list of numbers, one for each channel.
  ///
  /// - Returns: whether the function is one.
  static func add(
    function source: KerasLayerDescription, to graph: inout KerasGraphBuilder
  ) throws(KerasModelFault) -> Bool {
    let kinds: [KerasMerge.Kind] = [.add, .subtract, .multiply, .divide]
    guard let kind = KerasScalar.functions[source.kind], kinds.contains(kind), !graph.takesTexts,
      let (numbers, isFirst) = KerasScalar.list(of: source), kind != .divide || !isFirst
    else { return false }
    graph.giveWithoutMasks(graph.current + KerasScalar.names.flatMap { graph.take($0) })
    try graph.turn(to: .channelsLast, for: source)
    guard graph.shape.channels == numbers.count else { return false }
    let minus = numbers.map { -$0 }
    let ones = numbers.map { _ in Float(1) }
    let rescaling =
      switch (kind, isFirst) {
      case (.add, _): Self(scale: 1, offset: 0, scales: nil, offsets: numbers)
      case (.subtract, false): Self(scale: 1, offset: 0, scales: nil, offsets: minus)
      case (.subtract, true): Self(scale: 1, offset: 0, scales: ones.map { -$0 }, offsets: numbers)
      case (.divide, _): Self(scale: 1, offset: 0, scales: numbers.map { 1 / $0 }, offsets: nil)
      default: Self(scale: 1, offset: 0, scales: numbers, offsets: nil)
      }
    try graph.add(source, rescaling)
    graph.giveWithoutMasks(graph.current)
    return true
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(scale.isFinite && offset.isFinite, "its scale is not a number")
    for numbers in [scales, offsets].compactMap({ $0 }) {
      try require(
        numbers.count == input.channels && numbers.allSatisfy(\.isFinite),
        "\(numbers.count) scales do not go with an input of shape \(input)")
    }
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    guard scales != nil || offsets != nil else { return Rescale(scale, offset: offset) }
    let channels = input.channels ?? 1
    return ChannelScale(
      scales: scales ?? Array(repeating: scale, count: channels),
      offsets: offsets ?? Array(repeating: offset, count: channels))
  }

  var isElementwise: Bool { scales == nil && offsets == nil }
  var keepsMask: Bool { true }

  private struct ChannelScale: UnaryLayer {
    let scales: [Float]
    let offsets: [Float]
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let shape = [1, scales.count] + Array(repeating: 1, count: x.rank - 2)
      return x * Tensor(scales, shape: shape) + Tensor(offsets, shape: shape)
    }
  }
}
