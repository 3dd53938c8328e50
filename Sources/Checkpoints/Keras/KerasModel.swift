import AviaryArchives
import AviaryDiagnostics

/// The layers of a Keras file in the model's order, each with its arrays in the order the file gives them.
public struct KerasModel: Sendable {
  /// A layer of the model.
  public struct Layer: Sendable {
    /// The name that the model's author gave it, also within nested models.
    public let name: String
    /// `Conv2D` if the file has the model's configuration, else Keras 3's name for its group without the number, `conv2d`;
    /// nil if neither is known.
    public let kind: String?
    /// The layer's own part of the model's configuration.
    public let configuration: JSONValue?
    /// Its weights, in Keras's order.
    public let weights: [Weight]
    /// Where Keras 3 stores its arrays: see `KerasPlaces`. Nil if the file does not describe the layer.
    public var place: String?

    /// `channels_last`, `channels_first`, or Keras 1's `tf` and `th`; nil if the configuration does not say.
    public var dataFormat: String? {
      (configuration?["data_format"] ?? configuration?["dim_ordering"])?.text
    }
  }

  /// A weight of a layer.
  public struct Weight: Sendable {
    /// As in the file: `conv1/kernel:0`, `conv1_W`, `param_0`, `vars/0` …
    public let name: String
    /// Its value, as the file has it.
    public let array: StoredArray
    /// Its path among the checkpoint's entries.
    let path: String
  }

  /// The layers that have weights, in the order of the model.
  public package(set) var layers: [Layer]
  /// Whether the layers are in the model's order. Keras 3 names their groups by class and number, so without the
  /// configuration only layers of the same class are in order.
  public let isOrdered: Bool
  /// "1" if the file does not say, as Keras itself assumes.
  public let version: String
  /// The backend that the model was made with; nil where the file does not say.
  public let backend: String?
  /// The configuration that Keras builds the model from: class and settings of every layer.
  public let configuration: JSONValue?
  /// The text of each `vocabulary.txt` that an archive keeps apart from the weights, by the place of its layer.
  public internal(set) var vocabularies = ExactDictionary<String>()
}

/// One layer in a model's configuration.
struct KerasLayerEntry {
  let kind: String
  let name: String
  let configuration: JSONValue
  /// Where Keras 3 stores its arrays, below the groups called `layers`: `dense_1`, or `sequential/dense_1` in a nested model.
  let place: String
  /// The outermost nested model that it belongs to.
  let enclosing: String?
  /// The names of the models that it is in, from the outside in.
  var scope: [String] = []
}

/// The layers in a model's configuration, as far as reading files needs them.
enum KerasLayers {
  /// The layers of a configuration in order, with nested models replaced by their layers.
  static func entries(of model: JSONValue?) -> [KerasLayerEntry] {
    guard let model else { return [] }
    var found: [KerasLayerEntry] = []
    // The parser's limit on nesting bounds this walk.
    func visit(_ model: JSONValue, _ prefix: String, _ scope: [String]) {
      let inner = model["config"] ?? model
      let list = inner["layers"]?.elements ?? inner.elements ?? []
      for (layer, own) in zip(list, KerasPlaces.places(of: list)) {
        guard let kind = layer["class_name"]?.text, let configuration = layer["config"] else { continue }
        let place = prefix + own
        let name = configuration["name"]?.text ?? layer["name"]?.text
        if configuration["layers"] != nil || configuration.elements != nil {
          visit(layer, place + "/", scope + [name ?? place])
        } else if let wrapped = configuration["layer"], wrapped["config"]?["layers"] != nil {
          // A model for every step.
          visit(wrapped, place + "/layer/", scope + [name ?? place])
        } else if let name {
          found.append(
            .init(
              kind: kind, name: name, configuration: configuration, place: place, enclosing: scope.first, scope: scope))
        }
      }
    }
    visit(model, "", [])
    return found
  }

}

