// One layer of a Keras network: its class with its settings, and where its inputs come from.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

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

/// One layer of a Keras model, with its activation: one call of it, if it is called several times.
public struct KerasLayer: Codable, Equatable, Sendable {
  /// The path of its cells: lower case letters, digits and underscores.
  public let name: String
  /// Where Keras 3 stores its weights: class and number, `dense_1`, or `sequential/dense_1` in a nested model. Empty for a
  /// layer that Keras does not have.
  let place: String
  var operation: any KerasLayerClass
  /// The activation of the output.
  var activation: KerasFunction
  /// Where its inputs come from; nil for the layer before.
  var inputs: [KerasReference]?
  /// The layer before whose cells it uses: one layer that is called several times.
  var shares: String?

  init(
    _ name: String, _ place: String, _ operation: any KerasLayerClass, _ activation: KerasFunction = .linear,
    inputs: [KerasReference]? = nil, shares: String? = nil
  ) {
    self.name = name
    self.place = place
    self.operation = operation
    self.activation = activation
    self.inputs = inputs
    self.shares = shares
  }

  var hasWeights: Bool { !operation.parts.isEmpty }

  /// The layer at work.
  ///
  /// - Parameter inputs: the shapes of its inputs, which it was checked to take.
  func module(on inputs: [KerasShape]) -> KerasModule {
    guard case .unary(let layer) = operation.module(on: inputs), activation != .linear || layer is Activation else {
      return operation.module(on: inputs)
    }
    return .unary(Activated(layer: layer, activation: activation.layer))
  }

  /// The shapes of the layer's outputs.
  func outputs(of inputs: [KerasShape]) throws(ConfigurationFault) -> [KerasShape] {
    do throws(ShapeFault) {
      var shapes: [KerasShape] = []
      for shape in try operation.outputs(of: inputs) { shapes.append(try shape.checked()) }
      return shapes
    } catch {
      throw .layer(name: name, reason: error.reason)
    }
  }

  // MARK: Coding

  private enum Key: CodingKey { case name, place, operation, activation, inputs, shares }

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
    activation = try container.decode(KerasFunction.self, forKey: .activation)
    inputs = try container.decodeIfPresent([KerasReference].self, forKey: .inputs)
    shares = try container.decodeIfPresent(String.self, forKey: .shares)
    let source = try container.nestedContainer(keyedBy: ClassKey.self, forKey: .operation)
    guard source.allKeys.count == 1, let key = source.allKeys.first,
      let type = KerasLayerClasses.stored(as: key.stringValue)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .operation, in: container, debugDescription: "not a layer of a Keras network")
    }
    func decoded<Class: KerasLayerClass>(_ type: Class.Type) throws -> any KerasLayerClass {
      try source.decode(type, forKey: key)
    }
    operation = try decoded(type)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(place, forKey: .place)
    try container.encode(activation, forKey: .activation)
    try container.encodeIfPresent(inputs, forKey: .inputs)
    try container.encodeIfPresent(shares, forKey: .shares)
    var source = container.nestedContainer(keyedBy: ClassKey.self, forKey: .operation)
    try source.encode(operation, forKey: ClassKey(stringValue: type(of: operation).key))
  }

  public static func == (a: KerasLayer, b: KerasLayer) -> Bool {
    a.name == b.name && a.place == b.place && a.activation == b.activation && a.inputs == b.inputs
      && a.shares == b.shares && a.operation.equals(b.operation)
  }
}
