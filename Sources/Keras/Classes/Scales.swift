// Normalisations without batches: of groups of channels, to vectors of length 1, by fixed statistics; and learned scales.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

struct KerasGroupNormalization: KerasUnaryClass {
  static let key = "groupNormalization"
  static let classes = ["GroupNormalization"]
  /// −1 for one of each channel.
  var groups: Int
  var epsilon: Float
  var scale: Bool
  var center: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let given = try source.integer("axis") ?? -1
    let last = graph.shape.all.count
    let axis = given < 0 ? given + last + 1 : given
    guard axis == last || axis == 1 else { throw source.unsupported("axis \(given) is not supported") }
    try graph.turn(to: axis == 1 && last > 1 ? .channelsFirst : .channelsLast, for: source)
    return Self(
      groups: try source.integer("groups") ?? 32, epsilon: try source.number("epsilon") ?? 1e-3,
      scale: try source.flag("scale", default: true), center: try source.flag("center", default: true))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let channels = try input.knownChannels()
    try require("epsilon", epsilon, in: 0..<1)
    try require(
      groups == -1 || (groups >= 1 && channels % groups == 0), "\(channels) channels do not split into \(groups) groups"
    )
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let channels = input.channels ?? 1
    return GroupNorm(groups: groups == -1 ? channels : groups, channels: channels, epsilon: epsilon)
  }

  var parts: [KerasPart] { KerasFamily.normalization.parts(scale: scale, center: center) }
  var constants: [String: Float] { (scale ? [:] : ["weight": 1]).merging(center ? [:] : ["bias": 0]) { own, _ in own } }
  var keepsMask: Bool { true }
}

/// x / ‖x‖ over the channels, or over other axes: UnitNormalization, and the function Normalize.
struct KerasUnitNormalization: KerasUnaryClass {
  static let key = "unitNormalization"
  static let classes = ["UnitNormalization", "ops.Normalize"]

  /// Axes of [C, …]; nil for the channels, as in older files.
  var axes: [Int]?
  /// The least ‖x‖ that is divided by; nil for `KerasVersion.oldLeastNorm`, as in older files.
  var leastNorm: Float?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let given = try source.integers("axis") ?? [-1]
    let axes = given.compactMap { graph.axis($0) }
    guard !axes.isEmpty, Set(axes).count == given.count else {
      throw source.unsupported("axes \(given) of an input of shape \(graph.shape) are not supported")
    }
    var leastNorm: Float? = source.version.leastUnitNorm
    if source.isFunction {
      guard try source.integer("order") ?? 2 == 2 else {
        throw source.unsupported("an order other than 2 is not supported")
      }
      leastNorm = try source.number("epsilon") ?? KerasVersion.leastNormOfFunctions
    }
    return Self(axes: axes == [0] ? nil : axes.sorted(), leastNorm: leastNorm)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let axes = axes ?? [0]
    try require(
      !axes.isEmpty && Set(axes).count == axes.count && axes.allSatisfy { input.all.indices.contains($0) },
      "an input of shape \(input) has no axes \(axes)")
    if let leastNorm { try require("epsilon", leastNorm, in: 0..<1) }
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Unit(axes: (axes ?? [0]).map { $0 + 1 }, leastNorm: leastNorm ?? KerasVersion.oldLeastNorm)
  }

  var keepsMask: Bool { true }

  private struct Unit: UnaryLayer {
    /// Of [N, C, …].
    let axes: [Int]
    let leastNorm: Float
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor { normalized(x, over: axes, leastNorm: leastNorm) }
  }
}

/// x / ‖x‖ along axes, where ‖x‖ is at least a number.
func normalized(_ x: Tensor, over axes: [Int], leastNorm: Float) -> Tensor {
  // Of less the square would be no normal number.
  let least = max(leastNorm * leastNorm, .leastNormalMagnitude)
  return x / sqrt((x * x).sum(over: axes, keepingAxes: true).clamped(to: least...))
}

/// RMSNormalization: x · scale / √(mean of x² + ε) over the channels.
struct KerasRMSNormalization: KerasUnaryClass {
  static let key = "rmsNormalization"
  static let classes = ["RMSNormalization"]
  var epsilon: Float

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let axes = try source.integers("axis") ?? [-1]
    guard axes.count == 1, graph.axis(axes[0]) == 0 else {
      throw source.unsupported("axes \(axes) of an input of shape \(graph.shape) are not supported; the last one is")
    }
    return Self(epsilon: try source.number("epsilon") ?? 1e-6)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require("epsilon", epsilon, in: 0..<1)
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Scaled(input.channels ?? 1, epsilon: epsilon) }
  var parts: [KerasPart] { KerasFamily.rootMeanSquare.parts() }
  var keepsMask: Bool { true }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    [("", parts.compactMap { weights.array($0.cell(isSeparable: false)) })]
  }

  private struct Scaled: UnaryLayer {
    let scale: Parameter
    let epsilon: Float

    init(_ channels: Int, epsilon: Float) {
      scale = Parameter(shape: [channels], initializer: .ones)
      self.epsilon = epsilon
    }

    var children: [Child] { [Child("scale", scale)] }

    func forward(_ x: Tensor) -> Tensor {
      let factors = scale.tensor.reshaped(to: [1, scale.shape[0]] + Array(repeating: 1, count: x.rank - 2))
      return x * rsqrt(x.squared().mean(over: [1], keepingAxes: true) + epsilon) * factors
    }
  }
}

