// The words of a layer that looks words up, and their indices.

import AviaryCheckpoints
import AviaryDiagnostics

/// Words in the order of their indices, after those of the mask and of unknown words.
struct KerasVocabulary: Codable, Equatable, Sendable {
  /// Without those that stand for something else; whole numbers in decimal notation where `isNumeric`.
  var words: [String]
  /// Whether the words are whole numbers.
  var isNumeric: Bool
  /// The word that is left out, or is index 0 where indices are put out.
  var mask: String?
  /// How many indices unknown words share; each has one of them by its hash, or a number by its remainder.
  var unknown: Int
  var hash: StringHash?

  /// No real vocabulary has more words.
  static let mostWords = 1 << 24
  /// Larger whole numbers cannot all be told apart as Float.
  private static let exact: Int64 = 1 << 24

  /// The first index of a word.
  ///
  /// - Parameter puts: whether indices are put out.
  func first(_ puts: KerasCategories.Mode) -> Int { (puts == .index && mask != nil ? 1 : 0) + unknown }

  func check() throws(ShapeFault) {
    try require((1...Self.mostWords).contains(words.count), "it has no vocabulary, or one of too many words")
    try require("num_oov_indices", unknown, in: 0...Self.mostWords)
    guard isNumeric else { return }
    for word in words + [mask].compactMap({ $0 }) {
      guard let number = Int64(word) else { throw ShapeFault("'\(word)' of its vocabulary is not a whole number") }
      try require(
        (-Self.exact...Self.exact).contains(number),
        "\(word) of its vocabulary is too large to be told from its neighbours as a 32-bit float; look such numbers up as texts"
      )
    }
  }
}

/// A vocabulary at work.
struct KerasWordIndex {
  private let places: [ExactText: Int]
  private let vocabulary: KerasVocabulary
  private let puts: KerasCategories.Mode
  private let masked: ExactText?

  init(_ vocabulary: KerasVocabulary, _ puts: KerasCategories.Mode) {
    self.vocabulary = vocabulary
    self.puts = puts
    masked = vocabulary.mask.map(ExactText.init)
    let first = vocabulary.first(puts)
    places = Dictionary(
      zip(vocabulary.words.map(ExactText.init), first...), uniquingKeysWith: { first, _ in first })
  }

  /// The index of a word; −1 for one that is left out, and not a number for one that has none.
  subscript(word: [UInt8]) -> Float {
    let text = ExactText(String(decoding: word, as: UTF8.self))
    if text == masked { return puts == .index ? 0 : -1 }
    if let place = places[text] { return Float(place) }
    return unknown { (vocabulary.hash ?? .farm).bucket(of: word, among: vocabulary.unknown) }
  }

  /// The same of a number.
  subscript(number: Float) -> Float {
    guard let whole = Int64(exactly: number.rounded(.towardZero)) else { return .nan }
    let digits = String(whole)
    let text = ExactText(digits)
    if text == masked { return puts == .index ? 0 : -1 }
    if let place = places[text] { return Float(place) }
    return unknown {
      if let hash = vocabulary.hash { return hash.bucket(of: Array(digits.utf8), among: vocabulary.unknown) }
      let rest = Int(whole % Int64(vocabulary.unknown))
      return rest < 0 ? rest + vocabulary.unknown : rest
    }
  }

  private func unknown(_ bucket: () -> Int) -> Float {
    let first = vocabulary.first(puts) - vocabulary.unknown
    switch vocabulary.unknown {
    case 0: return .nan
    case 1: return Float(first)
    default: return Float(first + bucket())
    }
  }
}

