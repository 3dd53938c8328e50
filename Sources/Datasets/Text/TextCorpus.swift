import AviaryArchives

/// A text as numbers, its last part held out.
public struct TextCorpus: Sendable {
  /// The characters of the text.
  public let vocabulary: CharacterVocabulary
  /// The symbols of the training part.
  public let training: [Int32]
  /// The end of the text, on which nothing is trained.
  public let heldOut: [Int32]

  /// The most bytes of a file that are read.
  public static let mostBytes = 1 << 30

  /// Reads a file in UTF-8, or in UTF-16 with its byte order mark.
  ///
  /// - Parameters:
  ///   - vocabulary: the characters that a model knows already; nil for those of the text.
  ///   - fraction: how much of the text is held out, in [0, 1).
  ///   - limit: the most bytes that are read.
  public init(
    path: String, vocabulary: CharacterVocabulary? = nil, holdingOut fraction: Double = 0.1,
    limit: Int = TextCorpus.mostBytes
  ) throws(TextFault) {
    try self.init(
      text: Self.text(path: path, limit: limit), vocabulary: vocabulary, holdingOut: fraction, path: path)
  }

  /// The same with a text in memory.
  ///
  /// - Parameter path: where the text comes from, for faults.
  public init(
    text: String, vocabulary: CharacterVocabulary? = nil, holdingOut fraction: Double = 0.1, path: String = "text"
  ) throws(TextFault) {
    guard (0..<1).contains(fraction) else {
      throw .outOfRange(name: "the fraction held out", value: "\(fraction)", allowed: "in [0, 1)")
    }
    guard !text.isEmpty else { throw .tooShort(path: path, characters: 0, needed: 1) }
    let vocabulary = vocabulary ?? CharacterVocabulary(of: text)
    let tokens = try vocabulary.encode(text)
    let kept = tokens.count - Int((Double(tokens.count) * fraction).rounded())
    self.vocabulary = vocabulary
    training = Array(tokens[..<kept])
    heldOut = Array(tokens[kept...])
  }

  private static func text(path: String, limit: Int) throws(TextFault) -> String {
    let bytes: ByteRegion
    do throws(ArchiveFault) { bytes = try MappedFile(path: path).bytes } catch { throw .unreadable(error) }
    guard bytes.count <= limit else { throw .tooLarge(path: path, bytes: bytes.count, limit: limit) }
    let units = TextEncoding.utf8(bytes.array()).bytes
    guard let text = String(validating: units, as: UTF8.self) else {
      throw .notUTF8(path: path, byte: firstFault(in: units))
    }
    return text
  }

  /// Where the first byte lies that belongs to no character.
  private static func firstFault(in bytes: [UInt8]) -> Int {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var read = 0
    while case .scalarValue(let character) = decoder.decode(&iterator) { read += UTF8.width(character) }
    return read
  }
}
