import AviaryDiagnostics
import AviaryKernels
import AviaryTensors

/// Random changes of the words of training texts (Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance
/// on Text Classification Tasks", 2019). Each time a text is read it is left as it is, or changed in one of the ways that are
/// on, all equally likely. Words are what stands between spaces.
public struct TextAugmentation: Codable, Equatable, Sendable {
  /// The share of the words whose places are swapped with those of others; nil for off.
  public var swap: Double?
  /// The probability that a word is left out; nil for off. A text keeps at least one word.
  public var deletion: Double?
  /// A synonym of so many of a text's words, as a share of them, is inserted at random places; nil for off.
  public var insertion: Double?
  /// The share of the words that synonyms take the places of; nil for off.
  public var replacement: Double?
  /// Words that mean the same.
  public var synonyms: [[String]]

  /// Changes of words; those whose share is nil are off.
  public init(
    swap: Double? = nil, deletion: Double? = nil, insertion: Double? = nil, replacement: Double? = nil,
    synonyms: [[String]] = []
  ) {
    self.swap = swap
    self.deletion = deletion
    self.insertion = insertion
    self.replacement = replacement
    self.synonyms = synonyms
  }

  /// Refuses changes that cannot be made.
  ///
  /// - Throws: where a share is not above 0 and at most 1, or synonyms are asked for and none are given.
  public func validate() throws(TableFault) {
    for (name, share) in [
      ("share of swapped words", swap), ("share of deleted words", deletion), ("share of inserted words", insertion),
      ("share of replaced words", replacement),
    ] {
      guard let share else { continue }
      guard share > 0, share <= 1 else {
        throw .invalidSetting(name: name, value: "\(share)", allowed: "above 0 and at most 1")
      }
    }
    if insertion != nil || replacement != nil, synonyms.isEmpty {
      throw .invalidSetting(name: "synonyms", value: "none", allowed: "words, for inserting and replacing them")
    }
  }

  /// Words that mean the same, from a text with a group of them in each line, divided by commas or tabs; lines of one word, and
  /// those that begin with #, are passed over.
  public static func groups(in text: String) -> [[String]] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      guard !line.hasPrefix("#") else { return nil }
      let words = line.split { $0 == "," || $0 == "\t" }.map { trimmed(String($0)) }.filter { !$0.isEmpty }
      return words.count > 1 ? words : nil
    }
  }
}

/// A text augmentation with what it looks up.
struct TextChanges {
  private let augmentation: TextAugmentation
  /// The groups of synonyms that a word is in; words are in lower case.
  private var groups: [String: [Int]] = [:]

  init(_ augmentation: TextAugmentation) {
    self.augmentation = augmentation
    for (number, group) in augmentation.synonyms.enumerated() {
      for word in group { groups[word.lowercased(), default: []].append(number) }
    }
  }

  /// The text, or another one.
  func changed(_ text: String, using random: inout RandomStream) -> String {
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard !words.isEmpty else { return text }
    let place = random.integer(below: ways.count + 1)
    guard place > 0 else { return text }
    let (way, share) = ways[place - 1]
    let count = max(1, Int(share * Double(words.count)))
    let changed =
      switch way {
      case .swap: Self.swapped(words, count: count, &random)
      case .deletion: Self.thinned(words, probability: share, &random)
      case .insertion: inserted(words, count: count, &random)
      case .replacement: replaced(words, count: count, &random)
      }
    return changed.joined(separator: " ")
  }

  private enum Way { case swap, deletion, insertion, replacement }

  /// The ways that are on, with their shares.
  private var ways: [(Way, Double)] {
    let all: [(Way, Double?)] = [
      (.swap, augmentation.swap), (.deletion, augmentation.deletion), (.insertion, augmentation.insertion),
      (.replacement, augmentation.replacement),
    ]
    return all.compactMap { way, share in share.map { (way, $0) } }
  }

  /// `count` times two words change places.
  static func swapped(_ words: [String], count: Int, _ random: inout RandomStream) -> [String] {
    guard words.count > 1 else { return words }
    var result = words
    for _ in 0..<count {
      let first = random.integer(below: words.count)
      let other = random.integer(below: words.count - 1)
      result.swapAt(first, other < first ? other : other + 1)
    }
    return result
  }

  /// Each word is left out with a probability; if none is left, one of them stays.
  static func thinned(_ words: [String], probability: Double, _ random: inout RandomStream) -> [String] {
    guard words.count > 1 else { return words }
    let kept = words.filter { _ in Double(random.uniform()) >= probability }
    return kept.isEmpty ? [words[random.integer(below: words.count)]] : kept
  }

