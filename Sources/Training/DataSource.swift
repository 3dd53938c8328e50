import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets

/// Detects the kind of data at a path, from names alone; of an `.npz` file also from those of its arrays.
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
    if path.hasSuffix(".npz") {
      if let arrays = GraphDataset.otherArrays(npz: path) { throw .arrays(path: path, names: arrays) }
      return .graphs
    }
    if TableFormat.isTable(path) { return .tables }
    if let format = OtherDataFormat(path: path) { throw .otherFormat(path: path, format) }
    return .text
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

/// Kinds of files that hold data and are not read, told apart by the ends of their names. They are no texts either.
public enum OtherDataFormat: CaseIterable, Sendable {
  /// Cells of Excel or LibreOffice.
  case spreadsheet
  /// A table of Arrow's programs.
  case columns
  /// One array of NumPy's.
  case array
  /// Files that are packed; those of IDX are read as they are, from their folder.
  case packed

  /// nil for another name.
  init?(path: String) {
    let name = path.lowercased()
    guard !name.hasSuffix("-ubyte.gz"), !name.hasSuffix(".bin.gz"),
      let found = Self.allCases.first(where: { format in format.endings.contains(where: name.hasSuffix) })
    else { return nil }
    self = found
  }

  private var endings: [String] {
    switch self {
    case .spreadsheet: [".xlsx", ".xls", ".xlsm", ".ods"]
    case .columns: [".parquet", ".feather", ".arrow"]
    case .array: [".npy"]
    case .packed: [".gz", ".tgz", ".zip", ".tar", ".bz2", ".xz", ".zst", ".7z"]
    }
  }

  /// What it is, and what helps.
  fileprivate var advice: String {
    switch self {
    case .spreadsheet: "a spreadsheet; save its sheet as .csv"
    case .columns: "a table in a format that is not read; save it as .csv"
    case .array: "an array; \(Self.adviceOnArrays)"
    case .packed: "packed; unpack it first"
    }
  }

  /// Where arrays go that are no data by themselves.
  fileprivate static let adviceOnArrays =
    "write images as files, in a folder for each class, or as IDX files, and rows of numbers as .csv"
}

extension TrainingFault {
  static func description(ofArrays names: [String], in path: String) -> String {
    let listed = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    return "\(path): holds arrays (\(listed)) and no graph; \(OtherDataFormat.adviceOnArrays)"
  }

  static func description(of format: OtherDataFormat, at path: String) -> String { "\(path): is \(format.advice)" }
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
