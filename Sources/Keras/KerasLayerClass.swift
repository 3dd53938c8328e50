// The layer classes of Keras. Each is one type in the folder Classes that holds everything about it; this file lists them.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A layer of a Keras model: its settings, as a checkpoint holds them, and everything that depends on its class.
///
/// Shapes are [C, …], channels before positions, whatever Keras's order was.
protocol KerasLayerClass: Codable, Equatable, Sendable {
  /// Its name in a checkpoint.
  static var key: String { get }
  /// The classes that become such layers, in Keras 1, 2 and 3; `#` stands for the number of axes. Functions of `keras.ops` and
  /// of TensorFlow are headed by `ops.`.
  static var classes: [String] { get }
  /// Whether its inputs may be texts, and numbers without an axis but that of the examples.
  static var takesTexts: Bool { get }
  static var takesScalars: Bool { get }
  /// Whether Keras's layer names an activation of its output.
  static var hasActivation: Bool { get }
  /// The counterpart of a Keras layer in a graph, whose inputs it may rearrange.
  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self

  /// The shapes of its outputs. Whatever a file says is checked here before a layer is built: afterwards nothing can overflow,
  /// and the layer takes its inputs.
  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape]
  /// The layer that computes them on [N, C, …].
  func module(on inputs: [KerasShape]) -> KerasModule
  /// What the shapes of its cells depend on: two calls of one layer have to agree in it.
  func extents(of inputs: [KerasShape]) -> [Int?]

  /// Its arrays in the order in which Keras creates them; none if it has no weights.
  var parts: [KerasPart] { get }
  /// Its arrays in Keras's layouts, by subgroup of the layer's group.
  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])]
  /// Cells that Keras omits, and the value of all their elements.
  var constants: [String: Float] { get }

  /// Whether of a number without an axis it makes another one.
  var keepsScalar: Bool { get }
  /// Whether the steps that its inputs mask are masked in its output.
  var keepsMask: Bool { get }
  /// What it does to the outputs of the layer before, as far as the end of a network depends on it.
  var effect: KerasEffect { get }
  /// Whether rows made of its output are feature maps of a convolution; nil if that depends on the layers before.
  var makesFeatureMaps: Bool? { get }
  /// Whether every number of a row keeps its place.
  var isElementwise: Bool { get }
  /// The same with another number of outputs; nil if it has no such setting.
  func withOutputs(_ count: Int) -> Self?
}

extension KerasLayerClass {
  static var takesTexts: Bool { false }
  static var takesScalars: Bool { false }
  static var hasActivation: Bool { false }
  func extents(of inputs: [KerasShape]) -> [Int?] { inputs.map(\.channels) }
  var parts: [KerasPart] { [] }
  var constants: [String: Float] { [:] }
  var keepsScalar: Bool { false }
  var keepsMask: Bool { isElementwise }
  var effect: KerasEffect { .computes }
  var makesFeatureMaps: Bool? { effect == .mixes ? false : nil }
  var isElementwise: Bool { effect == .passes || effect == .activates }
  func withOutputs(_ count: Int) -> Self? { nil }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    let own = weights.arrays(of: parts)
    return own.isEmpty ? [] : [("", own)]
  }

  func equals(_ other: any KerasLayerClass) -> Bool { (other as? Self) == self }
}

/// A class of layers from one tensor to one.
protocol KerasUnaryClass: KerasLayerClass {
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape
  func layer(on input: KerasShape) -> any UnaryLayer
}

extension KerasUnaryClass {
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { input }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try require(inputs.count == 1, "it has \(inputs.count) inputs; it takes one")
    return [try output(of: inputs[0])]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .unary(layer(on: inputs[0])) }
}

/// A layer at work.
enum KerasModule {
  case unary(any UnaryLayer)
  case joining(any JoiningLayer)

  var layer: any Layer {
    switch self {
    case .unary(let layer): layer
    case .joining(let layer): layer
    }
  }
}

/// A layer of several inputs, or of several outputs.
protocol JoiningLayer: Layer {
  func forward(_ inputs: [Tensor]) -> [Tensor]
}

/// What a layer does to the outputs of the layer before.
enum KerasEffect {
  /// In predictions they stay as they are.
  case passes
  /// They stay as they are, in other places.
  case rearranges
  /// Means over positions: means of probabilities are probabilities.
  case averages
  /// It is itself an activation.
  case activates
  /// Each becomes another number.
  case computes
  /// They become sums of all of them, so that nothing before it is the end.
  case mixes
}

