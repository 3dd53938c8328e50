import AviaryDatasets
import AviaryLayers

/// What of a table is learned without labels.
public enum UnlabeledOptions: Equatable, Sendable {
  case columns(ColumnUnitSettings)
  case ratings(RatingSettings)
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
  case columns(ColumnUnits)
  case ratings(RatingPreparation)
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
