/// The kinds of files that hold tables, told apart by the ends of their names.
public enum TableFormat: String, CaseIterable, Sendable {
  /// Fields with commas between them; or semicolons or tabs, where the header has these and no comma.
  case csv
  /// Fields with tabs between them.
  case tsv
  /// An array of objects, or objects one after the other, each a row.
  case json

  /// nil where the name is not that of a table.
  public init?(path: String) {
    let name = path.lowercased()
    guard let found = Self.allCases.first(where: { format in format.endings.contains { name.hasSuffix($0) } }) else {
      return nil
    }
    self = found
  }

  /// The ends of names.
  public var endings: [String] {
    switch self {
    case .csv: [".csv"]
    case .tsv: [".tsv", ".tab"]
    case .json: [".json", ".jsonl", ".ndjson"]
    }
  }

  /// Whether a name is that of a table.
  public static func isTable(_ path: String) -> Bool { TableFormat(path: path) != nil }
}