/// Where Keras 3 stores the weights of layers: by class and number.
public enum KerasPlaces {
  /// The group names of layers of these classes, in order: `dense`, `dense_1` …
  public static func places(of kinds: [String]) -> [String] {
    var counts = ExactDictionary<Int>()
    return kinds.map { kind in
      let group = snakeCase(kind)
      let number = counts[group, default: 0]
      counts[group] = number + 1
      return number == 0 ? group : "\(group)_\(number)"
    }
  }

  /// The same for the layers of a model's configuration, among which functions of `keras.ops` have no group.
  package static func places(of layers: [JSONValue]) -> [String] {
    let own = layers.filter { !isFunction($0) }
    var places = places(of: own.map { $0["class_name"]?.text ?? "" })[...]
    return layers.map { isFunction($0) ? "" : places.removeFirst() }
  }

  /// Whether what stands among a model's layers is a function, such as the sum that `x + 3` makes.
  package static func isFunction(_ layer: JSONValue) -> Bool {
    guard let module = layer["module"]?.text else {
      // Of a layer the .h5 files of Keras 3 say whether it is trained, and the type of its numbers.
      guard layer["inbound_nodes"]?.elements?.first?["args"] != nil else { return false }
      // Functions that make truth values say that these are the type.
      let type = layer["config"]?["dtype"]
      return layer["config"]?["trainable"] == nil && (type == nil || type == .null || type?.text == "bool")
    }
    return module.hasPrefix("keras.src.ops") || module.hasPrefix("keras.ops")
  }

  /// The name that Keras 3 gives the group of a class: `SimpleRNN`, `simple_rnn`; `Conv2DTranspose`, `conv2d_transpose`.
  static func snakeCase(_ kind: String) -> String {
    let letters = kind.filter { $0.isLetter || $0.isNumber || $0 == "_" }
    let words = letters.replacing(/(.)([A-Z][a-z]+)/) { "\($0.output.1)_\($0.output.2)" }
    return words.replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }.lowercased()
  }
}

extension Checkpoint {
  /// The same Keras weights with the configuration of their model, which a weights-only file lacks.
  ///
  /// - Parameter file: a Keras model, a `config.json`, or the output of `model.to_json()`.
  public func described(byKerasModelIn file: String) throws(CheckpointFault) -> Checkpoint {
    guard let model = kerasModel else {
      throw .unsupported(path: file, what: "describes a Keras model, but the weights are not in a Keras file")
    }
    let (configuration, vocabularies) = try Self.kerasDescription(in: file)
    var result = self
    if format == .kerasHDF5 {
      let entries = KerasLayers.entries(of: configuration)
      let layers = model.layers.flatMap { layer in
        KerasFile.layers(layer.name, layer.weights, entries, kind: layer.kind, configuration: layer.configuration)
      }
      result.kerasModel = KerasModel(
        layers: layers, isOrdered: true, version: model.version, backend: model.backend, configuration: configuration)
    } else {
      result.kerasModel = KerasWeightsFile.model(
        self, groups: [], configuration: configuration, version: model.version)
    }
    result.kerasModel?.vocabularies = vocabularies
    return result
  }

  private static func kerasDescription(
    in path: String
  ) throws(CheckpointFault) -> (configuration: JSONValue, vocabularies: ExactDictionary<String>) {
    let file: MappedFile
    do { file = try MappedFile(path: path, map: true) } catch { throw .archive(error) }
    if file.bytes.count > 0, file.bytes.count <= KerasShards.sizeLimit, file.bytes[0] == UInt8(ascii: "{") {
      do { return (try JSONValue(parsing: file.bytes.array()), ExactDictionary()) } catch {
        throw .malformed(path: path, part: "byte \(error.offset)", reason: error.reason)
      }
    }
    guard let model = try read(from: path).kerasModel, let configuration = model.configuration else {
      throw .unsupported(
        path: path,
        what: "does not describe a Keras model; give a .keras file, an .h5 file of a whole model, or a config.json")
    }
    return (configuration, model.vocabularies)
  }
}
