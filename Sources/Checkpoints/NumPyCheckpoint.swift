import AviaryArchives
import AviaryDiagnostics

/// NumPy's `.npz`, an archive of arrays by name, and `.npy`, one array.
enum NumPyCheckpoint {
  static func matches(_ bytes: ByteRegion) -> Bool {
    bytes.part(0..<6)?.array() == [0x93] + Array("NUMPY".utf8)
  }

  /// The name of the only array of an `.npy` file.
  static let single = "array"

  static func read(array bytes: ByteRegion, _ path: String) throws(CheckpointFault) -> Checkpoint {
    let array: NumPyArray
    do { array = try NumPyArray(npy: bytes, path: path, name: single) } catch { throw .numPy(error) }
    guard let stored = StoredArray(array) else {
      throw .unsupported(path: path, what: "an array of text or objects is not a checkpoint")
    }
    var checkpoint = Checkpoint()
    checkpoint.format = .numPy
    checkpoint.set(stored, at: single)
    return checkpoint
  }

  static func read(
    archive bytes: ByteRegion, _ path: String, _ options: Checkpoint.ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    let archive = try archived { () throws(ArchiveFault) in try NumPyArchive(bytes, path: path) }
    // Arrays that are all kept are limited together and not only each.
    let limit = max(1 << 30, 100 * bytes.count)
    guard options.isListing || archive.unpackedSize <= limit else {
      throw .tooLarge(path: path, tensor: "all arrays", bytes: archive.unpackedSize, limit: limit)
    }
    var checkpoint = Checkpoint()
    checkpoint.format = .numPyArchive
    for name in archive.names {
      let array: NumPyArray
      do throws(NumPyFault) {
        array = try archive.array(name, verify: options.verify)
      } catch .objects {
        checkpoint.notes.append("\(name): holds Python objects, which are never built")
        continue
      } catch .unsupportedType(_, _, let type) {
        checkpoint.notes.append("\(name): has elements of type '\(type)', which is not supported")
        continue
      } catch {
        throw .numPy(error)
      }
      guard var stored = StoredArray(array) else {
        checkpoint.notes.append("\(name): holds text, not numbers")
        continue
      }
      if options.isListing, !archive.isStored(name) { stored = unpackedAgain(stored, name, archive) }
      guard checkpoint.add(stored, at: name) else { throw .duplicateTensor(path: path, tensor: name) }
    }
    if checkpoint.entries.isEmpty, let note = checkpoint.notes.first {
      throw .unsupported(path: path, what: "has no numeric array: \(note)")
    }
    return checkpoint
  }

  /// The same array, without its bytes: those of a deflated member are unpacked again when they are asked for. They were
  /// read once, with their checksum.
  private static func unpackedAgain(_ array: StoredArray, _ name: String, _ archive: NumPyArchive) -> StoredArray {
    let bytes = DeferredBytes(count: array.bytes.count) { range in
      let whole = (try? archive.array(name)).flatMap { StoredArray($0) }?.bytes
      guard let part = whole?.part(range) else {
        ensure(false, "the array '\(name)' has changed since it was read")
        return ByteRegion([])
      }
      return part
    }
    let again = StoredArray(dtype: array.dtype, shape: array.shape, bytes: ByteRegion(bytes)) ?? array
    return again.unpacked { () throws(CheckpointFault) in }
  }

  /// Writes the arrays, stored and aligned. What else is known about them has no place in the format.
  static func write(_ checkpoint: Checkpoint, to path: String) throws(CheckpointFault) {
    var writer = ZipWriter()
    for entry in checkpoint.entries {
      guard let type = types[entry.array.dtype] else {
        throw .unwritableType(path: path, tensor: entry.path, dtype: entry.array.dtype)
      }
      guard !entry.path.isEmpty, entry.path.utf8.count < 60_000 else {
        throw .forbiddenName(path: path, tensor: String(entry.path.prefix(80)), reason: "its name is empty or too long")
      }
      let comma = entry.array.shape.count == 1 ? "," : ""
      let shape = entry.array.shape.map(String.init).joined(separator: ", ") + comma
      var header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
      // The elements begin at a multiple of 64 bytes, after a line feed.
      header += [UInt8](repeating: UInt8(ascii: " "), count: (64 - (11 + header.count) % 64) % 64) + [0x0a]
      let head = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count & 0xff), UInt8(header.count >> 8)] + header
      writer.add(entry.path + ".npy", ByteRegion(joining: [ByteRegion(head), entry.array.bytes]))
    }
    try archived { () throws(ArchiveFault) in try writeDurably(writer.finished(), to: path) }
  }

  private static let types: [Dtype: String] = [
    .float64: "<f8", .float32: "<f4", .float16: "<f2", .int64: "<i8", .int32: "<i4", .int16: "<i2", .int8: "|i1",
    .uint64: "<u8", .uint32: "<u4", .uint16: "<u2", .uint8: "|u1", .bool: "|b1", .complex64: "<c8",
    .complex128: "<c16",
  ]
}

extension StoredArray {
  /// An array of numbers in row-major, little-endian order; nil where elements are text or objects.
  init?(_ array: NumPyArray) {
    let dtype: Dtype
    switch array.element {
    case .boolean: dtype = .bool
    case .signed(1): dtype = .int8
    case .signed(2): dtype = .int16
    case .signed(4): dtype = .int32
    case .signed: dtype = .int64
    case .unsigned(1): dtype = .uint8
    case .unsigned(2): dtype = .uint16
    case .unsigned(4): dtype = .uint32
    case .unsigned: dtype = .uint64
    case .floating(2): dtype = .float16
    case .floating(4): dtype = .float32
    case .floating: dtype = .float64
    case .complex(8): dtype = .complex64
    case .complex: dtype = .complex128
    case .bytes, .text, .objects: return nil
    }
    guard var result = StoredArray(dtype: dtype, shape: array.shape, bytes: array.bytes) else { return nil }
    if array.isFortranOrder, array.shape.count > 1 {
      // The file has the axes the other way round.
      guard let reversed = result.reshaped(to: array.shape.reversed()) else { return nil }
      result = reversed.permuted(array.shape.indices.reversed())
    }
    self = array.isBigEndian ? result.byteSwapped() : result
  }
}
