import AviaryArchives

/// Writes the zip container of PyTorch 1.6 and later, for `torch.load(weights_only=True)`: a pickled `OrderedDict` of
/// tensors, and each storage as a stored member at a multiple of 64 bytes.
///
/// Tensors that share their bytes share a storage, so that tied weights stay tied. What is known about the model is in
/// a member of its own, `.aviary/metadata.json`, which PyTorch passes over.
enum PyTorchWriter {
  static let metadataMember = ".aviary/metadata.json"

  /// Bytes that several tensors may have in common.
  private struct Place: Hashable {
    let address: UInt
    let count: Int
    let dtype: Dtype
  }

  static func write(_ checkpoint: Checkpoint, to path: String) throws(CheckpointFault) {
    var keys: [Place: Int] = [:]
    var storages: [ByteRegion] = []
    var described: [(name: String, array: StoredArray, key: Int)] = []
    for entry in checkpoint.entries {
      guard names[entry.array.dtype] != nil else {
        throw .unwritableType(path: path, tensor: entry.path, dtype: entry.array.dtype)
      }
      let bytes = entry.array.bytes
      let place = bytes.pinned.map { Place(address: $0.address, count: bytes.count, dtype: entry.array.dtype) }
      if let place, bytes.count > 0, let key = keys[place] {
        described.append((entry.path, entry.array, key))
        continue
      }
      if let place { keys[place] = storages.count }
      described.append((entry.path, entry.array, storages.count))
      storages.append(bytes)
    }

    var writer = ZipWriter()
    func add(_ name: String, _ bytes: [UInt8]) { writer.add("archive/" + name, ByteRegion(bytes)) }
    add("data.pkl", pickle(described))
    add(".format_version", Array("1".utf8))
    add(".storage_alignment", Array("\(ZipWriter.alignment)".utf8))
    add("byteorder", Array("little".utf8))
    let texts = checkpoint.metadata.texts
    if !texts.isEmpty {
      let members = texts.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .text($0.value)) }
      add(metadataMember, Array(JSONValue.object(members).serialized.utf8))
    }
    for (key, storage) in storages.enumerated() { writer.add("archive/data/\(key)", storage) }
    add("version", Array("3\n".utf8))
    try archived { () throws(ArchiveFault) in try writeDurably(writer.finished(), to: path) }
  }

  private static func pickle(_ tensors: [(name: String, array: StoredArray, key: Int)]) -> [UInt8] {
    var pickle = PickleWriter()
    func emptyDictionary(_ pickle: inout PickleWriter) {
      pickle.global("collections", "OrderedDict")
      pickle.tuple([])
      pickle.reduce()
    }
    emptyDictionary(&pickle)
    pickle.items { pickle in
      for (name, array, key) in tensors {
        guard let (storage, type) = names[array.dtype] else { continue }
        pickle.text(name)
        pickle.global("torch._utils", type == nil ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3")
        pickle.tuple { pickle in
          pickle.tuple { pickle in
            pickle.text("storage")
            pickle.global(type == nil ? "torch" : "torch.storage", storage)
            pickle.text(String(key))
            pickle.text("cpu")
            pickle.integer(type == nil ? array.count : array.bytes.count)
          }
          pickle.persistent()
          pickle.integer(0)
          pickle.tuple(array.shape)
          pickle.tuple(StoredArray.rowMajorStrides(array.shape))
          pickle.boolean(false)
          emptyDictionary(&pickle)
          if let type { pickle.global("torch", type) }
        }
        pickle.reduce()
      }
    }
    pickle.stop()
    return pickle.bytes
  }

  /// The storage of a type, and the type itself where storages have no name for it.
  private static let names: [Dtype: (storage: String, type: String?)] = [
    .float64: ("DoubleStorage", nil), .float32: ("FloatStorage", nil), .float16: ("HalfStorage", nil),
    .bfloat16: ("BFloat16Storage", nil), .int64: ("LongStorage", nil), .int32: ("IntStorage", nil),
    .int16: ("ShortStorage", nil), .int8: ("CharStorage", nil), .uint8: ("ByteStorage", nil),
    .bool: ("BoolStorage", nil), .complex64: ("ComplexFloatStorage", nil), .complex128: ("ComplexDoubleStorage", nil),
    .uint16: ("UntypedStorage", "uint16"), .uint32: ("UntypedStorage", "uint32"),
    .uint64: ("UntypedStorage", "uint64"), .complex32: ("UntypedStorage", "complex32"),
    .float8E4M3FN: ("UntypedStorage", "float8_e4m3fn"), .float8E5M2: ("UntypedStorage", "float8_e5m2"),
    .float8E4M3FNUZ: ("UntypedStorage", "float8_e4m3fnuz"), .float8E5M2FNUZ: ("UntypedStorage", "float8_e5m2fnuz"),
    .float8E8M0FNU: ("UntypedStorage", "float8_e8m0fnu"), .float4E2M1Pair: ("UntypedStorage", "float4_e2m1fn_x2"),
  ]
}
