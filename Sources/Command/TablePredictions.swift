import Aviary

/// What `aviary predict` says of the rows of tables.
struct TablePredictions {
  /// The answer for one row, or why there is none.
  private struct Answer {
    let line: String
    let value: JSONValue
  }

  /// The most probable classes that are named.
  let top: Int
  /// Rows and tables without an answer, each in a line of its own.
  private(set) var faults: [String] = []
  /// How many rows and unreadable tables there were.
  private(set) var count = 0
  private(set) var lines: [String] = []
  private var predictions: [JSONValue] = []

  init(top: Int) { self.top = top }

  var json: String { JSONValue.members(["predictions": .array(predictions)]).serialized }

  /// Predicts every row of a file. A table that cannot be read, and a row without values that are needed, become faults.
  mutating func add(_ path: String, _ model: some Classifier, _ preprocessing: TablePreprocessing) {
    do throws(TableFault) {
      let table = try Table(csv: path, for: preprocessing)
      let features = try preprocessing.features(of: table)
      for category in features.unknown { tell("\(path): \(category)") }
      let answers = Dictionary(
        zip(features.rows, answers(TablePredictor(model, preprocessing), features)),
        uniquingKeysWith: { first, _ in first })
      for place in 0..<table.rowCount { add(answers[place], path, row: table.rowNumbers[place]) }
    } catch {
      count += 1
      faults.append("\(error)")
      lines.append("\(path): not predicted")
      predictions.append(.members(["table": .text(path), "error": .text("\(error)")]))
    }
  }

  /// - Parameter row: as a spreadsheet counts: the header is row 1.
  private mutating func add(_ answer: Answer?, _ path: String, row: Int) {
    count += 1
    let place = [JSONValue.Member("table", .text(path)), .init("row", .integer(row))]
    if let answer {
      lines.append("\(path) row \(row): \(answer.line)")
      predictions.append(.object(place + (answer.value.members ?? [])))
      return
    }
    let reason = "\(path) row \(row): lacks a value, and the network was trained without such rows"
    faults.append(reason)
    lines.append("\(path) row \(row): not predicted")
    predictions.append(.object(place + [.init("error", .text(reason))]))
  }

  private func answers<Model: Classifier>(
    _ predictor: TablePredictor<Model>, _ features: TableFeatures
  ) -> [Answer] {
    let target = predictor.preprocessing.target
    if target.task == .regression {
      return predictor.estimates(features).map {
        Answer(line: "\(target.name) \(significant($0, 6))", value: .members(["value": .real($0)]))
      }
    }
    return predictor.probabilities(features).map { row in
      let best = row.indices.sorted { (row[$0], $1) > (row[$1], $0) }.prefix(top)
      return Answer(
        line: best.map { "\(target.classes[$0]) \(percent(Double(row[$0])))" }.joined(separator: ", "),
        value: .members([
          "classes": .array(
            best.map { .members(["name": .text(target.classes[$0]), "probability": .real(row[$0])]) })
        ]))
    }
  }
}
