import Aviary
import AviaryArchives
import AviaryExplanations

/// Which columns of a table a network depends on.
struct TableImportance {
  private let command: ExplainCommand

  init(_ command: ExplainCommand) { self.command = command }

  func run() throws {
    let data = try command.weights.dataPath(command.data ?? "")
    guard try DataSource.kind(of: data) == .tables else {
      throw OptionFault("--data \(data): is not a table; --method permutation takes a .csv file")
    }
    let evaluation = try DataEvaluation(
      command.checkpoint, command.source, weights: command.weights, part: command.part)
    guard case .rows(let preprocessing) = try evaluation.tablePreparation(for: data, command.columns, needsTarget: true)
    else {
      throw CommandFault.otherOutputs(
        path: evaluation.path, reason: "columns are shuffled among rows, and this network reads series or texts")
    }
    let model = try evaluation.tableModel(preprocessing)
    let table = try Table(csv: data, for: preprocessing)
    let (examples, part) = try evaluation.examples(of: table, preprocessing, item: "row") { () throws(TableFault) in
      try preprocessing.examples(of: table)
    }
    let decision = evaluation.announcedDecision()
    func open(_ model: some Classifier) throws -> PermutationImportance {
      try importance(of: model, ExamplePredictor(model, preprocessing), decision, table, examples)
    }
    let found = try open(model)
    let report = Report(
      importance: found, columns: preprocessing.columnNames,
      score: preprocessing.target.task == .regression ? "r2" : "accuracy", part: part, rows: examples.inputs.count)
    if let folder = command.output { try write(report, to: folder) }
    if command.json { printJSON(report.json) } else { for line in report.lines { show(line) } }
  }

  private func importance(
    of model: some Layer, _ predictor: ExamplePredictor<TablePreprocessing>, _ decision: ClassDecision, _ table: Table,
    _ examples: Examples<TableFeatures>
  ) throws -> PermutationImportance {
    let preprocessing = predictor.preprocessing
    let rows = examples.inputs.rows
    let repeats = command.settings.repeats ?? 5
    var line = ProgressLine()
    defer { line.clear() }
    var done = 0
    return try PermutationImportance(
      columns: preprocessing.columnNames.count, rows: rows.count, repeats: repeats, seed: command.settings.seed ?? 0
    ) { shuffling in
      var examples = examples
      if let shuffling {
        let column = preprocessing.columnNames[shuffling.column]
        examples.inputs = try preprocessing.features(
          of: table.shuffling(column, among: rows, by: shuffling.rows), rows: rows)
        done += 1
        line.show(.init("shuffling", done: done, total: preprocessing.columnNames.count * repeats))
      }
      guard let score = try score(predictor, decision, examples) else {
        throw PredictionFault.notFinite(of: table.path, model)
      }
      return score
    }
  }

  /// The accuracy, or R² of a regression; nil where a prediction is not finite.
  private func score(
    _ predictor: ExamplePredictor<TablePreprocessing>, _ decision: ClassDecision, _ examples: Examples<TableFeatures>
  ) throws(OptionFault) -> Double? {
    let target = predictor.preprocessing.target
    guard target.task == .regression else {
      let metrics = predictor.classification(examples, decision: decision)
      return metrics.lossSum.isFinite ? metrics.accuracy : nil
    }
    let metrics = predictor.regression(examples)
    guard metrics.meanSquaredError?.isFinite == true else { return nil }
    guard let share = metrics.r2 else {
      throw OptionFault("--data: all rows have one \(target.name), so that there is no R² to lose")
    }
    return share
  }

  private func write(_ report: Report, to folder: String) throws {
    try FileSystem.createFolder(folder)
    let path = "\(folder)/permutation.npz"
    try command.overwrite.check(path, for: .arrays(["importances"]))
    let importances = report.importance.importances
    var arrays = Checkpoint()
    arrays.set(
      StoredArray(importances.joined().map { Float($0) }, shape: [importances.count, importances.first?.count ?? 0]),
      at: "importances")
    try arrays.write(to: path)
  }

  private struct Report {
    let importance: PermutationImportance
    let columns: [String]
    let score: String
    let part: EvaluationPart
    let rows: Int

    /// The columns, the most important first.
    private var order: [Int] {
      let means = importance.means
      return columns.indices.sorted { (means[$0], $1) > (means[$1], $0) }
    }

    var lines: [String] {
      let name = score == "r2" ? "R²" : "accuracy"
      let (means, deviations) = (importance.means, importance.deviations)
      return ["\(name) \(fixed(importance.score, 4)) on \(counted(rows, "row")); it falls by, if a column is shuffled:"]
        + table(
          order.map { ["", columns[$0], fixed(means[$0], 4), "± " + fixed(deviations[$0], 4)] }, right: [2, 3])
    }

    var json: JSONValue {
      let (means, deviations) = (importance.means, importance.deviations)
      return .members([
        "method": .text("permutation"), "score": .text(score), "value": .real(importance.score),
        "rows": .integer(rows), "part": .text(part.word),
        "columns": .array(
          order.map { column in
            .members([
              "name": .text(columns[column]), "importance": .real(means[column]),
              "deviation": .real(deviations[column]),
              "importances": .array(importance.importances[column].map { .real($0) }),
            ])
          }),
      ])
    }
  }
}
