import AviaryDiagnostics

/// Which column of a table holds texts, and which a label for each of their tokens.
public struct TaggingSettings: Codable, Equatable, Sendable {
  /// The column of the labels, between spaces or in lists of JSON.
  public var target: String
  /// The column of the tokens, likewise.
  public var column: String
  /// The number of tokens of a text that are read in training; the rest is cut off.
  public var longest = 256

  /// - Parameters:
  ///   - target, column: the names that count in a file with a token a line, too, which has none.
  public init(target: String = "tags", column: String = "tokens") {
    self.target = target
    self.column = column
  }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    guard (1...TextColumnSettings.limit).contains(longest) else {
      throw .invalidSetting(
        name: "sequence length", value: "\(longest)", allowed: "1 to \(TextColumnSettings.limit)")
    }
    if target.isExactly(column) {
      throw .invalidSetting(name: "text column", value: "'\(column)'", allowed: "another than the target")
    }
  }
}

/// How texts become a network's inputs, and their labels what it learns: a token a word, in the order of a vocabulary of the
/// training rows' words, and a class for each token.
///
/// One token more stands for every word that training has not seen.
public struct TaggingPreprocessing: TablePreparation {
  /// What was asked for.
  public internal(set) var settings: TaggingSettings
  /// The symbols of the texts.
  public internal(set) var vocabulary: TextVocabulary
  /// The labels, in the order of the network's outputs.
  public internal(set) var tags: [String]

  /// How many different tokens there are.
  public var symbols: Int { vocabulary.count + 1 }
  public var classes: [String]? { tags }
  public var inputShape: [Int] { [] }
  public func remarks(on table: Table, withTarget: Bool) -> [String] { table.remarks(on: []) }

  /// Reads tokens and labels, from a table or from a file with a token a line.
  ///
  /// - Parameter needsTags: whether a file without labels is refused.
  public static func table(
    reading path: String, _ settings: TaggingSettings, needsTags: Bool
  ) throws(TableFault) -> Table {
    if TaggedText.isName(path) {
      return try TaggedText.table(path, columns: (settings.column, settings.target), needsTags: needsTags)
    }
    return try Table(
      csv: path,
      readings: [
        ExactText(settings.column): ColumnReading(kind: .categorical, readsNA: true),
        ExactText(settings.target): ColumnReading(kind: .categorical, readsNA: true),
      ])
  }

  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] {
    try table.rows(lackingAnyOf: [settings.target, settings.column])
  }

  public func table(csv path: String) throws(TableFault) -> Table {
    try Self.table(reading: path, settings, needsTags: false)
  }

  /// The tokens and labels of a row; nil where there are none.
  private static func row(
    _ row: Int, _ tokens: [[String]?], _ tags: [[String]?], _ table: Table
  ) throws(TableFault) -> (tokens: [String], tags: [String])? {
    guard let tokens = tokens[row], let tags = tags[row] else { return nil }
    guard tokens.count == tags.count else {
      throw .tagCount(path: table.path, row: table.rowNumbers[row], tokens: tokens.count, tags: tags.count)
    }
    return tokens.isEmpty ? nil : (tokens, tags)
  }

  private static func rows(
    of table: Table, _ settings: TaggingSettings, among rows: [Int]? = nil
  ) throws(TableFault) -> [(place: Int, tokens: [String], tags: [String])] {
    let (tokens, tags) = (try table.parts(of: settings.column), try table.parts(of: settings.target))
    var found: [(place: Int, tokens: [String], tags: [String])] = []
    for place in rows ?? Array(0..<table.rowCount) {
      if let row = try row(place, tokens, tags, table) { found.append((place, row.tokens, row.tags)) }
    }
    return found
  }

  public static func split(
    _ table: Table, _ settings: TaggingSettings, keeping known: TaggingPreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    return try DataSplit(
      of: table, rows(of: table, settings).map(\.place), by: nil, plan)
  }

  /// - Parameter known: its vocabulary stays.
  public init(
    fitting table: Table, rows: [Int], _ settings: TaggingSettings, keeping known: TaggingPreprocessing? = nil
  ) throws(TableFault) {
    try settings.validate()
    self.settings = settings
    // All labels there are, those of other rows among them: they say what there is to tell apart.
    tags = try Self.rows(of: table, settings).flatMap(\.tags).distinct
    guard tags.count <= TablePreprocessing.categoryLimit else {
      throw .tooManyCategories(
        path: table.path, column: settings.target, count: tags.count, limit: TablePreprocessing.categoryLimit)
    }
    if tags.count == 1 { throw .oneClass(path: table.path, column: settings.target, name: tags[0]) }
    if let known {
      vocabulary = known.vocabulary
    } else {
      let read = try Self.rows(of: table, settings, among: rows)
      vocabulary = .words(WordVocabulary(of: read.map { $0.tokens.prefix(settings.longest) }))
    }
    guard vocabulary.count > 0 else { throw .noValues(path: table.path, column: settings.column) }
  }

  /// The rows of a table that have tokens, and these, all of them.
  public func texts(of table: Table) throws(TableFault) -> (inputs: TextSequences, words: [[String]]) {
    var (inputs, words) = (TextSequences(), [[String]]())
    for (row, tokens) in try table.parts(of: settings.column).enumerated() {
      guard let tokens, !tokens.isEmpty else { continue }
      inputs.append(tokens.map(number), unknown: Int32(vocabulary.count), row: row)
      words.append(tokens)
    }
    return (inputs, words)
  }

  private func number(of word: String) -> Int32 {
    guard case .words(let words) = vocabulary else { return Int32(vocabulary.count) }
    return words.number(of: word) ?? Int32(vocabulary.count)
  }

  public func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<TextSequences>] {
    let places = tags.places
    var examples: [Examples<TextSequences>] = []
    for rows in parts {
      var (inputs, labels) = (TextSequences(), TextSequences())
      for row in try Self.rows(of: table, settings, among: rows) {
        var classes: [Int32] = []
        for tag in row.tags.prefix(settings.longest) {
          guard let place = places[ExactText(tag)] else {
            throw .unknownClass(
              path: table.path, row: table.rowNumbers[row.place], column: settings.target, name: tag)
          }
          classes.append(Int32(place))
        }
        inputs.append(
          row.tokens.prefix(settings.longest).map(number), unknown: Int32(vocabulary.count), row: row.place)
        if row.tokens.count > settings.longest { inputs.shortened += 1 }
        labels.append(classes, row: row.place)
      }
      guard inputs.count > 0 else { throw .noRowsLeft(path: table.path, rows: rows.count) }
      examples.append(Examples(inputs, steps: labels))
    }
    return examples
  }

  public func validated() throws(TableFault) -> TaggingPreprocessing {
    try settings.validate()
    guard tags.count > 1, tags.count <= TablePreprocessing.categoryLimit, tags.areDistinct, vocabulary.count > 0,
      vocabulary.unit == .word
    else { throw .unreadablePreprocessing(reason: "the labels or the vocabulary do not fit the task") }
    return self
  }
}
