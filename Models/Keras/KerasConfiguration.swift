// What Keras writes about a model, taken apart: which layers there are, in which order, and what goes in.

import AviaryCheckpoints
import AviaryLayers

/// A way in which a Keras model makes no chain of layers.
public enum KerasModelFault: Error, Equatable, CustomStringConvertible {
  /// The file has weights and does not say of what.
  case noConfiguration(path: String)
  /// The configuration is not what Keras writes.
  case malformed(path: String, reason: String)
  /// A layer has several inputs: a residual or branching model.
  case severalInputs(path: String, layer: String, kind: String, inputs: [String])
  /// What a layer puts out goes to several others.
  case severalOutputs(path: String, layer: String, outputs: [String])
  /// The model puts out something else than what its last layer does, or more.
  case outputs(path: String, outputs: [String], last: String)
  /// A layer of a class that Aviary does not know.
  case unknownLayer(path: String, layer: String, kind: String)
  /// A layer with a setting that Aviary does not have.
  case unsupported(path: String, layer: String, kind: String, reason: String)

  public var description: String {
    switch self {
    case .noConfiguration(let path):
      "\(path): has weights and does not say which network they are for; \(Self.advice)"
    case .malformed(let path, let reason): "\(path): its model configuration is no Keras model: \(reason)"
    case .severalInputs(let path, let layer, let kind, let inputs):
      "\(path): is no plain chain of layers: '\(layer)' (\(kind)) has the inputs \(Self.list(inputs)); \(Self.advice)"
    case .severalOutputs(let path, let layer, let outputs):
      "\(path): is no plain chain of layers: the output of '\(layer)' goes to \(Self.list(outputs)); \(Self.advice)"
    case .outputs(let path, let outputs, let last):
      "\(path): is no plain chain of layers: the model puts out what \(Self.list(outputs)) put out, and a chain what its "
        + "last layer '\(last)' does; \(Self.advice)"
    case .unknownLayer(let path, let layer, let kind):
      "\(path): layer '\(layer)' is a \(kind), which Aviary does not know; \(Self.advice)"
    case .unsupported(let path, let layer, let kind, let reason):
      "\(path): layer '\(layer)' (\(kind)): \(reason); \(Self.advice)"
    }
  }

  private static let advice =
    "give --architecture NAME where the zoo has the network, or --keep-names for the tensors alone"

  private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: " and ") }
}

/// One layer as Keras describes it.
struct KerasLayerDescription {
  let kind: String
  let name: String
  /// Class and number, as Keras 3 counts layers; empty for what Keras does not have.
  var place = ""
  let configuration: JSONValue

  /// The first of the settings that is there: their names changed between versions.
  func setting(_ names: String...) -> JSONValue? { setting(names) }

  func setting(_ names: [String]) -> JSONValue? {
    for name in names {
      if let value = configuration[name], value != .null { return value }
    }
    return nil
  }

  func flag(_ names: String..., default value: Bool) -> Bool { setting(names)?.boolean ?? value }

  /// What comes in, without the batch; nil where the layer does not say.
  var inputShape: [Int?]? {
    if let shape = setting("batch_input_shape", "batch_shape")?.elements, !shape.isEmpty {
      return shape.dropFirst().map(\.integer)
    }
    if let width = setting("input_dim")?.integer, kind != "Embedding" {
      let isSequence = ["LSTM", "GRU", "SimpleRNN", "Convolution1D"].contains(kind)
      return isSequence ? [setting("input_length")?.integer, width] : [width]
    }
    return nil
  }
}

/// The layers of a model's configuration in the order in which they work.
struct KerasLayerList {
  private(set) var layers: [KerasLayerDescription] = []
  private(set) var inputShape: [Int?]?
  private let path: String

  init(_ configuration: JSONValue, path: String) throws(KerasModelFault) {
    self.path = path
    try add(configuration, at: "")
  }

  private mutating func add(_ model: JSONValue, at prefix: String) throws(KerasModelFault) {
    guard let kind = model["class_name"]?.text, let inner = model["config"] else {
      throw .malformed(path: path, reason: "it names no class")
    }
    guard let list = inner["layers"]?.elements ?? inner.elements else {
      throw .malformed(path: path, reason: "it has no list of layers")
    }
    let isSequential = kind == "Sequential"
    let places = KerasPlaces.places(of: list.map { $0["class_name"]?.text ?? "" })
    for index in isSequential ? Array(list.indices) : try ordered(list, outputs: inner["output_layers"]) {
      let layer = list[index]
      guard let kind = layer["class_name"]?.text, let configuration = layer["config"] else {
        throw .malformed(path: path, reason: "a layer has no class")
      }
      if configuration["layers"] != nil || configuration.elements != nil {
        // The parser's limit on nesting bounds the recursion.
        try add(layer, at: prefix + places[index] + "/")
        continue
      }
      let name = configuration["name"]?.text ?? layer["name"]?.text ?? kind
      let description = KerasLayerDescription(
        kind: kind, name: name, place: prefix + places[index], configuration: configuration)
      if inputShape == nil, layers.isEmpty {
        inputShape = description.inputShape ?? shape(layer["build_config"]?["input_shape"])
      }
      if kind != "InputLayer" { layers.append(description) }
    }
    if inputShape == nil { inputShape = shape(inner["build_input_shape"] ?? model["build_config"]?["input_shape"]) }
  }

  private func shape(_ value: JSONValue?) -> [Int?]? {
    guard let elements = value?.elements, elements.count > 1 else { return nil }
    return elements.dropFirst().map(\.integer)
  }

  /// The layers of a functional model from its input on, where each has one input and one output.
  ///
  /// - Parameter outputs: the layers that the model names as its outputs.
  private func ordered(_ list: [JSONValue], outputs: JSONValue?) throws(KerasModelFault) -> [Int] {
    var next: [String: [Int]] = [:]
    var first: [Int] = []
    func name(_ index: Int) -> String {
      list[index]["name"]?.text ?? list[index]["config"]?["name"]?.text ?? "layer \(index)"
    }
    for (index, layer) in list.enumerated() {
      let calls = layer["inbound_nodes"]?.elements ?? []
      let inputs = calls.flatMap(Self.inputs)
      if inputs.count > 1 {
        throw .severalInputs(
          path: path, layer: name(index), kind: layer["class_name"]?.text ?? "layer", inputs: inputs)
      }
      if let input = inputs.first { next[input, default: []].append(index) } else { first.append(index) }
    }
    guard let start = first.first, first.count == 1 else {
      throw .malformed(path: path, reason: "it has \(first.count) inputs, and a chain has one")
    }
    var order = [start]
    while let following = next[name(order[order.count - 1])] {
      guard following.count == 1, order.count <= list.count else {
        throw .severalOutputs(path: path, layer: name(order[order.count - 1]), outputs: following.map(name))
      }
      order.append(following[0])
    }
    var named: [String] = []
    for output in outputs.map(Self.inputs) ?? [] where !named.contains(output) { named.append(output) }
    let last = name(order[order.count - 1])
    guard named.isEmpty || named == [last] else { throw .outputs(path: path, outputs: named, last: last) }
    return order
  }

  /// The layers whose outputs a call takes, or a model puts out: Keras 3 buries them among the arguments, earlier versions list them.
  private static func inputs(_ call: JSONValue) -> [String] {
    if let elements = call.elements {
      // ["dense", 0, 0, {}], or a list of such.
      if let name = elements.first?.text { return [name] }
      return elements.flatMap(inputs)
    }
    if let history = call["keras_history"]?.elements, let name = history.first?.text { return [name] }
    return (call.members ?? []).flatMap { inputs($0.value) }
  }
}