/// Normalization: (x − mean) / deviation, with statistics that the model was adapted to, or was told.
struct KerasStatistics: KerasUnaryClass {
  static let key = "normalization"
  static let classes = ["Normalization"]
  var inverts: Bool
  /// Whether one number holds for all channels.
  var isScalar: Bool
  /// Mean and variance, where the model was told them.
  var mean: [Float]?
  var variance: [Float]?

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    // None is one number for all.
    let axes = try source.integers("axis") ?? (source.configuration["axis"] == nil ? [-1] : [])
    guard axes.count <= 1, axes.allSatisfy({ graph.axis($0) == 0 }) else {
      throw source.unsupported("axes other than that of the channels are not supported")
    }
    func numbers(_ name: String) throws(KerasModelFault) -> [Float]? {
      guard let value = source.setting(name) else { return nil }
      var all: [Float] = []
      // An array of several axes of which only the last is longer than 1.
      func collect(_ value: JSONValue) {
        if let number = value.double { all.append(Float(number)) }
        value.elements?.forEach(collect)
      }
      collect(value["value"] ?? value)
      guard !all.isEmpty else { throw source.unsupported("its \(name) is not a list of numbers") }
      return all
    }
    let mean = try numbers("mean")
    let variance = try numbers("variance")
    return Self(
      inverts: try source.flag("invert", default: false), isScalar: axes.isEmpty, mean: mean, variance: variance)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    let channels = try input.knownChannels()
    try require((mean == nil) == (variance == nil), "it has a mean or a variance, but not both")
    for numbers in [mean, variance].compactMap({ $0 }) {
      try require(
        (numbers.count == 1 || numbers.count == channels) && numbers.allSatisfy(\.isFinite),
        "\(numbers.count) statistics do not go with \(channels) channels")
    }
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Standardized(self, channels: isScalar ? 1 : input.channels ?? 1)
  }
  var parts: [KerasPart] { mean == nil ? [.mean, .variance, .count] : [] }
  var keepsMask: Bool { true }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    guard mean == nil else { return [] }
    let arrays = [KerasPart.mean, .variance].compactMap { weights.array($0.cell(isSeparable: false)) }
    return [("", arrays.map { isScalar ? $0.reshaped(to: []) ?? $0 : $0 } + [StoredArray([Float(0)], shape: [])])]
  }

  private struct Standardized: UnaryLayer {
    let settings: KerasStatistics
    let runningMean: Buffer?
    let runningVariance: Buffer?
    let site = Site()

    init(_ settings: KerasStatistics, channels: Int) {
      self.settings = settings
      let isKnown = settings.mean != nil
      runningMean = isKnown ? nil : Buffer(shape: [channels], startingAt: 0)
      runningVariance = isKnown ? nil : Buffer(shape: [channels], startingAt: 1)
    }

    var children: [Child] {
      [runningMean.map { Child("running_mean", $0) }, runningVariance.map { Child("running_var", $0) }].compactMap {
        $0
      }
        + [Child("site", site)]
    }

    func forward(_ x: Tensor) -> Tensor {
      func broadcast(_ buffer: Buffer?, _ known: [Float]?) -> Tensor {
        let values = buffer?.tensor ?? Tensor(known ?? [0], shape: [known?.count ?? 1])
        return values.reshaped(to: [1, values.count] + Array(repeating: 1, count: x.rank - 2))
      }
      let mean = broadcast(runningMean, settings.mean)
      let deviation = sqrt(broadcast(runningVariance, settings.variance)).clamped(to: 1e-7...)
      return settings.inverts ? mean + x * deviation : (x - mean) / deviation
    }
  }
}

/// A learned factor of each channel: ConvNeXt's LayerScale.
struct KerasLayerScale: KerasUnaryClass {
  static let key = "layerScale"
  static let classes = ["LayerScale"]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    return Self()
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    return input
  }

  func layer(on input: KerasShape) -> any UnaryLayer { Scaled(input.channels ?? 1) }
  var parts: [KerasPart] { [.scale] }

  private struct Scaled: UnaryLayer {
    let weight: Parameter

    init(_ channels: Int) { weight = Parameter(shape: [channels], initializer: .constant(1e-6)) }

    var children: [Child] { [Child("weight", weight)] }

    func forward(_ x: Tensor) -> Tensor {
      x * weight.tensor.reshaped(to: [1, weight.shape[0]] + Array(repeating: 1, count: x.rank - 2))
    }
  }
}
