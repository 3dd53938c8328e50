import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5

extension Checkpoint {
  /// Reads an HDF5 file of any of the kinds that Aviary knows.
  static func readHDF5(_ reader: HDF5Reader, _ options: ReadOptions) throws(CheckpointFault) -> Checkpoint {
    let root = reader.contents.attributes(ofGroup: "") ?? []
    if root["format"]?.text == "aviary" {
      var file = AviaryFileReader(reader, options)
      return try file.checkpoint(root)
    }
    var checkpoint = try KerasFile.read(reader, root, options)
    if options.isListing { checkpoint.list(reader) }
    return checkpoint
  }
}

/// Reads one of Aviary's own files.
private struct AviaryFileReader {
  private let reader: HDF5Reader
  private let options: Checkpoint.ReadOptions
  private var verification: ChecksumVerification

  init(_ reader: HDF5Reader, _ options: Checkpoint.ReadOptions) {
    self.reader = reader
    self.options = options
    verification = ChecksumVerification(path: reader.path)
  }

  private func malformed(_ part: String, _ reason: String) -> CheckpointFault {
    .malformed(path: reader.path, part: part, reason: reason)
  }

  mutating func checkpoint(_ root: [HDF5Attribute]) throws(CheckpointFault) -> Checkpoint {
    let attributes = AviaryAttributes(root, path: reader.path)
    let version = try attributes.version()
    guard version <= AviaryFile.version else {
      throw .newerVersion(path: reader.path, version: version, supported: AviaryFile.version)
    }
    if let refusal = reader.contents.refusals.first {
      throw .hdf5(.refused(path: reader.path, object: refusal.path, reason: refusal.reason))
    }
    guard let model = reader.contents.attributes(ofGroup: "model") else {
      throw malformed("group '/model'", "is absent")
    }
    var checkpoint = Checkpoint()
    checkpoint.format = .aviary
    checkpoint.metadata = try .init(attributes, extra: reader.contents.attributes(ofGroup: "extra") ?? [])
    checkpoint.metadata.settings = try settings()
    let contents = reader.contents.datasets
    let datasets = try modelDatasets(contents)
    checkpoint.reserveCapacity(datasets.paths.count)
    let order = try AviaryAttributes(model, path: reader.path).texts("order") ?? []
    for path in order {
      guard let index = datasets.byPath[path] else {
        throw .badTensor(path: reader.path, tensor: path, reason: "it is listed in the file's order and not there")
      }
      guard checkpoint.add(try array(contents[index], path), at: path) else {
        throw malformed("attribute 'order'", "lists '\(path)' twice")
      }
    }
    // Only what the order leaves out: a file whose order is whole, as Aviary writes it, is not looked through again.
    if checkpoint.entries.count < datasets.paths.count {
      for path in datasets.paths where checkpoint[path] == nil {
        guard let index = datasets.byPath[path] else { continue }
        checkpoint.set(try array(contents[index], path), at: path)
      }
    }
    checkpoint.trainingState = try trainingState()
    try verification.run()
    return checkpoint
  }

  /// Every number that is an attribute of a layer. What a network does not know it passes over when it is loaded.
  private func settings() throws(CheckpointFault) -> [String: Double] {
    var settings: [String: Double] = [:]
    for group in reader.contents.groups where group.path == "model" || group.path.hasPrefix("model/") {
      let layer = AviaryFile.path(group.path.dropFirst("model/".count))
      for attribute in group.attributes {
        let name = layer.isEmpty ? attribute.name : layer + "." + attribute.name
        if let value = attribute.value.real ?? attribute.value.integer.map(Double.init) {
          settings[name] = value
        } else if Checkpoint.meaningfulSettings.contains(attribute.name) {
          throw malformed("attribute '\(name)'", "is not a number")
        }
      }
    }
    return settings
  }

  /// No two of them have one path: the HDF5 reader refuses a group in which two objects have one name.
  private func modelDatasets(_ contents: [HDF5Contents.Dataset]) throws(CheckpointFault) -> (
    byPath: ExactDictionary<Int>, paths: [String]
  ) {
    var byPath = ExactDictionary<Int>(capacity: contents.count)
    var paths: [String] = []
    paths.reserveCapacity(contents.count)
    for (index, dataset) in contents.enumerated() where dataset.path.hasPrefix("model/") {
      let name = dataset.path.dropFirst("model/".count)
      guard !name.utf8.contains(UInt8(ascii: ".")) else {
        throw .forbiddenName(path: reader.path, tensor: String(name), reason: "a name in the file contains a dot")
      }
      let path = AviaryFile.path(name)
      byPath[path] = index
      paths.append(path)
    }
    return (byPath, paths)
  }

  private mutating func array(
    _ dataset: HDF5Contents.Dataset, _ tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    let array = try AviaryFile.array(dataset, reader, tensor: tensor, options.unpacking)
    if options.verify {
      if options.isListing, array.bytes.isDeferred { try array.check() }
      try verification.add(tensor, array.bytes, stored: dataset.attributes["crc32c"])
    }
    return array
  }

  private mutating func trainingState() throws(CheckpointFault) -> Checkpoint.TrainingState? {
    let slots = reader.contents.datasets.filter { $0.path.hasPrefix("optimizer/") }
    let attributes = reader.contents.attributes(ofGroup: "training")
    guard attributes != nil || !slots.isEmpty else { return nil }
    var training = Checkpoint.TrainingState()
    training.state = try AviaryAttributes(attributes ?? [], path: reader.path).json("state")
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
        throw .badTensor(path: reader.path, tensor: dataset.path, reason: "its parameter has no attribute 'step'")
      }
      training.optimizer[parameter]?.arrays[slot] = try array(dataset, dataset.path)
    }
    let prefix = AviaryFile.averages + "."
    for (path, slots) in training.optimizer where path.hasPrefix(prefix) {
      guard let average = slots.arrays["average"] else {
        throw .badTensor(path: reader.path, tensor: path, reason: "the average of a parameter is absent")
      }
      training.optimizer[path] = nil
      training.averages[String(path.dropFirst(prefix.count))] = average
    }
    return training
  }
}
