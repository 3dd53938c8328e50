import AviaryArchives
import AviaryDiagnostics

/// PyTorch's `.pth`, `.pt`, `.th`: the zip container since 1.6, the legacy one of 0.1.10 to 1.5, and the tar of before.
enum PyTorchFile {
  /// The first pickle of a legacy file is this number, a magic one.
  private static let magic: [UInt8] = [
    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
  ]

  static func matchesLegacy(_ bytes: ByteRegion) -> Bool {
    guard let head = bytes.part(0..<2)?.array(), head[0] == 0x80 else { return false }
    if bytes.part(from: 2, count: magic.count)?.array() == magic { return true }
    // Protocol 4 puts a frame of eleven bytes before the number.
    return bytes.part(from: 11, count: magic.count)?.array() == magic
  }

  // MARK: zip

  static func read(
    _ archive: ZipArchive, path: String, weightsKey: String?
  ) throws(CheckpointFault) -> Checkpoint {
    guard let pickle = archive.members.first(where: { isRecord("data.pkl", $0.name) }) else {
      throw .unsupported(path: path, what: advice(on: archive))
    }
    let root = String(pickle.name.dropLast("data.pkl".count))
    let isScript = archive.member(named: root + "constants.pkl") != nil
    var bigEndian = false
    if let order = archive.member(named: root + "byteorder") {
      let text = try archived { () throws(ArchiveFault) in try archive.contents(of: order) }
      bigEndian = text.array() == Array("big".utf8)
    }
    let bytes = try archived { () throws(ArchiveFault) in try archive.contents(of: pickle) }
    let graph = try unpickled(bytes, at: 0, path: path)
    var storages = PyTorchStorages(path: path, bigEndian: bigEndian, fileSize: archive.size)
    storages.load = { (key) throws(CheckpointFault) in
      try archived { () throws(ArchiveFault) in try archive.contents(named: "\(root)data/\(key)") }
    }
    var reader = PyTorchReader(graph: graph, path: path, storages: storages, weightsKey: weightsKey)
    reader.isScript = isScript
    var checkpoint = try reader.read(format: .pytorchZip)
    if let member = archive.member(named: root + PyTorchWriter.metadataMember) {
      let text = try archived { () throws(ArchiveFault) in try archive.contents(of: member) }
      try checkpoint.metadata.take(json: text, of: PyTorchWriter.metadataMember, path: path)
    }
    return checkpoint
  }

