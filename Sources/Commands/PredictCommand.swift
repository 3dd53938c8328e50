import ArgumentParser
import Aviary

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Predict the classes of images, or the target of a table's rows.",
    discussion: """
      Images are JPEG, PNG or WebP files, folders of them, whose images are all predicted in the order of their names, and \
      IDX and CIFAR files, whose pictures are numbered from 0. An image that cannot be read is reported, the others are predicted, and the exit code \
      is 1. A checkpoint that was trained on a table takes .csv files with the same columns; one that was trained on a \
      time series forecasts the next values of each file. What labels tokens also takes text files with a token a line, and \
      what writes texts writes one for each row. A network of another program that takes rows or sequences of \
      numbers is given the columns of a .csv file as they are.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Argument(help: ArgumentHelp("The images, folders of images, or tables.", valueName: "image")) var images: [String]
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Print the K most probable classes.", valueName: "k"))
  var top = 5
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top \(top) is out of range; use at least 1") }
  }

  func run() throws {
    if images.allSatisfy({ $0.hasSuffix(".csv") || Self.isText($0) }) { return try predictTables() }
    try columns.requireNone(path: checkpoint)
    try writing.requireNone(path: checkpoint)
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let found = images.map { path in Result { () throws(ImageFolderFault) in try ImageSelection(path) } }
    for (path, selection) in zip(images, found) {
      if case .success(let selection) = selection, let remark = selection.remark(on: path) { tell(remark) }
    }
    let entries = found.flatMap { (try? $0.get().entries) ?? [] }
    var answers = try loaded.withProgress("predicting", of: entries.count) { progress in
      try loaded.predictor.predict(entries, workers: availableCores(), progress: progress)
    }[...]
    // In the order of the arguments, those that cannot be read at their places.
    var findings: [Finding] = []
    for (path, selection) in zip(images, found) {
      switch selection {
      case .success(let selection):
        for entry in selection.entries {
          findings.append(
            Finding(image: entry.path, answers: answers.removeFirst().mapError { Unpredicted(reason: "\($0)") }))
        }
      case .failure(let fault):
        findings.append(Finding(image: path, answers: .failure(Unpredicted(reason: "\(fault)"))))
      }
    }
    if json {
      print(object(findings).serialized)
    } else {
      for line in lines(findings) { show(line) }
    }
    let faults = findings.compactMap(\.fault)
    if let first = faults.first {
      if !json, faults.count > 1 { for fault in faults { tell("not predicted: \(fault)") } }
      throw CommandFault.unreadableImages(count: faults.count, of: findings.count, first: first)
    }
  }

  /// An image with its classes, or why it has none.
  private struct Finding {
    let image: String
    let answers: Result<[ImagePredictor.Answer], Unpredicted>

    var fault: String? { if case .failure(let fault) = answers { fault.reason } else { nil } }
  }

  private struct Unpredicted: Error { let reason: String }

  private func object(_ findings: [Finding]) -> JSONValue {
    let predictions = findings.map { finding -> JSONValue in
      switch finding.answers {
      case .success(let answers):
        .members([
          "image": .text(finding.image),
          "classes": .array(
            answers.prefix(top).map { .members(["name": .text($0.name), "probability": .real($0.probability)]) }),
        ])
      case .failure(let fault): .members(["image": .text(finding.image), "error": .text(fault.reason)])
      }
    }
    return .members(["predictions": .array(predictions)])
  }

  private func lines(_ findings: [Finding]) -> [String] {
    findings.flatMap { finding -> [String] in
      switch finding.answers {
      case .success(let answers):
        [finding.image] + table(answers.prefix(top).map { ["", percent(Double($0.probability)), $0.name] }, right: [1])
      case .failure: [finding.image, "  not predicted"]
      }
    }
  }

  /// Whether a name is that of a file with a token a line.
  private static func isText(_ path: String) -> Bool {
    [".txt", ".conll", ".conllu", ".bio", ".iob", ".iob2"].contains { path.hasSuffix($0) }
  }

  private func predictTables() throws {
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights, writing: writing)
    if let text = images.first(where: Self.isText), !(evaluation.model is any SequenceTagger) {
      throw CommandFault.unlabeledText(path: evaluation.path, text: text)
    }
    var predictions = TablePredictions(top: top)
    switch try evaluation.tablePreparation(for: images[0], columns, needsTarget: false) {
    case .series(let preprocessing):
      let model = try evaluation.seriesModel(preprocessing)
      let classes = try evaluation.plainClasses(columns)
      for path in images { predictions.addNext(path, model, preprocessing, classes: classes) }
    case .textColumn(let preprocessing):
      let predictor = try evaluation.textPredictor(preprocessing)
      for path in images { predictions.add(path, predictor, evaluation.model) }
    case .tags(let preprocessing):
      let predictor = try evaluation.tagPredictor(preprocessing)
      for path in images { predictions.add(path, predictor, evaluation.model) }
    case .translation(let preprocessing):
      let writer = try evaluation.translator(preprocessing)
      for path in images { predictions.add(path, writer, preprocessing, beam: writing.width, evaluation.model) }
    case .generation(let preprocessing):
      let writer = try evaluation.generator(preprocessing)
      for path in images { predictions.add(path, writer, preprocessing, beam: writing.width, evaluation.model) }
    case .rows(let preprocessing):
      let model = try evaluation.tableModel(preprocessing)
      for path in images { predictions.add(path, model, preprocessing) }
    }
    if json {
      print(predictions.json)
    } else {
      for line in predictions.lines { show(line) }
    }
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }
}
