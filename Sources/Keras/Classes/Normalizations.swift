// Normalisations, and dropout of elements and of channels.

import AviaryCheckpoints
import AviaryLayers

protocol KerasNormalizationClass: KerasUnaryClass {
  var epsilon: Float { get }
  var scale: Bool { get }
  var center: Bool { get }
}

extension KerasNormalizationClass {
  var keepsMask: Bool { true }

  /// A scale of 1 and a shift of 0 in place of those that the layer does not learn.
  var constants: [String: Float] { (scale ? [:] : ["weight": 1]).merging(center ? [:] : ["bias": 0]) { own, _ in own } }

  fileprivate func checked(_ input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require("epsilon", epsilon, in: 0..<1)
    return input
  }
}

extension KerasGraphBuilder {
  /// Brings the axis that a normalisation works on to the place of the channels, and reads its settings.
  fileprivate mutating func normalization(
    _ source: KerasLayerDescription, takesFirstAxis: Bool
  ) throws(KerasModelFault) -> (epsilon: Float, scale: Bool, center: Bool) {
    let axes = try source.integers("axis") ?? [-1]
    let last = shape.all.count
    guard axes.count == 1 else { throw source.unsupported("axes \(axes) are not supported") }
    // Of the axes with that of the batch.
    let axis = axes[0] < 0 ? axes[0] + last + 1 : axes[0]
    let isLast = axis == last
    guard isLast || (axis == 1 && takesFirstAxis) else {
      throw source.unsupported("axis \(axes[0]) of an input with \(last) axes is not supported")
    }
    try turn(to: isLast ? .channelsLast : .channelsFirst, for: source)
    return try settings(source)
  }

  /// The settings of a normalisation, without its axes.
  fileprivate func settings(
    _ source: KerasLayerDescription
  ) throws(KerasModelFault) -> (epsilon: Float, scale: Bool, center: Bool) {
    if try source.flag("rms_scaling", default: false) { throw source.unsupported("rms_scaling is not supported") }
    if let mode = try source.integer("mode"), mode != 0 {
      throw source.unsupported("mode \(mode) is not supported")
    }
    return try (
      source.number("epsilon") ?? 1e-3, source.flag("scale", default: true), source.flag("center", default: true)
    )
  }
}

struct KerasBatchNormalization: KerasNormalizationClass {
  static let key = "batchNormalization"
  static let classes = ["BatchNormalization", "BatchNormalizationV1"]
  var epsilon: Float
  /// The share of the new statistics, as in PyTorch; Keras's is the share of the old.
  var momentum: Float
  var scale: Bool
  var center: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let (epsilon, scale, center) = try graph.normalization(source, takesFirstAxis: true)
    let kept = try source.double("momentum") ?? 0.99
    if graph.takeMask(for: source) != nil {
      graph.trainingNotes.append(
        "layer '\(source.name)': when it is trained, masked steps count in its statistics, too")
    }
    return Self(epsilon: epsilon, momentum: Float(1 - kept), scale: scale, center: center)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("momentum", momentum, in: 0..<1.000_001)
    return try checked(input)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    BatchNorm(input.channels ?? 1, epsilon: epsilon, momentum: min(momentum, 1))
  }

  var parts: [KerasPart] { KerasFamily.batchNormalization.parts(scale: scale, center: center) }
}

struct KerasLayerNormalization: KerasNormalizationClass {
  static let key = "layerNormalization"
  static let classes = ["LayerNormalization"]
  var epsilon: Float
  var scale: Bool
  var center: Bool
  /// The extents of the axes in Keras that are one here; nil for one.
  var extents: [Int]?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let (epsilon, scale, center) = try graph.normalization(source, takesFirstAxis: false)
    return Self(epsilon: epsilon, scale: scale, center: center)
  }

  /// Adds a layer, also one over several axes, which have to be the last: they become one for it, and several again.
  static func add(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let given = try source.integers("axis") ?? [-1]
    guard given.count > 1, graph.current.count == 1 else { return try graph.add(source, read(source, &graph)) }
    try graph.turn(to: .channelsLast, for: source)
    let mask = graph.current[0].mask
    let whole = graph.shape
    let last = whole.all.count
    let places = Set(given.map { $0 < 0 ? $0 + last + 1 : $0 })
    let extents = (whole.positions + [whole.channels]).compactMap { $0 }
    guard places == Set(last + 1 - given.count...last), given.count <= last, extents.count == last else {
      throw source.unsupported(
        "axes \(given) of an input of shape \(whole) are not supported; the last ones are, of an input whose shape is known"
      )
    }
    let (epsilon, scale, center) = try graph.settings(source)
    let joined = Array(extents.suffix(given.count))
    try graph.add(
      source.unplaced(source.name + "_row"), KerasReshape(shape: extents.dropLast(given.count) + [joined.reduce(1, *)]))
    try graph.add(source, Self(epsilon: epsilon, scale: scale, center: center, extents: joined))
    try graph.add(source.unplaced(source.name + "_axes"), KerasReshape(shape: extents))
    graph.setMask(mask)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let known = extents.map { KerasShape.product($0.map { $0 }) }
    try require(known == nil || known == input.channels, "an input of shape \(input) is not a row of \(extents ?? [])")
    return try checked(input)
  }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    let arrays = weights.arrays(of: parts).map { array in extents.flatMap { array.reshaped(to: $0) } ?? array }
    return arrays.isEmpty ? [] : [("", arrays)]
  }

  func layer(on input: KerasShape) -> any UnaryLayer { LayerNorm(input.channels ?? 1, axis: 1, epsilon: epsilon) }
  var parts: [KerasPart] { KerasFamily.normalization.parts(scale: scale, center: center) }
}

struct KerasDropout: KerasUnaryClass {
  static let key = "dropout"
  static let classes = ["Dropout", "AlphaDropout", "GaussianDropout"]
  var rate: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    if source.kind != "Dropout" {
      graph.trainingNotes.append(
        "layer '\(source.name)': \(source.kind) becomes Dropout; neither does anything in predictions")
    }
    return Self(rate: try source.dropout)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("rate", rate, in: 0..<1)
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Dropout(rate) }
  var effect: KerasEffect { .passes }
}

struct KerasSpatialDropout: KerasUnaryClass {
  static let key = "channelDropout"
  static let classes = ["SpatialDropout#"]
  var rate: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(rate: try source.dropout)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("rate", rate, in: 0..<1)
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { ChannelDropout(rate) }
  var keepsMask: Bool { true }
  var effect: KerasEffect { .passes }
  var isElementwise: Bool { false }
}
