// Activations: those that other layers name, and those that are layers.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A function of single elements, or of the channels of each position, after a layer of a Keras model.
public enum KerasFunction: String, Codable, Sendable, CaseIterable {
  /// The function of this name in Keras.
  case linear, relu, relu6, tanh, sigmoid, softmax, sparsemax, elu, selu, silu, gelu, softplus, softsign, exponential,
    celu, mish
  /// The function of this name in Keras.
  case logSoftmax = "log_softmax"
  /// The function of this name in Keras.
  case geluByTanh = "gelu_by_tanh"
  /// The function of this name in Keras.
  case hardSwish = "hard_swish"
  /// The function of this name in Keras.
  case leakyRelu = "leaky_relu"
  /// The function of this name in Keras.
  case logSigmoid = "log_sigmoid"
  /// The function of this name in Keras.
  case hardTanh = "hard_tanh"
  /// The function of this name in Keras.
  case tanhShrink = "tanh_shrink"
  /// The function of this name in Keras.
  case softShrink = "soft_shrink"
  /// The function of this name in Keras.
  case hardShrink = "hard_shrink"
  /// The function of this name in Keras.
  case squareplus
  /// The function of this name in Keras.
  case sparsePlus = "sparse_plus"
  /// The function of this name in Keras.
  case sparseSigmoid = "sparse_sigmoid"
  /// Keras 3's, whose slope is 1/6.
  case hardSigmoid = "hard_sigmoid"
  /// Keras 1's and 2's, whose slope is 1/5.
  case hardSigmoidFifth = "hard_sigmoid_fifth"

  /// Those that layers here name in another way, or with another parameter.
  private static let renamed: [KerasFunction: Activation] = [
    .linear: .identity, .geluByTanh: .tanhGelu, .hardSwish: .hardSwish, .leakyRelu: .leakyRelu(slope: 0.2),
    .hardSigmoid: .hardSigmoid(), .hardSigmoidFifth: .hardSigmoid(slope: 0.2), .celu: .elu(), .hardTanh: .hardTanh,
    .tanhShrink: .tanhShrink, .softShrink: .softShrink(), .hardShrink: .hardShrink(),
  ]

  /// Keras's other names, where they are not those of checkpoints.
  private static let aliases: [String: KerasFunction] = ["swish": .silu, "hard_silu": .hardSwish]

  /// - Parameters:
  ///   - name: Keras's.
  ///   - version: of Keras, 1 to 3.
  init?(kerasName name: String, version: Int) {
    let known = Self.aliases[name] ?? KerasFunction(rawValue: name)
    guard let known, known != .geluByTanh, known != .hardSigmoidFifth else { return nil }
    self = known == .hardSigmoid && version < 3 ? .hardSigmoidFifth : known
  }

  /// Those that are functions of `keras.ops` and TensorFlow, by the names of their operations.
  private static let operations: [String: KerasFunction] = [
    "ops.Relu": .relu, "ops.Relu6": .relu6, "ops.Tanh": .tanh, "ops.Sigmoid": .sigmoid, "ops.Selu": .selu,
    "ops.Silu": .silu, "ops.Softplus": .softplus, "ops.Softsign": .softsign, "ops.Exp": .exponential,
    "ops.HardSilu": .hardSwish, "ops.HardSigmoid": .hardSigmoid, "ops.HardTanh": .hardTanh,
    "ops.LogSigmoid": .logSigmoid, "ops.TanhShrink": .tanhShrink, "ops.SparsePlus": .sparsePlus,
    "ops.SparseSigmoid": .sparseSigmoid, "ops.Sparsemax": .sparsemax,
  ]

  /// The function of an operation with this one input; nil where it is none.
  init?(operation source: KerasLayerDescription) throws(KerasModelFault) {
    if source.kind == "ops.Gelu" {
      // Keras writes which one; TensorFlow's default is the exact one.
      self = try source.flag("approximate", default: false) ? .geluByTanh : .gelu
    } else if let known = Self.operations[source.kind] {
      if known.isOverChannels, let axis = try source.integer("axis"), axis != -1 {
        throw source.unsupported("axis \(axis) is not supported; the last one is")
      }
      self = known
    } else {
      return nil
    }
  }

  var isSoftmax: Bool { self == .softmax || self == .logSoftmax }
  /// Whether it is a function of all channels of a position.
  var isOverChannels: Bool { isSoftmax || self == .sparsemax }

  /// The function of single elements; nil where it is of all channels.
  var function: Activation? { isOverChannels ? nil : Self.renamed[self] ?? Activation(named: rawValue) }

  /// [N, C, …] → [N, C, …]
  var layer: any UnaryLayer {
    switch self {
    case .logSoftmax: LogSoftmax(axis: 1)
    case .sparsemax: Sparsemax()
    default: function ?? Softmax(axis: 1)
    }
  }
}

