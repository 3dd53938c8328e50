import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5

/// HDF5 files that Keras or another program wrote.
enum KerasFile {
  /// - Parameter configuration: the model's configuration, where an archive has it next to the file.
  static func read(
    _ reader: HDF5Reader, _ root: [HDF5Attribute], _ options: Checkpoint.ReadOptions, configuration: JSONValue? = nil,
    version: String? = nil
  ) throws(CheckpointFault) -> Checkpoint {
    let contents = reader.contents
    for base in ["", "model_weights"] {
      guard let attributes = contents.attributes(ofGroup: base),
        let layers = list("layer_names", attributes)
      else { continue }
      return try readLayers(reader, root, layers: layers, base: base, attributes, options)
    }
    // The weights of a model that has none are an empty file.
    guard KerasWeightsFile.matches(contents) || configuration != nil else {
      return try listing(reader, root, format: .hdf5, options)
    }
    var checkpoint = try listing(reader, root, format: .kerasWeights, options)
    checkpoint.kerasModel = KerasWeightsFile.model(
      checkpoint, groups: contents.groups, configuration: configuration, version: version)
    return checkpoint
  }

  /// An attribute's strings. Keras splits them into `name0`, `name1`, … where they exceed HDF5's 64 KiB.
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
    _ reader: HDF5Reader, _ root: [HDF5Attribute], layers: [String], base: String, _ attributes: [HDF5Attribute],
    _ options: Checkpoint.ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.format = .kerasHDF5
    checkpoint.metadata.extra = texts(root)
    let configuration = root["model_config"]?.text.flatMap { try? JSONValue(parsing: $0.utf8) }
    let entries = KerasLayers.entries(of: configuration)
    let datasets = ExactDictionary(
      (reader.contents.datasets + reader.contents.linkedDatasets).map { ($0.path, $0) })
    let groups = ExactDictionary(reader.contents.groups.map { ($0.path, $0) })
    var result: [KerasModel.Layer] = []
    // Keras 3 stores variables of the model itself apart from its layers.
    let top = groups[join(base, "top_level_model_weights")] == nil ? [] : ["top_level_model_weights"]
    /// Fails for an object that is listed but could not be read, and says why.
    func requireRead(_ location: String) throws(CheckpointFault) {
      guard let refusal = reader.contents.refusal(of: location), refusal.losesData else { return }
      throw .hdf5(.refused(path: reader.path, object: location, reason: refusal.reason))
    }
    for layer in layers + top.filter({ !layers.contains($0) }) {
      try requireRead(join(base, layer))
      guard let group = groups[join(base, layer)] else {
        throw .malformed(path: reader.path, part: "layer '\(layer)'", reason: "is listed but has no group")
      }
      guard let names = list("weight_names", group.attributes) else {
        throw .malformed(path: reader.path, part: "layer '\(layer)'", reason: "has no weight_names")
      }
      var weights: [KerasModel.Weight] = []
      for name in names {
        let location = join(group.path, name)
        try requireRead(location)
        guard let dataset = datasets[location] else {
          throw .malformed(
            path: reader.path, part: "layer '\(layer)'", reason: "its array '\(name)' is not in the file")
        }
        let array = try AviaryFile.array(dataset, reader, tensor: location, options.unpacking)
        guard checkpoint.add(array, at: join(layer, name)) else {
          throw .duplicateTensor(path: reader.path, tensor: join(layer, name))
        }
        weights.append(.init(name: name, array: array, path: join(layer, name)))
      }
      result += Self.layers(layer, weights, entries)
    }
    let optimizer = reader.contents.datasets.filter { isOptimizer($0.path) }
    noteOptimizer(optimizer, in: &checkpoint, reader, options)
    let version = attributes["keras_version"]?.text ?? root["keras_version"]?.text ?? "1"
    let backend = attributes["backend"]?.text ?? root["backend"]?.text
    checkpoint.kerasModel = KerasModel(
      layers: result, isOrdered: true, version: version, backend: backend, configuration: configuration)
    checkpoint.metadata.extra["keras_version"] = version
    return checkpoint
  }

  /// The layers that the arrays of a group are of: one, or those of a nested model.
  ///
  /// - Parameters:
  ///   - entries: all layers of the model's configuration.
  ///   - kind, configuration: of a layer that is not among them.
  static func layers(
    _ name: String, _ weights: [KerasModel.Weight], _ entries: [KerasLayerEntry], kind: String? = nil,
    configuration: JSONValue? = nil
  ) -> [KerasModel.Layer] {
    let inner = name.isEmpty ? [] : entries.filter { $0.enclosing?.isExactly(name) ?? false }
    if !inner.isEmpty { return split(weights, among: inner) }
    let known =
      entries.first { $0.name.isExactly(name) && $0.enclosing == nil } ?? entries.first { $0.name.isExactly(name) }
    return [
      .init(
        name: name, kind: known?.kind ?? kind, configuration: known?.configuration ?? configuration, weights: weights,
        place: known?.place)
    ]
  }

  /// The arrays of a nested model by layer. The layer is part of an array's name, `block1/kernel:0`, perhaps after the models
  /// that it is in; arrays whose names have none go to the first layer.
  private static func split(_ weights: [KerasModel.Weight], among entries: [KerasLayerEntry]) -> [KerasModel.Layer] {
    let named = Dictionary(grouping: entries.indices) { ExactText(entries[$0].name) }
    var owned: [Int: [KerasModel.Weight]] = [:]
    for weight in weights {
      let parts = weight.name.split(separator: "/").dropLast().map(String.init)
      let place = parts.lastIndex { named[ExactText($0)] != nil }
      let candidates = place.flatMap { named[ExactText(parts[$0])] } ?? [0]
      // Of layers with one name, that whose models stand before it.
      let before = place.map { parts[..<$0] } ?? []
      let owner = candidates.max { a, b in
        matches(entries[a].scope, before) < matches(entries[b].scope, before)
      }
      owned[owner ?? 0, default: []].append(weight)
    }
    return entries.enumerated().map { index, entry in
      .init(
        name: entry.name, kind: entry.kind, configuration: entry.configuration, weights: owned[index] ?? [],
        place: entry.place)
    }
  }

  /// How many names at the ends of two lists are the same.
  private static func matches(_ scope: [String], _ parts: ArraySlice<String>) -> Int {
    zip(scope.reversed(), parts.reversed()).prefix { $0.isExactly($1) }.count
  }

  /// Every array of a file under its own path.
  private static func listing(
    _ reader: HDF5Reader, _ root: [HDF5Attribute], format: Checkpoint.Format, _ options: Checkpoint.ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.format = format
    checkpoint.metadata.extra = texts(root)
    var datasets = reader.contents.datasets + reader.contents.linkedDatasets
    if format == .kerasWeights {
      noteOptimizer(datasets.filter { isOptimizer($0.path) }, in: &checkpoint, reader, options)
      datasets = KerasWeightsFile.numbered(datasets.filter { !isOptimizer($0.path) })
    }
    for dataset in datasets {
      guard Dtype(dataset.type, attributes: dataset.attributes) != nil else {
        checkpoint.notes.append("\(dataset.path): holds \(dataset.type), not an array of numbers")
        if options.readsEverything, let flaw = flaw(of: dataset, reader) { checkpoint.damage.append(flaw) }
        continue
      }
      do throws(CheckpointFault) {
        checkpoint.set(
          try AviaryFile.array(dataset, reader, tensor: dataset.path, options.unpacking), at: dataset.path)
      } catch {
        guard case .hdf5(let fault) = error, let reason = reason(of: fault) else { throw error }
        checkpoint.unreadable.append(.init(path: dataset.path, reason: reason))
      }
    }
    let linked = ExactSet(reader.contents.linkedDatasets.map(\.path))
    for refusal in reader.contents.refusals {
      let line = refusal.path.isEmpty ? refusal.reason : "\(refusal.path): \(refusal.reason)"
      switch refusal.kind {
      case .damage, .limit: checkpoint.damage.append(line)
      case .unsupported, .elsewhere:
        if refusal.losesData {
          let advice = refusal.isFollowedOnRequest ? "; --follow reads it if the files are in the same folder" : ""
          checkpoint.unreadable.append(.init(path: refusal.path, reason: refusal.reason + advice))
        } else if !linked.contains(refusal.path) {
          checkpoint.notes.append(line)
        }
      }
    }
    return checkpoint
  }

  /// Why one array of a sound file is not read; `nil` where the file is at fault.
  private static func reason(of fault: HDF5Fault) -> String? {
    switch fault {
    case .missingLibrary(_, _, let feature, let library): "\(feature): \(library)"
    case .unsupported(_, _, let feature): "\(feature) is not supported"
    case .leavesFile(_, _, let how): "it \(how)"
    case .tooLarge(_, _, let bytes, let limit): "refused: it would have \(bytes) bytes, the limit is \(limit)"
    default: nil
    }
  }

  /// Whether Keras stores it for training only: below `optimizer`, and in whole models of earlier versions below
  /// `optimizer_weights`.
  private static func isOptimizer(_ path: String) -> Bool {
    let top = path.prefix { $0 != "/" && $0 != "\\" }
    return top.count < path.count && (top == "optimizer" || top == "optimizer_weights")
  }

  private static func noteOptimizer(
    _ datasets: [HDF5Contents.Dataset], in checkpoint: inout Checkpoint, _ reader: HDF5Reader,
    _ options: Checkpoint.ReadOptions
  ) {
    guard !datasets.isEmpty else { return }
    let what = datasets.count == 1 ? "array is" : "\(datasets.count) arrays are"
    checkpoint.notes.append("the optimizer's \(what) left out")
    guard options.readsEverything else { return }
    checkpoint.damage += datasets.compactMap { flaw(of: $0, reader) }
  }

  /// The damage to a dataset that is not listed; nil if it can be read, or is too large to be checked.
  private static func flaw(of dataset: HDF5Contents.Dataset, _ reader: HDF5Reader) -> String? {
    do throws(HDF5Fault) {
      if dataset.type.size != nil { try reader.check(dataset) } else { _ = try reader.values(of: dataset) }
      return nil
    } catch {
      switch error {
      case .unsupported, .missingLibrary, .tooMany, .leavesFile: return nil
      default: return "\(dataset.path): \(error)"
      }
    }
  }

  private static func join(_ base: String, _ name: String) -> String {
    base.isEmpty ? name : base + "/" + name
  }

  private static func texts(_ attributes: [HDF5Attribute]) -> [String: String] {
    var texts: [String: String] = [:]
    for attribute in attributes { texts[attribute.name] = attribute.value.text }
    return texts
  }
}
