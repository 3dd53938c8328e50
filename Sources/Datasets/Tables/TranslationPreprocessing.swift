import AviaryDiagnostics

/// Which column of a table holds texts, and which the texts that are written for them.
public struct TranslationSettings: Codable, Equatable, Sendable {
  /// The column of the texts to write.
  public var target: String
  /// The column of the texts to read.
  public var column: String
  /// The number of tokens of a text that are read, on both sides; the rest is cut off.
  public var longest = 128
  /// What a token is; nil for what a network knows already, else for characters.
  public var tokenizer: TextUnit?

  /// Settings for predicting a column from the texts of another.
  public init(target: String, column: String) {
    self.target = target
    self.column = column
  }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    var texts = TextColumnSettings(target: target, column: column)
    texts.longest = longest
    try texts.validate()
  }
}

/// How the texts in two columns of a table become what a network reads and writes.
public struct TranslationPreprocessing: TablePreparation {
  /// What was asked for.
  public internal(set) var settings: TranslationSettings
  /// Of what is read; one token more stands for what training has not seen.
  public internal(set) var source: TextVocabulary
  /// How the texts to be written become symbols.
  public internal(set) var written: WrittenText

  /// How many different tokens are read.
  public var symbols: Int { source.count + 1 }
  public var classes: [String]? { nil }
  public var inputShape: [Int] { [] }
  public func remarks(on table: Table, withTarget: Bool) -> [String] { table.remarks(on: []) }

  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] {
    try table.rows(lackingAnyOf: [settings.target, settings.column])
  }

  public func table(csv path: String) throws(TableFault) -> Table {
    try Self.table(csv: path, settings)
  }

  /// Reads a table as these settings ask for.
  public static func table(csv path: String, _ settings: TranslationSettings) throws(TableFault) -> Table {
    try Table(
      csv: path,
      readings: [
        ExactText(settings.column): ColumnReading(kind: .categorical, readsNA: true),
        ExactText(settings.target): ColumnReading(kind: .categorical, readsNA: true),
      ])
  }

  public static func split(
    _ table: Table, _ settings: TranslationSettings, keeping known: TranslationPreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    let sources = try TextColumnPreprocessing.texts(of: table, settings.column)
    let targets = try TextColumnPreprocessing.texts(of: table, settings.target)
    let rows = (0..<table.rowCount).filter { sources[$0] != nil && targets[$0] != nil }
    return try DataSplit(of: table, rows, by: nil, plan)
  }

  /// - Parameter known: its vocabularies stay.
  public init(
    fitting table: Table, rows: [Int], _ settings: TranslationSettings, keeping known: TranslationPreprocessing? = nil
  ) throws(TableFault) {
    try settings.validate()
    let sources = try TextColumnPreprocessing.texts(of: table, settings.column)
    let targets = try TextColumnPreprocessing.texts(of: table, settings.target)
    self.settings = settings
    let unit = settings.tokenizer ?? .character
    let texts = rows.compactMap { targets[$0] }
    if let known {
      (source, written) = (known.source, known.written)
      self.settings.tokenizer = known.settings.tokenizer
      let lengths = texts.map { written.vocabulary.encode($0, longest: settings.longest).tokens.count }
      written.longest = max(written.longest, lengths.max() ?? 0)
    } else {
      source = TextVocabulary(of: rows.compactMap { sources[$0] }, by: unit, longest: settings.longest)
      written = WrittenText(of: texts, by: unit, limit: settings.longest)
    }
    guard source.count > 0 else { throw .noValues(path: table.path, column: settings.column) }
    guard written.vocabulary.count > 0 else { throw .noValues(path: table.path, column: settings.target) }
  }

  /// The rows of a table that have a text to read.
  public func texts(of table: Table, rows: [Int]? = nil) throws(TableFault) -> TextSequences {
    let texts = try TextColumnPreprocessing.texts(of: table, settings.column)
    var result = TextSequences(of: source.unit)
    for row in rows ?? Array(0..<table.rowCount) {
      guard let text = texts[row] else { continue }
      let (tokens, isCut) = source.encode(text, longest: settings.longest)
      result.append(tokens, unknown: Int32(source.count), row: row)
      if isCut { result.shortened += 1 }
    }
    return result
  }

  public func examples(
    of table: Table, parts: [[Int]]
  ) throws(TableFault) -> [Examples<WritingExamples<TextSequences>>] {
    let targets = try TextColumnPreprocessing.texts(of: table, settings.target)
    var examples: [Examples<WritingExamples<TextSequences>>] = []
    for rows in parts {
      let sources = try texts(of: table, rows: rows.filter { targets[$0] != nil })
      guard sources.count > 0 else { throw .noRowsLeft(path: table.path, rows: rows.count) }
      examples.append(written.examples(sources, rows: sources.rows, targets, limit: settings.longest))
    }
    return examples
  }

  public func validated() throws(TableFault) -> TranslationPreprocessing {
    try settings.validate()
    let unit = settings.tokenizer ?? .character
    guard source.count > 0, source.unit == unit, written.isValid, written.vocabulary.unit == unit else {
      throw .unreadablePreprocessing(reason: "the vocabularies do not fit the settings")
    }
    return self
  }
}

extension WrittenText {
  /// Examples of the rows of a table.
  ///
  /// - Parameter texts: by the positions of all rows.
  func examples<Source: ExampleInputs>(
    _ sources: Source, rows: [Int], _ texts: [String?], limit: Int
  ) -> Examples<WritingExamples<Source>> {
    var written = TextSequences(of: vocabulary.unit)
    for row in rows {
      let (tokens, isCut) = tokens(of: texts[row] ?? "", limit: limit)
      written.append(tokens, row: row)
      if isCut { written.shortened += 1 }
    }
    return Examples(WritingExamples(sources: sources, texts: written, begin: end), steps: written)
  }
}
