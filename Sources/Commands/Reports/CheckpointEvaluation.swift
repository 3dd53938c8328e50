import Aviary
import AviaryPlatform

/// The evaluation of a checkpoint on data of any kind, with what a report says of it beside the scores.
struct CheckpointEvaluation {
  let report: EvaluationReport
  let metadata: Checkpoint.Metadata
  let kind: DataKind
  /// The path of the data.
  let data: String
  /// The images that were evaluated; nil for other data.
  let images: EvaluatedImages?

  /// - Parameters:
  ///   - checkpoint: a file, a run, or the name of weights.
  ///   - part: nil for what was held out of the training.
  ///   - slices: of which groups of the items scores are wanted.
  init(
    _ checkpoint: String, on named: String, part: EvaluationPart?, columns: ColumnOptions, reading: ReadingArguments,
    source: SourceOptions, weights: WeightsOptions, writing: WritingOptions,
    slices: EvaluationSlices.Request = EvaluationSlices.Request()
  ) throws {
    data = try weights.dataPath(named)
    kind = try DataSource.kind(of: data)
    try reading.check(kind, data)
    reading.setThreads()
    if kind != .images {
      if kind != .tables, let name = slices.names.first {
        throw OptionFault(EvaluationSlices.unsuited(name, data))
      }
      let evaluation = try DataEvaluation(
        checkpoint, source, weights: weights, part: part, beam: writing.beam)
      metadata = evaluation.checkpoint.metadata
      if let name = slices.names.first { try evaluation.checkSlicing(by: name) }
      let report = try evaluation.report(on: data, kind, columns)
      self.report = try Self.sliced(
        report, slices, data, by: report.rows.map { Slicing.columns(of: $0) } ?? [])
      images = nil
      return
    }
    try columns.requireNone(path: checkpoint)
    try writing.requireNone(path: checkpoint)
    try EvaluationSlices.checkImages(slices, data)
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    metadata = loaded.predictor.metadata
    let (report, images) = try Self.evaluate(loaded, on: data, part, reading)
    self.report = try Self.sliced(
      report, slices, data, by: images.map { Slicing.images($0.entries) } ?? [])
    self.images = images
  }

  /// The report with the scores of groups of its items, where they are wanted.
  private static func sliced(
    _ report: EvaluationReport, _ request: EvaluationSlices.Request, _ data: String,
    by slicings: @autoclosure () -> [Slicing]
  ) throws -> EvaluationReport {
    guard !request.isEmpty, Processes.current == nil else { return report }
    let slices = try EvaluationSlices(request, of: report, by: slicings(), data: data)
    var report = report
    report.slices = slices
    report.lines += slices.lines
    report.members += slices.members
    return report
  }

  private static func evaluate(
    _ loaded: LoadedModel, on data: String, _ part: EvaluationPart?, _ reading: ReadingArguments
  ) throws -> (EvaluationReport, EvaluatedImages?) {
    let part = try DataPart.forEvaluation(
      data, classes: loaded.predictor.namesClasses ? loaded.classes : nil, limit: reading.limit, part,
      of: loaded.predictor.metadata, loaded.path)
    let count = loaded.model.configuration.outputs
    guard part.folder.classes.count == count else {
      throw CommandFault.classCount(source: data, found: part.folder.classes.count, expected: count)
    }
    part.announce(data)
    _ = loaded.predictor.metadata.announcedDecision(loaded.path)
    let entries = part.folder.entries
    let (metrics, skipped) = try loaded.withProgress("evaluating", of: entries.count) { progress in
      try loaded.predictor.evaluate(
        entries, classes: part.folder.classes, workers: reading.workers ?? availableCores(), keepsProbabilities: true,
        group: Processes.current?.group, progress: progress)
    }
    guard metrics.count > 0 else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first.map { "\($0.fault)" } ?? "the folder is empty")
    }
    for image in skipped { tell("skipped: \(image.fault)") }
    let tally = ReadingTally(part.name, part.folder, mostSkipped: reading.maxSkipped?.value ?? 1)
    tally.add(entries, skipped: skipped)
    try tally.check()
    var report = EvaluationReport(
      metrics, item: "image", skipped: skipped.map { (entries[$0.index].path, "\($0.fault)") })
    report.part = part.name
    report.members.append(("part", part.name.map { .text($0) } ?? .null))
    report = report.known(before: part.isKnownBefore)
    let missing = Set(skipped.map(\.index))
    report.names = entries.indices.filter { !missing.contains($0) }.map { entries[$0].path }
    return (
      report,
      EvaluatedImages(
        entries: entries.indices.filter { !missing.contains($0) }.map { entries[$0] }, metrics: metrics,
        predictor: loaded.predictor)
    )
  }

  /// What the network does, in Hugging Face's words.
  var task: String {
    switch (kind, report.content) {
    case (_, .other): report.item == "text" ? "text2text-generation" : "other"
    case (.images, _): "image-classification"
    case (.graphs, _): "graph-ml"
    case (.text, _): "text-generation"
    case (.tables, .numbers): report.item == "window" ? "time-series-forecasting" : "tabular-regression"
    case (.tables, _): report.item == "text" ? "text-classification" : "tabular-classification"
    }
  }

  /// What `predict` is given.
  var exampleInput: String {
    switch kind {
    case .images: "PHOTO.jpg"
    case .tables: "TABLE.csv"
    case .graphs, .text: "DATA"
    }
  }

  /// Writes the report of the evaluation.
  ///
  /// - Parameter record: of the run that the checkpoint comes from.
  /// - Returns: the path of the page.
  func writeReport(to folder: String, title: String, record: RunRecord?) throws -> String {
    var facts = ReportFacts(metadata, record)
    facts.data = data.split(separator: "/").last.map(String.init) ?? data
    facts.part = report.part
    facts.isPartKnownBefore = report.isKnownBefore
    facts.exampleInput = exampleInput
    return try ReportWriter(
      title: title, facts: facts, record: record, task: task, evaluation: report, examples: images?.sections() ?? []
    ).write(to: folder)
  }
}
