import AviaryArchives

/// Checksums of a run's data, as one word. A run that is resumed with other data would not continue as if it had never
/// stopped, so its checkpoints hold the word and resuming compares it.
public struct DataFingerprint: Equatable, Sendable {
  /// The name under which checkpoints keep it, beside what else is known.
  public static let key = "data"

  /// The checksums as text, which is kept with checkpoints.
  public private(set) var text = ""

  /// An empty fingerprint.
  public init() {}

  /// Of all bytes of a file.
  public init(file path: String) throws(ArchiveFault) {
    let bytes = try MappedFile(path: path).bytes
    add(count: bytes.count, bytes)
  }

  /// Of a file, of those below a folder, or of those whose paths begin so: names and sizes, and all bytes where
  /// `readsBytes` says so.
  ///
  /// - Throws: where something cannot be read.
  public init(filesAt path: String, readsBytes: Bool) throws {
    let files: [String]
    if FileSystem.isFolder(path) {
      files = try FileTree(below: path).files
    } else if FileSystem.exists(path) {
      files = [path]
    } else {
      let parts = path.split(separator: "/", omittingEmptySubsequences: false)
      let folder = parts.count > 1 ? parts.dropLast().joined(separator: "/") + "/" : ""
      files = try FileSystem.names(in: folder.isEmpty ? "." : folder).map { folder + $0 }.filter {
        $0.utf8.starts(with: path.utf8) && FileSystem.status($0)?.kind == .file
      }
    }
    let names = files.map { $0.utf8.dropFirst(path.utf8.count) }
    add(count: files.count, ByteRegion(names.flatMap { $0 + [0] }))
    if readsBytes {
      for file in files { add(try DataFingerprint(file: file)) }
    } else {
      add(files.map { FileSystem.status($0)?.size ?? 0 })
    }
  }

  /// Of other data, which come after these.
  public mutating func add(_ other: DataFingerprint) { text += (text.isEmpty ? "" : "-") + other.text }

  private mutating func add(count: Int, _ bytes: ByteRegion) {
    text += (text.isEmpty ? "" : "-") + "\(count):" + String(bytes.crc32c(), radix: 16)
  }

  /// Adds a text.
  public mutating func add(_ text: String) {
    let bytes = Array(text.utf8)
    add(count: bytes.count, ByteRegion(bytes))
  }

  /// Adds integers.
  public mutating func add(_ values: [Int32]) { add(count: values.count, ByteRegion(littleEndian: values)) }

  /// Adds floating-point numbers.
  public mutating func add(_ values: [Float]) { add(count: values.count, ByteRegion(floats: values)) }

  /// Adds integers.
  public mutating func add(_ numbers: [Int]) { add(count: numbers.count, ByteRegion(littleEndian: numbers)) }

  /// The images by the last two components of their paths and by their classes: a folder may be moved.
  public mutating func add(_ images: ImageFolder) {
    var lines: [UInt8] = []
    for entry in images.entries {
      if entry.path.utf8.allSatisfy({ $0 < 0x80 }) {
        // The same by bytes, in a fraction of the time.
        let names = entry.path.utf8.split(separator: UInt8(ascii: "/")).suffix(2)
        for (place, name) in names.enumerated() {
          if place > 0 { lines.append(UInt8(ascii: "/")) }
          lines += name
        }
      } else {
        lines += entry.path.split(separator: "/").suffix(2).joined(separator: "/").utf8
      }
      lines += "\t\(entry.label)\n".utf8
    }
    add(count: images.entries.count, ByteRegion(lines))
  }

  /// Adds a graph: its edges, features, labels and parts.
  public mutating func add(_ graph: GraphDataset) {
    for matrix in [graph.adjacency, graph.features] {
      add(matrix.rowOffsets)
      add(matrix.columnIndices)
      add(matrix.values)
    }
    add(graph.labels.scalars)
    for nodes in [graph.split.training, graph.split.validation, graph.split.test] { add(nodes) }
  }
}
