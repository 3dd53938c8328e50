import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5
import AviaryHDF5Writing

/// Aviary's own file: HDF5 that any HDF5 tool opens. `Weights/FORMAT.md` is its specification.
///
/// Text is a variable-length UTF-8 scalar, which no object header's 64 KiB limits.
enum AviaryFile {
  static let version = 1
  /// The group below `/optimizer` that holds moving averages of parameters.
  static let averages = "weight-average"

  /// Why a path cannot be stored, or `nil`. Dots become slashes and nothing is escaped, so that every name in the file
  /// is a name in the model.
  static func objection(to path: String) -> String? {
    let parts = path.split(separator: ".", omittingEmptySubsequences: false)
    if parts.contains("") { return "a component of its path is empty" }
    for scalar in path.unicodeScalars where scalar == "/" || scalar.value <= 0x20 || scalar.value == 0x7f {
      return "its path contains a slash, a space or a control character"
    }
    return nil
  }

  /// Refuses names that cannot be paths, and a tensor whose path is the beginning of another's.
  static func check(_ paths: [String], file: String) throws(CheckpointFault) {
    for path in paths {
      if let reason = objection(to: path) { throw .forbiddenName(path: file, tensor: path, reason: reason) }
    }
    let all = ExactSet(paths)
    for path in paths {
      var rest = path[...]
      while let dot = rest.lastIndex(of: ".") {
        rest = rest[..<dot]
        if all.contains(String(rest)) {
          throw .forbiddenName(path: file, tensor: path, reason: "'\(rest)' is also a tensor and cannot contain it")
        }
      }
    }
  }

  static func location(_ path: String) -> String {
    replacing(".", with: "/", in: path)
  }

  /// The path of a location: slashes become dots.
  static func path(_ location: some StringProtocol) -> String {
    replacing("/", with: ".", in: location)
  }

  /// Byte by byte: going by characters would be a good part of the time to open a file.
  private static func replacing(
    _ old: Unicode.Scalar, with new: Unicode.Scalar, in text: some StringProtocol
  ) -> String {
    String(decoding: text.utf8.map { $0 == UInt8(ascii: old) ? UInt8(ascii: new) : $0 }, as: UTF8.self)
  }

  /// The groups of layers with settings, which are their attributes.
  static func settings(_ settings: [String: Double], file: String) throws(CheckpointFault) -> [HDF5Item] {
    try check(settings.keys.sorted(), file: file)
    let byLayer = Dictionary(grouping: settings.keys.sorted()) {
      $0.split(separator: ".").dropLast().joined(separator: "/")
    }
    return byLayer.sorted { $0.key < $1.key }.map { layer, paths in
      let attributes = paths.map { path in
        HDF5Attribute(String(path.split(separator: ".").last ?? ""), .real(settings[path] ?? 0))
      }
      return HDF5Item(path: layer.isEmpty ? "model" : "model/" + layer, attributes: attributes)
    }
  }

  /// An array as a dataset, without its checksum.
  static func dataset(
    _ array: StoredArray, at location: String, tensor: String, file: String
  ) throws(CheckpointFault) -> HDF5Item {
    guard let type = array.dtype.hdf5 else { throw .unwritableType(path: file, tensor: tensor, dtype: array.dtype) }
    var attributes = array.dtype == .bfloat16 ? [HDF5Attribute("dtype", .text("bfloat16"))] : []
    if let quantization = array.quantization { attributes += self.attributes(quantization) }
    return HDF5Item(
      path: location, attributes: attributes, content: .dataset(type: type, shape: array.shape, bytes: array.bytes))
  }

  /// The same items, each dataset with the checksum of its bytes.
  static func withChecksums(_ items: [HDF5Item]) -> [HDF5Item] {
    func bytes(_ item: HDF5Item) -> ByteRegion? {
      if case .dataset(_, _, let bytes) = item.content { bytes } else { nil }
    }
    var sums = Checksums.crc32c(of: items.compactMap(bytes)).makeIterator()
    return items.map { item in
      guard bytes(item) != nil, let sum = sums.next() else { return item }
      let attributes = [HDF5Attribute("crc32c", .checksum(sum))] + item.attributes
      return HDF5Item(path: item.path, attributes: attributes, content: item.content)
    }
  }

  static func array(
    _ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader, tensor: String, _ unpacking: Checkpoint.Unpacking = .now()
  ) throws(CheckpointFault) -> StoredArray {
    guard let dtype = Dtype(dataset.type, attributes: dataset.attributes) else {
      throw .unsupported(path: reader.path, what: "\(dataset.path) holds \(dataset.type), not numbers")
    }
    let bytes: ByteRegion
    do throws(HDF5Fault) {
      bytes = try CurrentWork.named("tensor '\(tensor)'") { () throws(HDF5Fault) in
        try self.bytes(dataset, reader, unpacking)
      }
    } catch { throw .hdf5(error) }
    let quantization = try quantization(
      dtype, shape: dataset.shape, dataset.attributes, tensor: tensor, file: reader.path)
    guard let array = StoredArray(dtype: dtype, shape: dataset.shape, bytes: bytes, quantization: quantization) else {
      throw .badTensor(path: reader.path, tensor: tensor, reason: "shape and bytes do not fit together")
    }
    guard bytes.isDeferred else { return array }
    return array.unpacked { () throws(CheckpointFault) in
      try hdf5 { () throws(HDF5Fault) in try reader.check(dataset) }
    }
  }

  /// The bytes of a dataset: those in the file where they are stored as they are, unpacked ones otherwise.
  private static func bytes(
    _ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader, _ unpacking: Checkpoint.Unpacking
  ) throws(HDF5Fault) -> ByteRegion {
    if dataset.offset != nil || dataset.byteCount == 0 { return try reader.bytes(of: dataset) }
    try reader.requireReadable(dataset)
    if case .now(let limit) = unpacking {
      if try reader.keeps(dataset, of: limit) { return try reader.bytes(of: dataset) }
      try reader.check(dataset)
    }
    return deferred(dataset, reader)
  }

  /// Bytes that are unpacked whenever they are asked for, whole rows of chunks at a time.
  private static func deferred(_ dataset: HDF5Contents.Dataset, _ reader: HDF5Reader) -> ByteRegion {
    let count = dataset.byteCount ?? 0
    // Of a scalar, and of a table whose chunks have all rows, a part costs as much as the whole.
    let rows = dataset.shape.first ?? 1
    let rowsAtOnce = dataset.chunkShape?.first ?? rows
    let row = rows > 0 ? count / rows : count
    let isWhole = dataset.shape.isEmpty || rowsAtOnce >= rows || row == 0
    // A piece of few chunks costs the index as often as one of many.
    let piece = row * rowsAtOnce * max(1, (4 << 20) / max(1, row * rowsAtOnce))
    return ByteRegion(
      DeferredBytes(count: count, pieceSize: isWhole ? nil : piece) { range in
        do {
          if isWhole {
            let whole = try reader.bytes(of: dataset)
            return whole.part(range) ?? whole
          }
          let first = range.lowerBound / row
          let last = (range.upperBound + row - 1) / row
          let found = try reader.bytes(of: dataset, at: first..<last)
          return found.part(range.lowerBound - first * row..<range.upperBound - first * row) ?? found
        } catch {
          ensure(false, "the bytes of an array were asked for that cannot be unpacked: \(error)")
          return ByteRegion([])
        }
      })
  }
}
