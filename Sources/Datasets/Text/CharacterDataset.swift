import AviaryTensors

/// Texts of different lengths as tokens.
public struct CharacterSequences: Equatable, Sendable {
  /// Of all texts, one after the other.
  public private(set) var tokens: [Int32] = []
  /// Where each text begins, and where the last one ends.
  private var starts = [0]
  /// The positions in the table of the rows that are here.
  public private(set) var rows: [Int] = []
  /// How many texts are longer than what is read of them.
  public internal(set) var shortened = 0

  public var count: Int { rows.count }

  mutating func append(_ text: [Int32], unknown: Int32, row: Int) {
    tokens += text.isEmpty ? [unknown] : text
    starts.append(tokens.count)
    rows.append(row)
  }

  /// The length of the longest text.
  public var longest: Int { zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// The texts at the places given, [N, T], the shorter ones filled up with zeros, and how long each is.
  public func batch(_ places: [Int]) -> (tokens: IntTensor, lengths: [Int]) {
    let lengths = places.map { starts[$0 + 1] - starts[$0] }
    let longest = lengths.max() ?? 0
    var padded: [Int32] = []
    padded.reserveCapacity(places.count * longest)
    for (place, length) in zip(places, lengths) {
      padded += tokens[starts[place]..<starts[place + 1]]
      padded += repeatElement(0, count: longest - length)
    }
    return (IntTensor(padded, shape: [places.count, longest]), lengths)
  }
}

/// Texts to learn from, or to be judged by, with their classes.
public struct CharacterPart: Equatable, Sendable {
  public var texts: CharacterSequences
  public var labels: [Int32]

  public var count: Int { labels.count }
}

/// The texts of a table in parts, stratified by class, as tokens that the training rows define.
public struct CharacterDataset: Sendable {
  public let preprocessing: CharacterPreprocessing
  public let training: CharacterPart
  public let validation: CharacterPart?
  public let test: CharacterPart?
  /// The number of rows left out because their class or their text is missing.
  public let skipped: Int

  /// - Parameters:
  ///   - known: the vocabulary that a network knows already.
  ///   - validation: the share of rows held out for validation, 0 for none.
  ///   - test: the share held out for the test, 0 for none.
  public init(
    _ table: Table, _ settings: CharacterSettings, keeping known: CharacterVocabulary? = nil, validation: Double = 0.1,
    test: Double = 0, seed: UInt64
  ) throws(TableFault) {
    try settings.validate()
    let target = try table.column(settings.target)
    let texts = try CharacterPreprocessing.texts(of: table, settings.column)
    guard texts.contains(where: { $0 != nil }) else {
      throw .noTextAnywhere(path: table.path, column: settings.column)
    }
    let rows = (0..<table.rowCount).filter { !target.values.isMissing($0) && texts[$0] != nil }
    let split = try TableSplit(
      of: table, rows, by: target, validation: validation, test: test, seed: seed)
    let fitted = try CharacterPreprocessing(
      fitting: table, rows: split.training, settings, keeping: known)
    preprocessing = fitted
    (training, self.validation, self.test) = try split.parts { (rows) throws(TableFault) in
      try fitted.part(of: table, rows: rows)
    }
    skipped = table.rowCount - rows.count
  }
}