extension KerasLayerDescription {
  /// The vocabulary in the layer's configuration, or that which the file keeps apart, and the weights of `tf_idf`.
  ///
  /// - Parameter mask: of a layer that does not say.
  func vocabulary(
    mask: String? = nil, isNumeric: Bool, _ puts: KerasCategories.Mode
  ) throws(KerasModelFault) -> (vocabulary: KerasVocabulary, weights: [Float]?) {
    if try flag("invert", default: false) {
      throw unsupported("invert=True, which makes words of numbers, is not supported")
    }
    var result = KerasVocabulary(
      words: [], isNumeric: isNumeric, mask: try token("mask_token") ?? mask,
      unknown: try integer("num_oov_indices") ?? 1, hash: nil)
    if let salt = setting("salt") { result.hash = try stringHash(salt) }
    if isNumeric, result.hash == nil, try word("oov_method") == "farmhash" { result.hash = .farm }
    if let encoding = try word("encoding"), !["utf-8", "utf8"].contains(encoding.lowercased()) {
      throw unsupported("encoding '\(encoding)' is not supported")
    }
    let given = try words()
    let special =
      Array(repeating: result.mask, count: result.first(puts) - result.unknown)
      + Array(repeating: try token("oov_token") ?? (isNumeric ? "-1" : "[UNK]"), count: max(0, result.unknown))
    let hasSpecial =
      given.count >= special.count && zip(given, special).allSatisfy { word, token in token?.isExactly(word) ?? false }
    result.words = Array(given.dropFirst(hasSpecial ? special.count : 0))
    guard Set(result.words.map(ExactText.init)).count == result.words.count else {
      throw unsupported("a word stands twice in its vocabulary")
    }
    guard puts == .weighted else { return (result, nil) }
    return (result, try inverseFrequencies(words: given.count, hasSpecial ? 0 : special.count))
  }

  private func text(of value: JSONValue?) -> String? { value?.text ?? value?.integer.map(String.init) }

  /// The words as they stand in the configuration or in `vocabulary.txt`.
  private func words() throws(KerasModelFault) -> [String] {
    guard let given = setting("vocabulary") else {
      if let vocabulary { return Self.lines(vocabulary) }
      throw unsupported(
        "its vocabulary is not in the file: what adapt() has learned is stored in .keras files only; save the model as .keras, or give the layer its vocabulary=[…] in Keras"
      )
    }
    if let file = given.text {
      throw unsupported(
        "its vocabulary is in the file '\(file.prefix(200))', which is not part of the model; save the model in Keras with vocabulary=[…]"
      )
    }
    let list = (given["config"]?["value"] ?? given).elements ?? []
    let words = list.compactMap { text(of: $0) ?? $0.double.flatMap { Int(exactly: $0) }.map(String.init) }
    guard words.count == list.count, !words.isEmpty else {
      throw unsupported("its vocabulary is not a list of words or whole numbers")
    }
    return words
  }

  /// Lines as Python splits them, without empty ones at the end.
  private static func lines(_ text: String) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var last: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0a where last == "\r": break
      case 0x0a...0x0d, 0x1c...0x1e, 0x85, 0x2028, 0x2029:
        lines.append(String(line))
        line = String.UnicodeScalarView()
      default: line.append(scalar)
      }
      last = scalar
    }
    if !line.isEmpty { lines.append(String(line)) }
    while lines.last?.isEmpty ?? false { lines.removeLast() }
    return lines
  }

  /// What counts are multiplied by.
  ///
  /// - Parameters:
  ///   - words: how many the vocabulary has.
  ///   - missing: how many indices come before them.
  private func inverseFrequencies(words: Int, _ missing: Int) throws(KerasModelFault) -> [Float] {
    if let idfWeights { return idfWeights }
    guard let given = setting("idf_weights") else { throw unsupported("its idf_weights are not in the file") }
    let list = (given["config"]?["value"] ?? given).elements?.compactMap(\.double) ?? []
    guard list.count == words else {
      throw unsupported("\(list.count) idf_weights do not go with a vocabulary of \(words) words")
    }
    let mean = list.reduce(0, +) / Double(max(1, list.count))
    return Array(repeating: Float(mean), count: missing) + list.map { Float($0) }
  }

  /// SipHash by a key of two numbers, or of one that is both.
  func stringHash(_ salt: JSONValue) throws(KerasModelFault) -> StringHash {
    let key = salt.integer.map { [$0, $0] } ?? salt.elements?.compactMap(\.integer) ?? []
    guard key.count == 2 else { throw unsupported("its salt is not a number or two") }
    return .sip(UInt64(bitPattern: Int64(key[0])), UInt64(bitPattern: Int64(key[1])))
  }
}
