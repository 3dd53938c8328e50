import Aviary

/// The evaluation of networks on data other than images.
struct DataEvaluation {
  let path: String
  let checkpoint: Checkpoint
  let model: any Network

  /// - Parameter named: a file, or the name of shipped weights.
  init(_ named: String, _ options: SourceOptions, weights: WeightsOptions) throws {
    path = try WeightsFolder.checkpointPath(named, given: weights.weights)
    (checkpoint, _) = try options.read(path)
    if checkpoint.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    let missing = try options.allowMissing.map { try Allowance.missing($0) }
    model = try AviaryCommand.registry.model(from: checkpoint, allowing: Set(missing), path: path).model
  }

  /// - Parameters:
  ///   - kind: the kind of `data`.
  ///   - columns: what a table means for a network of another program.
  /// - Throws: also where a prediction is not finite.
  func report(on data: String, _ kind: DataKind, _ columns: ColumnOptions) throws -> EvaluationReport {
    if kind != .tables { try columns.requireNone(path: path) }
    let report =
      switch kind {
      case .tables: try table(data, columns)
      case .graphs: try graph(data)
      case .text: try text(data)
      case .images: throw unsuited(kind)
      }
    guard report.isFinite else { throw PredictionFault.notFinite(of: data, model) }
    return report
  }

  private func unsuited(_ kind: DataKind) -> ArchitectureFault {
    let name = checkpoint.metadata.architecture ?? ""
    let kinds = AviaryCommand.registry.architectures.first { $0.name == name }?.kinds ?? []
    return .unsuited(architecture: name, kinds: kinds, data: kind)
  }

  /// The network for a table's rows, checked against their preparation.
  func tableModel(_ preprocessing: TablePreprocessing) throws -> any Classifier {
    guard let model = model as? any Classifier else { throw CommandFault.noTablePreparation(path: path) }
    try check(input: [preprocessing.featureCount])
    let outputs = preprocessing.target.task == .regression ? 1 : preprocessing.target.classes.count
    guard model.configuration.outputs == outputs || preparesNothing && preprocessing.target.task == .regression else {
      throw CommandFault.classCount(source: path, found: outputs, expected: model.configuration.outputs)
    }
    return model
  }

  /// The network for windows of a time series, checked against the preparation that the checkpoint holds.
  func seriesModel(_ preprocessing: SeriesPreprocessing) throws -> any Classifier {
    guard let model = model as? any Classifier else { throw CommandFault.noTablePreparation(path: path) }
    try check(input: preprocessing.inputShape)
    guard model.configuration.outputs == 1 || preparesNothing else {
      throw CommandFault.classCount(source: path, found: 1, expected: model.configuration.outputs)
    }
    return model
  }

  /// The network for texts in a table, checked in the same way.
  func textPredictor(_ preprocessing: TextColumnPreprocessing) throws -> ExamplePredictor<TextColumnPreprocessing> {
    guard let model = model as? any SequenceReader, model.symbols == preprocessing.symbols else {
      throw TrainingFault.noVocabulary(path: path)
    }
    let classes = preprocessing.target.classes.count
    guard model.configuration.outputs == classes else {
      throw CommandFault.classCount(source: path, found: classes, expected: model.configuration.outputs)
    }
    return ExamplePredictor(model, preprocessing)
  }

  /// Refuses an input of the wrong shape for the network.
  func check(input: [Int]) throws {
    _ = try AviaryCommand.registry.architecture(named: checkpoint.metadata.architecture ?? "").build(
      configuration: checkpoint.metadata.configuration, input: input)
  }

  private func table(_ data: String, _ columns: ColumnOptions) throws -> EvaluationReport {
    let preprocessing: TablePreprocessing
    switch try tablePreparation(for: data, columns, needsTarget: true) {
    case .series(let preprocessing): return try series(data, preprocessing)
    case .textColumn(let preprocessing): return try texts(data, preprocessing)
    case .rows(let known): preprocessing = known
    }
    let model = try tableModel(preprocessing)
    let table = try Table(csv: data, for: preprocessing)
    for remark in table.remarks(on: preprocessing.columnNames + [preprocessing.target.name]) {
      tell("\(data): \(remark)")
    }
    let part = try preprocessing.examples(of: table)
    tell("\(data): table, \(counted(part.count, "row"))")
    func open(_ model: some Classifier) -> EvaluationReport {
      let predictor = ExamplePredictor(model, preprocessing)
      return preprocessing.target.task == .regression
        ? EvaluationReport(predictor.regression(part))
        : EvaluationReport(predictor.classification(part), item: "row")
    }
    return open(model)
  }

  /// On all windows.
  private func series(_ data: String, _ preprocessing: SeriesPreprocessing) throws -> EvaluationReport {
    let model = try seriesModel(preprocessing)
    let table = try preprocessing.table(csv: data)
    for remark in table.remarks(on: preprocessing.columns.map(\.name)) { tell("\(data): \(remark)") }
    let rows = try preprocessing.rows(of: table)
    guard rows.windows > 0 else {
      let settings = preprocessing.settings
      throw TableFault.seriesTooShort(path: data, rows: rows.count, needed: settings.window + settings.rowsAhead)
    }
    tell("\(data): time series, \(counted(rows.count, "row")), \(counted(rows.windows, "window"))")
    func open(_ model: some Classifier) -> EvaluationReport {
      EvaluationReport(
        ExamplePredictor(model, preprocessing).regression(rows.examples(targets: 0..<rows.count)), item: "window")
    }
    return open(model)
  }

  private func texts(_ data: String, _ preprocessing: TextColumnPreprocessing) throws -> EvaluationReport {
    let predictor = try textPredictor(preprocessing)
    let table = try preprocessing.table(csv: data)
    let settings = preprocessing.settings
    for remark in table.remarks(on: [settings.column, settings.target]) { tell("\(data): \(remark)") }
    let part = try preprocessing.examples(of: table)
    tell("\(data): table, \(counted(part.count, "text"))")
    return EvaluationReport(predictor.classification(part), item: "text")
  }

  /// On the test nodes.
  private func graph(_ data: String) throws -> EvaluationReport {
    guard let model = model as? any NodeClassifier else { throw unsuited(.graphs) }
    var preparation = InputPreparation.GraphPreparation(normalizesFeatures: true)
    if case .graph(let stored)? = try checkpoint.inputPreparation() { preparation = stored }
    // A graph without a split is split as in training.
    let dataset = try GraphDataset(path: data, seed: preparation.splitSeed ?? 0)
    guard model.configuration.outputs == dataset.classes else {
      throw CommandFault.classCount(source: data, found: dataset.classes, expected: model.configuration.outputs)
    }
    tell("\(data): graph, \(counted(dataset.nodes, "node")), \(counted(dataset.edges, "edge")); test nodes")
    let task = NodeClassification(dataset, normalizingFeatures: preparation.normalizesFeatures)
    try task.check(model)
    return EvaluationReport(task.metrics(model, on: .test), item: "node")
  }

  /// On all of the text.
  private func text(_ data: String) throws -> EvaluationReport {
    guard let model = model as? any LanguageModel else { throw unsuited(.text) }
    let vocabulary = try checkpoint.vocabulary(path: path)
    try check(input: [vocabulary.count])
    let corpus = try TextCorpus(path: data, vocabulary: vocabulary, holdingOut: 0)
    tell("\(data): text, \(counted(corpus.training.count, "character"))")
    return EvaluationReport(
      characters: corpus.training.count - 1, loss: try model.meanLoss(over: corpus.training))
  }
}
