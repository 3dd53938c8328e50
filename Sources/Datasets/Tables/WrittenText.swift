import AviaryDiagnostics
import AviaryTensors

/// The texts that a network learns to write, as tokens, of which two more stand for what training has not seen and for the
/// end. The end also stands before the first token.
public struct WrittenText: Codable, Equatable, Sendable {
  /// The symbols of the texts.
  public internal(set) var vocabulary: TextVocabulary
  /// The most tokens of a text in training, without the end: no more are written.
  public internal(set) var longest: Int

  /// What stands for tokens that training has not seen. It is not written.
  public var unknown: Int32 { Int32(vocabulary.count) }
  /// The end.
  public var end: Int32 { Int32(vocabulary.count + 1) }
  /// How many different tokens there are.
  public var symbols: Int { vocabulary.count + 2 }

  /// - Parameter limit: how many tokens of a text are read.
  init(of texts: [String], by unit: TextUnit, limit: Int) {
    let vocabulary = TextVocabulary(of: texts, by: unit, longest: limit)
    self.vocabulary = vocabulary
    longest = texts.map { vocabulary.encode($0, longest: limit).tokens.count }.max() ?? 0
  }

  /// The tokens of a text with the end, and whether the text was cut off.
  func tokens(of text: String, limit: Int) -> (tokens: [Int32], isCut: Bool) {
    let (tokens, isCut) = vocabulary.encode(text, longest: limit)
    return (tokens + [end], isCut)
  }

  /// Whether it can be used.
  var isValid: Bool { vocabulary.count > 0 && (0...TextColumnSettings.limit).contains(longest) }
}

/// Things that texts are written about, with these texts.
public struct WritingExamples<Source: ExampleInputs>: ExampleInputs {
  /// What texts are written from.
  public var sources: Source
  /// With the end.
  public var texts: TextSequences
  /// What stands before the first token.
  let begin: Int32

  /// The number of examples.
  public var count: Int { sources.count }
  public var mostAtOnce: Int { min(128, sources.mostAtOnce) }

  /// The sources at the places given, and the token before each of their texts': [N, T].
  public func batch(_ places: [Int]) -> (source: Source.Batch, previous: IntTensor) {
    let (tokens, lengths) = texts.batch(places)
    let steps = tokens.shape[1]
    var previous: [Int32] = []
    previous.reserveCapacity(tokens.scalars.count)
    for row in lengths.indices {
      previous.append(begin)
      previous += tokens.scalars[row * steps..<(row + 1) * steps - 1]
    }
    return (sources.batch(places), IntTensor(previous, shape: tokens.shape))
  }

  /// How many texts are longer than what is read of them.
  public var shortened: Int { texts.shortened }

  public static func remarks(on parts: [WritingExamples]) -> [String] {
    Source.remarks(on: parts.map(\.sources)) + TextSequences.cuts(parts.map(\.texts), ends: 1)
  }

  public static func add(_ parts: [Examples<WritingExamples>], to fingerprint: inout DataFingerprint) {
    Source.add(parts.map { Examples($0.inputs.sources) }, to: &fingerprint)
    for part in parts { fingerprint.add(part.inputs.texts.tokens) }
  }
}