/// Every class, by the name in a checkpoint and by Keras's names.
enum KerasLayerClasses {
  private static let all: [any KerasLayerClass.Type] = [
    KerasDense.self, KerasConvolution.self, KerasTransposedConvolution.self, KerasDepthwiseConvolution.self,
    KerasSeparableConvolution.self, KerasPool.self, KerasGlobalPool.self, KerasBatchNormalization.self,
    KerasLayerNormalization.self, KerasFlatten.self, KerasReshape.self, KerasPermute.self, KerasRepeatVector.self,
    KerasRescaling.self, KerasDropout.self, KerasSpatialDropout.self, KerasActivation.self, KerasAxesSoftmax.self,
    KerasLeakyReLU.self,
    KerasELU.self, KerasReLU.self, KerasPReLU.self, KerasZeroPadding.self, KerasCropping.self, KerasUpSampling.self,
    KerasEmbedding.self, KerasRecurrent.self, KerasBidirectional.self, KerasMerge.self, KerasConcatenate.self,
    KerasDot.self, KerasScalar.self,
    KerasNotEqual.self, KerasMasking.self, KerasStepMask.self, KerasAnyOfStep.self, KerasStepColumn.self,
    KerasConstant.self, KerasConstantValues.self, KerasChoice.self,
    KerasAttention.self, KerasMultiHeadAttention.self,
    KerasSplitSteps.self, KerasJoinSteps.self, KerasResizing.self, KerasCenterCrop.self, KerasGroupNormalization.self,
    KerasUnitNormalization.self, KerasRMSNormalization.self, KerasStatistics.self, KerasElementFunction.self,
    KerasReduction.self, KerasRunningSum.self, KerasRepetition.self, KerasOneHot.self, KerasGatedLinear.self,
    KerasEinsum.self, KerasExtraAxis.self, KerasSlice.self, KerasMatrixProduct.self, KerasLayerScale.self,
    KerasLookup.self,
    KerasTextVectorization.self, KerasCategoryEncoding.self, KerasDiscretization.self, KerasHashing.self,
  ]

  private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })
  private static let byClass: [String: any KerasLayerClass.Type] = {
    var found: [String: any KerasLayerClass.Type] = [:]
    for type in all {
      for name in type.classes {
        for axes in name.contains("#") ? ["1D", "2D", "3D"] : [""] { found[name.replacing("#", with: axes)] = type }
      }
    }
    return found
  }()

  /// Classes that are none of Keras's layers, and the same in everybody's networks.
  static func known(byNameAlone kind: String) -> Bool { ["L1Dist", "LayerScale", "CustomScaleLayer"].contains(kind) }

  static func stored(as key: String) -> (any KerasLayerClass.Type)? { byKey[key] }

  /// Whether TimeDistributed adds nothing: a layer that works on the last axis works on every step as it is.
  static func worksOnSteps(_ kind: String) -> Bool { ["Dense", "Activation", "Dropout"].contains(kind) }

  /// Whether a layer may be the activation of another: those without weights, which Keras stores with the other's.
  static func bends(_ kind: String) -> Bool {
    ["LeakyReLU", "ELU", "ReLU", "ThresholdedReLU", "Softmax", "Activation"].contains(kind)
  }

  /// Classes that become several layers, or layers of several classes.
  private static let composed:
    [String: @Sendable (KerasLayerDescription, inout KerasGraphBuilder) throws(KerasModelFault) -> Void] = [
      "Softmax": KerasAxesSoftmax.add, "ops.Softmax": KerasAxesSoftmax.add, "ops.LogSoftmax": KerasAxesSoftmax.add,
      "LayerNormalization": KerasLayerNormalization.add, "ops.GetItem": KerasSlice.addItem,
      "ops.Split": KerasSlice.addSplit, "ops.Unstack": KerasSlice.addUnstack, "ops.Stack": KerasExtraAxis.addStack,
      "ops.Squeeze": KerasExtraAxis.addSqueeze, "ops.Cast": KerasElementFunction.addCast,
      "ops.Flip": KerasSlice.addFlip, "ops.Einsum": KerasEinsum.add,
    ]

  /// Refuses inputs of a kind that a layer does not take.
  private static func require(
    _ source: KerasLayerDescription, of graph: KerasGraphBuilder, takesTexts: Bool = false, takesScalars: Bool = false
  ) throws(KerasModelFault) {
    if !takesTexts, graph.takesTexts { throw source.unsupported("its input is text, which it does not take") }
    if !takesScalars, graph.current.contains(where: \.isScalar) {
      throw source.unsupported("its input has no axis but that of the examples, which is not supported")
    }
  }

  /// Adds the counterpart of a Keras layer to a graph.
  static func read(_ source: KerasLayerDescription, into graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    let source = source.isFunction ? source.withArguments : source
    if source.isFunction { graph.giveWithoutMasks(graph.current) }
    if let add = composed[source.kind] {
      try require(source, of: graph, takesScalars: source.kind == "ops.Cast")
      return try add(source, &graph)
    }
    if let function = try KerasFunction(operation: source) {
      try require(source, of: graph, takesScalars: true)
      return try graph.add(source, KerasActivation(), function)
    }
    if try KerasRescaling.add(function: source, to: &graph) { return }
    if try KerasScalar.addPair(source, to: &graph) { return }
    let known = KerasConcatenate.isMode(source) ? KerasConcatenate.self : byClass[source.kind]
    guard let type = known else {
      throw .unknownLayer(path: source.path, layer: source.scope + source.name, kind: source.kind)
    }
    try require(source, of: graph, takesTexts: type.takesTexts, takesScalars: type.takesScalars)
    let operation = try type.read(source, &graph)
    if type.hasActivation, let bend = try source.activationLayer() {
      try graph.add(source, operation)
      return try read(bend, into: &graph)
    }
    try graph.add(source, operation, type.hasActivation ? try source.activation() : .linear)
  }
}
