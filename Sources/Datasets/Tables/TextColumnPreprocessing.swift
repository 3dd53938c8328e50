import AviaryDiagnostics

/// Which column of a table holds texts, and which their classes.
public struct TextColumnSettings: Codable, Equatable, Sendable {
  /// The column of the classes.
  public var target: String
  /// The column of the texts.
  public var column: String
  /// The number of tokens of a text that are read; the rest is cut off.
  public var longest = 128
  /// What a token is; nil for what a network knows already, else for characters.
  public var tokenizer: TextUnit?
  /// Random changes of training texts; nil for none. A preparation does not keep it.
  public var augmentation: TextAugmentation?

  /// The longest text, in symbols.
  public static let limit = 65_536

  /// Settings for predicting a column from the texts of another.
  public init(target: String, column: String) {
    self.target = target
    self.column = column
  }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    guard (1...Self.limit).contains(longest) else {
      throw .invalidSetting(name: "sequence length", value: "\(longest)", allowed: "1 to \(Self.limit)")
    }
    try augmentation?.validate()
    if target.isExactly(column) {
      throw .invalidSetting(name: "text column", value: "'\(column)'", allowed: "another than the target")
    }
  }
}

/// How the texts in a column of a table become a network's inputs: one token a character (Unicode scalar), or a word, in the
/// order of a vocabulary of the training rows' tokens.
///
/// One token more stands for every token that training has not seen, and for a text that has none at all.
public struct TextColumnPreprocessing: TablePreparation {
  /// What was asked for.
  public internal(set) var settings: TextColumnSettings
  /// The column to predict.
  public internal(set) var target: TablePreprocessing.Target
  /// The symbols of the texts.
  public internal(set) var vocabulary: TextVocabulary

  /// How many different tokens there are.
  public var symbols: Int { vocabulary.count + 1 }

  public var classes: [String]? { target.classes }

  public var inputShape: [Int] { [] }

  public func remarks(on table: Table, withTarget: Bool) -> [String] {
    table.remarks(on: withTarget ? [settings.target] : [])
  }

  public static func split(
    _ table: Table, _ settings: TextColumnSettings, keeping known: TextColumnPreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    let target = try table.column(settings.target)
    let texts = try texts(of: table, settings.column)
    guard texts.contains(where: { $0 != nil }) else {
      throw .noTextAnywhere(path: table.path, column: settings.column)
    }
    let rows = (0..<table.rowCount).filter { !target.values.isMissing($0) && texts[$0] != nil }
    return try DataSplit(of: table, rows, by: target, plan)
  }

  /// - Parameter known: its vocabulary stays.
  public init(
    fitting table: Table, rows: [Int], _ settings: TextColumnSettings, keeping known: TextColumnPreprocessing? = nil
  ) throws(TableFault) {
    try settings.validate()
    let texts = try Self.texts(of: table, settings.column)
    let column = try table.column(settings.target)
    self.settings = settings
    self.settings.augmentation = nil
    target = TablePreprocessing.Target(
      name: settings.target, task: .classification, kind: column.values.kind,
      classes: try TablePreprocessing.classes(column, rows, table.path), mean: 0, deviation: 1,
      spelling: column.spelling)
    if let known {
      vocabulary = known.vocabulary
      self.settings.tokenizer = known.settings.tokenizer
    } else {
      vocabulary = TextVocabulary(
        of: rows.lazy.compactMap { texts[$0] }, by: settings.tokenizer ?? .character, longest: settings.longest)
    }
    guard vocabulary.count > 0 else { throw .noValues(path: table.path, column: settings.column) }
  }

  public mutating func takeClasses(of table: Table, rows: [Int]) throws(TableFault) {
    target.classes = try TablePreprocessing.classes(try table.column(target.name), rows, table.path)
  }

  /// The fields of a column of words, and the elements of lists with spaces between them; a table that was not read for texts
  /// may hold numbers there.
  static func texts(of table: Table, _ name: String) throws(TableFault) -> [String?] {
    if let lists = try table.lists(of: name) { return lists.map { $0?.joined(separator: " ") } }
    guard case .categorical(let texts) = try table.column(name).values else {
      throw .noTexts(path: table.path, column: name)
    }
    return texts
  }

  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] {
    try table.rows(lackingAnyOf: [settings.target, settings.column])
  }

  public func table(csv path: String) throws(TableFault) -> Table {
    try Table(
      csv: path,
      readings: [
        ExactText(settings.column): ColumnReading(kind: .categorical), ExactText(settings.target): target.reading,
      ])
  }

  /// Reads a file one of whose columns holds texts, even if all of them look like numbers.
  public static func table(csv path: String, column: String) throws(TableFault) -> Table {
    try Table(csv: path, kinds: [column: .categorical])
  }

  /// The rows of a table that have a text.
  ///
  /// - Parameter rows: positions of rows; nil for all.
  public func texts(of table: Table, rows: [Int]? = nil) throws(TableFault) -> TextSequences {
    let texts = try Self.texts(of: table, settings.column)
    var result = TextSequences(of: vocabulary.unit)
    for row in rows ?? Array(0..<table.rowCount) {
      guard let text = texts[row] else { continue }
      let (tokens, isCut) = vocabulary.encode(text, longest: settings.longest)
      result.append(tokens, unknown: Int32(vocabulary.count), row: row)
      if isCut { result.shortened += 1 }
    }
    return result
  }

  public func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<TextSequences>] {
    let column = try table.column(target.name).values
    var examples: [Examples<TextSequences>] = []
    for rows in parts {
      let texts = try texts(of: table, rows: rows.filter { !column.isMissing($0) })
      guard texts.count > 0 else { throw .noRowsLeft(path: table.path, rows: rows.count) }
      examples.append(
        Examples(texts, labels: try TablePreprocessing.labels(of: table, rows: texts.rows, target: target)))
    }
    return examples
  }

  public func validated() throws(TableFault) -> TextColumnPreprocessing {
    try settings.validate()
    guard target.task == .classification, target.classes.count > 1, target.classes.areDistinct,
      vocabulary.count > 0, vocabulary.unit == settings.tokenizer ?? .character
    else { throw .unreadablePreprocessing(reason: "the classes or the vocabulary do not fit the task") }
    return self
  }
}