  /// What a ZIP archive is that is no checkpoint, and what to do.
  private static func advice(on archive: ZipArchive) -> String {
    let names = archive.members.map(\.name)
    if names.contains(where: { $0.hasSuffix("/archive_format") || $0.hasSuffix("serialized_exported_program.json") }) {
      return "a program of torch.export; save the model's own weights with torch.save(model.state_dict(), …)"
    }
    let endings = [".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".h5", ".keras", ".npz", ".pkl"]
    if let file = names.first(where: { name in endings.contains { name.lowercased().hasSuffix($0) } }) {
      return "a ZIP archive around '\(file.prefix(200))'; unpack it and give that file"
    }
    return "not a checkpoint: a ZIP archive without data.pkl or model.weights.h5"
  }

  private static func isRecord(_ record: String, _ name: String) -> Bool {
    name == record || (name.hasSuffix("/" + record) && name.split(separator: "/").count == 2)
  }

  static func unpickled(
    _ bytes: ByteRegion, at offset: Int, path: String
  ) throws(CheckpointFault) -> PickleGraph {
    do { return try PickleGraph(bytes, at: offset, path: path) } catch { throw .pickle(error) }
  }

  // MARK: legacy

  /// What a legacy file is: magic number, protocol version, facts about the machine, the object, the list of storages; then
  /// each storage as a count of elements and its bytes.
  private struct Legacy {
    let object: PickleGraph
    var bigEndian = false
    var storages = ExactDictionary<ByteRegion>()

    init(_ bytes: ByteRegion, path: String) throws(CheckpointFault) {
      var offset = 0
      var graphs: [PickleGraph] = []
      for _ in 0..<5 {
        let graph = try unpickled(bytes, at: offset, path: path)
        offset = graph.end
        graphs.append(graph)
      }
      let system = graphs[2]
      for pair in system.pairs(system.root) ?? [] where system.text(pair.key) == "little_endian" {
        bigEndian = system.integer(pair.value) == 0
      }
      object = graphs[3]
      let types = storageTypes(object)
      for index in graphs[4].elements(graphs[4].root) ?? [] {
        guard let key = graphs[4].text(index), let type = types[key] else {
          throw .malformed(path: path, part: "the list of storages", reason: "names one that no tensor has")
        }
        storages[key] = try storage(
          in: bytes, at: &offset, elementSize: type.size, bigEndian: bigEndian, key: key, path: path)
      }
    }
  }

  static func readLegacy(
    _ bytes: ByteRegion, path: String, weightsKey: String?
  ) throws(CheckpointFault) -> Checkpoint {
    let file = try Legacy(bytes, path: path)
    let storages = PyTorchStorages(
      path: path, bigEndian: file.bigEndian, fileSize: bytes.count, loaded: file.storages)
    var reader = PyTorchReader(graph: file.object, path: path, storages: storages, weightsKey: weightsKey)
    return try reader.read(format: .pytorchLegacy)
  }

  // MARK: plain pickles

  /// Whether a file may be a pickle that Python wrote without PyTorch: of protocols 2 to 5, which say so, or of an older one,
  /// which begins with a container or a name and ends with a full stop.
  static func matchesPickle(_ bytes: ByteRegion) -> Bool {
    guard let head = bytes.part(0..<2)?.array() else { return false }
    if head[0] == 0x80 { return (2...5).contains(head[1]) }
    return Array("(c}]".utf8).contains(head[0]) && bytes.part(from: bytes.count - 1, count: 1)?.array() == [0x2e]
  }

  /// A plain pickle: each storage is the bytes of a legacy file within.
  static func readPickle(
    _ bytes: ByteRegion, path: String, weightsKey: String?
  ) throws(CheckpointFault) -> Checkpoint {
    let graph: PickleGraph
    do { graph = try PickleGraph(bytes, path: path) } catch {
      if isOfJoblib(bytes) {
        throw .unsupported(
          path: path,
          what: "a joblib file, which keeps arrays between a pickle's instructions; save them with numpy.savez(…)")
      }
      // Without a protocol the first bytes say little.
      if bytes.part(0..<1)?.array() == [0x80] { throw .pickle(error) }
      throw .unknownFormat(path: path)
    }
    let storages = PyTorchStorages(path: path, bigEndian: false, fileSize: bytes.count)
    var reader = PyTorchReader(graph: graph, path: path, storages: storages, weightsKey: weightsKey)
    return try reader.read(format: .pickle)
  }

  /// Whether the beginning of a pickle names joblib's place for an array.
  private static func isOfJoblib(_ bytes: ByteRegion) -> Bool {
    let head = bytes.part(0..<min(bytes.count, 4096))?.array() ?? []
    return String(decoding: head, as: UTF8.self).contains("joblib.numpy_pickle")
  }

  /// The storage that a legacy file within a pickle holds, in the byte order of this machine; nil where it is none.
  static func embeddedStorage(
    _ bytes: ByteRegion, path: String
  ) throws(CheckpointFault) -> (dtype: Dtype, bytes: ByteRegion)? {
    guard matchesLegacy(bytes) else { return nil }
    let file = try Legacy(bytes, path: path)
    guard case .persistent(let index) = file.object[file.object.root],
      let reference = StorageReference(file.object, index), let whole = file.storages[reference.key]
    else { return nil }
    var region = whole
    if let view = reference.view {
      let (begin, overflow) = view.offset.multipliedReportingOverflow(by: reference.dtype.size)
      let (size, carry) = view.count.multipliedReportingOverflow(by: reference.dtype.size)
      guard !overflow, !carry, let part = whole.part(from: begin, count: size) else { return nil }
      region = part
    }
    if file.bigEndian {
      let count = region.count / reference.dtype.size
      guard let array = StoredArray(dtype: reference.dtype, shape: [count], bytes: region) else { return nil }
      region = array.byteSwapped().bytes
    }
    return (reference.dtype, region)
  }

  // MARK: storages

  /// A storage as legacy files and tar archives keep it: the number of elements in eight bytes, and the elements.
  static func storage(
    in bytes: ByteRegion, at offset: inout Int, elementSize: Int, bigEndian: Bool, key: String, path: String
  ) throws(CheckpointFault) -> ByteRegion {
    guard let head = bytes.part(from: offset, count: 8)?.array() else {
      throw .archive(
        .truncated(
          path: path, part: "the size of storage '\(key)'", needed: 8, available: max(0, bytes.count - offset)))
    }
    // Written in the order of the machine that saved it.
    let ordered = bigEndian ? head : head.reversed()
    let count = ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(elementSize))
    offset += 8
    guard !overflow, size <= UInt64(bytes.count - offset), let region = bytes.part(from: offset, count: Int(size))
    else {
      throw .archive(
        .truncated(
          path: path, part: "storage '\(key)'", needed: Int(clamping: overflow ? .max : size),
          available: bytes.count - offset))
    }
    offset += Int(size)
    return region
  }

  /// The element type of every storage that the object refers to.
  private static func storageTypes(_ graph: PickleGraph) -> ExactDictionary<Dtype> {
    var types = ExactDictionary<Dtype>()
    for value in graph.values {
      guard case .persistent(let index) = value, let reference = StorageReference(graph, index) else { continue }
      // The storage was made with the type that stands first.
      if types[reference.key] == nil { types[reference.key] = reference.dtype }
    }
    return types
  }
}
