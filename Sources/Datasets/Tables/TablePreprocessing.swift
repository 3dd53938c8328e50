import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a table's rows become a network's inputs, each row an example of its own.
///
/// Numbers go through these steps: outliers are moved to their bounds, missing values filled, products formed, the
/// results scaled. Words become one feature a category (one-hot); a category that training has not seen is zero in all.
/// Dates become numbers first, and numbers that are binned one feature an interval, or its number.
public struct TablePreprocessing: Codable, Equatable, Sendable {
  /// A column of numbers.
  public struct Numeric: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// Values beyond them are moved to them; nil where outliers stay.
    public var lower: Double?
    /// The largest value, beyond which outliers are clipped; nil for none.
    public var upper: Double?
    /// What stands for a missing value; nil where rows with missing values are left out.
    public var fill: Double?
    /// How its numbers are written; nil for decimal notation, or for a spelling that a file shows by itself.
    public var spelling: NumberSpelling?
    /// The bounds of intervals, the outer ones included, whose numbers take the place of values; nil where there are none.
    public var edges: [Double]?
  }

  /// A column of words.
  public struct Categorical: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// The different values, sorted.
    public var categories: [String]
    /// What stands for a missing value; nil where rows with missing values are left out.
    public var fill: String?
  }

  /// What is predicted.
  public struct Target: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// Whether it is a class or a number.
    public var task: TableSettings.Task
    /// What the column holds.
    public var kind: Table.Kind
    /// The classes, sorted: words by their letters, numbers by their value. Empty for a regression.
    public var classes: [String]
    /// A regression's target is (value − mean) / deviation while it is learned; 0 and 1 where it is left as it is.
    public var mean: Double
    /// The standard deviation of numbers in training.
    public var deviation: Double
    /// How the column's numbers are written; nil for decimal notation.
    public var spelling: NumberSpelling?

    /// How the column is to be read in other tables.
    var reading: ColumnReading {
      kind == .categorical ? .words(classes) : ColumnReading(kind: .numeric, spelling: spelling)
    }
  }

  /// What was asked for.
  public internal(set) var settings: TableSettings
  /// The column to predict.
  public internal(set) var target: Target
  /// In the order of the table.
  public internal(set) var numeric: [Numeric]
  /// Columns of words.
  public internal(set) var categorical: [Categorical]
  /// Columns of numbers that become one feature an interval; nil where there are none.
  public internal(set) var binned: [Numeric]?
  /// Columns of dates, whose years, months and so on are columns of numbers; nil where there are none.
  public internal(set) var dates: [DateColumn]?
  public var dateColumns: [DateColumn] { dates ?? [] }
  /// Of every product of numeric columns: the feature is (product − shift) / scale.
  public internal(set) var shift: [Double]
  /// What each feature is divided by.
  public internal(set) var scale: [Double]

  /// The most features that a row may have.
  public static let featureLimit = 100_000
  /// The most categories of a column, and classes of a target.
  public static let categoryLimit = 10_000

  /// The number of features: the width of a network's input.
  public var featureCount: Int {
    scale.count + categorical.reduce(0) { $0 + $1.categories.count } + (binned ?? []).reduce(0) { $0 + $1.binCount }
  }

  /// The features' names: `age`, `age^2`, `age*height`, `colour=red`, `age in [18, 30)`.
  public var featureNames: [String] {
    let products = terms.map { term in
      Set(term).sorted().map { column in
        let power = term.count { $0 == column }
        return power == 1 ? numeric[column].name : "\(numeric[column].name)^\(power)"
      }.joined(separator: "*")
    }
    return products + categorical.flatMap { column in column.categories.map { "\(column.name)=\($0)" } }
      + (binned ?? []).flatMap(\.binNames)
  }

  /// The columns of a table that are predicted from.
  public var columnNames: [String] { numberNames + categorical.map(\.name) + (dates ?? []).map(\.name) }

  /// Those of them that hold numbers. What dates become is not in a table.
  public var numberNames: [String] {
    let made = ExactSet(dates?.flatMap(\.featureNames) ?? [])
    return (numeric + (binned ?? [])).map(\.name).filter { !made.contains($0) }
  }

  /// How a table's columns were understood: see `Table.remarks(on:)`. Dates are not words.
  public func remarks(on table: Table, withTarget: Bool) -> [String] {
    let dateNames = ExactSet((dates ?? []).map(\.name))
    let learnsNumber = withTarget && target.task == .regression
    return table.remarks(on: columnNames.filter { !dateNames.contains($0) } + (withTarget ? [target.name] : []))
      + table.remarks(onNumbers: numberNames + (learnsNumber ? [target.name] : []))
      + (dates ?? []).compactMap { $0.remarkOnZones(of: table) }
  }

  /// How the columns are to be read in other tables.
  var readings: [ExactText: ColumnReading] {
    var readings = featureReadings
    readings[ExactText(target.name)] = target.reading
    return readings
  }

  /// The same of the columns that are predicted from.
  var featureReadings: [ExactText: ColumnReading] {
    var readings: [ExactText: ColumnReading] = [:]
    for column in numeric + (binned ?? []) {
      readings[ExactText(column.name)] = ColumnReading(kind: .numeric, spelling: column.spelling)
    }
    for column in categorical { readings[ExactText(column.name)] = .words(column.categories) }
    for column in dates ?? [] { readings[ExactText(column.name)] = ColumnReading(kind: .categorical) }
    return readings
  }

  /// The columns of each product, in scikit-learn's order: by degree, and by position within.
  var terms: [[Int]] { Self.terms(columns: numeric.count, settings) }

  static func terms(columns: Int, _ settings: TableSettings) -> [[Int]] {
    var terms: [[Int]] = []
    var longest: [[Int]] = [[]]
    for _ in 0..<settings.polynomialDegree {
      longest = longest.flatMap { term in
        let first = term.last.map { settings.interactionsOnly ? $0 + 1 : $0 } ?? 0
        return first < columns ? (first..<columns).map { term + [$0] } : []
      }
      terms += longest
    }
    return terms
  }

  /// The number of terms, found without making them; more than the limit is any number above it.
  static func termCount(columns: Int, _ settings: TableSettings) -> Int {
    var total = 0
    var ofDegree = 1
    for degree in 1...max(1, settings.polynomialDegree) {
      // Combinations with repetition grow by (n + d − 1) / d, those without by (n − d + 1) / d.
      let factor = settings.interactionsOnly ? columns - degree + 1 : columns + degree - 1
      let (product, overflows) = ofDegree.multipliedReportingOverflow(by: max(0, factor))
      ofDegree = overflows ? Int.max : product / degree
      total += ofDegree
      if overflows || total > featureLimit { return featureLimit + 1 }
    }
    return total
  }

  // MARK: JSON

  /// The preprocessing as one line of JSON, exact to the last bit.
  public func json() throws(TableFault) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw .unreadablePreprocessing(reason: "it holds numbers that are not finite")
    }
  }

  /// Reads what `json()` wrote, and refuses what contradicts itself.
  public init(json: String) throws(TableFault) {
    do {
      self = try JSONDecoder().decode(TablePreprocessing.self, from: Data(json.utf8))
    } catch DecodingError.keyNotFound(let key, _) {
      throw .unreadablePreprocessing(reason: "\(key.stringValue) is missing")
    } catch {
      throw .unreadablePreprocessing(reason: "it is not the JSON of a table's preprocessing")
    }
    self = try validated()
  }

  public func validated() throws(TableFault) -> TablePreprocessing {
    try settings.validate()
    let intervals = binned ?? []
    let names =
      [target.name] + (numeric + intervals).map(\.name) + categorical.map(\.name) + (dates ?? []).map(\.name)
    guard names.areDistinct else {
      throw .unreadablePreprocessing(reason: "two columns have one name")
    }
    guard Self.termCount(columns: numeric.count, settings) <= Self.featureLimit,
      scale.count == shift.count, scale.count == terms.count, (1...Self.featureLimit).contains(featureCount)
    else { throw .unreadablePreprocessing(reason: "the number of scales is not that of features") }
    guard scale.allSatisfy({ $0 > 0 }), target.deviation > 0 else {
      throw .unreadablePreprocessing(reason: "a scale is not above 0")
    }
    guard (target.task == .classification) == !target.classes.isEmpty, target.classes.count != 1 else {
      throw .unreadablePreprocessing(reason: "the classes do not fit the task")
    }
    for list in [target.classes] + categorical.map(\.categories) where !list.areDistinct {
      throw .unreadablePreprocessing(reason: "a category stands twice")
    }
    let dropsRows = settings.missing == .dropRow
    guard (numeric + intervals).allSatisfy(\.hasPossibleEdges), intervals.allSatisfy({ $0.edges != nil }) else {
      throw .unreadablePreprocessing(reason: "the bounds of intervals do not rise")
    }
    for column in dates ?? [] { try column.validate() }
    guard
      (numeric + intervals).allSatisfy({
        ($0.fill == nil) == dropsRows && ($0.lower ?? 0) <= ($0.upper ?? $0.lower ?? 0)
      }),
      categorical.allSatisfy({ column in
        column.fill.map { !dropsRows && column.categories.holds($0) } ?? dropsRows
      })
    else { throw .unreadablePreprocessing(reason: "what fills missing values does not fit the settings") }
    return self
  }
}
