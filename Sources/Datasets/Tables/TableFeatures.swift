import AviaryDiagnostics
import AviaryTensors

/// Rows of a table as a network gets them.
public struct TableFeatures: ExampleInputs {
  /// [rows, width], row-major.
  public var values: [Float]
  /// The number of features of a row.
  public var width: Int
  /// The positions in the table of the rows that are here: those with missing values may have been left out.
  public var rows: [Int]
  /// The values of categorical columns that training has not seen, whose features are all zero.
  public var unknown: [UnknownCategory]
  /// The number of rows with a value that other rows say: see `TableSettings.Missing.interpolate`.
  public internal(set) var interpolated = 0

  /// A word that the training part does not have.
  public struct UnknownCategory: Equatable, Sendable, CustomStringConvertible {
    /// The name of the column.
    public var column: String
    /// The word.
    public var value: String
    /// The number of rows that have it.
    public var count: Int

    public var description: String {
      "column \(column): '\(value)' is not a word that the network knows (\(counted(count, "row")))"
    }

    /// More of a column's words than these are counted, and not named: those of names are as many as rows.
    private static let mostNamed = 5

    /// A line for each word, or for a column with many of them.
    package static func remarks(on categories: [UnknownCategory]) -> [String] {
      var columns: [(name: String, words: [UnknownCategory])] = []
      var places = ExactDictionary<Int>()
      for category in categories {
        if let place = places[category.column] {
          columns[place].words.append(category)
        } else {
          places[category.column] = columns.count
          columns.append((category.column, [category]))
        }
      }
      return columns.flatMap { name, words in
        let merged = merged(words)
        guard merged.count > mostNamed else { return merged.map(\.description) }
        let rows = counted(merged.reduce(0) { $0 + $1.count }, "row")
        return [
          "column \(name): \(merged.count) words, such as '\(merged[0].value)', are not known to the network (\(rows))"
        ]
      }
    }

    /// Each word once. Those of a column may come from several parts.
    private static func merged(_ words: [UnknownCategory]) -> [UnknownCategory] {
      var merged: [UnknownCategory] = []
      var places = ExactDictionary<Int>()
      for word in words {
        if let place = places[word.value] {
          merged[place].count += word.count
        } else {
          places[word.value] = merged.count
          merged.append(word)
        }
      }
      return merged
    }
  }

  /// The number of rows.
  public var count: Int { rows.count }
  /// The values that training has not seen, and those that the rows beside them say.
  public static func remarks(on parts: [TableFeatures]) -> [String] {
    let interpolated = parts.reduce(0) { $0 + $1.interpolated }
    return UnknownCategory.remarks(on: parts.flatMap(\.unknown))
      + (interpolated > 0
        ? [
          "missing values are interpolated between the rows beside them, and depend on these (\(counted(interpolated, "row")))"
        ]
        : [])
  }

  /// The rows at the places given: [N, width].
  public func batch(_ places: [Int]) -> Tensor {
    var chosen: [Float] = []
    chosen.reserveCapacity(places.count * width)
    for place in places { chosen += values[place * width..<(place + 1) * width] }
    return Tensor(chosen, shape: [places.count, width])
  }

  /// All rows: [count, width].
  public var tensor: Tensor { Tensor(values, shape: [count, width]) }

  public static func add(_ parts: [Examples<TableFeatures>], to fingerprint: inout DataFingerprint) {
    for part in parts {
      fingerprint.add(part.inputs.values)
      fingerprint.add(part.labels)
      fingerprint.add(part.targets)
    }
  }
}

extension TablePreprocessing {
  /// The most numbers of a matrix of features: 2 GiB.
  static let matrixLimit = 1 << 29