/// Nothing but the activation, or nothing at all: Activation, and layers that only work in training.
struct KerasActivation: KerasUnaryClass {
  static let key = "identity"
  static let classes = ["Activation", "Identity", "ops.ConvertToTensor"] + leftOut
  static let hasActivation = true
  private static let leftOut = [
    "GaussianNoise", "ActivityRegularization", "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast",
    "RandomTranslation", "RandomBrightness", "RandomHeight", "RandomWidth", "RandomHue", "RandomSaturation",
    "RandomSharpness", "RandomColorJitter", "RandomColorDegeneration", "RandomGrayscale", "RandomShear",
    "RandomErasing",
    "RandomElasticTransform", "RandomGaussianBlur", "RandomInvert", "RandomPerspective", "RandomPosterization",
    "RandAugment", "AugMix", "MixUp", "CutMix",
  ]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    if leftOut.contains(source.kind) {
      graph.trainingNotes.append("layer '\(source.name)': \(source.kind) works in training only and is left out")
    }
    if source.kind == "ops.ConvertToTensor", let type = try source.word("dtype"), !["bool", "float32"].contains(type) {
      throw source.unsupported("the type '\(type)' is not supported")
    }
    return Self()
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Activation.identity }
  var effect: KerasEffect { .passes }
  var keepsScalar: Bool { true }
}

/// Softmax over axes other than that of the channels, or over several as if they were one.
struct KerasAxesSoftmax: KerasUnaryClass {
  static let key = "axesSoftmax"
  static let classes: [String] = []
  /// Axes of [C, …].
  var axes: [Int]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  /// Adds a Softmax, which over the last axis alone is an activation.
  static func add(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    try graph.requireNoMask(source)
    let given = try source.integers("axis") ?? [-1]
    let isLogarithm = source.kind == "ops.LogSoftmax"
    if source.isFunction, source.version.isKeras3, source.configuration["axis"] == .null {
      throw source.unsupported("it is that of all axes, also that of the examples, which is not supported")
    }
    if given == [-1] || given == [graph.shape.all.count] {
      return try graph.add(source, KerasActivation(), isLogarithm ? .logSoftmax : .softmax)
    }
    if isLogarithm { throw source.unsupported("axes \(given) are not supported; the last one is") }
    var axes: Set<Int> = []
    for axis in given {
      guard let own = graph.axis(axis), axes.insert(own).inserted else {
        throw source.unsupported("axes \(given) of an input of shape \(graph.shape) are not supported")
      }
    }
    try graph.add(source, KerasAxesSoftmax(axes: axes.sorted()))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      !axes.isEmpty && Set(axes).count == axes.count && axes.allSatisfy { input.all.indices.contains($0) },
      "an input of shape \(input) has no axes \(axes)")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { JoinedSoftmax(axes: axes.map { $0 + 1 }) }
  var keepsMask: Bool { true }

  private struct JoinedSoftmax: UnaryLayer {
    /// Of [N, C, …].
    let axes: [Int]
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let order = x.shape.indices.filter { !axes.contains($0) } + axes
      let moved = x.transposed(order)
      let rows = moved.reshaped(to: moved.shape.dropLast(axes.count) + [-1])
      let back = x.shape.indices.map { axis in order.firstIndex(of: axis) ?? axis }
      return softmax(rows).reshaped(to: moved.shape).transposed(back)
    }
  }
}

struct KerasLeakyReLU: KerasUnaryClass {
  static let key = "leakyRelu"
  static let classes = ["LeakyReLU", "ops.LeakyRelu"]
  var slope: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(slope: try source.number("negative_slope", "alpha") ?? (source.isFunction ? 0.2 : 0.3))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(slope.isFinite, "its slope is not a number")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Activation.leakyRelu(slope: slope) }
  var effect: KerasEffect { .activates }
}

struct KerasELU: KerasUnaryClass {
  static let key = "elu"
  static let classes = ["ELU", "ops.Elu"]
  var alpha: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(alpha: try source.number("alpha") ?? 1)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(alpha.isFinite && alpha >= 0, "alpha is \(alpha); it has to be at least 0")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Activation.elu(alpha: alpha) }
  var effect: KerasEffect { .activates }
}

struct KerasReLU: KerasUnaryClass {
  static let key = "relu"
  static let classes = ["ReLU", "ThresholdedReLU"]
  var maximum: Float?
  var slope: Float
  var threshold: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    source.kind == "ThresholdedReLU"
      ? Self(slope: 0, threshold: try source.number("theta") ?? 1)
      : Self(
        maximum: try source.number("max_value"), slope: try source.number("negative_slope") ?? 0,
        threshold: try source.number("threshold") ?? 0)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      slope.isFinite && threshold.isFinite && threshold >= 0 && (maximum ?? .infinity) >= threshold,
      "a relu cannot have the threshold \(threshold) and the maximum \(maximum ?? .infinity)")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Activation.thresholdedRelu(threshold: threshold, slope: slope, maximum: maximum ?? .infinity)
  }

  var effect: KerasEffect { .activates }
}

struct KerasPReLU: KerasUnaryClass {
  static let key = "prelu"
  static let classes = ["PReLU"]
  var sharesPositions: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let shared = try source.integers("shared_axes") ?? []
    guard shared.isEmpty || shared.sorted() == Array(1..<max(1, graph.shape.all.count)) else {
      throw source.unsupported("shared_axes \(shared) are not supported; all positions, or none")
    }
    return Self(sharesPositions: !shared.isEmpty)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require(sharesPositions || input.count != nil, "its slopes need an input whose shape is known")
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    PReLU(shape: sharesPositions ? [input.channels ?? 1] : input.all.map { $0 ?? 1 }, slope: 0)
  }

  var parts: [KerasPart] { KerasFamily.slope.parts() }
  func extents(of inputs: [KerasShape]) -> [Int?] { sharesPositions ? inputs.map(\.channels) : inputs.flatMap(\.all) }
  var effect: KerasEffect { .activates }
  var isElementwise: Bool { false }
  var keepsMask: Bool { true }
}
