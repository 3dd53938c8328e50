// What Keras writes about a model, taken apart: which layers there are, in which order, and the shape of the input.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

/// A way in which a Keras model cannot become a chain of layers.
public enum KerasModelFault: Error, Equatable, CustomStringConvertible {
  /// The file has weights but does not describe their model.
  case noConfiguration(path: String)
  /// The configuration is not what Keras writes.
  case malformed(path: String, reason: String)
  /// A layer has several inputs: a residual or branching model.
  case severalInputs(path: String, layer: String, kind: String, inputs: [String])
  /// A layer's output goes to several others.
  case severalOutputs(path: String, layer: String, outputs: [String])
  /// The model's outputs are not those of its last layer alone.
  case outputs(path: String, outputs: [String], last: String)
  /// A layer of a class that Aviary does not know.
  case unknownLayer(path: String, layer: String, kind: String)
  /// A layer with a setting that Aviary does not have.
  case unsupported(path: String, layer: String, kind: String, reason: String)

  public var description: String {
    switch self {
    case .noConfiguration(let path):
      "\(path): has weights but does not say which network they are for; \(Self.advice)"
    case .malformed(let path, let reason): "\(path): its model configuration is not a Keras model: \(reason)"
    case .severalInputs(let path, let layer, let kind, let inputs):
      "\(path): is not a plain chain of layers: '\(layer)' (\(kind)) has the inputs \(Self.list(inputs)); \(Self.advice)"
    case .severalOutputs(let path, let layer, let outputs):
      "\(path): is not a plain chain of layers: the output of '\(layer)' goes to \(Self.list(outputs)); \(Self.advice)"
    case .outputs(let path, let outputs, let last):
      "\(path): is not a plain chain of layers: the model's outputs are those of \(Self.list(outputs)), and a chain's "
        + "output is that of its last layer, '\(last)'; \(Self.advice)"
    case .unknownLayer(let path, let layer, let kind):
      "\(path): layer '\(layer)' is a \(kind), which Aviary does not know; \(Self.advice)"
    case .unsupported(let path, let layer, let kind, let reason):
      "\(path): layer '\(layer)' (\(kind)): \(reason); \(Self.advice)"
    }
  }

  private static let advice =
    "give --architecture NAME if the network is in the zoo, or --keep-names to convert only the tensors"

  private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: " and ") }
}

/// The layers of a model's configuration in the order in which they work.
struct KerasLayerList {
  private(set) var layers: [KerasLayerDescription] = []
  private(set) var inputShape: [Int?]?
  private let path: String
  private let version: Int

  /// - Parameters:
  ///   - version: of Keras.
  ///   - path: the file's name, for faults.
  init(_ configuration: JSONValue, version: Int, path: String) throws(KerasModelFault) {
    self.version = version
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
        kind: kind, name: name, place: prefix + places[index], configuration: configuration, path: path,
        version: version)
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

  /// The layers of a functional model in order from its input, if each has one input and one output.
  ///
  /// - Parameter outputs: the layers that the model names as its outputs.
  private func ordered(_ list: [JSONValue], outputs: JSONValue?) throws(KerasModelFault) -> [Int] {
    var next = ExactDictionary<[Int]>()
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
      throw .malformed(path: path, reason: "it has \(first.count) inputs, but a chain has one")
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

  /// The layers that a call takes its inputs from, or whose outputs are the model's. Keras 3 has them among the arguments,
  /// earlier versions list them.
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
