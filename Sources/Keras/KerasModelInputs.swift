// What the parts of a model's configuration are called in the versions of Keras.

import AviaryCheckpoints
import AviaryDiagnostics

enum KerasModelInputs {
  /// The layers of a model.
  static func layers(of model: JSONValue, path: String) throws(KerasModelFault) -> [JSONValue] {
    guard model["class_name"]?.text != nil, let inner = model["config"] else {
      throw .malformed(path: path, reason: "it names no class")
    }
    guard let list = inner["layers"]?.elements ?? inner.elements else {
      throw .malformed(path: path, reason: "it has no list of layers")
    }
    return list
  }

  static func isModel(_ layer: JSONValue) -> Bool {
    guard let configuration = layer["config"] else { return false }
    return configuration["layers"] != nil || configuration.elements != nil
  }

  static func name(of layer: JSONValue) -> String {
    layer["name"]?.text ?? layer["config"]?["name"]?.text ?? layer["class_name"]?.text ?? "layer"
  }

  /// The class of a layer; of a function of `keras.ops` or TensorFlow its name after `ops.`.
  static func kind(of layer: JSONValue) -> String? {
    guard let kind = layer["class_name"]?.text else { return nil }
    if KerasPlaces.isFunction(layer) { return "ops." + kind }
    if kind == "TFOpLambda" || kind == "SlicingOpLambda", let function = layer["config"]?["function"]?.text {
      let last = function.split(separator: ".").last.map(String.init) ?? function
      let words = last.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }
      return "ops." + (kind == "TFOpLambda" ? words.joined() : "GetItem")
    }
    return kind
  }

  /// The outputs that a model is of, as it names them; where it names none, those of the layers that nobody uses.
  static func results(of model: JSONValue, _ list: [JSONValue]) -> [KerasHistory] {
    if let named = model["config"]?["output_layers"], named != .null {
      return KerasArgument(old: named).tensors
    }
    let used = ExactSet(list.flatMap(calls).flatMap(\.tensors).map(\.layer))
    return list.map(name).filter { !used.contains($0) }.map { KerasHistory(layer: $0) }
  }

  /// The inputs of a functional model, as it names them; where it names none, the layers that are never called.
  static func inputs(of model: JSONValue, _ list: [JSONValue]) -> [KerasHistory] {
    if let named = model["config"]?["input_layers"], named != .null {
      return KerasArgument(old: named).tensors
    }
    return list.filter { calls(of: $0).isEmpty }.map { KerasHistory(layer: name(of: $0)) }
  }

  private static func calls(of layer: JSONValue) -> [KerasCall] {
    (layer["inbound_nodes"]?.elements ?? []).map { KerasCall($0) }
  }

  /// The settings for the order of axes, in order.
  static func dataFormats(of model: JSONValue) -> [String] {
    guard let configuration = model["config"] else { return [] }
    if let list = configuration["layers"]?.elements ?? configuration.elements {
      return list.flatMap { dataFormats(of: $0) }
    }
    let own = (configuration["data_format"] ?? configuration["dim_ordering"])?.text
    return own.map { [$0] } ?? configuration["layer"].map { dataFormats(of: $0) } ?? []
  }

  /// The names and shapes of a model's inputs, in Keras's order and without the batch.
  static func shapes(of model: JSONValue, path: String) throws(KerasModelFault) -> [(name: String, shape: [Int?])] {
    let list = try layers(of: model, path: path)
    if model["class_name"]?.text == "Sequential" || model["config"]?.elements != nil {
      guard let first = list.first else { throw .malformed(path: path, reason: "it has no layers") }
      if isModel(first) { return try shapes(of: first, path: path) }
      let own = shape(of: first)
      let given = shape(model["config"]?["build_input_shape"] ?? model["build_config"]?["input_shape"])
      guard let shape = own ?? given else { throw unshaped(first, path) }
      return [(name(of: first), try checked(shape, first, path))]
    }
    var found: [(name: String, shape: [Int?])] = []
    for input in inputs(of: model, list) {
      guard let layer = list.first(where: { name(of: $0).isExactly(input.layer) }) else {
        throw .malformed(path: path, reason: "its input '\(input.layer)' is no layer")
      }
      guard let shape = shape(of: layer) else { throw unshaped(layer, path) }
      found.append((input.layer, try checked(shape, layer, path)))
    }
    guard !found.isEmpty else { throw .malformed(path: path, reason: "it has no inputs") }
    return found
  }

  private static func unshaped(_ layer: JSONValue, _ path: String) -> KerasModelFault {
    .unsupported(
      path: path, layer: name(of: layer), kind: kind(of: layer) ?? "layer",
      reason: "the model does not say what shape its input has; build it in Keras before you save it")
  }

  private static func checked(
    _ shape: [Int?], _ layer: JSONValue, _ path: String
  ) throws(KerasModelFault) -> [Int?] {
    guard (1...4).contains(shape.count) else { throw unshaped(layer, path) }
    // A length that depends on the batch can be any.
    return shape.map { ($0 ?? 0) < 1 ? nil : $0 }
  }

  private static func shape(of layer: JSONValue) -> [Int?]? {
    guard let configuration = layer["config"] else { return nil }
    let description = KerasLayerDescription(
      kind: layer["class_name"]?.text ?? "", name: "", configuration: configuration, path: "", version: 3)
    if let own = description.inputShape ?? shape(layer["build_config"]?["input_shape"]) { return own }
    if description.kind == "Embedding" { return [description.setting("input_length")?.integer] }
    return configuration["layer"].flatMap { shape(of: $0) }
  }

  private static func shape(_ value: JSONValue?) -> [Int?]? {
    guard let elements = value?.elements, elements.count > 1 else { return nil }
    return elements.dropFirst().map(\.integer)
  }
}
