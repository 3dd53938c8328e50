#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is to be predicted of a time series whose rows lie in a table in the order of time.
public struct SeriesSettings: Codable, Equatable, Sendable {
  /// The column to predict.
  public var target: String
  /// How many rows are looked at.
  public var window: Int
  /// How many rows after the last of them the value lies; nil for what a network knows already, else for the next one.
  public var horizon: Int?
  /// Columns that are not looked at.
  public var excluded: [String] = []
  public var scaling = TableSettings.Scaling.standard

  /// The most rows that are looked at, and that the value may lie ahead.
  public static let limit = 10_000

  public init(target: String, window: Int) {
    self.target = target
    self.window = window
  }

  /// The same as a number: 1 for the next row.
  public var rowsAhead: Int { horizon ?? 1 }

  /// Refuses numbers that make no windows.
  public func validate() throws(TableFault) {
    for (name, value) in [("window", window), ("horizon", rowsAhead)] where !(1...Self.limit).contains(value) {
      throw .invalidSetting(name: name, value: "\(value)", allowed: "1 to \(Self.limit)")
    }
    if excluded.contains(target) {
      throw .invalidSetting(name: "excluded column", value: "'\(target)'", allowed: "another than the target")
    }
  }
}

/// How the rows of a time series become a network's inputs, with every number that this takes, found from the training
/// rows alone. It lies in the checkpoint, as JSON.
///
/// An input is the last rows of all columns of numbers, the target's own among them; what is learned is the target's value
/// some rows later, scaled as its column is.
public struct SeriesPreprocessing: Codable, Equatable, Sendable {
  /// A column of numbers: the network gets (value − shift) / scale.
  public struct Column: Codable, Equatable, Sendable {
    public var name: String
    public var shift: Double
    public var scale: Double
  }

  public internal(set) var settings: SeriesSettings
  /// In the order of the table.
  public internal(set) var columns: [Column]

  /// The shape of an input: [T, F].
  public var inputShape: [Int] { [settings.window, columns.count] }

  private var target: Column? { columns.first { $0.name == settings.target } }

  /// What an output says in the target's own measure.
  public func restored(_ output: Float) -> Double {
    target.map { Double(output) * $0.scale + $0.shift } ?? Double(output)
  }

  /// Fits to the first rows of a table, those that will be learned from. Columns of words are passed over.
  public init(fitting table: Table, rows: Int, _ settings: SeriesSettings) throws(TableFault) {
    try settings.validate()
    guard case .numeric = try table.column(settings.target).values else {
      throw .seriesOfWords(path: table.path, column: settings.target)
    }
    for name in settings.excluded { _ = try table.column(name) }
    self.settings = settings
    columns = []
    for column in table.columns where column.values.kind == .numeric && !settings.excluded.contains(column.name) {
      let values = try Self.values(of: column, table)
      let (shift, scale) = TablePreprocessing.scaling(Array(values.prefix(rows)), settings.scaling)
      guard shift.isFinite, scale.isFinite else { throw .outOfRange(path: table.path, row: nil, column: column.name) }
      columns.append(Column(name: column.name, shift: shift, scale: scale))
    }
  }

  /// The same columns, scaled in the same way, for other windows or another target among them.
  public func adapted(to settings: SeriesSettings, path: String) throws(TableFault) -> SeriesPreprocessing {
    try settings.validate()
    guard columns.contains(where: { $0.name == settings.target }) else {
      throw .invalidSetting(
        name: "target", value: "'\(settings.target)'",
        allowed: "one of the network's columns: \(columns.map(\.name).joined(separator: ", "))")
    }
    var result = self
    result.settings.target = settings.target
    result.settings.window = settings.window
    result.settings.horizon = settings.horizon ?? self.settings.horizon
    return result
  }

  /// The numbers of a column, all of which have to be there: what is missing in a series cannot be left out of it.
  private static func values(of column: Table.Column, _ table: Table) throws(TableFault) -> [Double] {
    guard case .numeric(let values) = column.values else {
      throw .notNumeric(path: table.path, column: column.name)
    }
    var numbers: [Double] = []
    numbers.reserveCapacity(values.count)
    for (row, value) in values.enumerated() {
      guard let value else { throw .missingInSeries(path: table.path, row: table.rowNumbers[row], column: column.name) }
      numbers.append(value)
    }
    return numbers
  }

  // MARK: Rows

  /// Reads the columns of a file that the network looks at, and others with them.
  public func table(csv path: String) throws(TableFault) -> Table {
    let kinds = columns.map { ($0.name, Table.Kind.numeric) }
    return try Table(csv: path, kinds: Dictionary(kinds, uniquingKeysWith: { first, _ in first }))
  }

  /// The rows of a table as the network gets them.
  public func rows(of table: Table) throws(TableFault) -> SeriesRows {
    var scaled: [Float] = Array(repeating: 0, count: table.rowCount * columns.count)
    for (place, column) in columns.enumerated() {
      for (row, value) in try Self.values(of: table.column(column.name), table).enumerated() {
        let number = Float((value - column.shift) / column.scale)
        guard number.isFinite else {
          throw .outOfRange(path: table.path, row: table.rowNumbers[row], column: column.name)
        }
        scaled[row * columns.count + place] = number
      }
    }
    return SeriesRows(
      values: scaled, width: columns.count, target: columns.firstIndex { $0.name == settings.target } ?? 0,
      window: settings.window, horizon: settings.rowsAhead)
  }

  // MARK: JSON

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  public func validated() throws(TableFault) -> SeriesPreprocessing {
    try settings.validate()
    guard Set(columns.map(\.name)).count == columns.count, target != nil else {
      throw .unreadablePreprocessing(reason: "the columns of the series do not hold its target, or hold one twice")
    }
    guard columns.allSatisfy({ $0.scale > 0 && $0.scale.isFinite && $0.shift.isFinite }) else {
      throw .unreadablePreprocessing(reason: "a scale is not above 0")
    }
    return self
  }
}
