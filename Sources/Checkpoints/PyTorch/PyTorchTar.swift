import AviaryArchives
import AviaryDiagnostics

/// The tar archive that PyTorch wrote before 0.1.10: members `sys_info`, `storages`, `tensors` and `pickle`.
///
/// `storages` is a pickled count, then for each a pickle `(key, location, type)`, the number of elements in eight bytes,
/// and the elements; at its end a pickled list of views, `(key, key of the whole, first element, count)`. `tensors` is a
/// pickled count, then for each a pickle `(key, key of its storage, type)` and in little-endian numbers: the rank in four
/// bytes, four unused bytes, the extents, the strides and the first element in eight bytes each. `pickle` is the object;
/// its persistent references are keys of tensors and storages.
extension PyTorchFile {
  /// Where a tensor of a tar archive lies.
  struct TarTensor {
    let storage: String
    let dtype: Dtype
    let shape: [Int]
    let strides: [Int]
    let offset: Int
  }

  static func readTar(_ bytes: ByteRegion, path: String, weightsKey: String?) throws(CheckpointFault) -> Checkpoint {
    let archive = try archived { () throws(ArchiveFault) in try TarArchive(bytes, path: path) }
    guard archive.member(named: "pickle") != nil, archive.member(named: "storages") != nil else {
      throw .unsupported(
        path: path, what: "not a checkpoint: a tar archive without the members pickle and storages; unpack it")
    }
    func contents(_ name: String) throws(CheckpointFault) -> ByteRegion {
      try archived { () throws(ArchiveFault) in try archive.contents(named: name) }
    }
    var bigEndian = false
    if archive.member(named: "sys_info") != nil {
      let system = try unpickled(try contents("sys_info"), at: 0, path: path)
      for pair in system.pairs(system.root) ?? [] where system.text(pair.key) == "little_endian" {
        bigEndian = system.integer(pair.value) == 0
      }
    }
    var reading = TarReading(path: path, bigEndian: bigEndian)
    try reading.readStorages(try contents("storages"))
    // Archives of tensors that the pickle describes itself do without.
    if archive.member(named: "tensors") != nil { try reading.readTensors(try contents("tensors")) }
    let graph = try unpickled(try contents("pickle"), at: 0, path: path)
    let storages = PyTorchStorages(
      path: path, bigEndian: bigEndian, fileSize: archive.size, loaded: reading.regions)
    var reader = PyTorchReader(graph: graph, path: path, storages: storages, weightsKey: weightsKey)
    reader.tarTensors = reading.tensors
    reader.storagesArePlain = true
    return try reader.read(format: .pytorchTar)
  }
}

/// Reads `storages` and `tensors`, in which pickles and raw numbers follow one another.
private struct TarReading {
  let path: String
  let bigEndian: Bool
  var regions = ExactDictionary<ByteRegion>()
  var types = ExactDictionary<Dtype>()
  var tensors = ExactDictionary<PyTorchFile.TarTensor>()

  init(path: String, bigEndian: Bool) {
    self.path = path
    self.bigEndian = bigEndian
  }

  private func bad(_ member: String, _ reason: String) -> CheckpointFault {
    .malformed(path: path, part: "member '\(member)'", reason: reason)
  }

  private func key(_ graph: PickleGraph, _ index: PickleGraph.Index) -> String? {
    graph.text(index) ?? graph.integer(index).map(String.init)
  }

  /// The number that a member begins with. Each of what it counts takes bytes, so that a false one ends in a fault.
  private func count(_ bytes: ByteRegion, _ offset: inout Int, _ member: String) throws(CheckpointFault) -> Int {
    let graph = try PyTorchFile.unpickled(bytes, at: 0, path: path)
    offset = graph.end
    guard let count = graph.integer(graph.root), count >= 0, count <= bytes.count else {
      throw bad(member, "does not begin with a number")
    }
    return count
  }

  mutating func readStorages(_ bytes: ByteRegion) throws(CheckpointFault) {
    var offset = 0
    for _ in 0..<(try count(bytes, &offset, "storages")) {
      let graph = try PyTorchFile.unpickled(bytes, at: offset, path: path)
      offset = graph.end
      guard let parts = graph.elements(graph.root), parts.count == 3, let key = key(graph, parts[0]),
        let name = graph.globalName(parts[2])
      else { throw bad("storages", "an entry is not a key, a location and a type") }
      guard let dtype = StorageReference.dtype(ofStorage: name) else {
        throw .unsupported(path: path, what: "a storage of type \(name) is not supported")
      }
      types[key] = dtype
      regions[key] = try PyTorchFile.storage(
        in: bytes, at: &offset, elementSize: dtype.size, bigEndian: bigEndian, key: key, path: path)
    }
    // Later tools leave the list of views out.
    guard offset < bytes.count else { return }
    let views = try PyTorchFile.unpickled(bytes, at: offset, path: path)
    for view in views.elements(views.root) ?? [] {
      guard let parts = views.elements(view), parts.count == 4, let key = key(views, parts[0]),
        let whole = self.key(views, parts[1]), let first = views.integer(parts[2]), let count = views.integer(parts[3]),
        let dtype = types[whole], let region = regions[whole]
      else { throw bad("storages", "a view is not a key, a storage, a place and a count") }
      let (begin, overflow) = first.multipliedReportingOverflow(by: dtype.size)
      let (size, carry) = count.multipliedReportingOverflow(by: dtype.size)
      guard !overflow, !carry, let part = region.part(from: begin, count: size) else {
        throw bad("storages", "view '\(key)' reaches outside of storage '\(whole)'")
      }
      types[key] = dtype
      regions[key] = part
    }
  }

  mutating func readTensors(_ bytes: ByteRegion) throws(CheckpointFault) {
    var offset = 0
    for _ in 0..<(try count(bytes, &offset, "tensors")) {
      let graph = try PyTorchFile.unpickled(bytes, at: offset, path: path)
      offset = graph.end
      guard let parts = graph.elements(graph.root), parts.count == 3, let key = key(graph, parts[0]),
        let storage = self.key(graph, parts[1])
      else { throw bad("tensors", "an entry is not a key, a storage and a type") }
      guard let dtype = types[storage] else {
        throw bad("tensors", "'\(key)' refers to storage '\(storage)', which does not exist")
      }
      let rank = try numbers(bytes, &offset, 1)[0] & 0xffff_ffff
      guard rank <= 64 else { throw bad("tensors", "'\(key)' has \(rank) axes") }
      tensors[key] = .init(
        storage: storage, dtype: dtype, shape: try numbers(bytes, &offset, rank),
        strides: try numbers(bytes, &offset, rank), offset: try numbers(bytes, &offset, 1)[0])
    }
  }

  private func numbers(_ bytes: ByteRegion, _ offset: inout Int, _ count: Int) throws(CheckpointFault) -> [Int] {
    guard let part = bytes.part(from: offset, count: 8 * count) else {
      throw .archive(
        .truncated(path: path, part: "member 'tensors'", needed: 8 * count, available: max(0, bytes.count - offset)))
    }
    offset += 8 * count
    return part.mapValues(of: Int64.self) { Int(Int64(littleEndian: $0)) }
  }
}
