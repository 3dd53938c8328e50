import AviaryArchives
import AviaryDatasets

/// Checksums of a run's data, as one word. A run that goes on with other data would not go on as if it had never stopped,
/// so its checkpoints keep the word and resuming compares it.
struct DataFingerprint: Equatable {
  /// The name under which checkpoints keep it, among what is known besides.
  static let key = "data"

  private(set) var text = ""

  private mutating func add(count: Int, _ bytes: ByteRegion) {
    text += (text.isEmpty ? "" : "-") + "\(count):" + String(bytes.crc32c(), radix: 16)
  }

  mutating func add(_ values: [Int32]) { add(count: values.count, ByteRegion(littleEndian: values)) }

  mutating func add(_ values: [Float]) { add(count: values.count, ByteRegion(floats: values)) }

  mutating func add(_ numbers: [Int]) { add(count: numbers.count, ByteRegion(littleEndian: numbers)) }

  /// The images by the last two components of their paths and by their classes: a folder may be moved.
  mutating func add(_ images: ImageFolder) {
    let lines = images.entries.map { entry in
      entry.path.split(separator: "/").suffix(2).joined(separator: "/") + "\t\(entry.label)\n"
    }
    add(count: lines.count, ByteRegion(Array(lines.joined().utf8)))
  }

  mutating func add(_ rows: SeriesRows) {
    add([rows.count])
    add(rows.values)
  }

  mutating func add(_ part: TablePart) {
    add(part.features.values)
    add(part.labels)
    add(part.targets)
  }

  mutating func add(_ graph: GraphDataset) {
    for matrix in [graph.adjacency, graph.features] {
      add(matrix.rowOffsets)
      add(matrix.columnIndices)
      add(matrix.values)
    }
    add(graph.labels.scalars)
    for nodes in [graph.split.training, graph.split.validation, graph.split.test] { add(nodes) }
  }
}
