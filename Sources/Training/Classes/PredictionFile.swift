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
  private static let prefix = "probability_"

  /// Reads a table in CSV.
  ///
  /// - Throws: where the file cannot be read, lacks a column, or has a class without one.
  public init(reading path: String) throws(TableFault) {
    let bytes: [UInt8]
    do throws(ArchiveFault) { bytes = try MappedFile(path: path, map: false).bytes.array() } catch {
      throw .unreadable(reason: "\(error)")
    }
    var reader = CSVReader(bytes, path: path)
    guard let header = try reader.next()?.fields else { throw .noHeader(path: path) }
    func place(_ names: [String]) throws(TableFault) -> Int {
      guard let place = header.firstIndex(where: names.contains) else {
        throw .noColumn(path: path, name: names[0], columns: header)
      }
      return place
    }
    let (item, truth) = (try place(["item"]), try place(["true", "label"]))
    let places = header.indices.filter { header[$0].hasPrefix(Self.prefix) }
    guard places.count > 1 else { throw .noColumn(path: path, name: Self.prefix + "CLASS", columns: header) }
    let names = places.map { String(header[$0].dropFirst(Self.prefix.count)) }
    let prediction = header.firstIndex(of: "predicted")
    var rows: [LabelProblems.Prediction] = []
    while let record = try reader.next() {
      guard record.fields.count == header.count else {
        throw .ragged(path: path, row: record.row, fields: record.fields.count, expected: header.count)
      }
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

  /// How well they meet the truth.
  public var metrics: ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: classes, keepsProbabilities: true, decision: .mostProbable)
    for prediction in predictions {
      metrics.add(
        probabilities: prediction.probabilities, label: prediction.label, predicted: prediction.predicted)
    }
    return metrics
  }
}
