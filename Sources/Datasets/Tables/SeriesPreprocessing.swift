import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What to predict of a time series: the rows of a table in the order of time.
public struct SeriesSettings: Codable, Equatable, Sendable {
  /// The column to predict.
  public var target: String
  /// The number of rows that the network reads.
  public var window: Int
  /// How many rows after the last of them the last predicted value is; nil for what a network knows already, else for the
  /// next row.
  public var horizon: Int?
  /// How many values are predicted at once, those of the rows up to the horizon; nil for the last one alone.
  public var steps: Int?
  /// Columns that are not used.
  public var excluded: [String] = []
  /// How columns are scaled.
  public var scaling = TableSettings.Scaling.standard

  /// The largest window and horizon.
  public static let limit = 10_000

  /// Settings for predicting a column from the rows of a window before it.
  public init(target: String, window: Int) {
    self.target = target
    self.window = window
  }

  /// The same as a number: 1 for the next row.
  public var rowsAhead: Int { horizon ?? 1 }

  /// How many values are predicted for a window.
  public var stepCount: Int { steps ?? 1 }

  /// Refuses numbers that make no windows.
  public func validate() throws(TableFault) {
    for (name, value) in [("window", window), ("horizon", rowsAhead)] where !(1...Self.limit).contains(value) {
      throw .invalidSetting(name: name, value: "\(value)", allowed: "1 to \(Self.limit)")
    }
    if let steps, !(1...rowsAhead).contains(steps) {
      throw .invalidSetting(name: "steps", value: "\(steps)", allowed: "1 to the horizon, \(rowsAhead)")
    }
    if excluded.holds(target) {
      throw .invalidSetting(name: "excluded column", value: "'\(target)'", allowed: "another than the target")
    }
  }
}

/// How the rows of a time series become a network's inputs.
///
/// An input is the last rows of all columns of numbers, the target's own among them; what is learned is the target's value
/// some rows later, or its next values, scaled as its column is.
public struct SeriesPreprocessing: TablePreparation {
  /// A column of numbers: the network gets (value − shift) / scale.
  public struct Column: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// What is subtracted.
    public var shift: Double
    /// What is divided by.
    public var scale: Double
    /// How its numbers are written; nil for decimal notation.
    public var spelling: NumberSpelling?
  }

  /// What was asked for.
  public internal(set) var settings: SeriesSettings
  /// In the order of the table.
  public internal(set) var columns: [Column]

  /// The shape of an input: [T, F].
  public var inputShape: [Int] { [settings.window, columns.count] }

  private var target: Column? { columns.first { $0.name.isExactly(settings.target) } }

  /// Of a series, numbers are estimated.
  public var classes: [String]? { nil }

  public var targetScale: TargetScale? {
    target.map { TargetScale(mean: $0.shift, deviation: $0.scale) } ?? TargetScale()
  }

  public func remarks(on table: Table, withTarget: Bool) -> [String] {
    let names = columns.map(\.name)
    return table.remarks(on: names) + table.remarks(onNumbers: names) + table.remarksOnOrder(isSeries: true)
  }

  /// Fits to the first rows of a table, the training rows. Columns of words are skipped.
  public init(fitting table: Table, rows: Int, _ settings: SeriesSettings) throws(TableFault) {
    try settings.validate()
    guard case .numeric = try table.column(settings.target).values else {
      throw .seriesOfWords(path: table.path, column: settings.target)
    }
    for name in settings.excluded { _ = try table.column(name) }
    self.settings = settings
    columns = []
    for column in table.columns where column.values.kind == .numeric && !settings.excluded.holds(column.name) {
      let values = try Self.values(of: column, table)
      let (shift, scale) = TablePreprocessing.scaling(Array(values.prefix(rows)), settings.scaling)
      guard shift.isFinite, scale.isFinite else { throw .outOfRange(path: table.path, row: nil, column: column.name) }
      columns.append(Column(name: column.name, shift: shift, scale: scale, spelling: column.spelling))
    }
  }

  /// The same columns, scaled in the same way, for other windows or another target among them.
  public func adapted(to settings: SeriesSettings, path: String) throws(TableFault) -> SeriesPreprocessing {
    try settings.validate()
    guard columns.map(\.name).holds(settings.target) else {
      throw .invalidSetting(
        name: "target", value: "'\(settings.target)'",
        allowed: "one of the network's columns: \(columns.map(\.name).joined(separator: ", "))")
    }
    var result = self
    result.settings.target = settings.target
    result.settings.window = settings.window
    if settings.horizon != nil {
      (result.settings.horizon, result.settings.steps) = (settings.horizon, settings.steps)
    }
    return result
  }

  /// The numbers of a column. None may be missing: a series cannot leave out rows.
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

  public func table(csv path: String) throws(TableFault) -> Table {
    let readings = columns.map { (ExactText($0.name), ColumnReading(kind: .numeric, spelling: $0.spelling)) }
    return try Table(csv: path, readings: Dictionary(readings, uniquingKeysWith: { first, _ in first }))
  }

  /// The parts follow each other: the end is the test, and validation comes before it. Windows of the later parts begin in
  /// the earlier ones, as they do when the future is predicted.
  public static func split(
    _ table: Table, _ settings: SeriesSettings, keeping known: SeriesPreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    var plan = plan
    plan.isInOrder = true
    for (name, share) in [("validation", plan.validation), ("test", plan.test)] where !(share >= 0 && share < 1) {
      throw .invalidSetting(name: "share for \(name)", value: "\(share)", allowed: "at least 0 and below 1")
    }
    let split: DataSplit
    do throws(SplitFault) { split = try DataSplit(count: table.rowCount, by: plan) } catch {
      throw .split(path: table.path, error)
    }
    let needed = settings.window + settings.rowsAhead
    guard split.training.count >= needed else {
      throw .seriesTooShort(path: table.path, rows: split.training.count, needed: needed)
    }
    let steps = (settings.horizon == nil ? known?.settings : nil)?.stepCount ?? settings.stepCount
    for (part, rows) in [("validation", split.validation), ("test", split.test)]
    where !rows.isEmpty && rows.count < steps {
      throw .partTooShort(path: table.path, part: part, rows: rows.count, needed: steps)
    }
    return split
  }

  public init(
    fitting table: Table, rows: [Int], _ settings: SeriesSettings, keeping known: SeriesPreprocessing?
  ) throws(TableFault) {
    if let known {
      self = try known.adapted(to: settings, path: table.path)
    } else {
      try self.init(fitting: table, rows: rows.count, settings)
    }
  }

  /// - Parameter parts: rows that follow each other, those of the targets.
  public func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<SeriesWindows>] {
    let series = try rows(of: table)
    return parts.map { rows in
      guard let first = rows.first, let last = rows.last else { return series.examples(targets: 0..<0) }
      return series.examples(targets: first..<last + 1)
    }
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
      values: scaled, width: columns.count, target: columns.firstIndex { $0.name.isExactly(settings.target) } ?? 0,
      window: settings.window, horizon: settings.rowsAhead, steps: settings.stepCount)
  }

  // MARK: JSON

  public func validated() throws(TableFault) -> SeriesPreprocessing {
    try settings.validate()
    guard columns.map(\.name).areDistinct, target != nil else {
      throw .unreadablePreprocessing(reason: "the columns of the series do not hold its target, or hold one twice")
    }
    guard columns.allSatisfy({ $0.scale > 0 && $0.scale.isFinite && $0.shift.isFinite }) else {
      throw .unreadablePreprocessing(reason: "a scale is not above 0")
    }
    return self
  }
}
