import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing

/// Aviary's own file: HDF5 that any HDF5 tool opens.
///
///     /                     attributes: format = "aviary", format_version = 1, head = "present" or "absent";
///                           where known: architecture, configuration, classes, preprocessing, metrics, licence,
///                           provenance, frozen (classes and frozen are JSON arrays, the others text or JSON)
///     /extra                attributes: whatever else is known, in words
///     /model                attribute: order, a JSON array of the paths in the model's order
///     /model/<layer>        attributes: epsilon, momentum … of a layer that has such settings, float64
///     /model/<path>         one dataset a tensor, the path's dots as slashes; attribute: crc32c, uint32
///     /optimizer/<path>     attribute: step, int64
///     /optimizer/<path>/<slot>   one dataset an array of optimizer state; attribute: crc32c
///     /training             attribute: state, JSON
///
/// Text is a variable-length UTF-8 scalar, which no object header's 64 KiB limits. Datasets are contiguous,
/// little-endian, without filters, at multiples of 64 bytes. bfloat16 is uint16 with an attribute dtype = "bfloat16".
/// Quantised weights are int8 with the attributes scale (float32, one for each output channel), input_scale and input_dtype.
enum AviaryFile {
  static let version = 1

  /// Why a path cannot be stored, or `nil`. Dots become slashes and nothing is escaped, so that every name in the file
  /// is a name in the model.
  static func objection(to path: String) -> String? {
    let parts = path.split(separator: ".", omittingEmptySubsequences: false)
    if parts.contains("") { return "a component of its path is empty" }
    for scalar in path.unicodeScalars where scalar == "/" || scalar.value <= 0x20 || scalar.value == 0x7f {
      return "its path contains a slash, a space or a control character"
    }
    return nil
  }

  /// Refuses names that cannot be paths, and a tensor whose path is the beginning of another's.
  static func check(_ paths: [String], file: String) throws(CheckpointFault) {
    for path in paths {
      if let reason = objection(to: path) { throw .forbiddenName(path: file, tensor: path, reason: reason) }
    }
    let all = Set(paths)
    for path in paths {
      var rest = path[...]
      while let dot = rest.lastIndex(of: ".") {
        rest = rest[..<dot]
        if all.contains(String(rest)) {
          throw .forbiddenName(path: file, tensor: path, reason: "'\(rest)' is a tensor, too, and cannot contain it")
        }
      }
    }
  }

  static func location(_ path: String) -> String {
    replacing(".", with: "/", in: path)
  }

  /// The path that lies at a location: slashes become dots again.
  static func path(_ location: some StringProtocol) -> String {
    replacing("/", with: ".", in: location)
  }

  /// Byte by byte: by characters, it would be a good part of the time that opening a file takes.
  private static func replacing(
    _ old: Unicode.Scalar, with new: Unicode.Scalar, in text: some StringProtocol
  ) -> String {
    String(decoding: text.utf8.map { $0 == UInt8(ascii: old) ? UInt8(ascii: new) : $0 }, as: UTF8.self)
  }

  /// The groups of layers with settings, which are their attributes.
  static func settings(_ settings: [String: Double], file: String) throws(CheckpointFault) -> [HDF5Item] {
    try check(settings.keys.sorted(), file: file)
    let byLayer = Dictionary(grouping: settings.keys.sorted()) {
      $0.split(separator: ".").dropLast().joined(separator: "/")
    }
    return byLayer.sorted { $0.key < $1.key }.map { layer, paths in
      let attributes = paths.map { path in
        HDF5Attribute(String(path.split(separator: ".").last ?? ""), .real(settings[path] ?? 0))
      }
      return HDF5Item(path: layer.isEmpty ? "model" : "model/" + layer, attributes: attributes)
    }
  }

  /// An array as a dataset, without its checksum.
  static func dataset(
    _ array: StoredArray, at location: String, tensor: String, file: String
  ) throws(CheckpointFault) -> HDF5Item {
    guard let type = array.dtype.hdf5 else { throw .unwritableType(path: file, tensor: tensor, dtype: array.dtype) }
    var attributes = array.dtype == .bfloat16 ? [HDF5Attribute("dtype", .text("bfloat16"))] : []
    if let quantization = array.quantization { attributes += self.attributes(quantization) }
    return HDF5Item(
      path: location, attributes: attributes, content: .dataset(type: type, shape: array.shape, bytes: array.bytes))
  }

