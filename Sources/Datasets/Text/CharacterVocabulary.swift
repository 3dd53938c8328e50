import AviaryDiagnostics

/// The characters that a language model knows, in the order of their numbers.
///
/// Characters are Unicode scalars, as in other languages' `sorted(set(text))`: what a reader takes for one character may
/// be several, and every text is some sequence of them.
public struct CharacterVocabulary: Sendable, Equatable {
  /// In ascending order, each once.
  public let characters: [Unicode.Scalar]
  private let numbers: [Unicode.Scalar: Int32]

  /// The characters of a text.
  public init(of text: String) {
    self.init(ascending: Set(text.unicodeScalars).sorted())
  }

  /// The characters that a checkpoint has kept as the names of its classes.
  public init(names: [String]) throws(TextFault) {
    var characters: [Unicode.Scalar] = []
    for name in names {
      guard let character = name.unicodeScalars.first, name.unicodeScalars.count == 1 else {
        throw .badVocabulary(reason: "'\(name)' is not one character")
      }
      if let last = characters.last, last >= character {
        throw .badVocabulary(
          reason: "\(Self.shown(last)) before \(Self.shown(character)): characters are in ascending order, each once")
      }
      characters.append(character)
    }
    if characters.isEmpty { throw .badVocabulary(reason: "it has no characters") }
    self.init(ascending: characters)
  }

  private init(ascending characters: [Unicode.Scalar]) {
    self.characters = characters
    numbers = Dictionary(uniqueKeysWithValues: zip(characters, 0...))
  }

  /// How many characters there are.
  public var count: Int { characters.count }

  /// The characters as names of classes, for a checkpoint.
  public var names: [String] { characters.map { String(Character($0)) } }

  /// The number of a character; nil of one that is not known.
  func number(of character: Unicode.Scalar) -> Int32? { numbers[character] }

  /// The number of every character of a text.
  public func encode(_ text: String) throws(TextFault) -> [Int32] {
    var tokens: [Int32] = []
    tokens.reserveCapacity(text.utf8.count)
    for character in text.unicodeScalars {
      guard let number = numbers[character] else {
        throw .unknownCharacter(character: Self.shown(character), position: tokens.count)
      }
      tokens.append(number)
    }
    return tokens
  }

  /// The text that numbers stand for.
  ///
  /// - Precondition: every number is below `count`.
  public func decode(_ tokens: some Sequence<Int32>) -> String {
    var text = String.UnicodeScalarView()
    for token in tokens {
      ensure(
        characters.indices.contains(Int(token)), "decode: token \(token) is outside of 0..<\(count)")
      text.append(characters[Int(token)])
    }
    return String(text)
  }

  /// A character in messages, with its number in Unicode: control characters would not be seen.
  private static func shown(_ character: Unicode.Scalar) -> String {
    let code = String(character.value, radix: 16, uppercase: true)
    let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
    return character.properties.isWhitespace || character.value < 32 || character.value == 127
      ? name : "'\(character)' (\(name))"
  }
}

extension CharacterVocabulary: Codable {
  /// From one string of all characters.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    do throws(TextFault) {
      try self.init(names: text.unicodeScalars.map { String(Character($0)) })
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(decode(0..<Int32(count)))
  }
}
