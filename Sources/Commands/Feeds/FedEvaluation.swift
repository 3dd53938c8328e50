import Aviary
import AviaryDiagnostics
import Foundation

extension DataEvaluation {
  /// The evaluation on a table of a network that is given its inputs one by one; nil for another.
  func fedReport(on data: String, _ columns: ColumnOptions) throws -> EvaluationReport? {
    guard try checkpoint.inputPreparation() == nil,
      var fed = FedNetwork(model, checkpoint.metadata, nil, path: path)
    else { return nil }
    try fed.take(columns.task)
    if columns.window != nil { throw FeedFault.unheeded(option: "--window") }
    let plain = columns.columns(classes: [])
    let left = plain.excluded + [plain.target].compactMap { $0 }
    let inputs = fed.network.configuration.inputs
    guard let name = plain.target else { throw FeedFault.noTarget(table: data, columns: try Table(csv: data).names) }
    let feeds = try InputFeeds(table: data, inputs, leavingOut: left, path: path)
    guard let table = feeds.table, let target = table[name], let output = fed.network.configuration.namedOutputs.first
    else { throw FeedFault.noTarget(table: data, columns: []) }
    _ = try PartChoice(given: part, checkpoint: checkpoint, path: path, data: data)
      .division(all: counted(table.rowCount, "row"))
    if fed.network.configuration.namedOutputs.count > 1 { tell("\(path): is scored by its output '\(output.name)'") }
    let report =
      output.meaning == .values || (fed.areNumbers && output.assumesScores)
      ? try fed.regression(feeds, target, table) : try fed.classification(feeds, target, table, output.count ?? 0)
    let lacking = table.rowNumbers.indices.filter { target.isMissing($0) }
      .map { LackingRow(row: table.rowNumbers[$0], column: target.name) }
    if let first = lacking.first { tell("\(data): \(EvaluationReport.leftOut(lacking.count, first))") }
    return report.onPart(.all).leavingOut(lacking)
  }
}

extension FedNetwork {
  fileprivate func classification(
    _ feeds: InputFeeds, _ target: Table.Column, _ table: Table, _ count: Int
  ) throws -> EvaluationReport {
    let classes = classes(count, place: 0)
    let places = ExactDictionary(zip(classes, 0...))
    var labels: [Int?] = []
    for (row, name) in TablePreprocessing.classNames(target, Array(0..<table.rowCount)).enumerated() {
      guard let name else {
        labels.append(nil)
        continue
      }
      guard let label = places[name] else {
        throw TableFault.unknownClass(path: table.path, row: table.rowNumbers[row], column: target.name, name: name)
      }
      labels.append(label)
    }
    var metrics = ClassificationMetrics(classes: classes)
    let decision = decision(place: 0)
    try score(feeds) { example, result in
      guard let label = labels[example] else { return }
      let values = result.scalars
      metrics.add(
        label: label, predicted: decision.predicted(values),
        loss: -Foundation.log(Double(max(values[label], .leastNormalMagnitude))))
    }
    guard metrics.count > 0 else { throw TableFault.noRowsLeft(path: table.path, rows: table.rowCount) }
    return EvaluationReport(metrics, item: "row")
  }

  fileprivate func regression(
    _ feeds: InputFeeds, _ target: Table.Column, _ table: Table
  ) throws -> EvaluationReport {
    guard case .numeric(let targets) = target.values else {
      throw TableFault.notNumeric(path: table.path, column: target.name)
    }
    var metrics = RegressionMetrics(keepsPairs: true)
    var width = 1
    try score(feeds) { example, result in
      width = result.count
      if let known = targets[example] { metrics.add(target: known, estimate: Double(result.scalars[0])) }
    }
    guard width == 1 else {
      throw FeedFault.unscored(
        path: path, reason: "the network has \(width) outputs, but a table has one target; use predict instead")
    }
    guard metrics.count > 0 else { throw TableFault.noRowsLeft(path: table.path, rows: table.rowCount) }
    return EvaluationReport(metrics)
  }

  /// Calls `body` with the first output for every example that has one; says how many have none.
  private func score(_ feeds: InputFeeds, _ body: (Int, Tensor) -> Void) throws {
    var lost: [Unfed] = []
    var broken: Unfed?
    forEach(feeds) { example, answer in
      switch answer {
      case .success(let results): body(example, results[0].tensor)
      case .failure(let reason):
        if case .failure = feeds.tensors(example) { lost.append(reason) } else { broken = broken ?? reason }
      }
    }
    if let broken { throw FeedFault.unscored(path: path, reason: broken.reason) }
    if let first = lost.first { tell("\(counted(lost.count, "row")) left out; the first: \(first.reason)") }
  }
}

extension Table.Column {
  fileprivate func isMissing(_ row: Int) -> Bool {
    switch values {
    case .categorical(let texts): texts[row] == nil
    case .numeric(let numbers): numbers[row] == nil
    }
  }
}