  /// The same items, each dataset with the checksum of its bytes.
  static func withChecksums(_ items: [HDF5Item]) -> [HDF5Item] {
    func bytes(_ item: HDF5Item) -> ByteRegion? {
      if case .dataset(_, _, let bytes) = item.content { bytes } else { nil }
    }
    var sums = Checksums.crc32c(of: items.compactMap(bytes)).makeIterator()
    return items.map { item in
      guard bytes(item) != nil, let sum = sums.next() else { return item }
      let attributes = [HDF5Attribute("crc32c", .checksum(sum))] + item.attributes
      return HDF5Item(path: item.path, attributes: attributes, content: item.content)
    }
  }

  static func array(
    _ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader, tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    guard let dtype = Dtype(dataset.type, attributes: dataset.attributes) else {
      throw .unsupported(path: reader.path, what: "\(dataset.path) holds \(dataset.type), which is no array of numbers")
    }
    let bytes: ByteRegion
    do { bytes = try reader.bytes(of: dataset) } catch { throw .hdf5(error) }
    let quantization = try quantization(
      dtype, shape: dataset.shape, dataset.attributes, tensor: tensor, file: reader.path)
    guard let array = StoredArray(dtype: dtype, shape: dataset.shape, bytes: bytes, quantization: quantization) else {
      throw .badTensor(path: reader.path, tensor: tensor, reason: "shape and bytes do not fit together")
    }
    return array
  }

  static func list(_ value: HDF5Value?) -> [String]? {
    guard let value else { return nil }
    if let text = value.text, let elements = (try? JSONValue(parsing: text.utf8))?.elements {
      return elements.compactMap(\.text)
    }
    return value.texts
  }

  static func json(_ list: [String]) -> HDF5Value {
    .text(JSONValue.array(list.map { .text($0) }).serialized)
  }
}

extension Checkpoint {
  /// Writes Aviary's HDF5 file, durably.
  public func writeAviary(to path: String) throws(CheckpointFault) {
    try AviaryFile.check(paths, file: path)
    var items = [HDF5Item(path: "", attributes: rootAttributes())]
    if !metadata.extra.isEmpty {
      let extra = metadata.extra.sorted { $0.key < $1.key }.map { HDF5Attribute($0.key, .text($0.value)) }
      items.append(HDF5Item(path: "extra", attributes: extra))
    }
    items.append(HDF5Item(path: "model", attributes: [HDF5Attribute("order", AviaryFile.json(paths))]))
    items += try AviaryFile.settings(metadata.settings, file: path)
    for entry in entries {
      let location = "model/" + AviaryFile.location(entry.path)
      items.append(try AviaryFile.dataset(entry.array, at: location, tensor: entry.path, file: path))
    }
    if let trainingState {
      let parameters = trainingState.optimizer.sorted { $0.key < $1.key }
      try AviaryFile.check(parameters.map(\.key), file: path)
      items.append(HDF5Item(path: "optimizer"))
      for (parameter, slots) in parameters {
        let group = "optimizer/" + AviaryFile.location(parameter)
        items.append(HDF5Item(path: group, attributes: [HDF5Attribute("step", .integer(Int64(slots.step)))]))
        for (slot, array) in slots.arrays.sorted(by: { $0.key < $1.key }) {
          let tensor = "\(parameter).\(slot)"
          if slot.contains(".") {
            throw .forbiddenName(path: path, tensor: tensor, reason: "the name of a slot contains a dot")
          }
          try AviaryFile.check([tensor], file: path)
          items.append(try AviaryFile.dataset(array, at: group + "/" + slot, tensor: tensor, file: path))
        }
      }
      let state = trainingState.state.map { [HDF5Attribute("state", .text($0))] } ?? []
      items.append(HDF5Item(path: "training", attributes: state))
    }
    do { try HDF5Writer.write(AviaryFile.withChecksums(items), to: path) } catch { throw .hdf5(error) }
  }

  private func rootAttributes() -> [HDF5Attribute] {
    var attributes = [
      HDF5Attribute("format", .text("aviary")),
      HDF5Attribute("format_version", .integer(Int64(AviaryFile.version))),
      HDF5Attribute("head", .text(metadata.headAbsent ? "absent" : "present")),
    ]
    func add(_ name: String, _ text: String?) {
      if let text { attributes.append(HDF5Attribute(name, .text(text))) }
    }
    add("architecture", metadata.architecture)
    add("configuration", metadata.configuration)
    add("preprocessing", metadata.preprocessing)
    add("metrics", metadata.metrics)
    add("licence", metadata.licence)
    add("provenance", metadata.provenance)
    if let classes = metadata.classes { attributes.append(HDF5Attribute("classes", AviaryFile.json(classes))) }
    if let frozen = metadata.frozen { attributes.append(HDF5Attribute("frozen", AviaryFile.json(frozen))) }
    return attributes
  }

