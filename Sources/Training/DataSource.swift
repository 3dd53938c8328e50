import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets

/// Detects the kind of data at a path, from names alone.
public enum DataSource {
  /// The kind of the data.
  ///
  /// A folder holds images, unless it holds `edges.txt`: then it is a graph, as is an `.npz` file and the common prefix of
  /// Planetoid files, or a collection of graphs: see `GraphCollection.isPresent(at:)`. A file that is
  /// called as tables are (see `TableFormat`) is a table, any other file a text.
  public static func kind(of path: String) throws(TrainingFault) -> DataKind {
    if FileSystem.exists(path + ".graph") { return .graphs }
    if GraphCollection.isPresent(at: path) { return .graphs }
    guard let status = FileSystem.status(path) else { throw .noData(path: path) }
    if status.kind == .folder { return FileSystem.exists(path + "/edges.txt") ? .graphs : .images }
    if path.hasSuffix(".npz") { return .graphs }
    return TableFormat.isTable(path) ? .tables : .text
  }
  /// What tells data at a path from those that were there before: the bytes of a file and of graphs; of images, the names of
  /// their files with their classes, and the sizes.
  public static func fingerprint(of path: String) throws -> DataFingerprint {
    switch try kind(of: path) {
    case .tables, .text: return try DataFingerprint(file: path)
    case .graphs: return try DataFingerprint(filesAt: path, readsBytes: true)
    case .images: break
    }
    if PackedDataset.isPresent(at: path) { return try DataFingerprint(filesAt: path, readsBytes: false) }
    var fingerprint = DataFingerprint()
    let dataset = try ImageDataset(path)
    for images in [dataset.training, dataset.validation, dataset.test].compactMap({ $0 }) {
      fingerprint.add(images)
      fingerprint.add(images.entries.map { FileSystem.status($0.path)?.size ?? 0 })
    }
    return fingerprint
  }
}

extension DataFingerprint {
  /// Of a checkpoint: its tensors, and what it says of its network, its classes and how inputs are prepared.
  public init(_ checkpoint: Checkpoint) {
    self.init()
    var text = ""
    for entry in checkpoint.entries {
      let sum = String(entry.array.bytes.crc32c(), radix: 16)
      text += "\(entry.path)\t\(entry.array.dtype.rawValue)\t\(entry.array.shape)\t\(sum)\n"
    }
    let metadata = checkpoint.metadata
    let said = [metadata.configuration, metadata.preprocessing, checkpoint.kerasModel?.configuration]
    text += said.map { $0?.serialized ?? "" }.joined(separator: "\n")
    text += "\n\(metadata.architecture ?? "")\n" + (metadata.classes ?? []).joined(separator: "\n")
    add(text)
  }
}
