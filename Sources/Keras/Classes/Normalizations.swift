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
    let setting = source.setting("axis")
    let axes = setting?.elements?.map(\.integer) ?? [setting?.integer ?? -1]
    let last = shape.all.count
    guard axes.count == 1, let axis = axes[0] else { throw source.unsupported("axes \(axes) are not supported") }
    let isLast = axis == -1 || axis == last
    guard isLast || (axis == 1 && takesFirstAxis) else {
      throw source.unsupported("axis \(axis) of an input with \(last) axes is not supported")
    }
    try turn(to: isLast ? .channelsLast : .channelsFirst, for: source)
    if source.flag("rms_scaling", default: false) { throw source.unsupported("rms_scaling is not supported") }
    if let mode = source.setting("mode")?.integer, mode != 0 {
      throw source.unsupported("mode \(mode) is not supported")
    }
    return (source.number("epsilon") ?? 1e-3, source.flag("scale", default: true), source.flag("center", default: true))
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
    let kept = source.setting("momentum")?.double ?? 0.99
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

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let (epsilon, scale, center) = try graph.normalization(source, takesFirstAxis: false)
    return Self(epsilon: epsilon, scale: scale, center: center)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { try checked(input) }
  func layer(on input: KerasShape) -> any UnaryLayer { LayerNorm(input.channels ?? 1, axis: 1, epsilon: epsilon) }
  var parts: [KerasPart] { KerasFamily.normalization.parts(scale: scale, center: center) }
}

struct KerasDropout: KerasUnaryClass {
  static let key = "dropout"
  static let classes = ["Dropout", "AlphaDropout", "GaussianDropout"]
  var rate: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    if source.kind != "Dropout" {
      graph.notes.append("layer '\(source.name)': \(source.kind) becomes Dropout; neither does anything in predictions")
    }
    return Self(rate: source.dropout)
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
    Self(rate: source.dropout)
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
