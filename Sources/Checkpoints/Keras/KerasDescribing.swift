import AviaryArchives

extension Checkpoint {
  /// The same Keras weights with the configuration of their model, which a file of weights alone lacks.
  ///
  /// - Parameter file: a Keras model, a `config.json`, or what `model.to_json()` gives.
  public func described(byKerasModelIn file: String) throws(CheckpointFault) -> Checkpoint {
    guard let model = kerasModel else {
      throw .unsupported(path: file, what: "describes a Keras model, but the weights are not in a Keras file")
    }
    let configuration = try Self.kerasConfiguration(in: file)
    var result = self
    if format == .kerasHDF5 {
      let entries = KerasLayers.entries(of: configuration)
      let known = Dictionary(entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      let layers = model.layers.map { layer in
        KerasModel.Layer(
          name: layer.name, kind: known[layer.name]?.kind ?? layer.kind,
          configuration: known[layer.name]?.configuration ?? layer.configuration, weights: layer.weights)
      }
      result.kerasModel = KerasModel(
        layers: layers, isOrdered: true, version: model.version, backend: model.backend, configuration: configuration)
    } else {
      result.kerasModel = KerasWeightsFile.model(
        self, groups: [], configuration: configuration, version: model.version)
    }
    return result
  }

  private static func kerasConfiguration(in path: String) throws(CheckpointFault) -> JSONValue {
    let file: MappedFile
    do { file = try MappedFile(path: path, map: true) } catch { throw .archive(error) }
    if file.bytes.count > 0, file.bytes.count <= KerasShards.sizeLimit, file.bytes[0] == UInt8(ascii: "{") {
      do { return try JSONValue(parsing: file.bytes.array()) } catch {
        throw .malformed(path: path, part: "byte \(error.offset)", reason: error.reason)
      }
    }
    guard let configuration = try read(from: path).kerasModel?.configuration else {
      throw .unsupported(
        path: path, what: "does not describe a Keras model; use a .keras, a whole .h5 or a config.json")
    }
    return configuration
  }
}
