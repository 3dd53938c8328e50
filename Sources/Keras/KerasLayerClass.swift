// The layer classes of Keras. Each is one type in the folder Classes that holds everything about it; this file lists them.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A layer of a Keras chain: its settings, as a checkpoint holds them, and everything that depends on its class.
///
/// Shapes are [C, …], channels before positions, whatever Keras's order was.
protocol KerasLayerClass: Codable, Equatable, Sendable {
  /// Its name in a checkpoint.
  static var key: String { get }
  /// The classes that become such layers, in Keras 1, 2 and 3; `#` stands for the number of axes.
  static var classes: [String] { get }
  /// Whether Keras's layer names an activation of its output.
  static var hasActivation: Bool { get }
  /// The counterpart of a Keras layer in a chain, whose axes it may turn.
  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self

  /// The shape of its output. Whatever a file says is checked here before a layer is built: afterwards nothing can overflow,
  /// and the layer takes its input.
  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape
  /// The layer that computes it on [N, C, …].
  func layer(on input: ChainShape) -> any UnaryLayer

  /// Its arrays in the order in which Keras creates them; none if it has no weights.
  var parts: [KerasPart] { get }
  /// Its arrays in Keras's layouts, by subgroup of the layer's group.
  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])]
  /// Cells that Keras omits, and the value of all their elements.
  var constants: [String: Float] { get }

  /// What it does to the outputs of the layer before, as far as the end of a chain depends on it.
  var effect: KerasEffect { get }
  /// Whether rows made of its output are feature maps of a convolution; nil if that depends on the layers before.
  var makesFeatureMaps: Bool? { get }
  /// Whether every number of a row keeps its place.
  var isElementwise: Bool { get }
  /// The same with another number of outputs; nil if it has no such setting.
  func withOutputs(_ count: Int) -> Self?
}

extension KerasLayerClass {
  static var hasActivation: Bool { false }
  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape { input }
  var parts: [KerasPart] { [] }
  var constants: [String: Float] { [:] }
  var effect: KerasEffect { .computes }
  var makesFeatureMaps: Bool? { effect == .mixes ? false : nil }
  var isElementwise: Bool { effect == .passes || effect == .activates }
  func withOutputs(_ count: Int) -> Self? { nil }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    let own = weights.arrays(of: parts)
    return own.isEmpty ? [] : [(weights.isTimeDistributed ? "layer" : "", own)]
  }

  fileprivate func equals(_ other: any KerasLayerClass) -> Bool { (other as? Self) == self }
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
    KerasRescaling.self, KerasDropout.self, KerasSpatialDropout.self, KerasActivation.self, KerasLeakyReLU.self,
    KerasELU.self, KerasReLU.self, KerasPReLU.self, KerasZeroPadding.self, KerasCropping.self, KerasUpSampling.self,
    KerasEmbedding.self, KerasRecurrent.self, KerasBidirectional.self,
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

  static func stored(as key: String) -> (any KerasLayerClass.Type)? { byKey[key] }

  /// Adds the counterpart of a Keras layer to a chain. A layer that works on the last axis works on every step as it is, so
  /// that TimeDistributed adds nothing.
  static func read(_ source: KerasLayerDescription, into chain: inout KerasChainBuilder) throws(KerasModelFault) {
    let isWrapped = source.kind == "TimeDistributed"
    let inner = isWrapped ? try source.inner() : source
    if isWrapped {
      guard ["Dense", "Activation", "Dropout"].contains(inner.kind) else {
        throw source.unsupported("a \(inner.kind) for every step is not supported")
      }
      try chain.turn(to: .channelsLast, for: source)
    }
    guard let type = byClass[inner.kind] else {
      throw .unknownLayer(path: source.path, layer: source.name, kind: source.kind)
    }
    let operation = try type.read(inner, &chain)
    try chain.add(inner, operation, type.hasActivation ? try inner.activation() : .linear)
  }
}

/// A layer and the activation of its output. Its cells have the paths that they have in the layer.
struct Activated: UnaryLayer {
  let layer: any UnaryLayer
  let activation: any UnaryLayer
  /// The position of a layer that is a function.
  private let site = Site()

  init(layer: any UnaryLayer, activation: any UnaryLayer) {
    self.layer = layer
    self.activation = activation
  }

  var children: [Child] { layer is Activation ? [Child("site", site)] : layer.children }

  func forward(_ x: Tensor) -> Tensor { activation.forward(layer.forward(x)) }
}

/// One layer of a Keras chain, with its activation.
public struct ChainLayer: Codable, Equatable, Sendable {
  /// The path of its cells: lower case letters, digits and underscores.
  public let name: String
  /// Where Keras 3 stores its weights: class and number, `dense_1`, or `sequential/dense_1` in a nested model. Empty for a
  /// layer that Keras does not have.
  let place: String
  var operation: any KerasLayerClass
  /// The activation of the output.
  var activation: ChainActivation

  init(_ name: String, _ place: String, _ operation: any KerasLayerClass, _ activation: ChainActivation = .linear) {
    self.name = name
    self.place = place
    self.operation = operation
    self.activation = activation
  }

  var hasWeights: Bool { !operation.parts.isEmpty }

  /// The layer at work: [N, C, …] → [N, C', …].
  ///
  /// - Parameter input: the shape of its input, which it was checked to take.
  func module(on input: ChainShape) -> any UnaryLayer {
    let layer = operation.layer(on: input)
    return activation == .linear && !(layer is Activation)
      ? layer : Activated(layer: layer, activation: activation.layer)
  }

  /// The shape of the layer's output.
  func output(of input: ChainShape) throws(ConfigurationFault) -> ChainShape {
    do throws(ShapeFault) {
      return try operation.output(of: input).checked()
    } catch {
      throw .layer(name: name, reason: error.reason)
    }
  }

  // MARK: Coding

  private enum Key: CodingKey { case name, place, operation, activation }

  /// The operation is an object whose one member has the key of its class.
  private struct ClassKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: .name)
    place = try container.decode(String.self, forKey: .place)
    activation = try container.decode(ChainActivation.self, forKey: .activation)
    let inner = try container.nestedContainer(keyedBy: ClassKey.self, forKey: .operation)
    guard inner.allKeys.count == 1, let key = inner.allKeys.first,
      let type = KerasLayerClasses.stored(as: key.stringValue)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .operation, in: container, debugDescription: "not a layer of a keras-chain")
    }
    func decoded<Class: KerasLayerClass>(_ type: Class.Type) throws -> any KerasLayerClass {
      try inner.decode(type, forKey: key)
    }
    operation = try decoded(type)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(place, forKey: .place)
    try container.encode(activation, forKey: .activation)
    var inner = container.nestedContainer(keyedBy: ClassKey.self, forKey: .operation)
    try inner.encode(operation, forKey: ClassKey(stringValue: type(of: operation).key))
  }

  public static func == (a: ChainLayer, b: ChainLayer) -> Bool {
    a.name == b.name && a.place == b.place && a.activation == b.activation && a.operation.equals(b.operation)
  }
}
