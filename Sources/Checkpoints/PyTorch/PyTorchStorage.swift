import AviaryArchives
import AviaryDiagnostics

/// What a pickle says about a storage: `('storage', type, key, location, count)`, with a view in old files.
struct StorageReference {
  let key: String
  let dtype: Dtype
  /// Where a legacy file says that this storage is a part of another: first element and count.
  let view: (offset: Int, count: Int)?

  init?(_ graph: PickleGraph, _ index: PickleGraph.Index) {
    guard let parts = graph.elements(index), parts.count >= 5, graph.text(parts[0]) == "storage",
      let name = graph.globalName(parts[1]), let dtype = Self.dtype(ofStorage: name),
      let key = graph.text(parts[2]) ?? graph.integer(parts[2]).map(String.init)
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
  static func dtype(ofStorage name: String) -> Dtype? {
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
      "cfloat": .complex64, "cdouble": .complex128, "chalf": .complex32,
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
  var loaded = ExactDictionary<ByteRegion>()
  /// Finds a storage not loaded yet; `nil` where all are loaded from the start.
  var load: ((String) throws(CheckpointFault) -> ByteRegion)?

  init(
    path: String, bigEndian: Bool, fileSize: Int, loaded: ExactDictionary<ByteRegion> = ExactDictionary()
  ) {
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