  /// `count` times a synonym of a random word is inserted at a random place. Ten tries have to find a word that has one.
  func inserted(_ words: [String], count: Int, _ random: inout RandomStream) -> [String] {
    var result = words
    for _ in 0..<count {
      let known = result.map(synonyms(of:)).filter { !$0.isEmpty }
      if known.isEmpty { break }
      let synonyms = known[random.integer(below: known.count)]
      result.insert(synonyms[random.integer(below: synonyms.count)], at: random.integer(below: result.count))
    }
    return result
  }

  /// Up to `count` different words, wherever they stand, are replaced by one of their synonyms each.
  func replaced(_ words: [String], count: Int, _ random: inout RandomStream) -> [String] {
    let different = words.distinct
    var result = words
    var left = count
    for place in random.permutation(different.count) where left > 0 {
      let known = synonyms(of: different[place])
      guard !known.isEmpty else { continue }
      let synonym = known[random.integer(below: known.count)]
      result = result.map { $0.isExactly(different[place]) ? synonym : $0 }
      left -= 1
    }
    return result
  }

  /// In the order of the groups, each once.
  private func synonyms(of word: String) -> [String] {
    let word = word.lowercased()
    var known = ExactSet([word])
    return (groups[word] ?? []).flatMap { augmentation.synonyms[$0] }.filter {
      $0.lowercased() != word && known.insert($0)
    }
  }
}

/// The texts that token sequences were made of, to be changed at random in every epoch.
struct ChangingTexts: Equatable, Sendable {
  let texts: [String]
  let vocabulary: TextVocabulary
  let longest: Int
  let augmentation: TextAugmentation
  let seed: UInt64
  /// The epoch whose changes the sequences have; nil before the first.
  var epoch: Int?

  /// The tokens of a text as it is changed where it comes once more in an epoch, or for the first time.
  ///
  /// - Parameter draw: how many times it came before in the epoch.
  func tokens(_ place: Int, epoch: Int, draw: Int, by changes: TextChanges) -> [Int32] {
    var random = RandomStream(
      seed: seed, purpose: "text augmentation", path: draw == 0 ? "\(place)" : "\(place), \(draw)", step: UInt64(epoch))
    return vocabulary.encode(changes.changed(texts[place], using: &random), longest: longest).tokens
  }
}

extension TextSequences {
  /// The texts as an epoch has them: changed at random, where that is asked for. A text's changes depend on the seed, its
  /// place, the epoch and how many times it came before in it, on nothing else.
  public func inEpoch(_ epoch: Int) -> TextSequences {
    guard var changing else { return self }
    let changes = TextChanges(changing.augmentation)
    var result = TextSequences(of: unit)
    for place in changing.texts.indices {
      result.append(
        changing.tokens(place, epoch: epoch, draw: 0, by: changes), unknown: Int32(changing.vocabulary.count),
        row: rows[place])
    }
    changing.epoch = epoch
    result.changing = changing
    return result
  }

  public func batch(_ places: [Int], draws: [Int]) -> (tokens: IntTensor, lengths: [Int]) {
    guard let changing, let epoch = changing.epoch, draws.contains(where: { $0 > 0 }) else { return batch(places) }
    let changes = TextChanges(changing.augmentation)
    var chosen = TextSequences(of: unit)
    for (place, draw) in zip(places, draws) {
      if draw == 0 {
        chosen.append(Array(self[place]), row: rows[place])
      } else {
        chosen.append(
          changing.tokens(place, epoch: epoch, draw: draw, by: changes), unknown: Int32(changing.vocabulary.count),
          row: rows[place])
      }
    }
    return chosen.batch(Array(places.indices))
  }
}

extension TextColumnPreprocessing {
  /// Training texts that are changed at random in every epoch.
  ///
  /// - Parameters:
  ///   - examples: of rows of the table.
  ///   - seed: of the changes.
  public func changing(
    _ examples: Examples<TextSequences>, of table: Table, by augmentation: TextAugmentation, seed: UInt64
  ) throws(TableFault) -> Examples<TextSequences> {
    try augmentation.validate()
    let texts = try Self.texts(of: table, settings.column)
    var result = examples
    result.inputs.changing = ChangingTexts(
      texts: examples.inputs.rows.map { texts[$0] ?? "" }, vocabulary: vocabulary, longest: settings.longest,
      augmentation: augmentation, seed: seed)
    return result
  }
}
