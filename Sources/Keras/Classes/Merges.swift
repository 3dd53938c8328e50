// Layers that join several tensors: sums, products, concatenations, and the functions of `keras.ops` that do the same.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Elementwise: Add, Subtract, Multiply, Average, Maximum, Minimum.
struct KerasMerge: KerasLayerClass {
  enum Kind: String, Codable, Sendable {
    case add, subtract, multiply, divide, average, maximum, minimum, distance
    /// Ones where one of two numbers is not zero, where both are, or where one of them alone is, and zeros.
    case either, both, onlyOne
    /// Ones where a comparison of two numbers holds, and zeros.
    case less, lessOrEqual, greater, greaterOrEqual, equal, unequal
    case power, wholeQuotient, remainder, squaredDifference, logarithmOfSum

    func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor {
      switch self {
      case .add, .average: a + b
      case .subtract: a - b
      case .multiply: a * b
      case .divide: a / b
      case .maximum: AviaryTensors.maximum(a, b)
      case .minimum: AviaryTensors.minimum(a, b)
      case .distance: abs(a - b)
      case .either: ((a .!= 0) .| (b .!= 0)).tensor
      case .both: ((a .!= 0) .& (b .!= 0)).tensor
      case .onlyOne: ((a .!= 0) .^ (b .!= 0)).tensor
      case .less: (a .< b).tensor
      case .lessOrEqual: (a .<= b).tensor
      case .greater: (a .> b).tensor
      case .greaterOrEqual: (a .>= b).tensor
      case .equal: (a .== b).tensor
      case .unequal: (a .!= b).tensor
      case .power: pow(a, b)
      case .wholeQuotient: round((a - a % b) / b)
      case .remainder: a % b
      case .squaredDifference: (a - b).squared()
      // The larger one is taken out, so that nothing overflows; equal infinities have no difference.
      case .logarithmOfSum:
        AviaryTensors.maximum(a, b) + log1p(exp(-abs(a - b).replacing(with: 0, where: a .== b)))
      }
    }

    /// Whether a third input has a place: the layers Add, Multiply, Average, Maximum and Minimum.
    var takesMany: Bool { [.add, .multiply, .average, .maximum, .minimum].contains(self) }

    /// Whether Keras 3 leaves the masked steps of an input out; the others take them as they are.
    var skipsMaskedSteps: Bool { [.multiply, .maximum, .minimum].contains(self) }
  }

  static let key = "merge"
  static let classes = kinds.keys.sorted() + ["Merge", "CustomScaleLayer"]
  private static let kinds: [String: Kind] = [
    "Add": .add, "Subtract": .subtract, "Multiply": .multiply, "Average": .average, "Maximum": .maximum,
    "Minimum": .minimum, "L1Dist": .distance,
  ]
  /// The words of Keras 1's Merge.
  private static let modes: [String: Kind] = ["sum": .add, "mul": .multiply, "ave": .average, "max": .maximum]

  /// Whether a layer may be given an array of numbers among its tensors.
  static func takesNumbers(_ kind: String) -> Bool { kinds[kind] != nil }

