// What a model's configuration says of its inputs.

import AviaryCheckpoints
import AviaryDiagnostics

extension KerasModelInputs {
  /// An input of a model, as its configuration describes it.
  struct Declared {
    let name: String
    /// In Keras's order and without the batch; empty for single numbers, or texts.
    let shape: [Int?]
    let isText: Bool
  }

  /// A model's inputs, in Keras's order.
  static func declared(of model: JSONValue, path: String) throws(KerasModelFault) -> [Declared] {
    let list = try layers(of: model, path: path)
    if model["class_name"]?.text == "Sequential" || model["config"]?.elements != nil {
      guard let first = list.first else { throw .malformed(path: path, reason: "it has no layers") }
      if isModel(first) { return try declared(of: first, path: path) }
      let given = shape(model["config"]?["build_input_shape"] ?? model["build_config"]?["input_shape"])
      return [try declared(first, shape(of: first) ?? given, path)]
    }
    var found: [Declared] = []
    for input in inputs(of: model, list) {
      guard let layer = list.first(where: { name(of: $0).isExactly(input.layer) }) else {
        throw .malformed(path: path, reason: "its input '\(input.layer)' is not a layer")
      }
      found.append(try declared(layer, shape(of: layer), path))
    }
    guard !found.isEmpty else { throw .malformed(path: path, reason: "it has no inputs") }
    return found
  }

  private static func declared(
    _ layer: JSONValue, _ shape: [Int?]?, _ path: String
  ) throws(KerasModelFault) -> Declared {
    let dtype = layer["config"]?["dtype"]
    let isInput = layer["class_name"]?.text == "InputLayer"
    // A layer that begins a model without an input of its own.
    let readsText = ["TextVectorization", "StringLookup"].contains(layer["class_name"]?.text)
    let isText = isInput ? (dtype?.text ?? dtype?["config"]?["name"]?.text) == "string" : readsText
    let known = shape ?? (isText ? [] : nil)
    // Texts are given in rows: as many as there are columns.
    guard let known, isText ? known.count < 2 : known.count < 5 else {
      throw .unsupported(
        path: path, layer: name(of: layer), kind: kind(of: layer) ?? "layer",
        reason: "the model does not say what shape its input has; build it in Keras before you save it")
    }
    // A length that depends on the batch can be any.
    let extents = known.map { ($0 ?? 0) < 1 ? nil : $0 }
    return Declared(name: name(of: layer), shape: isText ? extents.map { $0 ?? 1 } : extents, isText: isText)
  }

  private static func shape(of layer: JSONValue) -> [Int?]? {
    guard let configuration = layer["config"] else { return nil }
    let description = KerasLayerDescription(
      kind: layer["class_name"]?.text ?? "", name: "", configuration: configuration, path: "",
      version: KerasVersion("3"))
    if let own = description.inputShape ?? shape(layer["build_config"]?["input_shape"]) { return own }
    if description.kind == "Embedding" { return [description.setting("input_length")?.integer] }
    return configuration["layer"].flatMap { shape(of: $0) }
  }

  private static func shape(_ value: JSONValue?) -> [Int?]? {
    guard let elements = value?.elements, !elements.isEmpty else { return nil }
    return elements.dropFirst().map(\.integer)
  }
}
