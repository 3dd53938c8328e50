import Aviary

/// The predictions of `aviary predict` for the rows of tables.
struct TablePredictions {
  /// The answer for one row, or why there is none.
  enum Answer {
    case found(line: String, value: JSONValue)
    /// The network's outputs for the row are not finite.
    case notFinite
  }

  /// The number of classes that are printed.
  let top: Int
  /// Rows and tables without a prediction, a line each.
  private(set) var faults: [String] = []
  /// The number of rows and of unreadable tables.
  private(set) var count = 0
  private(set) var lines: [String] = []
  /// As JSON has them.
  private(set) var predictions: [JSONValue] = []

  /// Which class is predicted.
  private let decision: ClassDecision
  private let temperature: Double?

  init(top: Int, decision: ClassDecision, temperature: Double? = nil) {
    self.top = top
    self.decision = decision
    self.temperature = temperature
  }

  /// Predicts every row of a file. A table that cannot be read, and a row without values that are needed, become faults.
  mutating func add(_ path: String, _ model: some Classifier, _ preprocessing: TablePreprocessing) {
    do throws(TableFault) {
      let table = try Table(csv: path, for: preprocessing)
      for remark in preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let features = try preprocessing.features(of: table)
      for remark in features.remarks { tell("\(path): \(remark)") }
      add(path, table, rows: features.rows, answers(ExamplePredictor(model, preprocessing), features), model)
    } catch {
      add(error, path)
    }
  }

  /// Predicts the class of the text in every row of a file.
  mutating func add(_ path: String, _ predictor: ExamplePredictor<TextColumnPreprocessing>, _ model: some Network) {
    do throws(TableFault) {
      let table = try predictor.preprocessing.table(csv: path)
      for remark in predictor.preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let texts = try predictor.preprocessing.texts(of: table)
      for remark in texts.remarks { tell("\(path): \(remark)") }
      let classes = predictor.preprocessing.target.classes
      add(path, table, rows: texts.rows, predictor.probabilities(texts).map { answer($0, classes) }, model)
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
      for remark in preprocessing.remarks(on: table) { tell("\(path): \(remark)") }
      let rows = try preprocessing.rows(of: table)
      let settings = preprocessing.settings
      let predictor = ExamplePredictor(model, preprocessing)
      guard let numbers = predictor.numbersNext(after: rows) else {
        throw .shorterThanWindow(path: path, rows: rows.count, window: settings.window)
      }
      let values = numbers.values
      let answer =
        values.count == 1 || classes.isEmpty
        ? Self.answer(numbers) : answer(predictor.probabilitiesNext(after: rows) ?? [], classes)
      guard case .found(let line, let value) = answer else {
        return add(fault: "\(PredictionFault.notFinite(of: path, model))", path)
      }
      count += 1
      guard values.count == 1 else {
        let isForecast = classes.isEmpty && settings.stepCount == values.count
        lines.append(isForecast ? "\(path): next \(values.count) of \(settings.target): \(line)" : "\(path): \(line)")
        predictions.append(.object([.init("table", .text(path))] + (value.members ?? [])))
        return
      }
      let steps = settings.rowsAhead == 1 ? "next" : "in \(settings.rowsAhead) rows"
      lines.append("\(path): \(steps) \(settings.target) \(line)")
      predictions.append(.object([.init("table", .text(path))] + (value.members ?? [])))
    } catch {
      add(error, path)
    }
  }

  mutating func add(_ fault: TableFault, _ path: String) { add(fault: "\(fault)", path) }

  private mutating func add(fault: String, _ path: String) {
    count += 1
    faults.append(fault)
    lines.append("\(path): not predicted")
    predictions.append(.members(["table": .text(path), "error": .text(fault)]))
  }

  /// - Parameter rows: the positions of the rows that the answers are for.
  mutating func add(_ path: String, _ table: Table, rows: [Int], _ answers: [Answer], _ model: some Layer) {
    let answers = Dictionary(zip(rows, answers), uniquingKeysWith: { first, _ in first })
    // The weights are looked through once.
    var weights: String??
    for place in 0..<table.rowCount {
      let row = table.rowNumbers[place]
      switch answers[place] {
      case .found(let line, let value): add(line, value, path, row: row)
      case .notFinite:
        let cause = weights ?? model.checkpoint(architecture: nil).nonfinite.first?.description
        weights = .some(cause)
        add(fault: "\(PredictionFault.notFinite(item: "\(path) row \(row)", weights: cause))", path, row: row)
      case nil:
        let reason = "a value is missing, and the network was trained without such rows"
        add(fault: "\(path) row \(row): \(reason)", path, row: row)
      }
    }
  }

  /// - Parameter row: counted as in a spreadsheet: the header is row 1.
  private mutating func add(_ line: String, _ value: JSONValue, _ path: String, row: Int) {
    count += 1
    lines.append("\(path) row \(row): \(line)")
    predictions.append(.object(Self.place(path, row) + (value.members ?? [])))
  }

  private static func place(_ path: String, _ row: Int) -> [JSONValue.Member] {
    [.init("table", .text(path)), .init("row", .integer(row))]
  }

  private mutating func add(fault: String, _ path: String, row: Int) {
    count += 1
    faults.append(fault)
    lines.append("\(path) row \(row): not predicted")
    predictions.append(.object(Self.place(path, row) + [.init("error", .text(fault))]))
  }

  private func answers(
    _ predictor: ExamplePredictor<TablePreprocessing>, _ features: TableFeatures
  ) -> [Answer] {
    let target = predictor.preprocessing.target
    if target.task == .regression {
      return predictor.numbers(features).map { numbers in
        let answer = Self.answer(numbers)
        guard numbers.values.count == 1, case .found(let line, let value) = answer else { return answer }
        return .found(line: "\(target.name) \(line)", value: value)
      }
    }
    return predictor.probabilities(features).map { answer($0, target.classes) }
  }

  private static func answer(_ numbers: OutputNumbers) -> Answer {
    guard numbers.values.allSatisfy(\.isFinite) else { return .notFinite }
    return .found(line: numbers.line(), value: .object(numbers.members))
  }

  /// The classes, the predicted one first.
  private func answer(_ probabilities: [Float], _ classes: [String]) -> Answer {
    guard probabilities.allSatisfy(\.isFinite) else { return .notFinite }
    let best = decision.order(probabilities).prefix(top)
    let probabilities = probabilities.scaled(temperature)
    return .found(
      line: best.map { "\(classes[$0]) \(percent(Double(probabilities[$0])))" }.joined(separator: ", "),
      value: .members([
        "classes": .array(
          best.map { .members(["name": .text(classes[$0]), "probability": .real(probabilities[$0])]) })
      ]))
  }
}
