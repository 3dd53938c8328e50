import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// What a network makes of the tokens of texts.
public struct TagPredictor {
  /// How data become the network's input.
  public let preprocessing: TaggingPreprocessing
  private let model: any SequenceTagger

  /// A label, and how probable it is.
  public typealias Answer = (tag: String, probability: Float)

  /// How many tokens are given to the network at once, padding included.
  private static let tokensAtOnce = 1 << 14

  /// - Precondition: the network has the preparation's numbers of symbols and labels.
  public init(_ model: any SequenceTagger, _ preprocessing: TaggingPreprocessing) {
    ensure(
      model.symbols == preprocessing.symbols && model.configuration.outputs == preprocessing.tags.count,
      "TagPredictor: a network for other symbols or labels")
    self.model = model
    self.preprocessing = preprocessing
  }

  /// The most probable label of each token of each text; nil for a text whose outputs are not finite.
  public func answers(_ texts: TextSequences) -> [[Answer]?] {
    logarithms(texts).map { rows -> [Answer]? in
      guard rows.allSatisfy({ $0.allSatisfy { !$0.isNaN } }) else { return nil }
      return rows.map { row -> Answer in
        let best = Self.best(row)
        return (preprocessing.tags[best], Float(exponential(Double(row[row.startIndex + best]))))
      }
    }
  }

  /// How well labels are predicted.
  public func metrics(_ examples: Examples<TextSequences>) -> TaggingMetrics {
    let tags = preprocessing.tags
    var tokens = ClassificationMetrics(classes: tags)
    var spans = TagSpan.areMarked(by: tags) ? SpanMetrics() : nil
    guard let labels = examples.steps else { return TaggingMetrics(tokens: tokens, spans: spans) }
    for (place, rows) in logarithms(examples.inputs).enumerated() {
      let truth = labels[place].map { Int($0) }
      let predicted = rows.map(Self.best)
      for ((label, best), row) in zip(zip(truth, predicted), rows) {
        tokens.add(label: label, predicted: best, loss: -Double(row[row.startIndex + label]))
      }
      spans?.add(truth: truth.map { tags[$0] }, predicted: predicted.map { tags[$0] })
    }
    return TaggingMetrics(tokens: tokens, spans: spans)
  }

  /// The logarithms of the probabilities of all labels, of each token of each text.
  private func logarithms(_ texts: TextSequences) -> [[ArraySlice<Float>]] {
    var result: [[ArraySlice<Float>]] = []
    let outputs = preprocessing.tags.count
    let size = max(1, Self.tokensAtOnce / max(1, texts.longest))
    for start in stride(from: 0, to: texts.count, by: size) {
      let (tokens, lengths) = texts.batch(Array(start..<min(texts.count, start + size)))
      let steps = tokens.shape[1]
      let scalars = inference {
        logSoftmax(model(tokens: tokens, lengths: lengths).reshaped(to: [-1, outputs])).scalars
      }
      for (row, length) in lengths.enumerated() {
        result.append(
          (0..<length).map { step in
            let first = (row * steps + step) * outputs
            return scalars[first..<first + outputs]
          })
      }
    }
    return result
  }

  /// The place of the largest number, the first of equal ones.
  private static func best(_ row: ArraySlice<Float>) -> Int {
    (row.indices.max { (row[$0], $1) < (row[$1], $0) } ?? row.startIndex) - row.startIndex
  }
}

/// How well the labels of tokens are predicted.
public struct TaggingMetrics: Equatable, Sendable {
  /// Each token by itself.
  public var tokens: ClassificationMetrics
  /// Names of several tokens; nil where labels mark none.
  public var spans: SpanMetrics?
}

/// How many names of several tokens are found as they are, from their first token to their last and of their kind: the
/// evaluation of CoNLL's shared tasks.
public struct SpanMetrics: Equatable, Sendable {
  /// Names that are predicted exactly.
  public private(set) var correct = 0
  /// Names that are predicted.
  public private(set) var predicted = 0
  /// Names that there are.
  public private(set) var actual = 0

  /// An empty score.
  public init() {}

  /// Counts one text.
  public mutating func add(truth: [String], predicted tags: [String]) {
    let (known, found) = (Set(TagSpan.spans(of: truth)), Set(TagSpan.spans(of: tags)))
    correct += known.intersection(found).count
    actual += known.count
    predicted += found.count
  }

  /// The share of what is found that is right; nil where nothing is found.
  public var precision: Double? { predicted == 0 ? nil : Double(correct) / Double(predicted) }
  /// The share of what there is that is found; nil where there is nothing.
  public var recall: Double? { actual == 0 ? nil : Double(correct) / Double(actual) }
  /// The harmonic mean of both; nil where there is nothing, and nothing is found.
  public var f1: Double? { predicted + actual == 0 ? nil : 2 * Double(correct) / Double(predicted + actual) }
}
