import AviaryArchives
import AviaryHDF5

/// The layers of a Keras file in the model's order, each with its arrays in the order the file gives them.
public struct KerasModel: Sendable {
  public struct Layer: Sendable {
    public let name: String
    /// `Conv2D`, where the file has the model's configuration.
    public let kind: String?
    /// `channels_last`, `channels_first`, or Keras 1's `tf` and `th`, where the configuration says.
    public let dataFormat: String?
    public let weights: [Weight]
  }

  public struct Weight: Sendable {
    /// As in the file: `conv1/kernel:0`, `conv1_W`, `param_0` …
    public let name: String
    public let array: StoredArray
  }

  public let layers: [Layer]
  /// "1" where the file does not say, as Keras itself takes it.
  public let version: String
  public let backend: String?
}

/// HDF5 as Keras writes it, and HDF5 of strangers.
enum KerasFile {
  static func read(_ reader: HDF5Reader, _ root: [HDF5Attribute]) throws(CheckpointFault) -> Checkpoint {
    let contents = reader.contents
    for base in ["", "model_weights"] {
      guard let attributes = contents.attributes(ofGroup: base),
        let layers = list("layer_names", attributes)
      else { continue }
      return try readLayers(reader, root, layers: layers, base: base, attributes)
    }
    let isKeras3 = contents.datasets.contains {
      $0.path.hasPrefix("layers/") || $0.path.hasPrefix("_layer_checkpoint_dependencies/")
    }
    return try listing(reader, root, format: isKeras3 ? .kerasWeights : .hdf5)
  }

  /// An attribute's texts, which Keras splits into `name0`, `name1`, … where they exceed HDF5's 64 KiB.
  static func list(_ name: String, _ attributes: [HDF5Attribute]) -> [String]? {
    if let value = attributes[name] { return value.texts }
    var joined: [String] = []
    var part = 0
    while let texts = attributes["\(name)\(part)"]?.texts {
      joined += texts
      part += 1
    }
    return part == 0 ? nil : joined
  }

  private static func readLayers(
    _ reader: HDF5Reader, _ root: [HDF5Attribute], layers: [String], base: String, _ attributes: [HDF5Attribute]
  ) throws(CheckpointFault) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.format = .kerasHDF5
    checkpoint.metadata.extra = texts(root)
    let configured = configuredLayers(root["model_config"]?.text)
    let datasets = Dictionary(reader.contents.datasets.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let groups = Dictionary(reader.contents.groups.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    var result: [KerasModel.Layer] = []
    // Keras 3 keeps variables of the model itself apart from its layers.
    let top = groups[join(base, "top_level_model_weights")] == nil ? [] : ["top_level_model_weights"]
    for layer in layers + top.filter({ !layers.contains($0) }) {
      guard let group = groups[join(base, layer)] else {
        throw .malformed(path: reader.path, part: "layer '\(layer)'", reason: "is listed and has no group")
      }
      guard let names = list("weight_names", group.attributes) else {
        throw .malformed(path: reader.path, part: "layer '\(layer)'", reason: "has no weight_names")
      }
      var weights: [KerasModel.Weight] = []
      for name in names {
        let location = join(group.path, name)
        guard let dataset = datasets[location] else {
          throw .malformed(
            path: reader.path, part: "layer '\(layer)'", reason: "its array '\(name)' is not in the file")
        }
        let array = try AviaryFile.array(dataset, reader, tensor: location, verify: false)
        guard checkpoint.add(array, at: join(layer, name)) else {
          throw .duplicateTensor(path: reader.path, tensor: join(layer, name))
        }
        weights.append(.init(name: name, array: array))
      }
      let known = configured[layer]
      result.append(
        .init(name: layer, kind: known?.kind, dataFormat: known?.dataFormat, weights: weights))
    }
    let version = attributes["keras_version"]?.text ?? root["keras_version"]?.text ?? "1"
    let backend = attributes["backend"]?.text ?? root["backend"]?.text
    checkpoint.kerasModel = KerasModel(layers: result, version: version, backend: backend)
    checkpoint.metadata.extra["keras_version"] = version
    return checkpoint
  }

  /// Every array of a file under its own path.
  private static func listing(
    _ reader: HDF5Reader, _ root: [HDF5Attribute], format: Checkpoint.Format
  ) throws(CheckpointFault) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.format = format
    checkpoint.metadata.extra = texts(root)
    for dataset in reader.contents.datasets {
      guard Dtype(dataset.type, attributes: dataset.attributes) != nil else {
        checkpoint.notes.append("\(dataset.path): holds \(dataset.type), which is no array of numbers")
        continue
      }
      do throws(CheckpointFault) {
        checkpoint.set(
          try AviaryFile.array(dataset, reader, tensor: dataset.path, verify: false), at: dataset.path)
      } catch .hdf5(.unsupported(_, _, let feature)) {
        checkpoint.notes.append("\(dataset.path): \(feature) is not supported")
      }
    }
    for refusal in reader.contents.refusals { checkpoint.notes.append("\(refusal.path): \(refusal.reason)") }
    return checkpoint
  }

  private static func join(_ base: String, _ name: String) -> String {
    base.isEmpty ? name : base + "/" + name
  }

  private static func texts(_ attributes: [HDF5Attribute]) -> [String: String] {
    var texts: [String: String] = [:]
    for attribute in attributes { texts[attribute.name] = attribute.value.text }
    return texts
  }

  /// Class and data format of every layer in a `model_config`, models within models included.
  private static func configuredLayers(_ text: String?) -> [String: (kind: String, dataFormat: String?)] {
    guard let text, let config = try? JSONValue(parsing: text.utf8) else { return [:] }
    var found: [String: (kind: String, dataFormat: String?)] = [:]
    // The parser's depth limit bounds this walk.
    func visit(_ model: JSONValue) {
      let inner = model["config"] ?? model
      for layer in inner["layers"]?.elements ?? inner.elements ?? [] {
        guard let kind = layer["class_name"]?.text, let config = layer["config"] else { continue }
        if let name = config["name"]?.text ?? layer["name"]?.text {
          found[name] = (kind, config["data_format"]?.text ?? config["dim_ordering"]?.text)
        }
        if config["layers"] != nil { visit(layer) }
      }
    }
    visit(config)
    return found
  }
}

extension Checkpoint {
  /// A `.keras` archive: the weights as Keras 3 lays them out, the configuration as JSON.
  static func readKerasArchive(
    _ archive: ZipArchive, _ path: String, _ options: ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    let weights = try archived { () throws(ArchiveFault) in try archive.contents(named: "model.weights.h5") }
    let reader = try hdf5 { () throws(HDF5Fault) in try HDF5Reader(embedded: weights, path: path) }
    var checkpoint = try readHDF5(reader, options)
    checkpoint.format = .kerasArchive
    for member in ["config.json", "metadata.json"] where archive.member(named: member) != nil {
      let bytes = try archived { () throws(ArchiveFault) in try archive.contents(named: member) }
      checkpoint.metadata.extra[member] = String(decoding: bytes.array(), as: UTF8.self)
    }
    return checkpoint
  }
}
