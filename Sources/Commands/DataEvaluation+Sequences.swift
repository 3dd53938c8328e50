import Aviary

// Networks with a label for each token, and networks that write texts.

extension DataEvaluation {
  /// The network for labels of tokens, checked against the preparation that the checkpoint holds.
  func tagPredictor(_ preprocessing: TaggingPreprocessing) throws -> TagPredictor {
    guard let model = model as? any SequenceTagger, model.symbols == preprocessing.symbols else {
      throw TrainingFault.noVocabulary(path: path)
    }
    guard model.configuration.outputs == preprocessing.tags.count else {
      throw CommandFault.classCount(
        source: path, found: preprocessing.tags.count, expected: model.configuration.outputs)
    }
    return TagPredictor(model, preprocessing)
  }

  /// The network that writes a text for a text.
  func translator(_ preprocessing: TranslationPreprocessing) throws -> TextWriter<TextSequences> {
    guard let model = model as? any SequenceWriter<SourceText>, model.sourceSymbols == preprocessing.symbols else {
      throw TrainingFault.noVocabulary(path: path)
    }
    try check(model, preprocessing.written)
    return TextWriter(model, preprocessing)
  }

  /// The network that writes a text for a row.
  func generator(_ preprocessing: GenerationPreprocessing) throws -> TextWriter<TableFeatures> {
    guard let model = model as? any SequenceWriter<Tensor> else { throw TrainingFault.noVocabulary(path: path) }
    try check(model, preprocessing.written)
    try check(input: preprocessing.inputShape)
    return TextWriter(model, preprocessing)
  }

  private func check(_ model: any SequenceWriter, _ written: WrittenText) throws {
    guard model.symbols == written.symbols, model.configuration.outputs == written.symbols else {
      throw TrainingFault.noVocabulary(path: path)
    }
  }

  func tags(_ data: String, _ preprocessing: TaggingPreprocessing) throws -> EvaluationReport {
    let predictor = try tagPredictor(preprocessing)
    let table = try TaggingPreprocessing.table(reading: data, preprocessing.settings, needsTags: true)
    let (chosen, name) = try examples(of: table, preprocessing, item: "text") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    return EvaluationReport(predictor.metrics(chosen)).onPart(name)
      .leavingOut(try preprocessing.lackingRows(of: table))
  }

  /// The labels of tokens in a file with a token a line.
  func tags(lines data: String) throws -> EvaluationReport {
    guard case .tags(let preprocessing)? = try checkpoint.inputPreparation() else {
      throw TrainingFault.noVocabulary(path: path)
    }
    return try tags(data, preprocessing)
  }

  func translations(_ data: String, _ preprocessing: TranslationPreprocessing) throws -> EvaluationReport {
    let writer = try translator(preprocessing)
    let table = try preprocessing.table(csv: data)
    let (chosen, name) = try examples(of: table, preprocessing, item: "text") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    return EvaluationReport(writer.metrics(chosen, beam: beam)).onPart(name)
      .leavingOut(try preprocessing.lackingRows(of: table))
  }

  func generations(_ data: String, _ preprocessing: GenerationPreprocessing) throws -> EvaluationReport {
    let writer = try generator(preprocessing)
    let table = try preprocessing.table(csv: data)
    let (chosen, name) = try examples(of: table, preprocessing, item: "text") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    return EvaluationReport(writer.metrics(chosen, beam: beam)).onPart(name)
      .leavingOut(try preprocessing.lackingRows(of: table))
  }
}

extension EvaluationReport {
  /// Of labels of tokens.
  init(_ metrics: TaggingMetrics) {
    self.init(metrics.tokens, item: "token")
    guard let spans = metrics.spans else { return }
    lines.insert(
      "\(counted(spans.actual, "span")), F1 \(spans.f1.map(percent) ?? "-"), "
        + "precision \(spans.precision.map(percent) ?? "-"), recall \(spans.recall.map(percent) ?? "-")", at: 1)
    members.append(
      (
        "spans",
        .members([
          "count": .integer(spans.actual), "f1": .real(spans.f1), "precision": .real(spans.precision),
          "recall": .real(spans.recall),
        ])
      ))
  }

  /// Of texts that were written.
  init(_ metrics: WritingMetrics) {
    (content, item) = (.other, "text")
    isFinite = metrics.meanLoss?.isFinite ?? true
    lines = [
      "\(counted(metrics.texts, "text")), \(percent(metrics.exactMatch ?? 0)) written exactly; "
        + "\(counted(metrics.tokens, "token")), accuracy \(percent(metrics.accuracy ?? 0)), "
        + "loss \(fixed(metrics.meanLoss ?? 0, 4))"
    ]
    members = [
      ("texts", .integer(metrics.texts)), ("exact_match", .real(metrics.exactMatch)),
      ("tokens", .integer(metrics.tokens)), ("accuracy", .real(metrics.accuracy)), ("loss", .real(metrics.meanLoss)),
    ]
  }
}
