// Activations: those that other layers name, and those that are layers.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A function of single elements, or of the channels of each position, after a layer of a Keras chain.
public enum ChainActivation: String, Codable, Sendable, CaseIterable {
  case linear, relu, relu6, tanh, sigmoid, softmax, elu, selu, silu, gelu, softplus, softsign, exponential
  case logSoftmax = "log_softmax"
  case geluByTanh = "gelu_by_tanh"
  case hardSwish = "hard_swish"
  case leakyRelu = "leaky_relu"
  /// Keras 3's, whose slope is 1/6.
  case hardSigmoid = "hard_sigmoid"
  /// Keras 1's and 2's, whose slope is 1/5.
  case hardSigmoidFifth = "hard_sigmoid_fifth"

  /// Those that layers here name in another way, or with another parameter.
  private static let renamed: [ChainActivation: Activation] = [
    .linear: .identity, .geluByTanh: .tanhGelu, .hardSwish: .hardSwish, .leakyRelu: .leakyRelu(slope: 0.2),
    .hardSigmoid: .hardSigmoid(), .hardSigmoidFifth: .hardSigmoid(slope: 0.2),
  ]

  /// Keras's other names, where they are not those of checkpoints.
  private static let aliases: [String: ChainActivation] = ["swish": .silu, "hard_silu": .hardSwish]

  /// - Parameters:
  ///   - name: Keras's.
  ///   - version: of Keras, 1 to 3.
  init?(kerasName name: String, version: Int) {
    let known = Self.aliases[name] ?? ChainActivation(rawValue: name)
    guard let known, known != .geluByTanh, known != .hardSigmoidFifth else { return nil }
    self = known == .hardSigmoid && version < 3 ? .hardSigmoidFifth : known
  }

  var isSoftmax: Bool { self == .softmax || self == .logSoftmax }

  /// The function of single elements; nil where it is of all channels.
  var function: Activation? { isSoftmax ? nil : Self.renamed[self] ?? Activation(named: rawValue) }

  /// [N, C, …] → [N, C, …]
  var layer: any UnaryLayer {
    if self == .logSoftmax { return LogSoftmax(axis: 1) }
    return function ?? Softmax(axis: 1)
  }
}

/// Nothing but the activation, or nothing at all: Activation, Softmax, and layers that only work in training.
struct KerasActivation: KerasLayerClass {
  static let key = "identity"
  static let classes = ["Activation", "Softmax"] + leftOut
  static let hasActivation = true
  private static let leftOut = [
    "GaussianNoise", "ActivityRegularization", "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast",
    "RandomTranslation", "RandomBrightness",
  ]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    if leftOut.contains(source.kind) {
      chain.notes.append("layer '\(source.name)': \(source.kind) works in training only and is left out")
    }
    let axis = source.kind == "Softmax" ? source.setting("axis")?.integer ?? -1 : -1
    guard axis == -1 || axis == chain.shape.all.count else { throw source.unsupported("axis \(axis) is not supported") }
    return Self()
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Activation.identity }
  var effect: KerasEffect { .passes }
}

struct KerasLeakyReLU: KerasLayerClass {
  static let key = "leakyRelu"
  static let classes = ["LeakyReLU"]
  var slope: Float

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    Self(slope: source.number("negative_slope", "alpha") ?? 0.3)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(slope.isFinite, "its slope is not a number")
    return input
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Activation.leakyRelu(slope: slope) }
  var effect: KerasEffect { .activates }
}

struct KerasELU: KerasLayerClass {
  static let key = "elu"
  static let classes = ["ELU"]
  var alpha: Float

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    Self(alpha: source.number("alpha") ?? 1)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(alpha.isFinite && alpha >= 0, "alpha is \(alpha); it has to be at least 0")
    return input
  }

  func layer(on input: ChainShape) -> any UnaryLayer { Activation.elu(alpha: alpha) }
  var effect: KerasEffect { .activates }
}

struct KerasReLU: KerasLayerClass {
  static let key = "relu"
  static let classes = ["ReLU", "ThresholdedReLU"]
  var maximum: Float?
  var slope: Float
  var threshold: Float

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    source.kind == "ThresholdedReLU"
      ? Self(slope: 0, threshold: source.number("theta") ?? 1)
      : Self(
        maximum: source.number("max_value"), slope: source.number("negative_slope") ?? 0,
        threshold: source.number("threshold") ?? 0)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(
      slope.isFinite && threshold.isFinite && (maximum ?? 1) > threshold && threshold >= 0,
      "a relu cannot have the threshold \(threshold) and the maximum \(maximum ?? .infinity)")
    return input
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    Activation.thresholdedRelu(threshold: threshold, slope: slope, maximum: maximum ?? .infinity)
  }

  var effect: KerasEffect { .activates }
}

struct KerasPReLU: KerasLayerClass {
  static let key = "prelu"
  static let classes = ["PReLU"]
  var sharesPositions: Bool

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    try chain.turn(to: .channelsLast, for: source)
    let shared = (source.setting("shared_axes")?.elements ?? []).compactMap(\.integer)
    guard shared.isEmpty || shared.sorted() == Array(1..<max(1, chain.shape.all.count)) else {
      throw source.unsupported("shared_axes \(shared) are not supported; all positions, or none")
    }
    return Self(sharesPositions: !shared.isEmpty)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    _ = try input.knownChannels()
    try require(sharesPositions || input.count != nil, "its slopes need an input whose shape is known")
    return input
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    PReLU(shape: sharesPositions ? [input.channels ?? 1] : input.all.map { $0 ?? 1 }, slope: 0)
  }

  var parts: [KerasPart] { KerasFamily.slope.parts() }
  var effect: KerasEffect { .activates }
  var isElementwise: Bool { false }
}