  /// The features of a table's rows; the target need not be there.
  ///
  /// - Parameter rows: positions of rows, in order; nil for all. Where missing values are interpolated, these rows are
  ///   each other's neighbours.
  public func features(of given: Table, rows: [Int]? = nil) throws(TableFault) -> TableFeatures {
    let table = try dates.map { (dates) throws(TableFault) in try given.expanding(dates) } ?? given
    let asked = rows ?? Array(0..<table.rowCount)
    let (total, overflows) = asked.count.multipliedReportingOverflow(by: featureCount)
    guard !overflows, total <= Self.matrixLimit else {
      throw .tooLarge(
        path: table.path, what: "rows of features", count: asked.count, limit: Self.matrixLimit / featureCount)
    }
    var interpolated: Set<Int> = []
    func values(_ column: Numeric) throws(TableFault) -> [Double?] {
      guard case .numeric(let values) = try table.column(column.name).values else {
        throw .notNumeric(path: table.path, column: column.name)
      }
      if settings.missing == .interpolate { interpolated.formUnion(asked.filter { values[$0] == nil }) }
      let filled = column.filled(asked.map { values[$0] }, settings.missing)
      return column.edges == nil ? filled : filled.map { $0.map { Double(column.bin(of: $0)) } }
    }
    var numbers: [[Double?]] = []
    for column in numeric { numbers.append(try values(column)) }
    let intervals = binned ?? []
    var places: [[Double?]] = []
    for column in intervals { places.append(try values(column)) }
    var words: [[String?]] = []
    for column in categorical {
      let values = try Self.words(try table.column(column.name))
      words.append(asked.map { values[$0] ?? column.fill })
    }
    let categories = categorical.map(\.categories.places)
    let terms = terms
    let needed = numbers + places
    var features = TableFeatures(values: [], width: featureCount, rows: [], unknown: [])
    features.interpolated = interpolated.count
    features.values.reserveCapacity(total)
    var unknown: [[ExactText: Int]] = Array(repeating: [:], count: categorical.count)
    for (index, row) in asked.enumerated() {
      guard needed.allSatisfy({ $0[index] != nil }), words.allSatisfy({ $0[index] != nil }) else {
        continue
      }
      features.rows.append(row)
      for (place, term) in terms.enumerated() {
        let product = term.reduce(1) { $0 * (numbers[$1][index] ?? 0) }
        let value = Float((product - shift[place]) / scale[place])
        guard value.isFinite else {
          throw .outOfRange(path: table.path, row: table.rowNumbers[row], column: numeric[term[0]].name)
        }
        features.values.append(value)
      }
      for (column, categories) in categories.enumerated() {
        let start = features.values.count
        features.values.append(contentsOf: repeatElement(0, count: categorical[column].categories.count))
        guard let word = words[column][index] else { continue }
        if let place = categories[ExactText(word)] {
          features.values[start + place] = 1
        } else {
          unknown[column][ExactText(word), default: 0] += 1
        }
      }
      for (column, bins) in zip(intervals, places) {
        let start = features.values.count
        features.values.append(contentsOf: repeatElement(0, count: column.binCount))
        if let bin = bins[index] { features.values[start + Int(bin)] = 1 }
      }
    }
    for (column, counts) in zip(categorical, unknown) {
      for (value, count) in counts.sorted(by: { ColumnStatistics.precedes($0.key.text, $1.key.text) }) {
        features.unknown.append(.init(column: column.name, value: value.text, count: count))
      }
    }
    return features
  }

  /// The values of a categorical column. A table that was not read for this preprocessing may hold numbers there.
  private static func words(_ column: Table.Column) throws(TableFault) -> [String?] {
    switch column.values {
    case .categorical(let values): values
    case .numeric: classNames(column, Array(0..<column.values.count))
    }
  }

  /// The name of a number without zeros before it, as 0.1 wrote classes; nil of numbers that have no other name.
  private static func plainName(_ name: String?) -> String? {
    guard let name, ColumnReading.isDecimal(name), let value = Double(name), value.magnitude < 0x1p53 else {
      return nil
    }
    return className(value)
  }

  /// The classes of the rows given, as positions in the list of classes.
  static func labels(of table: Table, rows: [Int], target: Target) throws(TableFault) -> [Int32] {
    let names = classNames(try table.column(target.name), rows)
    let places = target.classes.places
    var labels: [Int32] = []
    for (row, name) in zip(rows, names) {
      guard let place = places[ExactText(name ?? "")] ?? Self.plainName(name).flatMap({ places[ExactText($0)] }) else {
        throw .unknownClass(path: table.path, row: table.rowNumbers[row], column: target.name, name: name ?? "")
      }
      labels.append(Int32(place))
    }
    return labels
  }

  /// The numbers to be learned of the rows given, standardised where the settings say so.
  func targets(of table: Table, rows: [Int]) throws(TableFault) -> [Float] {
    guard case .numeric(let values) = try table.column(target.name).values else {
      throw .notNumeric(path: table.path, column: target.name)
    }
    var targets: [Float] = []
    for row in rows {
      let value = values[row].map { Float(($0 - target.mean) / target.deviation) } ?? .nan
      guard value.isFinite else {
        throw .outOfRange(path: table.path, row: table.rowNumbers[row], column: target.name)
      }
      targets.append(value)
    }
    return targets
  }
}
