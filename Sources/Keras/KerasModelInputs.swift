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

  /// The class of a layer; of a function of `keras.ops` or TensorFlow its name after `ops.`; of a class of a person's own, that
  /// may have the name of one of Keras's, `Custom>Dropout`, as Keras says it.
  static func kind(of layer: JSONValue) -> String? {
    guard let kind = layer["class_name"]?.text else { return nil }
    if isOwn(layer), !KerasLayerClasses.known(byNameAlone: kind) {
      let registered = layer["registered_name"]?.text
      return registered.flatMap { $0.contains(">") ? $0 : nil } ?? "Custom>\(kind)"
    }
    if KerasPlaces.isFunction(layer) { return "ops." + kind }
    if kind == "TFOpLambda" || kind == "SlicingOpLambda", let function = layer["config"]?["function"]?.text {
      let last = function.split(separator: ".").last.map(String.init) ?? function
      let words = last.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }
      return "ops." + (kind == "TFOpLambda" ? words.joined() : "GetItem")
    }
    return kind
  }

  /// Whether a layer or model is of a class that a person has written, which Keras 3 says in `.keras` files: it names the
  /// module of every other.
  static func isOwn(_ layer: JSONValue) -> Bool {
    guard let module = layer["module"] else { return false }
    let package = module.text?.prefix { $0 != "." } ?? ""
    return !["keras", "tf_keras", "keras_core", "tensorflow"].contains(package)
  }

  /// The outputs that a model is of, as it names them; where it names none, those of the layers that nobody uses.
  static func results(of model: JSONValue, _ list: [JSONValue]) -> [KerasHistory] {
    if let named = model["config"]?["output_layers"], named != .null {
      let found = KerasArgument(old: named).tensors
      // Keras 3 counts the calls of functional models from 1 here, and from 0 everywhere else.
      guard list.contains(where: { $0["inbound_nodes"]?.elements?.first?["args"] != nil }) else { return found }
      let models = ExactSet(list.filter { $0["class_name"]?.text == "Functional" && isModel($0) }.map(name))
      return found.map { history in
        KerasHistory(
          layer: history.layer, call: history.call - (models.contains(history.layer) && history.call > 0 ? 1 : 0),
          output: history.output)
      }
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

  /// The classes of the layers, also of those in models among them.
  static func kinds(of model: JSONValue) -> [String] {
    guard let list = model["config"]?["layers"]?.elements ?? model["config"]?.elements else {
      return model["class_name"]?.text.map { [$0] } ?? []
    }
    return list.flatMap { kinds(of: $0) }
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
}
