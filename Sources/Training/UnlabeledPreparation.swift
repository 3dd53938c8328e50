import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// What of a table is learned without labels.
public enum UnlabeledOptions: Equatable, Sendable {
  /// Columns of a table.
  case columns(ColumnUnitSettings)
  /// Ratings of items by users.
  case ratings(RatingSettings)
  /// Counts of words.
  case words(WordSettings)

  func validate() throws {
    switch self {
    case .columns: break
    case .ratings(let settings): try settings.validate()
    case .words(let settings): try settings.validate()
    }
  }
}

/// How a table became the visible values of a network that learned without labels.
public enum UnlabeledPreparation: Equatable, Sendable {
  /// Columns of a table.
  case columns(ColumnUnits)
  /// Ratings of items by users.
  case ratings(RatingPreparation)
  /// Counts of words.
  case words(WordPreparation)

  func validated() throws(TableFault) -> UnlabeledPreparation {
    switch self {
    case .columns(let units): .columns(try units.validated())
    case .ratings(let preparation): .ratings(try preparation.validated())
    case .words(let preparation): .words(try preparation.validated())
    }
  }

  /// What the visible values are.
  package var visibleParts: [VisiblePart] {
    switch self {
    case .columns(let units): units.parts
    case .ratings(let preparation): [preparation.part]
    case .words(let preparation): [preparation.part]
    }
  }

  /// In words, for faults.
  var description: String {
    switch self {
    case .columns: "columns of a table, without labels"
    case .ratings: "ratings"
    case .words: "counts of words"
    }
  }
}

extension UnlabeledPreparation {
  /// The word for what one row of visible values is.
  package var item: String {
    switch self {
    case .columns: "row"
    case .ratings: "user"
    case .words: "document"
    }
  }

  /// Calls `body` with visible values [N, visible] of a file, a batch at a time, and what each row is called: the number of
  /// its row, or the user.
  ///
  /// - Returns: what a person should know, a line each.
  package func forEachBatch(
    csv path: String, _ body: (_ visible: Tensor, _ names: [String]) throws -> Void
  ) throws -> [String] {
    let (rows, names, remarks) = try visible(csv: path)
    for places in rows.batches() { try body(rows.batch(places), Array(names[places])) }
    return remarks
  }

  private func visible(csv path: String) throws(TableFault) -> (rows: VisibleRows, names: [String], remarks: [String]) {
    switch self {
    case .columns(let units):
      let table = try units.table(csv: path)
      let (values, unknown) = try units.values(of: table)
      return (
        VisibleRows(dense: values, width: units.width), table.rowNumbers.map(String.init),
        table.remarks(on: units.columnNames) + TableFeatures.UnknownCategory.remarks(on: unknown)
      )
    case .ratings(let preparation):
      let ratings = try Ratings(csv: path, preparation.settings)
      let (known, unknown) = try preparation.known(ratings.given, path: path)
      var users: [[RatingPreparation.Known]] = ratings.users.map { _ in [] }
      for rating in known { users[rating.user].append(rating) }
      let lost = unknown > 0 ? ["\(unknown) ratings of items that the network does not know are left out"] : []
      return (preparation.visible(users), ratings.users, ratings.remarks + lost)
    case .words(let preparation):
      let table = try preparation.table(csv: path)
      let documents = try preparation.documents(of: table)
      guard !documents.rows.isEmpty else {
        throw .noWords(path: path, column: preparation.settings.column ?? preparation.words[0])
      }
      let lost = table.rowCount - documents.rows.count
      return (
        documents.rows(width: preparation.words.count), documents.rows.map { "\(table.rowNumbers[$0])" },
        lost > 0 ? ["\(lost) rows without a word of the vocabulary are left out"] : []
      )
    }
  }
}

extension UnlabeledOptions: Codable {
  private enum CodingKeys: String, CodingKey { case columns, ratings, words }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let ratings = try container.decodeIfPresent(RatingSettings.self, forKey: .ratings) {
      self = .ratings(ratings)
    } else if let words = try container.decodeIfPresent(WordSettings.self, forKey: .words) {
      self = .words(words)
    } else {
      self = .columns(try container.decode(ColumnUnitSettings.self, forKey: .columns))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .columns(let settings): try container.encode(settings, forKey: .columns)
    case .ratings(let settings): try container.encode(settings, forKey: .ratings)
    case .words(let settings): try container.encode(settings, forKey: .words)
    }
  }
}

extension UnlabeledPreparation: Codable {
  private enum CodingKeys: String, CodingKey { case columns, ratings, words }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let ratings = try container.decodeIfPresent(RatingPreparation.self, forKey: .ratings) {
      self = .ratings(ratings)
    } else if let words = try container.decodeIfPresent(WordPreparation.self, forKey: .words) {
      self = .words(words)
    } else {
      self = .columns(try container.decode(ColumnUnits.self, forKey: .columns))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .columns(let units): try container.encode(units, forKey: .columns)
    case .ratings(let preparation): try container.encode(preparation, forKey: .ratings)
    case .words(let preparation): try container.encode(preparation, forKey: .words)
    }
  }
}
