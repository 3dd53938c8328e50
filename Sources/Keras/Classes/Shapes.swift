// Layers that move numbers: Flatten, Reshape, Permute, RepeatVector, padding, cropping, up-sampling; and Rescaling.

import AviaryLayers

struct KerasFlatten: KerasLayerClass {
  static let key = "flatten"
  static let classes = ["Flatten"]
  /// Whether the row has a position's channels side by side.
  var channelsLast: Bool
  /// Whether Keras has it so, and the rows of the weights after it were brought into the other order.
  var reordered: Bool

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    // Told that channels are first, Keras brings them to the end before it flattens.
    let isFirst = source.setting("data_format")?.text == "channels_first"
    if isFirst { try chain.turn(to: .channelsFirst, for: source) }
    return Self(channelsLast: isFirst || chain.order == .channelsLast, reordered: false)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    ChainShape(channels: input.count, positions: [])
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Flatten(channelsLast: channelsLast) }
  var effect: KerasEffect { .rearranges }
}

struct KerasReshape: KerasLayerClass {
  static let key = "reshape"
  static let classes = ["Reshape"]
  /// In Keras's order, channels last.
  var shape: [Int]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    try chain.turn(to: .channelsLast, for: source)
    let given = source.setting("target_shape", "dims")?.elements ?? []
    let shape = given.compactMap(\.integer)
    guard shape.count == given.count else { throw source.unsupported("its target_shape is not a list of numbers") }
    return Self(shape: shape)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    guard let count = input.count else { throw ShapeFault("it needs an input whose shape is known") }
    var shape = shape
    try require((1...4).contains(shape.count), "target_shape \(shape) is not supported")
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      let rest = ChainShape.product(shape.map { $0 }) ?? 0
      try require(rest > 0 && count % rest == 0, "target_shape \(shape) does not take \(count) numbers")
      shape[open] = count / rest
    }
    try require(
      shape.allSatisfy { $0 > 0 } && ChainShape.product(shape.map { $0 }) == count,
      "target_shape \(shape) does not take \(count) numbers")
    return ChainShape(channels: shape[shape.count - 1], positions: shape.dropLast().map { $0 })
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Reshape(shape, axis: 1) }
  var effect: KerasEffect { .rearranges }
  var makesFeatureMaps: Bool? { false }
}

struct KerasPermute: KerasLayerClass {
  static let key = "transpose"
  static let classes = ["Permute"]
  /// Axis i of the result is axis order[i] of [C, …].
  var order: [Int]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    try chain.turn(to: .channelsLast, for: source)
    let dims = (source.setting("dims")?.elements ?? []).compactMap(\.integer)
    let rank = chain.shape.all.count
    guard dims.sorted() == Array(1...rank) else { throw source.unsupported("dims \(dims) do not order \(rank) axes") }
    // Keras's axis k, from 1, is the position k, and the last the channels, which stand first here.
    let own = dims.map { $0 == rank ? 0 : $0 }
    return Self(order: [own[rank - 1]] + own.dropLast())
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(order.sorted() == Array(input.all.indices), "\(order) does not order the axes of \(input)")
    let all = order.map { input.all[$0] }
    return ChainShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Permute(order) }
  var effect: KerasEffect { .rearranges }
  var makesFeatureMaps: Bool? { false }
}

struct KerasRepeatVector: KerasLayerClass {
  static let key = "repeatVector"
  static let classes = ["RepeatVector"]
  var count: Int

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    // Of a row both orders are the same; of what it becomes, steps come before channels.
    chain.order = .channelsLast
    return Self(count: try source.count("n"))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require("n", count, in: 1...ChainShape.mostExtent)
    try require(input.positions.isEmpty, "it repeats rows of numbers, not an input of shape \(input)")
    return ChainShape(channels: input.channels, positions: [count])
  }

  func layer(on input: ChainShape) -> any UnaryLayer { RepeatRow(count) }
  var makesFeatureMaps: Bool? { false }
}

/// What padding and cropping have in common: amounts before and after, for each axis of positions.
private func resized(_ input: ChainShape, by amounts: [[Int]], _ sign: Int) throws(ShapeFault) -> ChainShape {
  let isFit =
    amounts.count == input.positions.count && (1...3).contains(amounts.count)
    && amounts.allSatisfy { $0.count == 2 && $0.allSatisfy { (0...65_536).contains($0) } }
  try require(isFit, "amounts \(amounts) do not go with an input of shape \(input)")
  let positions = zip(input.positions, amounts).map { size, amount in size.map { $0 + sign * (amount[0] + amount[1]) } }
  try require(positions.allSatisfy { ($0 ?? 1) > 0 }, "nothing is left of an input of shape \(input)")
  return ChainShape(channels: input.channels, positions: positions)
}

struct KerasZeroPadding: KerasLayerClass {
  static let key = "zeroPadding"
  static let classes = ["ZeroPadding#"]
  var amounts: [[Int]]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    Self(amounts: try source.amounts(try chain.positions(of: source), "padding"))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape { try resized(input, by: amounts, 1) }
  func layer(on input: ChainShape) -> any UnaryLayer { ZeroPad(amounts.map { ($0[0], $0[1]) }) }
}

struct KerasCropping: KerasLayerClass {
  static let key = "cropping"
  static let classes = ["Cropping#"]
  var amounts: [[Int]]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    Self(amounts: try source.amounts(try chain.positions(of: source), "cropping"))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape { try resized(input, by: amounts, -1) }
  func layer(on input: ChainShape) -> any UnaryLayer { Crop(amounts.map { ($0[0], $0[1]) }) }
}

struct KerasUpSampling: KerasLayerClass {
  static let key = "upSampling"
  static let classes = ["UpSampling#"]
  var size: [Int]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    let axes = try chain.positions(of: source)
    if let interpolation = source.setting("interpolation")?.text, interpolation != "nearest" {
      throw source.unsupported("interpolation '\(interpolation)' is not supported")
    }
    return Self(size: try source.numbers(axes, default: 2, "size", "length"))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(
      size.count == input.positions.count && size.allSatisfy { (1...4096).contains($0) },
      "size \(size) does not go with an input of shape \(input)")
    let positions = zip(input.positions, size).map { position, factor in position.map { $0 * factor } }
    return ChainShape(channels: input.channels, positions: positions)
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Upsample(size) }
}

struct KerasRescaling: KerasLayerClass {
  static let key = "scaling"
  static let classes = ["Rescaling"]
  var scale: Float
  var offset: Float

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    guard let scale = source.number("scale"), let offset = source.number("offset") else {
      throw source.unsupported("scale and offset of each channel are not supported")
    }
    return Self(scale: scale, offset: offset)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(scale.isFinite && offset.isFinite, "its scale is not a number")
    return input
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Rescale(scale, offset: offset) }
  var isElementwise: Bool { true }
}
