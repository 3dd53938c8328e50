import AviaryArchives
import AviaryDatasets
import AviaryDiagnostics

/// What networks made of items that they did not learn from, in a table such as `out-of-fold.csv`: columns `item`, `true` (or
/// `label`), `predicted`, and `probability_CLASS` for each class; others are passed over. Without a column `predicted`, the
/// most probable class is predicted.
public struct PredictionFile: Sendable {
  /// The classes, in the order of their columns.
  public let classes: [String]
  /// Each item's name, its label and the predicted class (places in `classes`), and the probability of each class.
  public let predictions: [LabelProblems.Prediction]
  /// Each item with a label once, in the order of their first predictions. Of one with several predictions, as repeated folds
  /// make them, the probabilities are their mean, and the class of the greatest mean is predicted: thresholds that runs have
  /// chosen are their own.
  public var items: [LabelProblems.Prediction] {
    var places: [Key: Int] = [:]
    var items: [LabelProblems.Prediction] = []
    var counts: [Int] = []
    for prediction in predictions {
      let key = Key(name: ExactText(prediction.name), label: prediction.label)
      if let place = places[key] {
        counts[place] += 1
        for (index, share) in prediction.probabilities.enumerated() { items[place].probabilities[index] += share }
      } else {
        places[key] = items.count
        items.append(prediction)
        counts.append(1)
      }
    }
    for (place, count) in counts.enumerated() where count > 1 {
      let means = items[place].probabilities.map { $0 / Double(count) }
      items[place].probabilities = means
      items[place].predicted = ClassDecision.mostProbable.predicted(means)
    }
    return items
  }

  private struct Key: Hashable {
    let name: ExactText
    let label: Int
  }

  fileprivate static let prefix = "probability_"

  /// Reads a table in CSV.
  ///
  /// - Throws: where the file cannot be read, lacks a column, or has a class without one.
  public init(reading path: String) throws(TableFault) {
    var reader = try Self.reader(of: path)
    guard let header = try reader.next()?.fields else { throw .noHeader(path: path) }
    func place(_ names: [String]) throws(TableFault) -> Int {
      guard let place = header.firstIndex(where: names.contains) else {
        throw .noColumn(path: path, name: names[0], columns: header)
      }
      return place
    }
    if Self.isWrittenByPredict(header) { throw .noTruth(path: path) }
    let (item, truth) = (try place(["item"]), try place(["true", "label"]))
    let places = header.indices.filter { header[$0].hasPrefix(Self.prefix) }
    guard places.count > 1 else { throw .noColumn(path: path, name: Self.prefix + "CLASS", columns: header) }
    let names = places.map { String(header[$0].dropFirst(Self.prefix.count)) }
    let prediction = header.firstIndex(of: "predicted")
    var rows: [LabelProblems.Prediction] = []
    while let record = try reader.next() {
      try Self.check(record, header, path)
      func label(_ column: Int) throws(TableFault) -> Int {
        let word = record.fields[column]
        guard let label = names.firstIndex(where: { $0.isExactly(word) }) else {
          throw .unknownClass(path: path, row: record.row, column: header[column], name: word)
        }
        return label
      }
      let own = try label(truth)
      var shares: [Double] = []
      for place in places {
        let text = record.fields[place]
        // Rounding may leave a little more than 1.
        guard let share = Double(text), (0...1.001).contains(share) else {
          throw .notANumber(path: path, row: record.row, column: header[place], text: text)
        }
        shares.append(min(share, 1))
      }
      // Thresholds of the classes may have made it another than the most probable one.
      let predicted = try prediction.map { (column) throws(TableFault) in try label(column) }
      rows.append((record.fields[item], own, predicted ?? ClassDecision.mostProbable.predicted(shares), shares))
    }
    guard !rows.isEmpty else { throw .noRows(path: path) }
    (classes, predictions) = (names, rows)
  }

  /// Whether the columns are those of `predict`: what each prediction is of, and the most probable class or the number.
  private static func isWrittenByPredict(_ header: [String]) -> Bool {
    let known = ExactSet(header)
    return !known.contains("item") && !known.contains("true") && (known.contains("image") || known.contains("row"))
      && (known.contains("probability") || known.contains("value"))
  }

  fileprivate static func reader(of path: String) throws(TableFault) -> CSVReader {
    let bytes: [UInt8]
    do throws(ArchiveFault) { bytes = try MappedFile(path: path, map: false).bytes.array() } catch {
      throw .unreadable(reason: "\(error)")
    }
    return CSVReader(TextEncoding.utf8(bytes).bytes, path: path)
  }

  fileprivate static func check(
    _ record: CSVReader.Record, _ header: [String], _ path: String
  ) throws(TableFault) {
    guard record.fields.count != header.count else { return }
    throw .ragged(path: path, row: record.row, fields: record.fields.count, expected: header.count)
  }

  /// How well they meet the truth, each prediction by itself.
  public var metrics: ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: classes, keepsProbabilities: true, decision: .mostProbable)
    for prediction in predictions {
      metrics.add(
        probabilities: prediction.probabilities, label: prediction.label, predicted: prediction.predicted)
    }
    return metrics
  }
}

extension RegressionMetrics {
  /// Those of a table of estimates such as `out-of-fold.csv` of a regression: columns `true` and `predicted` of numbers, and
  /// none of probabilities.
  ///
  /// - Returns: nil for a table of classes.
  /// - Throws: where the file cannot be read, or mixes numbers and other words.
  public init?(reading path: String) throws(TableFault) {
    var reader = try PredictionFile.reader(of: path)
    guard let header = try reader.next()?.fields else { throw .noHeader(path: path) }
    guard let truth = header.firstIndex(of: "true"), let estimate = header.firstIndex(of: "predicted"),
      !header.contains(where: { $0.hasPrefix(PredictionFile.prefix) })
    else { return nil }
    self.init(keepsPairs: true)
    while let record = try reader.next() {
      try PredictionFile.check(record, header, path)
      func number(_ column: Int) throws(TableFault) -> Double? {
        if let number = Double(record.fields[column]) { return number }
        if count == 0 { return nil }
        throw .notANumber(path: path, row: record.row, column: header[column], text: record.fields[column])
      }
      // Classes without their probabilities.
      guard let target = try number(truth), let estimate = try number(estimate) else { return nil }
      add(target: target, estimate: estimate)
    }
    if count == 0 { throw .noRows(path: path) }
  }
}
