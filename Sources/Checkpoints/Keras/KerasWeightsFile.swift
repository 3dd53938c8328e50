import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5

/// The layout of Keras 3's `.weights.h5`: groups by class and number, `layers/dense_1/vars/0`, with arrays in the order in
/// which the layer creates them. TensorFlow 2.12 and 2.13 write `_layer_checkpoint_dependencies` for `layers`, and on
/// Windows names contain backslashes.
enum KerasWeightsFile {
  private static let containers: Set<Substring> = ["layers", "_layer_checkpoint_dependencies"]

  /// The parts of a dataset's or group's path.
  struct Location {
    /// The layer's group: `dense_1`, `sequential/dense_1`.
    let place: String
    /// The rest: `vars/0`, `forward_layer/cell/vars/2`.
    let rest: String

    init?(_ path: String) {
      var parts = path.split(whereSeparator: { $0 == "/" || $0 == "\\" })[...]
      var place: [Substring] = []
      while parts.count >= 2, let first = parts.first {
        let second = parts[parts.startIndex + 1]
        if KerasWeightsFile.containers.contains(first) {
          place.append(second)
          parts = parts.dropFirst(2)
        } else if first == "layer", !place.isEmpty, KerasWeightsFile.containers.contains(second) {
          // The model that a TimeDistributed wraps.
          place.append(first)
          parts = parts.dropFirst()
        } else {
          break
        }
      }
      guard !place.isEmpty else { return nil }
      self.place = place.joined(separator: "/")
      rest = parts.joined(separator: "/")
    }
  }

  static func matches(_ contents: HDF5Contents) -> Bool {
    contents.datasets.contains { dataset in
      Location(dataset.path)?.rest.split(separator: "/").contains("vars") ?? false
    }
  }

  /// The layers of the arrays in `checkpoint`, whose paths are the file's.
  static func model(
    _ checkpoint: Checkpoint, groups: [HDF5Contents.Group], configuration: JSONValue?, version: String?
  ) -> KerasModel {
    var weights = ExactDictionary<[KerasModel.Weight]>()
    var order: [String] = []
    for entry in checkpoint.entries {
      // Dropout layers store the states of their random generators like weights.
      guard let location = Location(entry.path), !location.rest.hasPrefix("seed_generator") else { continue }
      if weights[location.place] == nil { order.append(location.place) }
      weights[location.place, default: []].append(.init(name: location.rest, array: entry.array, path: entry.path))
    }
    var names = ExactDictionary<String>()
    for group in groups {
      guard let location = Location(group.path), location.rest == "vars" else { continue }
      names[location.place] = group.attributes["name"]?.text
    }
    let configured = KerasLayers.entries(of: configuration)
    let entries = ExactDictionary(configured.map { ($0.place, $0) })
    let places =
      configured.map(\.place).filter { weights[$0] != nil }
      + order.filter { entries[$0] == nil }.sorted { split($0) < split($1) }
    // A name that occurs twice identifies nothing.
    let counts = Dictionary(grouping: places) { ExactText(names[$0] ?? $0) }.mapValues(\.count)
    let layers = places.map { place in
      let known = entries[place]
      let name = names[place].flatMap { counts[ExactText($0)] == 1 ? $0 : nil }
      return KerasModel.Layer(
        name: known?.name ?? name ?? place, kind: known?.kind ?? split(place).kind,
        configuration: known?.configuration, weights: (weights[place] ?? []).sorted { split($0.name) < split($1.name) },
        place: known == nil ? nil : place)
    }
    return KerasModel(
      layers: layers, isOrdered: places.allSatisfy { entries[$0] != nil }, version: version ?? "3", backend: nil,
      configuration: configuration)
  }

