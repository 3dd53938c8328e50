import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

// Runs that learn a label for each token, or to write texts.

extension TrainingFault {
  /// Refuses a batch whose logits would take too much memory.
  fileprivate static func checkLogits(_ options: TrainingOptions, steps: Int, outputs: Int) throws {
    let most = max(1, (1 << 28) / max(1, steps * outputs))
    try check(
      "batch size", options.batchSize, options.batchSize <= most,
      "at most \(most) for texts of \(steps) tokens and \(outputs) different ones; or lower --sequence-length")
  }
}

// MARK: - A label for each token

extension TaggingPreprocessing: TrainablePreparation {
  static var items: String { "tokens" }
  var preparation: InputPreparation { .tags(self) }
  func places(of inputs: TextSequences) -> [Int]? { inputs.rows }
  var monitors: [Monitor] { [.loss, .accuracy] }
  var dividesClasses: Bool { false }

  static func suits(_ network: any Network) -> Bool { network is any SequenceTagger }
  static var needed: String { "has no label for each token; sequence-tagger-lstm has" }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: TaggingSettings, isSource: Bool
  ) throws -> TaggingPreprocessing? {
    guard let (checkpoint, path) = checkpoint else { return nil }
    guard let preparation = try checkpoint.inputPreparation() else { throw TrainingFault.noVocabulary(path: path) }
    guard case .tags(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    return known
  }

  static func table(
    csv path: String, _ settings: TaggingSettings, keeping known: TaggingPreprocessing?
  ) throws(TableFault) -> Table {
    try table(reading: path, settings, needsTags: true)
  }

  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange] {
    given + [ConfigurationChange(name: "symbols", value: "\(symbols)")]
  }

  func head(of known: TaggingPreprocessing) -> Beginning.KnownHead { .init(of: known.tags, for: tags) }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<TextSequences>>) -> [String] {
    [vocabulary.remark].compactMap { $0 } + skippedRows(parts.skipped, without: "tokens or labels")
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<TextSequences>>, _ options: TrainingOptions, path: String
  ) throws -> (forward: ((tokens: IntTensor, lengths: [Int])) -> Tensor, mostAtOnce: Int) {
    let model = try start.model(as: (any SequenceTagger).self, for: .text)
    guard model.symbols == symbols else { throw TrainingFault.noVocabulary(path: path) }
    try TrainingFault.checkLogits(
      options, steps: parts.all.map(\.inputs.longest).max() ?? 1, outputs: model.configuration.outputs)
    return ({ model(tokens: $0.tokens, lengths: $0.lengths) }, 128)
  }
}

// MARK: - A text for each text

extension TranslationPreprocessing: TrainablePreparation {
  static var items: String { "tokens" }
  var preparation: InputPreparation { .translation(self) }
  var monitors: [Monitor] { [.loss, .accuracy] }
  var dividesClasses: Bool { false }
  var outputCount: Int { written.symbols }

  static func suits(_ network: any Network) -> Bool { network is any SequenceWriter<SourceText> }
  static var needed: String { "writes no text for another; seq2seq-gru does" }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: TranslationSettings, isSource: Bool
  ) throws -> TranslationPreprocessing? {
    guard let (checkpoint, path) = checkpoint else { return nil }
    guard let preparation = try checkpoint.inputPreparation() else { throw TrainingFault.noVocabulary(path: path) }
    guard case .translation(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    if isSource, let tokenizer = settings.tokenizer, tokenizer != known.source.unit {
      throw TrainingFault.keptPreparation(path: path)
    }
    return known
  }

  static func table(
    csv path: String, _ settings: TranslationSettings, keeping known: TranslationPreprocessing?
  ) throws(TableFault) -> Table {
    try table(csv: path, settings)
  }

  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange] {
    given + [ConfigurationChange(name: "symbols", value: "\(symbols)"), written.change]
  }

  /// The vocabularies stay.
  func head(of known: TranslationPreprocessing) -> Beginning.KnownHead { .same("these tokens") }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<WritingExamples<TextSequences>>>) -> [String] {
    [source.remark, written.vocabulary.remark].compactMap { $0 }
      + skippedRows(parts.skipped, without: "both texts")
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<WritingExamples<TextSequences>>>,
    _ options: TrainingOptions, path: String
  ) throws -> (
    forward: ((source: (tokens: IntTensor, lengths: [Int]), previous: IntTensor)) -> Tensor, mostAtOnce: Int
  ) {
    let model = try start.model(as: (any SequenceWriter<SourceText>).self, for: .text)
    guard model.sourceSymbols == symbols else { throw TrainingFault.noVocabulary(path: path) }
    try written.check(model, options, path: path)
    return (
      { model(SourceText(tokens: $0.source.tokens, lengths: $0.source.lengths), previous: $0.previous) },
      parts.training.inputs.mostAtOnce
    )
  }
}

// MARK: - A text for each row

extension GenerationPreprocessing: TrainablePreparation {
  static var items: String { "tokens" }
  var preparation: InputPreparation { .generation(self) }
  var monitors: [Monitor] { [.loss, .accuracy] }
  var dividesClasses: Bool { false }
  var outputCount: Int { written.symbols }

  static func suits(_ network: any Network) -> Bool { network is any SequenceWriter<Tensor> }
  static var needed: String { "writes no text for a row; sequence-generator-gru does" }

  static func known(
    by checkpoint: (checkpoint: Checkpoint, path: String)?, _ settings: GenerationSettings, isSource: Bool
  ) throws -> GenerationPreprocessing? {
    guard let (checkpoint, path) = checkpoint else { return nil }
    guard let preparation = try checkpoint.inputPreparation() else { throw TrainingFault.noVocabulary(path: path) }
    guard case .generation(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    let plain = TableSettings(target: settings.table.target)
    if isSource,
      settings.table != plain || (settings.tokenizer ?? known.written.vocabulary.unit) != known.written.vocabulary.unit
    {
      throw TrainingFault.keptPreparation(path: path)
    }
    return known
  }

  func changes(_ given: [ConfigurationChange]) -> [ConfigurationChange] { given + [written.change] }

  func head(of known: GenerationPreprocessing) -> Beginning.KnownHead { .same("these tokens") }

  func remarks(on table: Table, _ parts: DatasetParts<Examples<WritingExamples<TableFeatures>>>) -> [String] {
    rows.remarks(on: table) + rows.unusedColumns(of: table)
      + skippedRows(parts.skipped, without: "a text or a needed value")
  }

  func outputs(
    of start: Beginning.Start, _ parts: DatasetParts<Examples<WritingExamples<TableFeatures>>>,
    _ options: TrainingOptions, path: String
  ) throws -> (forward: ((source: Tensor, previous: IntTensor)) -> Tensor, mostAtOnce: Int) {
    let model = try start.model(as: (any SequenceWriter<Tensor>).self, for: .tables)
    try written.check(model, options, path: path)
    return ({ model($0.source, previous: $0.previous) }, parts.training.inputs.mostAtOnce)
  }
}

extension WrittenText {
  /// A new network reads the tokens that it writes.
  fileprivate var change: ConfigurationChange { ConfigurationChange(name: "classes", value: "\(symbols)") }

  /// Refuses a network that writes other tokens, and batches that are too large for it.
  fileprivate func check(_ model: any SequenceWriter, _ options: TrainingOptions, path: String) throws {
    guard model.symbols == symbols, model.configuration.outputs == symbols else {
      throw TrainingFault.noVocabulary(path: path)
    }
    try TrainingFault.checkLogits(options, steps: longest + 1, outputs: symbols)
  }
}
