import AviaryDiagnostics

/// What a text is divided into.
public enum TextUnit: String, Codable, CaseIterable, Sendable {
  /// Unicode scalars.
  case character
  /// Words and marks: see `WordVocabulary.words(of:)`.
  case word
}

/// The tokens that a network knows, in the order of their numbers: characters, or words.
public enum TextVocabulary: Equatable, Sendable {
  /// Characters.
  case characters(CharacterVocabulary)
  /// Words and marks.
  case words(WordVocabulary)

  /// The tokens of texts.
  ///
  /// - Parameter longest: how many tokens of each text are read.
  public init(of texts: some Sequence<String>, by unit: TextUnit, longest: Int = .max) {
    switch unit {
    case .character:
      var read = String.UnicodeScalarView()
      for text in texts { read.append(contentsOf: text.unicodeScalars.prefix(longest)) }
      self = .characters(CharacterVocabulary(of: String(read)))
    case .word:
      self = .words(WordVocabulary(of: texts.lazy.map { WordVocabulary.words(of: $0).prefix(longest) }))
    }
  }

  /// What texts are divided into.
  public var unit: TextUnit {
    switch self {
    case .characters: .character
    case .words: .word
    }
  }

  /// How many tokens there are.
  public var count: Int {
    switch self {
    case .characters(let vocabulary): vocabulary.count
    case .words(let vocabulary): vocabulary.words.count
    }
  }

  /// What a person should know of a vocabulary that has no room for more words; nil of another one.
  package var remark: String? {
    guard case .words(let vocabulary) = self, vocabulary.words.count >= WordVocabulary.limit else { return nil }
    return
      "the vocabulary is full: it has the \(vocabulary.words.count) most frequent words, and all others count as unknown"
  }

  /// The numbers of a text's first tokens, and whether there are more. What the vocabulary does not have is `count`.
  public func encode(_ text: String, longest: Int = .max) -> (tokens: [Int32], isCut: Bool) {
    let unknown = Int32(count)
    switch self {
    case .characters(let vocabulary):
      let characters = text.unicodeScalars
      return (
        characters.prefix(longest).map { vocabulary.number(of: $0) ?? unknown },
        characters.dropFirst(longest).first != nil
      )
    case .words(let vocabulary):
      let words = WordVocabulary.words(of: text)
      return (words.prefix(longest).map { vocabulary.number(of: $0) ?? unknown }, words.count > longest)
    }
  }

  /// The text that tokens stand for; those that the vocabulary does not have are left out. Between words is a space, but for
  /// marks, which stand as in English.
  public func decode(_ tokens: some Sequence<Int32>) -> String {
    let known = tokens.filter { (0..<Int32(count)).contains($0) }
    switch self {
    case .characters(let vocabulary): return vocabulary.decode(known)
    case .words(let vocabulary): return WordVocabulary.text(of: known.map { vocabulary.words[Int($0)] })
    }
  }
}

extension TextVocabulary: Codable {
  /// Characters are one string, and words are an array of strings.
  public init(from decoder: any Decoder) throws {
    if let words = try? decoder.singleValueContainer().decode([String].self) {
      guard let vocabulary = WordVocabulary(words: words) else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "a word of the vocabulary is empty, or there twice"))
      }
      self = .words(vocabulary)
    } else {
      self = .characters(try CharacterVocabulary(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .characters(let vocabulary): try vocabulary.encode(to: encoder)
    case .words(let vocabulary):
      var container = encoder.singleValueContainer()
      try container.encode(vocabulary.words)
    }
  }
}

/// The words that a network knows. They are told apart byte by byte.
public struct WordVocabulary: Equatable, Sendable {
  /// The most frequent one first; of equally frequent ones, in the order of their bytes.
  public let words: [String]
  private let numbers: [ExactText: Int32]

  /// How many words a vocabulary has at most: the most frequent ones.
  public static let limit = 30_000

  /// The words of texts.
  public init(of texts: some Sequence<some Sequence<String>>) {
    var counts: [ExactText: Int] = [:]
    for text in texts {
      for word in text { counts[ExactText(word), default: 0] += 1 }
    }
    let ordered = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    self.init(distinct: ordered.prefix(Self.limit).map(\.key.text))
  }

  /// From a file; nil if a word is empty, or there twice.
  public init?(words: [String]) {
    guard words.areDistinct, !words.contains("") else { return nil }
    self.init(distinct: words)
  }

  private init(distinct words: [String]) {
    self.words = words
    numbers = Dictionary(zip(words.map { ExactText($0) }, 0...), uniquingKeysWith: { first, _ in first })
  }

  /// The number of a word; nil of one that is not known.
  public func number(of word: String) -> Int32? { numbers[ExactText(word)] }

  /// The words of a text: letters and digits stay together, with apostrophes between
  /// them and points within numbers, every other mark is a word of its own, and
  /// spaces only divide.
  public static func words(of text: String) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func end() {
      if !word.isEmpty { words.append(String(word)) }
      word = String.UnicodeScalarView()
    }
    let scalars = Array(text.unicodeScalars)
    for (place, scalar) in scalars.enumerated() {
      if belongs(scalar)
        || place > 0 && place + 1 < scalars.count && joins(scalar, scalars[place - 1], scalars[place + 1])
      {
        word.append(scalar)
      } else {
        end()
        if !scalar.properties.isWhitespace { words.append(String(scalar)) }
      }
    }
    end()
    return words
  }

  /// Words as a text: no space before marks that end something, none after those that begin it.
  static func text(of words: [String]) -> String {
    var text = ""
    for word in words {
      let closes = [".", ",", "!", "?", ";", ":", ")", "]", "}", "%"].contains(word)
      let isOpen = text.last.map { "([{¿¡".contains($0) } ?? true
      text += (closes || isOpen ? "" : " ") + word
    }
    return text
  }

  private static func belongs(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    if properties.isAlphabetic { return true }
    switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark,
      .connectorPunctuation:
      return true
    default: return false
    }
  }

  /// Whether a mark between two characters belongs to their word: an apostrophe between letters, a point in a number.
  private static func joins(_ mark: Unicode.Scalar, _ before: Unicode.Scalar, _ after: Unicode.Scalar) -> Bool {
    switch mark {
    case "'", "\u{2019}": belongs(before) && belongs(after)
    case ".", ",": before.properties.numericType != nil && after.properties.numericType != nil
    default: false
    }
  }
}
