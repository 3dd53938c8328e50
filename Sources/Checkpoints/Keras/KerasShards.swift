import AviaryArchives
import AviaryHDF5

/// Keras 3's weights in several files: `NAME.weights.json` says which groups are in which of `NAME_00000.weights.h5` …
enum KerasShards {
  /// Real indices have a line a layer.
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
    var known: Set<String> = []
    for group in map {
      for file in group.value.elements ?? [group.value] {
        guard let name = file.text, !name.isEmpty, !name.contains("/"), !name.contains("\\"), name != "..", name != "."
        else { throw malformed("'\(group.name)' is not in a file of the same folder") }
        if known.insert(name).inserted { files.append(name) }
      }
    }
    guard files.count <= countLimit else { throw malformed("it names more than \(countLimit) files") }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var checkpoint = Checkpoint()
    checkpoint.format = .kerasWeights
    var groups: [HDF5Contents.Group] = []
    for file in files {
      let part = folder + file
      let reader: HDF5Reader
      do { reader = try HDF5Reader(path: part, map: options.map) } catch { throw .hdf5(error) }
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
    }
    checkpoint.kerasModel = KerasWeightsFile.model(checkpoint, groups: groups, configuration: nil, version: nil)
    return checkpoint
  }
}
