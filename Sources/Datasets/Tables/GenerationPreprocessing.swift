import AviaryDiagnostics

/// Which column of a table holds texts that are written from the other columns.
public struct GenerationSettings: Codable, Equatable, Sendable {
  /// How the columns are prepared that the texts are written from; its target is the column of the texts.
  public var table: TableSettings
  /// The number of tokens of a text that are read; the rest is cut off.
  public var longest = 128
  /// What a token is; nil for what a network knows already, else for characters.
  public var tokenizer: TextUnit?

  /// Settings for texts in this column.
  public init(target: String) { table = TableSettings(target: target) }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    try table.validate()
    guard (1...TextColumnSettings.limit).contains(longest) else {
      throw .invalidSetting(
        name: "sequence length", value: "\(longest)", allowed: "1 to \(TextColumnSettings.limit)")
    }
  }
}

/// How the rows of a table become what a network writes texts about.
public struct GenerationPreprocessing: TablePreparation {
  /// What was asked for.
  public internal(set) var settings: GenerationSettings
  /// Of all columns but that of the texts.
  public internal(set) var rows: TablePreprocessing
  /// How the texts to be written become symbols.
  public internal(set) var written: WrittenText

  public var classes: [String]? { nil }
  public var inputShape: [Int] { [rows.featureCount] }
  public func remarks(on table: Table, withTarget: Bool) -> [String] { rows.remarks(on: table) }

  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] {
    table.rows(lacking: [try table.column(settings.table.target)] + (try rows.neededColumns(of: table)))
  }

  public func table(csv path: String) throws(TableFault) -> Table { try Table(csv: path, readings: rows.readings) }

  /// Reads a table one of whose columns holds texts, whatever they look like.
  ///
  /// - Parameter known: how the other columns are to be read.
  public static func table(
    csv path: String, _ settings: GenerationSettings, keeping known: GenerationPreprocessing?
  ) throws(TableFault) -> Table {
    var readings = known?.rows.featureReadings ?? [:]
    readings[ExactText(settings.table.target)] = ColumnReading(kind: .categorical, readsNA: true)
    for name in settings.table.dates?.columns ?? [] { readings[ExactText(name)] = ColumnReading(kind: .categorical) }
    return try Table(csv: path, readings: readings)
  }

  public static func split(
    _ table: Table, _ settings: GenerationSettings, keeping known: GenerationPreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    if known == nil { try settings.table.checkOrder(plan, path: table.path) }
    _ = try TextColumnPreprocessing.texts(of: table, settings.table.target)
    let rows = try TablePreprocessing.usableRows(
      of: table, settings.table, needed: try known?.rows.neededColumns(of: table))
    return try DataSplit(of: table, rows, by: nil, plan)
  }

  public static func excluding(_ column: String, _ settings: GenerationSettings) -> GenerationSettings {
    var settings = settings
    settings.table = TablePreprocessing.excluding(column, settings.table)
    return settings
  }

  /// - Parameter known: its columns and its vocabulary stay.
  public init(
    fitting table: Table, rows: [Int], _ settings: GenerationSettings, keeping known: GenerationPreprocessing? = nil
  ) throws(TableFault) {
    try settings.validate()
    let texts = try TextColumnPreprocessing.texts(of: table, settings.table.target)
    let read = rows.compactMap { texts[$0] }
    self.settings = settings
    if let known {
      (self.rows, written) = (known.rows, known.written)
      self.settings.table = known.settings.table
      self.settings.tokenizer = known.settings.tokenizer
      let lengths = read.map { written.vocabulary.encode($0, longest: settings.longest).tokens.count }
      written.longest = max(written.longest, lengths.max() ?? 0)
    } else {
      // The texts are neither classes nor numbers: nothing of the target is looked at but its name.
      let target = TablePreprocessing.Target(
        name: settings.table.target, task: .regression, kind: .categorical, classes: [], mean: 0, deviation: 1)
      self.rows = try TablePreprocessing(fitting: table, rows: rows, settings.table, target: target)
      written = WrittenText(of: read, by: settings.tokenizer ?? .character, limit: settings.longest)
    }
    guard written.vocabulary.count > 0 else { throw .noValues(path: table.path, column: settings.table.target) }
  }

  public static func withoutOutliers(
    _ table: Table, rows: [Int], _ settings: GenerationSettings
  ) throws(TableFault) -> (rows: [Int], dropped: DroppedRows) {
    try TablePreprocessing.withoutOutliers(table, rows: rows, settings.table)
  }

  public func examples(
    of table: Table, parts: [[Int]]
  ) throws(TableFault) -> [Examples<WritingExamples<TableFeatures>>] {
    let texts = try TextColumnPreprocessing.texts(of: table, settings.table.target)
    var examples: [Examples<WritingExamples<TableFeatures>>] = []
    for places in parts {
      let features = try rows.features(of: table, rows: places.filter { texts[$0] != nil })
      guard features.count > 0 else { throw .noRowsLeft(path: table.path, rows: places.count) }
      examples.append(written.examples(features, rows: features.rows, texts, limit: settings.longest))
    }
    return examples
  }

  public func validated() throws(TableFault) -> GenerationPreprocessing {
    try settings.validate()
    var result = self
    result.rows = try rows.validated()
    guard written.isValid, written.vocabulary.unit == settings.tokenizer ?? .character, rows.target.kind == .categorical
    else { throw .unreadablePreprocessing(reason: "the vocabulary does not fit the settings") }
    return result
  }
}