  var kind: Kind
  /// What the inputs after the first are multiplied by.
  var scale: Float = 1
  /// Which inputs have a mask: the masks follow the inputs. Nil for none, as in older files.
  var masked: [Bool]?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let mode = try source.word("mode")
    guard let kind = kinds[source.kind] ?? mode.flatMap({ modes[$0] }) ?? (source.kind == "Merge" ? nil : .add) else {
      throw source.unsupported("mode '\(mode ?? "")' is not supported")
    }
    if source.call.hasNumbersForTensors(inFunction: false) {
      try graph.requireNoMask(source)
      try graph.giveOperands(listedFor: source)
    }
    if kind == .distance {
      // Not Keras's own, but the same in everybody's networks for faces and signatures.
      graph.give(graph.current + graph.take("validation_embed"))
      graph.notes.append("layer '\(source.name)': L1Dist is not a class of Keras; it is taken for |a − b|")
    }
    let masks = graph.current.map { KerasGraphBuilder.mask(of: $0) }
    // Versions before 3 count a step that all masks count, version 3 one that any counts, if every input has a mask.
    let isKeras3 = source.version.isKeras3
    try graph.joinMasks(isKeras3 ? .maximum : .minimum, needsAll: isKeras3, for: source)
    let skips = kind.skipsMaskedSteps && source.version.mergesByMasks && masks.contains { $0 != nil }
    try skips ? graph.turn(to: .channelsLast, for: source) : graph.alignOrders(for: source)
    if Set(graph.current.map(\.shape.all.count)).count > 1 { try graph.turn(to: .channelsLast, for: source) }
    let scale = source.kind == "CustomScaleLayer" ? try source.number("scale") ?? 1 : 1
    guard skips else { return Self(kind: kind, scale: scale) }
    graph.give(graph.current + masks.compactMap { $0 })
    return Self(kind: kind, scale: scale, masked: masks.map { $0 != nil })
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(!inputs.isEmpty, "it has no inputs")
    let inputs = try withoutMasks(inputs)
    try require(kind.takesMany || inputs.count == 2, "it takes two inputs, not \(inputs.count)")
    try require(scale.isFinite, "its scale is not a number")
    return [try KerasShape.broadcast(inputs)]
  }

  /// The inputs without their masks, which are checked.
  private func withoutMasks(_ inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    guard let masked else { return inputs }
    try require(
      !masked.isEmpty && inputs.count == masked.count + masked.count { $0 } && kind.skipsMaskedSteps,
      "it does not take \(inputs.count) inputs, some of which are masks")
    let values = Array(inputs.prefix(masked.count))
    for (value, mask) in zip(zip(values, masked).filter(\.1).map(\.0), inputs.dropFirst(masked.count)) {
      let length = value.positions.first ?? nil
      try require(
        value.positions.count == 1 && mask.positions.isEmpty
          && (mask.channels == length || mask.channels == nil || length == nil),
        "a mask of shape \(mask) of an input of shape \(value) is not supported")
    }
    return values
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    let values = inputs.prefix(masked?.count ?? inputs.count)
    return .joining(
      Joined(kind: kind, scale: scale, masked: masked ?? [], axes: values.map(\.positions.count).max() ?? 0))
  }

  var effect: KerasEffect { .mixes }
  var keepsMask: Bool { true }

  private struct Joined: JoiningLayer {
    let kind: Kind
    let scale: Float
    let masked: [Bool]
    let axes: Int
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      var masks = inputs.dropFirst(masked.isEmpty ? inputs.count : masked.count)
      let padded = inputs.dropLast(masks.count).map { $0.withPositions(axes) }
      if !masked.isEmpty {
        return [
          joined(
            padded,
            masked.map { isMasked in
              isMasked ? masks.popFirst().map { $0.reshaped(to: [$0.shape[0], 1, $0.shape[1]]) .!= 0 } : nil
            })
        ]
      }
      let rest = padded.dropFirst()
      let sum = (scale == 1 ? Array(rest) : rest.map { $0 * scale }).reduce(padded[0]) { kind($0, $1) }
      return [kind == .average ? sum * (1 / Float(inputs.count)) : sum]
    }

    /// The same of inputs some of which have a mask, [N, 1, T], as Keras 3 joins them.
    private func joined(_ inputs: [Tensor], _ masks: [Mask?]) -> Tensor {
      if kind == .multiply {
        // A masked step is a factor of 1, and 0 where all inputs mask it.
        let product = zip(inputs, masks).map { x, mask in mask.map { x.replacing(with: 1, where: .!$0) } ?? x }
          .reduce(nil) { all, x in all.map { $0 * x } ?? x }
        let known = masks.compactMap { $0 }
        let any = known.count == masks.count ? known.dropFirst().reduce(known[0]) { $0 .| $1 } : nil
        let y = product ?? inputs[0]
        return any.map { y.replacing(with: 0, where: .!$0) } ?? y
      }
      // A masked step is that of what was joined before; a step that was masked until now is that of the next input.
      var (y, mask) = (inputs[0], masks[0])
      for (x, own) in zip(inputs, masks).dropFirst() {
        let next = own.map { x.replacing(with: y, where: .!$0) } ?? x
        if let mask { y = y.replacing(with: next, where: .!mask) }
        mask = mask.flatMap { mask in own.map { mask .| $0 } }
        y = kind(y, next)
      }
      return y
    }
  }
}

