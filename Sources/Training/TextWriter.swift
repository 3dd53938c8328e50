import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// What a network writes about texts, or about the rows of a table.
public struct TextWriter<Source: ExampleInputs> {
  private let written: WrittenText
  private let write: (Source.Batch, BeamSearch) -> BeamSearch.Result?
  private let forward: (Source.Batch, IntTensor) -> Tensor

  /// A text, and the mean logarithm of its tokens' probabilities.
  public typealias Answer = (text: String, score: Double)

  private init<Given>(
    _ model: some SequenceWriter<Given>, _ written: WrittenText, given: @escaping (Source.Batch) -> Given
  ) {
    ensure(
      model.symbols == written.symbols && model.configuration.outputs == written.symbols,
      "TextWriter: a network for other symbols")
    self.written = written
    write = { source, search in
      search.text(model, given(source), end: written.end, never: [written.unknown])
    }
    forward = { model(given($0), previous: $1) }
  }

  /// What is written about a source; nil where the network's outputs are not finite.
  ///
  /// - Parameter beam: how many beginnings are kept at once.
  public func text(about sources: Source, at place: Int, beam: Int = 1) -> Answer? {
    result(sources, place, beam).map { (written.vocabulary.decode($0.tokens), $0.score) }
  }

  private func result(_ sources: Source, _ place: Int, _ beam: Int) -> BeamSearch.Result? {
    let result = write(sources.batch([place]), BeamSearch(width: beam, longest: written.longest))
    return result.flatMap { $0.score.isFinite ? $0 : nil }
  }

  /// How well texts are predicted: each token after the true ones before it, and whole texts.
  public func metrics(_ examples: Examples<WritingExamples<Source>>, beam: Int = 1) -> WritingMetrics {
    var metrics = WritingMetrics()
    let inputs = examples.inputs
    for start in stride(from: 0, to: inputs.count, by: inputs.mostAtOnce) {
      let batch = examples.batch(of: Array(start..<min(inputs.count, start + inputs.mostAtOnce)))
      inference {
        let outputs = forward(batch.inputs.source, batch.inputs.previous)
        metrics.add(
          tokens: batch.target.answers, loss: Double(batch.target.loss(outputs).scalar),
          correct: batch.target.correct(outputs) ?? 0)
      }
    }
    for place in 0..<inputs.count {
      let found = result(inputs.sources, place, beam)
      metrics.add(isExact: found.map { $0.tokens + [written.end] == Array(inputs.texts[place]) } ?? false)
    }
    return metrics
  }
}

extension TextWriter where Source == TextSequences {
  /// A network with its preparation.
  public init(_ model: any SequenceWriter<SourceText>, _ preprocessing: TranslationPreprocessing) {
    ensure(model.sourceSymbols == preprocessing.symbols, "TextWriter: a network that reads other symbols")
    self.init(model, preprocessing.written) { SourceText(tokens: $0.tokens, lengths: $0.lengths) }
  }
}

extension TextWriter where Source == TableFeatures {
  /// A network with its preparation.
  public init(_ model: any SequenceWriter<Tensor>, _ preprocessing: GenerationPreprocessing) {
    self.init(model, preprocessing.written) { $0 }
  }
}

/// How well texts are written.
public struct WritingMetrics: Equatable, Sendable {
  /// With the ends of the texts.
  public private(set) var tokens = 0
  /// How many texts were written.
  public private(set) var texts = 0
  private var lossSum = 0.0
  private var correct = 0
  private var exact = 0

  /// An empty score.
  public init() {}

  mutating func add(tokens: Int, loss: Double, correct: Int) {
    self.tokens += tokens
    lossSum += loss * Double(tokens)
    self.correct += correct
  }

  mutating func add(isExact: Bool) {
    texts += 1
    if isExact { exact += 1 }
  }

  /// The mean loss of a token, in nats, after the true ones before it; nil without texts.
  public var meanLoss: Double? { tokens == 0 ? nil : lossSum / Double(tokens) }
  /// The share of the tokens that are the most probable ones after those before them.
  public var accuracy: Double? { tokens == 0 ? nil : Double(correct) / Double(tokens) }
  /// The share of the texts that are written as they are, from the first token to the last.
  public var exactMatch: Double? { texts == 0 ? nil : Double(exact) / Double(texts) }
}