  /// Reads an HDF5 file of any of the kinds that Aviary knows.
  static func readHDF5(_ reader: HDF5Reader, _ options: ReadOptions) throws(CheckpointFault) -> Checkpoint {
    let root = reader.contents.attributes(ofGroup: "") ?? []
    if root["format"]?.text == "aviary" { return try readAviary(reader, root, options) }
    return try KerasFile.read(reader, root, options)
  }

  private static func readAviary(
    _ reader: HDF5Reader, _ root: [HDF5Attribute], _ options: ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    let version = root["format_version"]?.integer ?? 1
    guard version <= AviaryFile.version else {
      throw .newerVersion(path: reader.path, version: Int(version), supported: AviaryFile.version)
    }
    if let refusal = reader.contents.refusals.first {
      throw .hdf5(.refused(path: reader.path, object: refusal.path, reason: refusal.reason))
    }
    var checkpoint = Checkpoint()
    checkpoint.format = .aviary
    checkpoint.metadata = Metadata(root, extra: reader.contents.attributes(ofGroup: "extra") ?? [])

    for group in reader.contents.groups where group.path == "model" || group.path.hasPrefix("model/") {
      for attribute in group.attributes {
        guard let value = attribute.value.real else { continue }
        let layer = AviaryFile.path(group.path.dropFirst("model/".count))
        checkpoint.metadata.settings[layer.isEmpty ? attribute.name : layer + "." + attribute.name] = value
      }
    }
    var found: [String: HDF5Contents.Dataset] = [:]
    var names: [String] = []
    var slots: [HDF5Contents.Dataset] = []
    for dataset in reader.contents.datasets {
      if dataset.path.hasPrefix("model/") {
        let name = dataset.path.dropFirst("model/".count)
        guard !name.utf8.contains(UInt8(ascii: ".")) else {
          throw .forbiddenName(path: reader.path, tensor: String(name), reason: "a name in the file contains a dot")
        }
        let path = AviaryFile.path(name)
        found[path] = dataset
        names.append(path)
      } else if dataset.path.hasPrefix("optimizer/") {
        slots.append(dataset)
      }
    }
    var verification = ChecksumVerification(path: reader.path)
    func array(_ dataset: HDF5Contents.Dataset, _ tensor: String) throws(CheckpointFault) -> StoredArray {
      let array = try AviaryFile.array(dataset, reader, tensor: tensor)
      if options.verify { try verification.add(tensor, array.bytes, stored: dataset.attributes["crc32c"]) }
      return array
    }
    let order = AviaryFile.list(reader.contents.attributes(ofGroup: "model")?["order"]) ?? []
    for path in order + names where checkpoint[path] == nil {
      guard let dataset = found[path] else {
        throw .badTensor(path: reader.path, tensor: path, reason: "it is listed in the file's order and not there")
      }
      checkpoint.set(try array(dataset, path), at: path)
    }
    checkpoint.trainingState = try trainingState(reader, slots, array)
    try verification.run()
    return checkpoint
  }

  private static func trainingState(
    _ reader: HDF5Reader, _ slots: [HDF5Contents.Dataset],
    _ array: (HDF5Contents.Dataset, String) throws(CheckpointFault) -> StoredArray
  ) throws(CheckpointFault) -> TrainingState? {
    let attributes = reader.contents.attributes(ofGroup: "training")
    guard attributes != nil || !slots.isEmpty else { return nil }
    var training = TrainingState(state: attributes?["state"]?.text)
    for group in reader.contents.groups {
      guard group.path.hasPrefix("optimizer/"), let step = group.attributes["step"]?.integer else { continue }
      let parameter = AviaryFile.path(group.path.dropFirst("optimizer/".count))
      training.optimizer[parameter] = .init(step: Int(step), arrays: [:])
    }
    for dataset in slots {
      var parts = dataset.path.dropFirst("optimizer/".count).split(separator: "/")
      let slot = String(parts.removeLast())
      let parameter = parts.joined(separator: ".")
      guard training.optimizer[parameter] != nil else {
        throw .badTensor(path: reader.path, tensor: dataset.path, reason: "its parameter has no step count")
      }
      training.optimizer[parameter]?.arrays[slot] = try array(dataset, dataset.path)
    }
    return training
  }
}

extension Checkpoint.Metadata {
  fileprivate init(_ root: [HDF5Attribute], extra: [HDF5Attribute]) {
    architecture = root["architecture"]?.text
    configuration = root["configuration"]?.text
    classes = AviaryFile.list(root["classes"])
    preprocessing = root["preprocessing"]?.text
    metrics = root["metrics"]?.text
    licence = root["licence"]?.text
    provenance = root["provenance"]?.text
    headAbsent = root["head"]?.text == "absent"
    frozen = AviaryFile.list(root["frozen"])
    for attribute in extra { self.extra[attribute.name] = attribute.value.text }
  }
}
