import AviaryTensors

/// Texts of different lengths as tokens.
public struct TextSequences: ExampleInputs {
  /// Of all texts, one after the other.
  public private(set) var tokens: [Int32] = []
  /// Where each text begins, and where the last one ends.
  private var starts = [0]
  /// The positions in the table of the rows that are here.
  public private(set) var rows: [Int] = []
  /// How many texts are longer than what is read of them.
  public internal(set) var shortened = 0
  /// How many texts have no token that training has seen.
  public private(set) var unknown = 0
  /// What a token is.
  let unit: TextUnit
  /// The texts, where they are changed at random in every epoch.
  var changing: ChangingTexts?

  /// The number of texts.
  public var count: Int { rows.count }

  init(of unit: TextUnit = .word) { self.unit = unit }

  mutating func append(_ text: [Int32], unknown: Int32, row: Int) {
    if text.allSatisfy({ $0 == unknown }) { self.unknown += 1 }
    append(text.isEmpty ? [unknown] : text, row: row)
  }

  /// - Parameter text: at least one token.
  mutating func append(_ text: [Int32], row: Int) {
    tokens += text
    starts.append(tokens.count)
    rows.append(row)
  }

  /// The tokens of the text at a place.
  public subscript(place: Int) -> ArraySlice<Int32> { tokens[starts[place]..<starts[place + 1]] }

  /// The length of the longest text.
  public var longest: Int { zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// The texts at the places given, [N, T], the shorter ones filled up with zeros, and how long each is.
  public func batch(_ places: [Int]) -> (tokens: IntTensor, lengths: [Int]) { batch(places, padding: 0) }

  /// The same, filled up with another number.
  func batch(_ places: [Int], padding: Int32) -> (tokens: IntTensor, lengths: [Int]) {
    let lengths = places.map { starts[$0 + 1] - starts[$0] }
    let longest = lengths.max() ?? 0
    var padded: [Int32] = []
    padded.reserveCapacity(places.count * longest)
    for (place, length) in zip(places, lengths) {
      padded += tokens[starts[place]..<starts[place + 1]]
      padded += repeatElement(padding, count: longest - length)
    }
    return (IntTensor(padded, shape: [places.count, longest]), lengths)
  }

  /// Texts that are cut off, and those that the network can make nothing of.
  public static func remarks(on parts: [TextSequences]) -> [String] {
    let unit = parts.first?.unit ?? .word
    let (all, unknown) = (parts.reduce(0) { $0 + $1.count }, parts.reduce(0) { $0 + $1.unknown })
    return cuts(parts)
      + (unknown > 0
        ? [
          "\(unknown) of \(counted(all, "text")) \(unknown == 1 ? "has" : "have") no \(unit.rawValue) that the network knows"
        ] : [])
  }

  /// - Parameter ends: how many tokens stand at the end of each text that are none of its own.
  static func cuts(_ parts: [TextSequences], ends: Int = 0) -> [String] {
    let shortened = parts.reduce(0) { $0 + $1.shortened }
    guard shortened > 0, let unit = parts.first?.unit, let longest = parts.map(\.longest).max() else { return [] }
    // A text that is cut off has as many tokens as are read.
    return [
      "\(shortened) \(shortened == 1 ? "text is" : "texts are") cut off after \(counted(longest - ends, unit.rawValue))"
    ]
  }

  public static func add(_ parts: [Examples<TextSequences>], to fingerprint: inout DataFingerprint) {
    for part in parts {
      fingerprint.add(part.inputs.tokens)
      fingerprint.add(part.labels)
      if let steps = part.steps { fingerprint.add(steps.tokens) }
    }
  }
}
