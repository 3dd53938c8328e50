import Aviary

/// The evaluation of networks on data other than images.
struct DataEvaluation {
  let path: String
  let checkpoint: Checkpoint
  let model: any Network
  /// nil for what was held out.
  let part: EvaluationPart?
  /// The width of the beam by which texts are written.
  let beam: Int

  /// - Parameters:
  ///   - named: a file, or the name of shipped weights.
  ///   - needsHead: whether a checkpoint without a head is refused.
  ///   - beam: the width of the beam, where one is asked for.
  init(
    _ named: String, _ options: SourceOptions, weights: WeightsOptions, part: EvaluationPart? = nil,
    needsHead: Bool = true, beam: Int? = nil
  ) throws {
    try self.init(
      OpenedCheckpoint(named, options, weights: weights), allowing: options.allowances, part: part,
      needsHead: needsHead, beam: beam)
  }

  /// - Parameter allowances: tensors that may be missing.
  init(
    _ opened: OpenedCheckpoint, allowing allowances: Set<Allowance>, part: EvaluationPart? = nil,
    needsHead: Bool = true, beam: Int? = nil
  ) throws {
    self.part = part
    self.beam = beam ?? 1
    (path, checkpoint) = (opened.path, opened.checkpoint)
    if needsHead, checkpoint.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    model = try AviaryCommand.registry.model(from: checkpoint, allowing: allowances, path: path).model
    if beam != nil, !(model is any SequenceWriter) { throw WritingOptions.unsuited(path: path) }
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
      case .text: model is any SequenceTagger ? try tags(lines: data) : try text(data)
      case .images: throw unsuited(kind)
      }
    guard report.isFinite else { throw PredictionFault.notFinite(of: data, model) }
    // Only data that are divided as in the training have such parts.
    let part = report.part.flatMap { EvaluationPart(rawValue: $0) }
    return report.known(before: part.map { checkpoint.metadata.split?.wasLearnedBefore($0) ?? false } ?? false)
  }

  /// Which class is predicted, after a line that says so where the checkpoint has thresholds.
  func announcedDecision() -> ClassDecision { checkpoint.metadata.announcedDecision(path) }

  /// Refuses groups of items for a network whose answers are not counted row by row.
  func checkSlicing(by name: String) throws {
    let isCounted: Bool
    switch try checkpoint.inputPreparation() {
    case .table, .textColumn: isCounted = true
    case nil: isCounted = FedNetwork(model, checkpoint.metadata, nil, path: path) == nil
    default: isCounted = false
    }
    if isCounted { return }
    throw OptionFault(
      "--slice \(printable(name)) is for networks with one answer for each row or text of a table, given as a whole; \(path) is another one; leave it out"
    )
  }

  func unsuited(_ kind: DataKind) -> ArchitectureFault {
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
    let outputs = model.configuration.outputs
    guard outputs == preprocessing.settings.stepCount || preparesNothing else {
      throw CommandFault.otherOutputs(
        path: path,
        reason:
          "its network has \(counted(outputs, "output")), and \(preprocessing.settings.stepCount) are predicted at once"
      )
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
    if let (model, preparation) = try unlabeled() {
      try columns.requireNone(path: path)
      return try evaluation(of: data, model, preparation)
    }
    if let report = try fedReport(on: data, columns) { return report }
    let preprocessing: TablePreprocessing
    switch try tablePreparation(for: data, columns, needsTarget: true) {
    case .series(let preprocessing): return try series(data, preprocessing)
    case .textColumn(let preprocessing): return try texts(data, preprocessing)
    case .tags(let preprocessing): return try tags(data, preprocessing)
    case .translation(let preprocessing): return try translations(data, preprocessing)
    case .generation(let preprocessing): return try generations(data, preprocessing)
    case .rows(let known): preprocessing = known
    }
    let model = try tableModel(preprocessing)
    let table = try Table(csv: data, for: preprocessing)
    let (chosen, name) = try examples(of: table, preprocessing, item: "row") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    func open(_ model: some Classifier) -> EvaluationReport {
      let predictor = ExamplePredictor(model, preprocessing)
      return preprocessing.target.task == .regression
        ? EvaluationReport(predictor.regression(chosen, keepsPairs: true))
        : EvaluationReport(
          predictor.classification(chosen, keepsProbabilities: true, decision: announcedDecision()), item: "row")
    }
    return open(model).of(table, rows: chosen.inputs.rows, target: preprocessing.target.name).onPart(name)
      .leavingOut(try preprocessing.lackingRows(of: table))
  }

  /// The examples that were held out of the training, or those that are asked for, and the name of their part; says how the table
  /// was understood, and which rows are in no part.
  ///
  /// - Parameter all: makes the examples of the whole table.
  func examples<Preparation: TablePreparation>(
    of table: Table, _ preprocessing: Preparation, item: String,
    all: () throws(TableFault) -> Examples<Preparation.Inputs>
  ) throws -> (Examples<Preparation.Inputs>, EvaluationPart) {
    for remark in preprocessing.remarks(on: table, withTarget: true) { tell("\(table.path): \(remark)") }
    let (examples, part) = try chosenExamples(of: table, preprocessing, item: item, all: all)
    for remark in examples.inputs.remarks { tell("\(table.path): \(remark)") }
    tellLacking(table, preprocessing)
    return (examples, part)
  }

  private func chosenExamples<Preparation: TablePreparation>(
    of table: Table, _ preprocessing: Preparation, item: String,
    all: () throws(TableFault) -> Examples<Preparation.Inputs>
  ) throws -> (Examples<Preparation.Inputs>, EvaluationPart) {
    let choice = PartChoice(given: part, checkpoint: checkpoint, path: path, data: table.path)
    let rows = counted(table.rowCount, "row")
    guard let (part, split) = try choice.division(all: rows) else { return (try all(), .all) }
    guard
      let found = try EvaluatedTable(
        part, of: table, preprocessing, split, fingerprint: checkpoint.metadata.extra[DataFingerprint.key])
    else {
      try choice.tellLost(all: rows)
      return (try all(), .all)
    }
    choice.tellPart(part, count: found.examples.count, of: found.total, item)
    return (found.examples, part)
  }

  private func tellLacking(_ table: Table, _ preprocessing: some TablePreparation) {
    // What cannot be found out is told by what follows.
    guard let rows = try? preprocessing.lackingRows(of: table), let first = rows.first else { return }
    tell("\(table.path): \(EvaluationReport.leftOut(rows.count, first))")
  }

  private func series(_ data: String, _ preprocessing: SeriesPreprocessing) throws -> EvaluationReport {
    let model = try seriesModel(preprocessing)
    let table = try preprocessing.table(csv: data)
    let rows = try preprocessing.rows(of: table)
    guard rows.windows > 0 else {
      let settings = preprocessing.settings
      throw TableFault.seriesTooShort(path: data, rows: rows.count, needed: settings.window + settings.rowsAhead)
    }
    let (chosen, name) = try examples(of: table, preprocessing, item: "window") { () throws(TableFault) in
      rows.examples(targets: 0..<rows.count)
    }
    func open(_ model: some Classifier) -> EvaluationReport {
      let (steps, all) = ExamplePredictor(model, preprocessing).regressionByStep(chosen, keepsPairs: true)
      return EvaluationReport(all, item: "window", steps: steps)
    }
    return open(model).onPart(name)
  }

  private func texts(_ data: String, _ preprocessing: TextColumnPreprocessing) throws -> EvaluationReport {
    let predictor = try textPredictor(preprocessing)
    let table = try preprocessing.table(csv: data)
    let (chosen, name) = try examples(of: table, preprocessing, item: "text") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    return EvaluationReport(
      predictor.classification(chosen, keepsProbabilities: true, decision: announcedDecision()), item: "text"
    ).of(table, rows: chosen.inputs.rows, target: preprocessing.target.name).onPart(name)
      .leavingOut(try preprocessing.lackingRows(of: table))
  }

  /// On the end of the text that a network was trained on, by default, and on all of another text.
  private func text(_ data: String) throws -> EvaluationReport {
    guard let model = model as? any LanguageModel else { throw unsuited(.text) }
    let vocabulary = try checkpoint.vocabulary(path: path)
    try check(input: [vocabulary.count])
    let (characters, name) = try characters(data, vocabulary)
    return EvaluationReport(characters: characters.count - 1, loss: try model.meanLoss(over: characters))
      .onPart(name)
  }

  private func characters(_ data: String, _ vocabulary: CharacterVocabulary) throws -> ([Int32], EvaluationPart) {
    let all = try TextCorpus(path: data, vocabulary: vocabulary, holdingOut: 0).training
    let choice = PartChoice(given: part, checkpoint: checkpoint, path: path, data: data)
    let count = counted(all.count, "character")
    guard let (part, split) = try choice.division(all: count) else { return (all, .all) }
    let parts = try TextParts(data, split, vocabulary: vocabulary)
    let chosen =
      switch part {
      case .train: parts.training
      case .validation: parts.validation
      case .test: parts.test
      case .all: all
      }
    if let known = checkpoint.metadata.extra[DataFingerprint.key], parts.fingerprint.text != known {
      try choice.tellLost(all: count)
      return (all, .all)
    }
    choice.tellPart(part, count: chosen.count, of: all.count, "character")
    return (chosen, part)
  }
}
