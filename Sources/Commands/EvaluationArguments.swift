import ArgumentParser
import Aviary
import AviaryArchives

/// What evaluate does beside scoring one checkpoint.
struct EvaluationArguments: ParsableArguments {
  @Flag(help: "Score the weights of all epochs that a run kept (train --save-every), in a table.") var epochs = false
  @Option(
    help: ArgumentHelp(
      "Write a list of labels that are probably wrong into this .csv file: the items with the largest loss first.",
      valueName: "file"))
  var labelProblems: String?
  @Option(
    help: ArgumentHelp(
      "Score the groups of the items by this, too: a column of a table; 'shorter side', shape, format or folder of images. Repeatable.",
      valueName: "name"))
  var slice: [String] = []

  func validate() throws {
    if epochs, let name = slice.first {
      throw ValidationError("--slice \(name) is for one checkpoint, not for --epochs")
    }
    if epochs, labelProblems != nil {
      throw ValidationError("--label-problems is for one checkpoint, not for --epochs")
    }
    try checkOption("--label-problems", labelProblems, "a .csv file") { $0.hasSuffix(".csv") }
  }

  /// Writes the list where one is asked for.
  func writeLabelProblems(of report: EvaluationReport, data: String) throws {
    guard let path = labelProblems else { return }
    guard case .classes(let metrics, _) = report.content, let probabilities = metrics.probabilities,
      let decision = metrics.decision, let names = report.names
    else { throw OptionFault("--label-problems is for items with one class each, not for \(data)") }
    guard probabilities.isComplete, names.count == probabilities.count else {
      throw OptionFault("--label-problems: \(data) has more probabilities than are kept; evaluate a part of it")
    }
    var predictions: [LabelProblems.Prediction] = []
    for (index, name) in names.enumerated() {
      guard let (label, shares) = probabilities.example(index) else { continue }
      predictions.append((name, label, decision.predicted(shares), shares))
    }
    try Self.write(LabelProblems(classes: metrics.classes, predictions), to: path, item: report.item)
  }

  static func write(_ problems: LabelProblems, to path: String, item: String) throws {
    let text = problems.csv
    let header = text.prefix { $0 != "\n" }.utf8
    let found = FileSystem.beginning(of: path, count: header.count)
    guard found.isEmpty || found.elementsEqual(header) else {
      throw OptionFault("--label-problems \(path): the file holds something else; give another name")
    }
    tellOfBytes(in: text)
    try writeDurably([ByteRegion(Array(text.utf8))], to: path)
    tell(
      "\(path): \(counted(problems.count, "label")) of \(counted(problems.items.count, item)) "
        + "\(problems.count == 1 ? "is" : "are") probably wrong (column suggested)")
  }
}

extension EvaluateCommand {
  /// What the run was trained on.
  func ownData() throws -> String {
    guard FileSystem.exists(checkpoint + "/options.json"),
      let own = try RunRecord(reading: checkpoint).options?.data, !own.isEmpty
    else { throw ValidationError("--data is missing; give the data to evaluate on") }
    return own
  }

  /// Scores predictions that were made before, such as those of all folds.
  func evaluatePredictions() throws {
    // Reading in place and its checks are on by default.
    let fitting = ["--json", "--quiet", "--label-problems", "--map", "--verify"]
    if let option = givenOptions.first(where: { !fitting.contains($0) }) {
      throw ValidationError("\(option) is for a checkpoint; \(checkpoint) is a file of predictions")
    }
    if let numbers = try RegressionMetrics(reading: checkpoint) {
      if further.labelProblems != nil {
        throw OptionFault("--label-problems is for items with one class each, not for \(checkpoint)")
      }
      return EvaluationReport(numbers, item: "item").print(asJSON: json)
    }
    let file = try PredictionFile(reading: checkpoint)
    let items = file.items
    let isRepeated = items.count < file.predictions.count
    let report = EvaluationReport(file.metrics, item: isRepeated ? "prediction" : "item")
    (isRepeated ? report.ofItems(items.count) : report).print(asJSON: json)
    if let path = further.labelProblems {
      if isRepeated { tell("\(checkpoint): of several predictions of an item, the means of their probabilities count") }
      try EvaluationArguments.write(LabelProblems(classes: file.classes, items), to: path, item: "item")
    }
  }

  /// Scores the weights of all epochs that a run kept.
  func evaluateEpochs(on data: String) throws {
    if report != nil { throw ValidationError("--report is for one checkpoint, not for --epochs") }
    if let first = MemberTraining.folders(at: checkpoint).first {
      throw ReportFault.severalRuns(folder: checkpoint, first: first)
    }
    let saved = SavedEpochs.list(in: checkpoint)
    guard !saved.isEmpty else {
      throw OptionFault(
        "--epochs: \(checkpoint) does not contain any saved epochs; train with --save-every N to keep them")
    }
    let best = checkpoint + "/best.h5"
    if (try? Checkpoint.read(from: best))?.metadata.thresholds != nil {
      tell("\(checkpoint): only best.h5 has class thresholds; of saved epochs the most probable class is predicted")
    }
    var rows: [[String]] = []
    var members: [JSONValue] = []
    let wasSilent = Notices.areSilenced
    defer { Notices.areSilenced = wasSilent }
    for (epoch, path) in saved {
      // The data are the same for all: what is to be said of them is said once.
      if !rows.isEmpty { Notices.areSilenced = true }
      let found = try CheckpointEvaluation(
        path, on: data, part: part, columns: columns, reading: reading, source: source, weights: weights,
        writing: writing
      ).report
      let scores = found.rowScores
      if rows.isEmpty { rows.append(["epoch"] + scores.map(\.name)) }
      rows.append(["\(epoch)"] + scores.map { $0.text })
      members.append(
        .object(
          [.init("epoch", .integer(epoch)), .init("file", .text(path))] + found.members.map { .init($0.0, $0.1) }))
    }
    if json {
      printJSON(JSONValue.members(["epochs": .array(members)]))
    } else {
      for line in table(rows, right: Set(0..<(rows.first?.count ?? 0))) { show(line) }
    }
  }
}

extension EvaluationReport {
  /// The scores of a row in a table of checkpoints.
  fileprivate var rowScores: [(name: String, text: String)] {
    func share(_ value: Double?) -> String { value.map(percent) ?? "-" }
    switch content {
    case .classes(let metrics, _):
      return [
        ("accuracy", share(metrics.accuracy)), ("loss", metrics.meanLoss.map { fixed($0, 4) } ?? "-"),
        ("macro F1", share(metrics.macroF1)), ("balanced accuracy", share(metrics.balancedAccuracy)),
      ]
    case .numbers(let metrics):
      return [
        ("RMSE", shown(metrics.rootMeanSquaredError)), ("MAE", shown(metrics.meanAbsoluteError)),
        ("R²", shown(metrics.r2)),
      ]
    case .characters(_, let loss): return [("loss", fixed(loss, 4))]
    case .other:
      return members.compactMap { name, value in value.double.map { (name: name, text: "\(significant($0, 5))") } }
    }
  }
}
