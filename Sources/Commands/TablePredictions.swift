import Aviary

/// The predictions of `aviary predict` for the rows of tables.
struct TablePredictions {
  /// The answer for one row, or why there is none.
  private struct Answer {
    let line: String
    let value: JSONValue
  }

  /// The number of classes that are printed.
  let top: Int
  /// Rows and tables without a prediction, a line each.
  private(set) var faults: [String] = []
  /// The number of rows and of unreadable tables.
  private(set) var count = 0
  private(set) var lines: [String] = []
  private var predictions: [JSONValue] = []

  init(top: Int) { self.top = top }

  var json: String { JSONValue.members(["predictions": .array(predictions)]).serialized }

  /// Predicts every row of a file. A table that cannot be read, and a row without values that are needed, become faults.
  mutating func add(_ path: String, _ model: some Classifier, _ preprocessing: TablePreprocessing) {
    do throws(TableFault) {
      let table = try Table(csv: path, for: preprocessing)
      for remark in table.remarks(on: preprocessing.columnNames) { tell("\(path): \(remark)") }
      let features = try preprocessing.features(of: table)
      for category in features.unknown { tell("\(path): \(category)") }
      add(path, table, rows: features.rows, answers(ExamplePredictor(model, preprocessing), features))
    } catch {
      add(error, path)
    }
  }

  /// Predicts the class of the text in every row of a file.
  mutating func add(_ path: String, _ predictor: ExamplePredictor<TextColumnPreprocessing>) {
    do throws(TableFault) {
      let table = try predictor.preprocessing.table(csv: path)
      for remark in table.remarks(on: [predictor.preprocessing.settings.column]) { tell("\(path): \(remark)") }
      let texts = try predictor.preprocessing.texts(of: table)
      let classes = predictor.preprocessing.target.classes
      add(path, table, rows: texts.rows, predictor.probabilities(texts).map { answer($0, classes) })
    } catch {
      add(error, path)
    }
  }

  /// Forecasts the value that follows the end of a time series, or classifies its end.
  ///
  /// - Parameter classes: in the order of the outputs; empty for a forecast.
  mutating func addNext(
    _ path: String, _ model: some Classifier, _ preprocessing: SeriesPreprocessing, classes: [String]
  ) {
    do throws(TableFault) {
      let table = try preprocessing.table(csv: path)
      for remark in table.remarks(on: preprocessing.columns.map(\.name)) { tell("\(path): \(remark)") }
      let rows = try preprocessing.rows(of: table)
      let settings = preprocessing.settings
      let predictor = ExamplePredictor(model, preprocessing)
      guard let next = predictor.next(after: rows), let values = predictor.valuesNext(after: rows) else {
        throw .seriesTooShort(path: path, rows: rows.count, needed: settings.window)
      }
      count += 1
      guard values.count == 1 else {
        let answer =
          classes.isEmpty ? Self.answer(values) : answer(predictor.probabilitiesNext(after: rows) ?? [], classes)
        lines.append("\(path): \(answer.line)")
        predictions.append(.object([.init("table", .text(path))] + (answer.value.members ?? [])))
        return
      }
      let steps = settings.rowsAhead == 1 ? "next" : "in \(settings.rowsAhead) rows"
      lines.append("\(path): \(steps) \(settings.target) \(significant(next, 6))")
      predictions.append(.members(["table": .text(path), "value": .real(next)]))
    } catch {
      add(error, path)
    }
  }

  private mutating func add(_ fault: TableFault, _ path: String) {
    count += 1
    faults.append("\(fault)")
    lines.append("\(path): not predicted")
    predictions.append(.members(["table": .text(path), "error": .text("\(fault)")]))
  }

  /// - Parameter rows: the positions of the rows that the answers are for.
  private mutating func add(_ path: String, _ table: Table, rows: [Int], _ answers: [Answer]) {
    let answers = Dictionary(zip(rows, answers), uniquingKeysWith: { first, _ in first })
    for place in 0..<table.rowCount { add(answers[place], path, row: table.rowNumbers[place]) }
  }

  /// - Parameter row: counted as in a spreadsheet: the header is row 1.
  private mutating func add(_ answer: Answer?, _ path: String, row: Int) {
    count += 1
    let place = [JSONValue.Member("table", .text(path)), .init("row", .integer(row))]
    if let answer {
      lines.append("\(path) row \(row): \(answer.line)")
      predictions.append(.object(place + (answer.value.members ?? [])))
      return
    }
    let reason = "\(path) row \(row): a value is missing, and the network was trained without such rows"
    faults.append(reason)
    lines.append("\(path) row \(row): not predicted")
    predictions.append(.object(place + [.init("error", .text(reason))]))
  }

  private func answers(
    _ predictor: ExamplePredictor<TablePreprocessing>, _ features: TableFeatures
  ) -> [Answer] {
    let target = predictor.preprocessing.target
    if target.task == .regression {
      return predictor.values(features).map { values in
        guard values.count == 1 else { return Self.answer(values) }
        return Answer(line: "\(target.name) \(significant(values[0], 6))", value: .members(["value": .real(values[0])]))
      }
    }
    return predictor.probabilities(features).map { answer($0, target.classes) }
  }

  /// Several numbers.
  private static func answer(_ values: [Double]) -> Answer {
    Answer(
      line: values.map { "\(significant($0, 6))" }.joined(separator: ", "),
      value: .members(["values": .array(values.map { .real($0) })]))
  }

  /// The most probable classes.
  private func answer(_ probabilities: [Float], _ classes: [String]) -> Answer {
    let best = probabilities.indices.sorted { (probabilities[$0], $1) > (probabilities[$1], $0) }.prefix(top)
    return Answer(
      line: best.map { "\(classes[$0]) \(percent(Double(probabilities[$0])))" }.joined(separator: ", "),
      value: .members([
        "classes": .array(
          best.map { .members(["name": .text(classes[$0]), "probability": .real(probabilities[$0])]) })
      ]))
  }
}
