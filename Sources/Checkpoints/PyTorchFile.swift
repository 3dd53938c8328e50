import AviaryArchives

/// PyTorch's `.pth`, `.pt`, `.th`: the zip container since 1.6, and the legacy one of 0.1.10 to 1.5.
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

  static func read(_ archive: ZipArchive, path: String) throws(CheckpointFault) -> Checkpoint {
    guard let pickle = archive.members.first(where: { isRecord("data.pkl", $0.name) }) else {
      throw .unsupported(path: path, what: "a ZIP archive without data.pkl or model.weights.h5, which is no checkpoint")
    }
    let root = String(pickle.name.dropLast("data.pkl".count))
    if archive.member(named: root + "constants.pkl") != nil {
      throw .unsupported(
        path: path,
        what: "a TorchScript archive, which holds code; save it again with torch.save(model.state_dict(), …)")
    }
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
    var reader = PyTorchReader(graph: graph, path: path, storages: storages)
    return try reader.read(format: .pytorchZip)
  }

  private static func isRecord(_ record: String, _ name: String) -> Bool {
    name == record || (name.hasSuffix("/" + record) && name.split(separator: "/").count == 2)
  }

  private static func unpickled(
    _ bytes: ByteRegion, at offset: Int, path: String
  ) throws(CheckpointFault) -> PickleGraph {
    do { return try PickleGraph(bytes, at: offset, path: path) } catch { throw .pickle(error) }
  }

  // MARK: legacy

  /// Magic number, protocol version, facts about the machine, the object, the list of storages; then each storage as a
  /// count of elements and its bytes.
  static func readLegacy(_ bytes: ByteRegion, path: String) throws(CheckpointFault) -> Checkpoint {
    var offset = 0
    var graphs: [PickleGraph] = []
    for _ in 0..<5 {
      let graph = try unpickled(bytes, at: offset, path: path)
      offset = graph.end
      graphs.append(graph)
    }
    let system = graphs[2]
    var bigEndian = false
    for pair in system.pairs(system.root) ?? [] where system.text(pair.key) == "little_endian" {
      bigEndian = system.integer(pair.value) == 0
    }
    let keys = graphs[4].elements(graphs[4].root) ?? []
    let object = graphs[3]
    let types = storageTypes(object)
    var regions: [String: ByteRegion] = [:]
    for index in keys {
      guard let key = graphs[4].text(index), let type = types[key] else {
        throw .malformed(path: path, part: "the list of storages", reason: "names one that no tensor has")
      }
      guard let head = bytes.part(from: offset, count: 8)?.array() else {
        throw .archive(
          .truncated(
            path: path, part: "the size of storage '\(key)'", needed: 8, available: max(0, bytes.count - offset)))
      }
      // Written in the order of the machine that saved it.
      let ordered = bigEndian ? head : head.reversed()
      let count = ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(type.size))
      offset += 8
      guard !overflow, size <= UInt64(bytes.count - offset),
        let region = bytes.part(from: offset, count: Int(size))
      else {
        throw .archive(
          .truncated(
            path: path, part: "storage '\(key)'", needed: Int(clamping: overflow ? .max : size),
            available: bytes.count - offset))
      }
      regions[key] = region
      offset += Int(size)
    }
    let storages = PyTorchStorages(path: path, bigEndian: bigEndian, fileSize: bytes.count, loaded: regions)
    var reader = PyTorchReader(graph: object, path: path, storages: storages)
    return try reader.read(format: .pytorchLegacy)
  }

  /// The element type of every storage that the object refers to.
  private static func storageTypes(_ graph: PickleGraph) -> [String: Dtype] {
    var types: [String: Dtype] = [:]
    for value in graph.values {
      guard case .persistent(let index) = value, let reference = StorageReference(graph, index) else { continue }
      types[reference.key] = reference.dtype
    }
    return types
  }
}

/// What a pickle says about a storage: `('storage', type, key, location, count)`, with a view in old files.
struct StorageReference {
  let key: String
  let dtype: Dtype
  /// Where a legacy file says that this storage is a part of another: first element and count.
  let view: (offset: Int, count: Int)?

  init?(_ graph: PickleGraph, _ index: PickleGraph.Index) {
    guard let parts = graph.elements(index), parts.count >= 5, graph.text(parts[0]) == "storage",
      let name = graph.globalName(parts[1]), let dtype = Self.dtype(ofStorage: name), let key = graph.text(parts[2])
    else { return nil }
    self.key = key
    self.dtype = dtype
    if parts.count >= 6, let view = graph.elements(parts[5]), view.count == 3,
      let offset = graph.integer(view[1]), let count = graph.integer(view[2])
    {
      self.view = (offset, count)
    } else {
      view = nil
    }
  }

  /// From `torch.FloatStorage` and its like; an untyped storage counts bytes.
  private static func dtype(ofStorage name: String) -> Dtype? {
    guard name.hasPrefix("torch."), let last = name.split(separator: ".").last, last.hasSuffix("Storage") else {
      return nil
    }
    return storages[String(last.dropLast("Storage".count))]
  }

  private static let storages: [String: Dtype] = [
    "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Long": .int64, "Int": .int32,
    "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool, "ComplexFloat": .complex64,
    "ComplexDouble": .complex128, "ComplexHalf": .complex32, "Untyped": .uint8,
  ]

  /// From `torch.float32` and its like.
  static func dtype(named name: String) -> Dtype? {
    guard name.hasPrefix("torch.") else { return nil }
    let short = String(name.dropFirst("torch.".count))
    let others: [String: Dtype] = [
      "float": .float32, "double": .float64, "half": .float16, "long": .int64, "int": .int32, "short": .int16,
      "float8_e4m3fn": .opaque8, "float8_e5m2": .opaque8, "float8_e4m3fnuz": .opaque8, "float8_e5m2fnuz": .opaque8,
      "float8_e8m0fnu": .opaque8,
    ]
    return Dtype(rawValue: short) ?? others[short]
  }
}

/// The bytes of storages, found once each.
struct PyTorchStorages {
  let path: String
  let bigEndian: Bool
  /// Bytes of the whole file.
  let fileSize: Int
  var loaded: [String: ByteRegion] = [:]
  /// Finds a storage not loaded yet; `nil` where all are loaded from the start.
  var load: ((String) throws(CheckpointFault) -> ByteRegion)?

  init(path: String, bigEndian: Bool, fileSize: Int, loaded: [String: ByteRegion] = [:]) {
    self.path = path
    self.bigEndian = bigEndian
    self.fileSize = fileSize
    self.loaded = loaded
  }

  mutating func bytes(of key: String, tensor: String) throws(CheckpointFault) -> ByteRegion {
    if let found = loaded[key] { return found }
    guard let load else {
      throw .badTensor(path: path, tensor: tensor, reason: "its storage '\(key)' is not in the file")
    }
    let bytes = try load(key)
    loaded[key] = bytes
    return bytes
  }
}