  /// The datasets with those that are numbered within a group in the order of the numbers: `vars/10` after `vars/9`.
  static func numbered(_ datasets: [HDF5Contents.Dataset]) -> [HDF5Contents.Dataset] {
    func split(_ path: String) -> (group: Substring, number: Int)? {
      guard let slash = path.lastIndex(of: "/"), let number = Int(path[path.index(after: slash)...]) else { return nil }
      return (path[..<slash], number)
    }
    var result: [HDF5Contents.Dataset] = []
    var run: [(number: Int, dataset: HDF5Contents.Dataset)] = []
    var group: Substring?
    func ordered() -> [HDF5Contents.Dataset] { run.sorted { $0.number < $1.number }.map(\.dataset) }
    for dataset in datasets {
      let place = split(dataset.path)
      if place == nil || place?.group != group {
        result += ordered()
        run = []
      }
      group = place?.group
      if let place { run.append((place.number, dataset)) } else { result.append(dataset) }
    }
    return result + ordered()
  }

  /// A name and the number at its end, so that 10 sorts after 2.
  private static func split(_ name: String) -> (kind: String, number: Int) {
    let last = name.split(separator: "/").last.map(String.init) ?? name
    let digits = String(last.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
    guard !digits.isEmpty, let number = Int(digits) else { return (name, 0) }
    let base = name.dropLast(digits.count)
    if base.hasSuffix("_") { return (String(base.dropLast()), number) }
    return base.isEmpty || base.hasSuffix("/") ? (String(base), number) : (name, 0)
  }
}

/// Keras 3's weights in several files: `NAME.weights.json` maps groups to the files `NAME_00000.weights.h5` …
enum KerasShards {
  /// Real index files have one line per layer.
  static let sizeLimit = 64 << 20
  static let countLimit = 10_000

  static func matches(_ bytes: ByteRegion, path: String) -> Bool {
    path.hasSuffix(".weights.json") && bytes.count > 0 && bytes.count <= sizeLimit
  }

  static func read(
    _ bytes: ByteRegion, path: String, _ options: Checkpoint.ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    func malformed(_ reason: String) -> CheckpointFault { .malformed(path: path, part: "the index", reason: reason) }
    let index: JSONValue
    do { index = try JSONValue(parsing: bytes.array()) } catch {
      throw malformed("\(error.reason), at byte \(error.offset)")
    }
    guard let map = index["weight_map"]?.members, !map.isEmpty else { throw malformed("it has no weight_map") }
    var files: [String] = []
    var known = ExactSet()
    for group in map {
      for file in group.value.elements ?? [group.value] {
        guard let name = file.text, !name.isEmpty, !name.contains("/"), !name.contains("\\"), name != "..", name != "."
        else { throw malformed("'\(group.name)' is not in a file of the same folder") }
        if known.insert(name) { files.append(name) }
      }
    }
    guard files.count <= countLimit else { throw malformed("it names more than \(countLimit) files") }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var checkpoint = Checkpoint()
    checkpoint.format = .kerasWeights
    var groups: [HDF5Contents.Group] = []
    for file in files {
      let part = folder + file
      let mapped = try archived { () throws(ArchiveFault) in try MappedFile(path: part, access: options.access) }
      if case .never = options.unpacking { checkpoint.files.append(mapped) }
      let reader = try hdf5 { () throws(HDF5Fault) in try HDF5Reader(bytes: mapped.bytes, path: part) }
      let own = try KerasFile.read(reader, reader.contents.attributes(ofGroup: "") ?? [], options)
      checkpoint.damage += own.damage.map { "\(file): \($0)" }
      guard own.format == .kerasWeights || own.entries.isEmpty else {
        throw .malformed(path: part, part: "the file", reason: "does not hold Keras 3 weights")
      }
      for entry in own.entries where !checkpoint.add(entry.array, at: entry.path) {
        throw .duplicateTensor(path: part, tensor: entry.path)
      }
      groups += reader.contents.groups
      checkpoint.notes += own.notes
      checkpoint.unreadable += own.unreadable
    }
    checkpoint.kerasModel = KerasWeightsFile.model(checkpoint, groups: groups, configuration: nil, version: nil)
    return checkpoint
  }
}