extension KerasShape {
  /// The shape of a sum: an axis of one element goes with any other.
  static func broadcast(_ inputs: [KerasShape]) throws(ShapeFault) -> KerasShape {
    let axes = inputs.map(\.positions.count).max() ?? 0
    var result = KerasShape(channels: 1, positions: Array(repeating: 1, count: axes))
    for input in inputs { result = try broadcast(result, input.padded(axes: axes)) }
    return result
  }

  private static func broadcast(_ a: KerasShape, _ b: KerasShape) throws(ShapeFault) -> KerasShape {
    var all: [Int?] = []
    for (first, second) in zip(a.all, b.all) {
      let fits = first == second || first == 1 || second == 1 || first == nil || second == nil
      try require(fits, "inputs of the shapes \(a) and \(b) do not go together")
      all.append(first == 1 ? second : second == 1 ? first : first ?? second)
    }
    return KerasShape(channels: all[0], positions: Array(all.dropFirst()))
  }

  /// The same with as many axes of positions, as Keras gives it: further ones come first.
  private func padded(axes: Int) -> KerasShape {
    let more = Array(repeating: Int?(1), count: axes - positions.count)
    return KerasShape(channels: channels, positions: more + positions)
  }
}

extension Tensor {
  /// [N, C, …] with as many axes of positions: further ones come first, as in `KerasShape.broadcast`.
  func withPositions(_ axes: Int) -> Tensor {
    let more = axes - (rank - 2)
    return more == 0
      ? self : reshaped(to: Array(shape.prefix(2)) + Array(repeating: 1, count: more) + shape.dropFirst(2))
  }
}

struct KerasConcatenate: KerasLayerClass {
  static let key = "concatenate"
  static let classes = ["Concatenate", "ops.Concatenate", "ops.Concat"]
  /// Whether a layer of Keras 1's class Merge is one.
  static func isMode(_ source: KerasLayerDescription) -> Bool {
    source.kind == "Merge" && source.configuration["mode"]?.text == "concat"
  }

  /// The axis of [C, …].
  var axis: Int

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let own = try source.integer("axis", "concat_axis")
    let given = if let own { own } else { try source.callInteger("axis") ?? -1 }
    // A function makes a tensor without a mask.
    if source.kind.hasPrefix("ops.") { graph.giveWithoutMasks(graph.current) }
    try graph.alignOrders(for: source)
    guard let axis = graph.axis(given) else { throw source.unsupported("axis \(given) is not supported") }
    if axis == 0 {
      try graph.joinMasks(
        source.version.isKeras3 ? .maximum : .minimum, needsAll: source.version.isKeras3, for: source)
    } else {
      try graph.requireNoMask(source)
    }
    return Self(axis: axis)
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    guard let first = inputs.first else { throw ShapeFault("it has no inputs") }
    var all = first.all
    try require(all.indices.contains(axis), "an input of shape \(first) has no axis \(axis)")
    for input in inputs.dropFirst() {
      try require(input.all.count == all.count, "inputs of the shapes \(first) and \(input) do not go together")
      for (place, extent) in input.all.enumerated() {
        if place == axis {
          all[place] = all[place].flatMap { own in extent.map { min(own + $0, KerasShape.mostExtent + 1) } }
        } else {
          try require(
            all[place] == extent || all[place] == nil || extent == nil,
            "inputs of the shapes \(first) and \(input) do not go together")
          all[place] = all[place] ?? extent
        }
      }
    }
    return [KerasShape(channels: all[0], positions: Array(all.dropFirst()))]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .joining(Joined(axis: axis + 1)) }
  var effect: KerasEffect { .mixes }
  var keepsMask: Bool { true }

  private struct Joined: JoiningLayer {
    let axis: Int
    let site = Site()

    var children: [Child] { [Child("site", site)] }
    func forward(_ inputs: [Tensor]) -> [Tensor] { [concatenated(inputs, axis: axis)] }
  }
}

