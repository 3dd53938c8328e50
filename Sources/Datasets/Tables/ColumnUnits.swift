import AviaryDiagnostics

/// Which columns of a table a network learns that learns without labels.
public struct ColumnUnitSettings: Codable, Equatable, Sendable {
  /// Columns that are not learned.
  public var excluded: [String]

  /// Settings for all columns but those that are excluded.
  public init(excluded: [String] = []) { self.excluded = excluded }
}

/// How the columns of a table become the visible values of a network that learns without labels: numbers are standardised,
/// columns of zeros and ones stay what they are, and of words each category is one value of a group.
///
/// A number that is missing is the mean, a zero or one the share of ones, and of words the group is all zeros.
public struct ColumnUnits: Codable, Equatable, Sendable {
  /// A column of numbers, which is one Gaussian unit.
  public struct Number: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// The mean, which becomes 0.
    public var mean: Double
    /// The standard deviation, which becomes 1.
    public var deviation: Double
    /// How the numbers are written; nil for decimal notation.
    public var spelling: NumberSpelling?
  }

  /// A column of zeros and ones.
  public struct Flag: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// Of ones, among the rows that are not missing.
    public var share: Double
  }

  /// A column of words, which is a softmax unit.
  public struct Choice: Codable, Equatable, Sendable {
    /// The name of the column.
    public var name: String
    /// The different values, sorted.
    public var categories: [String]
  }

  /// What was asked for.
  public internal(set) var settings: ColumnUnitSettings
  /// In the order of the visible values, each in the order of the table.
  public internal(set) var numbers: [Number]
  /// Columns with two values, a binary unit each.
  public internal(set) var flags: [Flag]
  /// Columns of words.
  public internal(set) var choices: [Choice]

  /// The number of visible values.
  public var width: Int { numbers.count + flags.count + choices.reduce(0) { $0 + $1.categories.count } }

  /// The columns that are learned.
  public var columnNames: [String] { numbers.map(\.name) + flags.map(\.name) + choices.map(\.name) }

  /// Fits to the training rows. Columns with the same value in all of them are left out: see `remarks(on:)`.
  public init(fitting table: Table, rows: [Int], _ settings: ColumnUnitSettings) throws(TableFault) {
    self.settings = settings
    (numbers, flags, choices) = ([], [], [])
    for name in settings.excluded where table[name] == nil {
      throw .noColumn(path: table.path, name: name, columns: table.names)
    }
    for column in table.columns where !settings.excluded.holds(column.name) {
      switch column.values {
      case .numeric(let values):
        let present = rows.compactMap { values[$0] }
        guard !present.isEmpty else { throw .noValues(path: table.path, column: column.name) }
        let mean = ColumnStatistics.mean(present)
        let deviation = ColumnStatistics.deviation(present, mean: mean)
        guard mean.isFinite, deviation.isFinite else {
          throw .outOfRange(path: table.path, row: nil, column: column.name)
        }
        if ColumnStatistics.isConstant(deviation: deviation, mean: mean, count: present.count) { continue }
        if present.allSatisfy({ $0 == 0 || $0 == 1 }) {
          flags.append(Flag(name: column.name, share: mean))
        } else {
          numbers.append(Number(name: column.name, mean: mean, deviation: deviation, spelling: column.spelling))
        }
      case .categorical(let values):
        let categories = rows.compactMap { values[$0] }.distinct
        guard !categories.isEmpty else { throw .noValues(path: table.path, column: column.name) }
        guard categories.count <= TablePreprocessing.categoryLimit else {
          throw .tooManyCategories(
            path: table.path, column: column.name, count: categories.count, limit: TablePreprocessing.categoryLimit)
        }
        if categories.count > 1 { choices.append(Choice(name: column.name, categories: categories)) }
      }
    }
    guard width > 0 else { throw .nothingVaries(path: table.path) }
    guard width <= TablePreprocessing.featureLimit else {
      throw .tooManyFeatures(count: width, limit: TablePreprocessing.featureLimit)
    }
  }

  /// What a person should know of a table that the columns were fitted to, a line each.
  public func remarks(on table: Table) -> [String] {
    let constant = table.names.filter { !columnNames.holds($0) && !settings.excluded.holds($0) }
    return table.remarks(on: columnNames) + table.remarks(onNumbers: numbers.map(\.name))
      + constant.map { "column \($0) has the same value in every training row, and is left out" }
  }

  /// Reads a file whose columns hold what they held in training.
  public func table(csv path: String) throws(TableFault) -> Table {
    var readings: [ExactText: ColumnReading] = [:]
    for number in numbers {
      readings[ExactText(number.name)] = ColumnReading(kind: .numeric, spelling: number.spelling)
    }
    for flag in flags { readings[ExactText(flag.name)] = ColumnReading(kind: .numeric) }
    for choice in choices { readings[ExactText(choice.name)] = .words(choice.categories) }
    return try Table(csv: path, readings: readings)
  }

  /// Visible values of rows, row-major [rows, width], and what categories training has not seen.
  public func values(
    of table: Table, rows: [Int]? = nil
  ) throws(TableFault) -> (values: [Float], unknown: [TableFeatures.UnknownCategory]) {
    let rows = rows ?? Array(0..<table.rowCount)
    guard rows.count <= TablePreprocessing.matrixLimit / width else {
      throw .tooLarge(
        path: table.path, what: "rows", count: rows.count, limit: TablePreprocessing.matrixLimit / width)
    }
    var values = [Float](repeating: 0, count: rows.count * width)
    var start = 0
    func fill(_ name: String, _ value: (Double?, Int) throws(TableFault) -> Double) throws(TableFault) {
      guard case .numeric(let found) = try table.column(name).values else {
        throw .notNumeric(path: table.path, column: name)
      }
      for (place, row) in rows.enumerated() {
        let value = Float(try value(found[row], table.rowNumbers[row]))
        guard value.isFinite else { throw .outOfRange(path: table.path, row: table.rowNumbers[row], column: name) }
        values[place * width + start] = value
      }
      start += 1
    }
    for column in numbers {
      try fill(column.name) { (value, _) in value.map { ($0 - column.mean) / column.deviation } ?? 0 }
    }
    for column in flags {
      try fill(column.name) { (value, row) throws(TableFault) in
        guard let value, value != 0, value != 1 else { return value ?? column.share }
        throw .valueNotAllowed(
          path: table.path, row: row, column: column.name, value: TablePreprocessing.className(value), allowed: "0 or 1"
        )
      }
    }
    var unknown: [TableFeatures.UnknownCategory] = []
    for column in choices {
      let words: [String?]
      switch try table.column(column.name).values {
      case .categorical(let found): words = rows.map { found[$0] }
      case .numeric: words = TablePreprocessing.classNames(try table.column(column.name), rows)
      }
      let places = column.categories.places
      var counts: [ExactText: Int] = [:]
      for (place, word) in words.enumerated() {
        guard let word else { continue }
        if let category = places[ExactText(word)] {
          values[place * width + start + category] = 1
        } else {
          counts[ExactText(word), default: 0] += 1
        }
      }
      for (value, count) in counts.sorted(by: { $0.key < $1.key }) {
        unknown.append(.init(column: column.name, value: value.text, count: count))
      }
      start += column.categories.count
    }
    return (values, unknown)
  }

  /// What visible values say in the table's own units: the number, the probability of 1, or the likeliest category.
  ///
  /// - Parameter visible: of one row.
  public func described(_ visible: ArraySlice<Float>) -> [(column: String, value: RestoredValue)] {
    var rest = visible
    var found: [(column: String, value: RestoredValue)] = []
    for column in numbers {
      found.append((column.name, .number(Double(rest.removeFirst()) * column.deviation + column.mean)))
    }
    for column in flags { found.append((column.name, .number(Double(rest.removeFirst())))) }
    for column in choices {
      let group = rest.prefix(column.categories.count)
      rest = rest.dropFirst(column.categories.count)
      let best = group.indices.max { group[$0] < group[$1] } ?? group.startIndex
      found.append((column.name, .word(column.categories[best - group.startIndex])))
    }
    return found
  }

  /// What units stand for in the table.
  public enum RestoredValue: Equatable, Sendable {
    /// A number.
    case number(Double)
    /// A word.
    case word(String)
  }

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  public func validated() throws(TableFault) -> ColumnUnits {
    guard columnNames.areDistinct, (1...TablePreprocessing.featureLimit).contains(width),
      numbers.allSatisfy({ $0.deviation > 0 && $0.deviation.isFinite && $0.mean.isFinite }),
      flags.allSatisfy({ (0...1).contains($0.share) }),
      choices.allSatisfy({ $0.categories.count > 1 && $0.categories.areDistinct })
    else { throw .unreadablePreprocessing(reason: "the columns of a network without labels contradict themselves") }
    return self
  }
}
