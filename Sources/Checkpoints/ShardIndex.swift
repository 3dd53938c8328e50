import AviaryArchives
import AviaryDiagnostics

/// An index of a checkpoint in several files, `model.safetensors.index.json` or `pytorch_model.bin.index.json`: a JSON
/// object whose `weight_map` names for each tensor the file that has it.
///
/// Only names of files in the folder of the index are followed.
struct ShardIndex {
  /// Files in the order in which the index first names them.
  let files: [String]
  /// Tensor and position in `files`, in the order of the index.
  let tensors: [(name: String, file: Int)]
  private let path: String

  /// Indices of the largest models have some ten thousand lines.
  private static let sizeLimit = 16 << 20

  static func matches(_ bytes: ByteRegion) -> Bool {
    let head = bytes.part(0..<min(bytes.count, 64))?.array() ?? []
    return head.first { ![0x20, 0x0a, 0x0d, 0x09].contains($0) } == UInt8(ascii: "{")
  }

  init(_ bytes: ByteRegion, path: String) throws(CheckpointFault) {
    guard bytes.count <= Self.sizeLimit else {
      throw .tooLarge(path: path, tensor: "the index", bytes: bytes.count, limit: Self.sizeLimit)
    }
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes.array()) } catch { throw .unknownFormat(path: path) }
    guard let map = json["weight_map"]?.members else { throw .unknownFormat(path: path) }
    var files: [String] = []
    var places = ExactDictionary<Int>()
    var tensors: [(name: String, file: Int)] = []
    for member in map {
      // Keras gives a layer's variables a file, or several.
      if member.name.hasPrefix("/") || member.value.text?.hasSuffix(".h5") ?? false {
        throw .unsupported(path: path, what: "an index of Keras weights in several files, which is not supported")
      }
      guard let file = member.value.text else {
        throw .malformed(path: path, part: "weight_map", reason: "'\(member.name)' has no file name")
      }
      guard Self.isPlainName(file) else {
        throw .malformed(
          path: path, part: "weight_map",
          reason: "'\(file.prefix(200))' is not the name of a file in the same folder")
      }
      if places[file] == nil {
        places[file] = files.count
        files.append(file)
      }
      tensors.append((member.name, places[file] ?? 0))
    }
    self.path = path
    self.files = files
    self.tensors = tensors
  }

  /// No separator of any system, and nothing that means a folder.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count < 256
      && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "\\" && $0 != ":" && $0.value >= 0x20 }
  }

  /// Reads every file and gathers the tensors in the order of the index.
  func read(_ options: Checkpoint.ReadOptions) throws(CheckpointFault) -> Checkpoint {
    guard !files.isEmpty else { throw .noTensors(path: path) }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    var shards: [Checkpoint] = []
    // What a weight is computed from may lie in several of the files.
    var options = options
    options.effectiveWeights = false
    for file in files { shards.append(try shard(folder + file, options)) }
    var result = Checkpoint()
    result.format = shards[0].format
    result.metadata = shards[0].metadata
    result.metadata.extra["shards"] = "\(files.count)"
    for (name, file) in tensors {
      let shard = shards[file]
      let plain = PyTorchReader.unwrapped(name, prefix: shard.metadata.extra[PyTorchReader.prefixKey] ?? "")
      guard let (own, array) = shard[name].map({ (name, $0) }) ?? shard[plain].map({ (plain, $0) }) else {
        throw .badTensor(path: path, tensor: name, reason: "it is not in \(folder + files[file])")
      }
      guard result.add(array, at: own) else { throw .duplicateTensor(path: path, tensor: own) }
    }
    for (file, shard) in zip(files, shards) {
      result.notes += shard.notes.map { "\(file): \($0)" }
      result.damage += shard.damage.map { "\(file): \($0)" }
      result.unreadable += shard.unreadable
      result.files += shard.files
      result.notes += shard.paths.filter { result[$0] == nil }.map { "\(file): \($0): the index does not name it" }
    }
    return result
  }

  private func shard(_ file: String, _ options: Checkpoint.ReadOptions) throws(CheckpointFault) -> Checkpoint {
    let mapped = try archived { () throws(ArchiveFault) in try MappedFile(path: file, access: options.access) }
    // An index within an index could lead round in a circle.
    guard !Self.matches(mapped.bytes) else {
      throw .unsupported(path: file, what: "an index instead of a part of the checkpoint \(path)")
    }
    return try Checkpoint.read(from: file, options: options)
  }
}
