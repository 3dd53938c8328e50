import AviaryDiagnostics

/// Which words of a table a network counts.
public struct WordSettings: Codable, Equatable, Sendable {
  /// The column of the texts; nil where the columns are the words, and the fields their counts.
  public var column: String?
  /// Columns of counts that are no words.
  public var excluded: [String]
  /// The most words of the vocabulary: the most frequent ones.
  public var vocabulary: Int

  /// The most words that are counted.
  public static let limit = 100_000

  /// Settings for counting the words of a column, or for a table of counts.
  public init(column: String?, excluded: [String] = [], vocabulary: Int = 2000) {
    self.column = column
    self.excluded = excluded
    self.vocabulary = vocabulary
  }

  /// Refuses settings that no table can be prepared with.
  public func validate() throws(TableFault) {
    guard (2...Self.limit).contains(vocabulary) else {
      throw .invalidSetting(name: "vocabulary", value: "\(vocabulary)", allowed: "2 to \(Self.limit)")
    }
  }
}

/// Documents as counts of the words of a vocabulary.
public struct Documents: Equatable, Sendable {
  /// How often a word occurs in a document.
  public struct Count: Equatable, Sendable {
    /// The place of the word in the vocabulary.
    public let word: Int
    /// How often it occurs.
    public let times: Int

    /// A word and how often it occurs.
    public init(word: Int, times: Int) {
      self.word = word
      self.times = times
    }
  }

  /// The words that occur in each, by their place in the vocabulary.
  public internal(set) var counts: [[Count]]
  /// The positions in the table of the rows that are here: those without a known word are left out.
  public internal(set) var rows: [Int]

  /// Documents by the counts of their words.
  public init(counts: [[Count]] = [], rows: [Int] = []) {
    self.counts = counts
    self.rows = rows
  }

  /// Adds a document.
  public mutating func append(_ counts: [Count], row: Int) {
    self.counts.append(counts)
    rows.append(row)
  }

  /// The number of words in all.
  public var words: Int { counts.reduce(0) { $0 + $1.reduce(0) { $0 + $1.times } } }
}

/// How texts, or a table of counts, become the visible values of a network that learns without labels (Salakhutdinov &
/// Hinton, 2009): how often each word of a vocabulary occurs in a document.
///
/// Words are runs of letters and digits, with apostrophes inside, in small letters.
public struct WordPreparation: Codable, Equatable, Sendable {
  /// What was asked for.
  public internal(set) var settings: WordSettings
  /// The vocabulary: from texts the most frequent word first, else in the order of the columns.
  public internal(set) var words: [String]
  /// Which share of all training words each is.
  public internal(set) var shares: [Double]

  /// The most words of a document that count.
  static let longest = 1_000_000

  /// Fits to the training rows.
  public init(fitting table: Table, rows: [Int], _ settings: WordSettings) throws(TableFault) {
    try settings.validate()
    self.settings = settings
    shares = []
    if let column = settings.column {
      var counts: [ExactText: Int] = [:]
      for text in try TextColumnPreprocessing.texts(of: table, column, rows) {
        for word in Self.words(of: text) { counts[ExactText(word), default: 0] += 1 }
      }
      let order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      words = order.prefix(settings.vocabulary).map(\.key.text)
    } else {
      for name in settings.excluded where table[name] == nil {
        throw .noColumn(path: table.path, name: name, columns: table.names)
      }
      words = table.names.filter { !settings.excluded.holds($0) }
    }
    guard words.count > 1 else { throw .noWords(path: table.path, column: settings.column ?? words.first ?? "") }
    let documents = try documents(of: table, rows: rows)
    var totals = words.map { _ in 0.0 }
    for count in documents.counts.joined() { totals[count.word] += Double(count.times) }
    let sum = totals.reduce(0, +)
    // A word that the training rows lack has a chance, too.
    shares = totals.map { ($0 + 0.5) / (sum + 0.5 * Double(totals.count)) }
  }

  /// The words of a text, in their order.
  public static func words(of text: String) -> [String] {
    var words: [String] = []
    var word = ""
    func isApostrophe(_ character: Character) -> Bool { character == "'" || character == "\u{2019}" }
    func finish() {
      while let last = word.last, isApostrophe(last) { word.removeLast() }
      if !word.isEmpty { words.append(word.lowercased()) }
      word = ""
    }
    for character in text {
      if character.isLetter || character.isNumber {
        word.append(character)
      } else if isApostrophe(character), !word.isEmpty {
        word.append("'")
      } else {
        finish()
      }
    }
    finish()
    return words
  }

  /// Reads a file whose columns hold what they held in training.
  public func table(csv path: String) throws(TableFault) -> Table {
    try Self.table(csv: path, settings)
  }

  /// Reads a table as these settings ask for.
  public static func table(csv path: String, _ settings: WordSettings) throws(TableFault) -> Table {
    guard let column = settings.column else { return try Table(csv: path) }
    return try Table(csv: path, kinds: [column: .categorical])
  }

  /// The documents of rows that have a known word.
  public func documents(of table: Table, rows: [Int]? = nil) throws(TableFault) -> Documents {
    let rows = rows ?? Array(0..<table.rowCount)
    var found = Documents(counts: [], rows: [])
    func add(_ counts: [Documents.Count], _ row: Int) {
      guard !counts.isEmpty else { return }
      found.append(counts, row: row)
    }
    if let column = settings.column {
      let places = words.places
      for (row, text) in zip(rows, try TextColumnPreprocessing.texts(of: table, column, rows)) {
        var counts: [Int: Int] = [:]
        for word in Self.words(of: text) {
          if let place = places[ExactText(word)] { counts[place, default: 0] += 1 }
        }
        add(counts.sorted { $0.key < $1.key }.map { .init(word: $0.key, times: $0.value) }, row)
      }
      return found
    }
    var columns: [[Double?]] = []
    for word in words {
      guard case .numeric(let values) = try table.column(word).values else {
        throw .notNumeric(path: table.path, column: word)
      }
      columns.append(values)
    }
    for row in rows {
      var (counts, total): ([Documents.Count], Int) = ([], 0)
      for (word, values) in columns.enumerated() {
        // A field that is empty is a word that does not occur.
        let value = values[row] ?? 0
        guard let times = Int(exactly: value), times >= 0, times <= Self.longest, total + times <= Self.longest else {
          throw .valueNotAllowed(
            path: table.path, row: table.rowNumbers[row], column: words[word],
            value: TablePreprocessing.className(value),
            allowed: "a count from 0 to \(Self.longest); exclude columns that count no words")
        }
        total += times
        if times > 0 { counts.append(.init(word: word, times: times)) }
      }
      add(counts, row)
    }
    return found
  }

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  public func validated() throws(TableFault) -> WordPreparation {
    try settings.validate()
    guard words.count > 1, words.areDistinct, shares.count == words.count,
      shares.allSatisfy({ $0 > 0 && $0 <= 1 })
    else { throw .unreadablePreprocessing(reason: "the words and their shares contradict each other") }
    return self
  }
}

extension TextColumnPreprocessing {
  /// The texts of rows; empty where one is missing.
  fileprivate static func texts(of table: Table, _ column: String, _ rows: [Int]) throws(TableFault) -> [String] {
    let texts = try texts(of: table, column)
    return rows.map { texts[$0] ?? "" }
  }
}
