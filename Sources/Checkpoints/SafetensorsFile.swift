import AviaryArchives

/// safetensors: a length, a JSON header, and the bytes of all tensors without holes.
///
/// Read strictly, after the format's own reference: a header of at most 100,000,000 bytes, no name twice, offsets that
/// cover the buffer exactly and in order, sizes that follow from shape and type.
enum SafetensorsFile {
  static let headerLimit = 100_000_000

  /// A plausible header length and the brace that every header begins with.
  static func matches(_ bytes: ByteRegion) -> Bool {
    guard let head = bytes.part(0..<9)?.array(), head[8] == UInt8(ascii: "{") else { return false }
    return head[4..<8].allSatisfy { $0 == 0 }
  }

  static func read(_ bytes: ByteRegion, path: String) throws(CheckpointFault) -> Checkpoint {
    let (header, buffer) = try parts(of: bytes, path: path)
    let json: JSONValue
    do { json = try JSONValue(parsing: header.array()) } catch {
      throw .malformed(path: path, part: "the header", reason: "at byte \(error.offset): \(error.reason)")
    }
    guard let members = json.members else {
      throw .malformed(path: path, part: "the header", reason: "is not a JSON object")
    }
    var checkpoint = Checkpoint()
    checkpoint.format = .safetensors
    var described: [Description] = []
    for member in members {
      if member.name == "__metadata__" {
        checkpoint.metadata.take(try Checkpoint.Metadata.texts(in: member.value, of: member.name, path: path))
      } else {
        described.append(try Description(member, path: path))
      }
    }
    // By offset, an empty tensor before the one that begins where it ends.
    described.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
    var expected = 0
    for tensor in described {
      guard tensor.begin == expected else {
        throw .badTensor(
          path: path, tensor: tensor.name,
          reason: "its bytes begin at \(tensor.begin), but the tensor before ends at \(expected)")
      }
      guard let part = buffer.part(from: tensor.begin, count: tensor.end - tensor.begin) else {
        throw .archive(
          .truncated(
            path: path, part: "tensor '\(tensor.name)'", needed: tensor.end, available: buffer.count))
      }
      guard let array = StoredArray(dtype: tensor.dtype, shape: tensor.shape, bytes: part) else {
        throw .badTensor(
          path: path, tensor: tensor.name,
          reason: "\(part.count) bytes do not make \(tensor.dtype.rawValue) of shape \(tensor.shape)")
      }
      _ = checkpoint.add(array, at: tensor.name)
      expected = tensor.end
    }
    guard expected == buffer.count else {
      throw .malformed(
        path: path, part: "the file", reason: "its tensors end at \(expected), but the file at \(buffer.count)")
    }
    return checkpoint
  }

  private static func parts(
    of bytes: ByteRegion, path: String
  ) throws(CheckpointFault) -> (header: ByteRegion, buffer: ByteRegion) {
    let length = bytes.part(0..<8)?.array().reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } ?? 0
    guard length <= UInt64(headerLimit) else {
      throw .tooLarge(path: path, tensor: "the header", bytes: Int(clamping: length), limit: headerLimit)
    }
    guard let header = bytes.part(from: 8, count: Int(length)),
      let buffer = bytes.part(8 + Int(length)..<bytes.count)
    else {
      throw .archive(
        .truncated(path: path, part: "the header", needed: Int(length), available: max(0, bytes.count - 8)))
    }
    return (header, buffer)
  }

  private struct Description {
    let name: String
    let dtype: Dtype
    let shape: [Int]
    let begin: Int
    let end: Int

    init(_ member: JSONValue.Member, path: String) throws(CheckpointFault) {
      func bad(_ reason: String) -> CheckpointFault { .badTensor(path: path, tensor: member.name, reason: reason) }
      name = member.name
      let fields = member.value.members?.map(\.name).sorted()
      guard fields == ["data_offsets", "dtype", "shape"] else {
        throw bad("its description needs exactly dtype, shape and data_offsets")
      }
      guard let typeName = member.value["dtype"]?.text else { throw bad("its dtype is not text") }
      guard let dtype = types[typeName] else {
        throw .unsupported(
          path: path, what: "tensor '\(member.name)' has the dtype \(typeName), which is not supported")
      }
      self.dtype = dtype
      let extents = member.value["shape"]?.elements?.map { $0.integer ?? -1 }
      guard let shape = extents, shape.allSatisfy({ $0 >= 0 }) else { throw bad("its shape is not a list of sizes") }
      self.shape = shape
      let offsets = member.value["data_offsets"]?.elements?.map { $0.integer ?? -1 }
      guard let offsets, offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
        throw bad("its data_offsets are not two ascending integers")
      }
      begin = offsets[0]
      end = offsets[1]
    }
  }

  private static let types: [String: Dtype] = [
    "BOOL": .bool, "U8": .uint8, "I8": .int8, "I16": .int16, "U16": .uint16, "F16": .float16, "BF16": .bfloat16,
    "I32": .int32, "U32": .uint32, "F32": .float32, "F64": .float64, "I64": .int64, "U64": .uint64,
    "C64": .complex64, "F8_E4M3": .float8E4M3FN, "F8_E5M2": .float8E5M2, "F8_E8M0": .float8E8M0FNU,
    "F8_E4M3FNUZ": .float8E4M3FNUZ, "F8_E5M2FNUZ": .float8E5M2FNUZ,
  ]

  private static let names: [Dtype: String] = [
    .bool: "BOOL", .uint8: "U8", .int8: "I8", .int16: "I16", .uint16: "U16", .float16: "F16", .bfloat16: "BF16",
    .int32: "I32", .uint32: "U32", .float32: "F32", .float64: "F64", .int64: "I64", .uint64: "U64",
    .complex64: "C64", .float8E4M3FN: "F8_E4M3", .float8E5M2: "F8_E5M2", .float8E8M0FNU: "F8_E8M0",
    .float8E4M3FNUZ: "F8_E4M3FNUZ", .float8E5M2FNUZ: "F8_E5M2FNUZ",
  ]

  /// Writes the arrays and, as metadata, what is known about them. Training state has no place in the format.
  static func write(_ checkpoint: Checkpoint, to path: String) throws(CheckpointFault) {
    // Widest elements first, so that every tensor is aligned to its own; then by name.
    let ordered = checkpoint.entries.sorted {
      ($1.array.dtype.size, $0.path) < ($0.array.dtype.size, $1.path)
    }
    var members: [JSONValue.Member] = []
    let known = checkpoint.metadata.texts
    if !known.isEmpty {
      let texts = known.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .text($0.value)) }
      members.append(.init("__metadata__", .object(texts)))
    }
    var offset = 0
    for entry in ordered {
      guard let type = names[entry.array.dtype] else {
        throw .unwritableType(path: path, tensor: entry.path, dtype: entry.array.dtype)
      }
      if entry.path == "__metadata__" {
        throw .forbiddenName(path: path, tensor: entry.path, reason: "the format reserves this name")
      }
      let end = offset + entry.array.bytes.count
      func numbers(_ values: [Int]) -> JSONValue { .array(values.map { .number(String($0)) }) }
      members.append(
        .init(
          entry.path,
          .object([
            .init("dtype", .text(type)), .init("shape", numbers(entry.array.shape)),
            .init("data_offsets", numbers([offset, end])),
          ])))
      offset = end
    }
    var header = Array(JSONValue.object(members).serialized.utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    do {
      try writeDurably([ByteRegion(length + header)] + ordered.map(\.array.bytes), to: path)
    } catch { throw .archive(error) }
  }
}