/// The products of the vectors along one axis of each of two tensors.
struct KerasDot: KerasLayerClass {
  static let key = "dot"
  static let classes = ["Dot"]
  /// Axes of [C, …].
  var axes: [Int]
  var normalizes: Bool
  /// The least length that vectors are divided by; nil for `KerasVersion.oldLeastNorm`, as in older files.
  var leastNorm: Float?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    guard graph.current.count == 2 else { throw source.unsupported("it has \(graph.current.count) inputs, not two") }
    let given = try source.integers("axes", "dot_axes") ?? []
    let both = given.count == 1 ? [given[0], given[0]] : given
    let all = graph.current
    var axes: [Int] = []
    for (value, axis) in zip(all, both) {
      graph.give([value])
      guard let own = graph.axis(axis) else { throw source.unsupported("axes \(both) are not supported") }
      axes.append(own)
    }
    graph.give(all)
    guard axes.count == 2 else { throw source.unsupported("its axes are not two numbers") }
    let normalizes = try source.flag("normalize", default: false)
    return Self(axes: axes, normalizes: normalizes, leastNorm: normalizes ? source.version.leastDotNorm : nil)
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 2 && axes.count == 2, "it takes two inputs, not \(inputs.count)")
    if let leastNorm { try require("epsilon", leastNorm, in: 0..<1) }
    var rest: [Int?] = []
    for (input, axis) in zip(inputs, axes) {
      try require(input.all.indices.contains(axis), "an input of shape \(input) has no axis \(axis)")
      rest += input.removing(axis)
    }
    let (a, b) = (inputs[0].all[axes[0]], inputs[1].all[axes[1]])
    try require(a == b || a == nil || b == nil, "vectors of \(a ?? 0) and \(b ?? 0) numbers have no product")
    try require(rest.count <= 4, "its output has \(rest.count) axes")
    if rest.isEmpty { return [KerasShape(channels: 1, positions: [])] }
    return [KerasShape(channels: rest[rest.count - 1], positions: Array(rest.dropLast()))]
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    .joining(Joined(axes: axes, leastNorm: normalizes ? leastNorm ?? KerasVersion.oldLeastNorm : nil))
  }
  var effect: KerasEffect { .mixes }

  private struct Joined: JoiningLayer {
    let axes: [Int]
    /// Nil where vectors keep their lengths.
    let leastNorm: Float?
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      // [N, rest…, K] with the rest in Keras's order.
      let vectors = zip(inputs, axes).map { x, axis in
        let last = axis == 0 ? x.rank - 1 : axis
        let moved = (x.rank > 2 ? x.movingAxis(1, to: -1) : x).movingAxis(last, to: -1)
        return leastNorm.map { normalized(moved, over: [moved.rank - 1], leastNorm: $0) } ?? moved
      }
      let rest = vectors.flatMap { $0.shape.dropFirst().dropLast() }
      let matrices = vectors.map { $0.reshaped(to: [$0.shape[0], -1, $0.shape[$0.rank - 1]]) }
      let product = matmul(matrices[0], matrices[1].transposed([0, 2, 1]))
      let y = product.reshaped(to: [product.shape[0]] + (rest.isEmpty ? [1] : rest))
      return [y.rank > 2 ? y.movingAxis(-1, to: 1) : y]
    }
  }
}

extension KerasShape {
  /// The extents in Keras's order, channels last, without one of [C, …].
  fileprivate func removing(_ axis: Int) -> [Int?] {
    var rest = all.enumerated().filter { $0.offset != axis && $0.offset > 0 }.map(\.element)
    if axis != 0 { rest.append(channels) }
    return rest
  }
}
