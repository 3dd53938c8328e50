import AviaryArchives
import AviaryDiagnostics

/// Rows and named columns, as a CSV file with a header or a list of JSON objects has them. A column holds numbers or words.
public struct Table: Sendable, Equatable {
  /// What a column holds.
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// Numbers.
    case numeric
    /// Words, each a category.
    case categorical
  }

  /// The fields of a column, one a row; nil where one is missing.
  public enum Values: Sendable, Equatable {
    /// Numbers; nil where a value is missing.
    case numeric([Double?])
    /// Words; nil where a value is missing.
    case categorical([String?])

    /// Whether it holds numbers or words.
    public var kind: Kind {
      if case .numeric = self { .numeric } else { .categorical }
    }

    /// The number of rows.
    public var count: Int {
      switch self {
      case .numeric(let values): values.count
      case .categorical(let values): values.count
      }
    }

    /// Whether the field of a row is missing.
    func isMissing(_ row: Int) -> Bool {
      switch self {
      case .numeric(let values): values[row] == nil
      case .categorical(let values): values[row] == nil
      }
    }
  }

  /// A column.
  public struct Column: Sendable, Equatable {
    /// The name of the column.
    public let name: String
    /// Its values, a row each.
    public let values: Values
    /// Of numbers, the texts of those that Double would not tell apart; empty where there are none.
    var texts: [String?] = []
    /// How numbers are written; nil for decimal notation.
    var spelling: NumberSpelling?
    /// Whether the fields are lists of JSON, whose texts these are.
    private(set) var holdsLists = false
    /// How the fields were understood where they could have been understood otherwise, a line each.
    public internal(set) var remarks: [String] = []

    /// A column with a name and values.
    public init(_ name: String, _ values: Values) {
      self.name = name
      self.values = values
    }

    /// The same column with other fields.
    fileprivate func with(_ values: Values, texts: [String?]) -> Column {
      var changed = Column(name, values)
      (changed.texts, changed.spelling, changed.holdsLists) = (texts, spelling, holdsLists)
      return changed
    }

    init(_ name: String, _ reading: ColumnReading.Result, holdsLists: Bool = false) {
      self.name = name
      self.holdsLists = holdsLists
      values = reading.values
      texts = reading.texts
      spelling = reading.spelling
      remarks = reading.remarks.map { "column \(name): \($0)" }
    }
  }

  /// The file's path, for messages.
  public let path: String
  /// The columns, in their order.
  public private(set) var columns: [Column]
  /// The number of each row in the file, whose header is row 1.
  public let rowNumbers: [Int]

  /// The character between the fields, if it is not a comma.
  public private(set) var separator: Character?
  /// How the separator was found, where that is worth a line.
  private(set) var separatorRemark: String?
  /// How the file as a whole was understood, a line each.
  private(set) var fileRemarks: [String] = []

  /// The number of rows.
  public var rowCount: Int { rowNumbers.count }
  /// The names of the columns, in their order.
  public var names: [String] { columns.map(\.name) }

  /// A table of columns that have equally many values and names of their own.
  public init(_ columns: [Column], path: String = "table") {
    self.init(columns, path: path, rowNumbers: nil)
  }

  /// - Parameter numbers: of the rows in their file; nil for those of a table with a header.
  init(_ columns: [Column], path: String, rowNumbers numbers: [Int]?) {
    let rows = columns.first?.values.count ?? 0
    ensure(
      columns.allSatisfy { $0.values.count == rows } && columns.map(\.name).areDistinct,
      "Table: columns of different lengths, or two of one name: \(columns.map { ($0.name, $0.values.count) })")
    self.path = path
    self.columns = columns
    rowNumbers = numbers ?? Array(2..<rows + 2)
  }

  /// The column of a name, which is compared byte by byte.
  public subscript(name: String) -> Column? { columns.first { $0.name.isExactly(name) } }

  /// The column of a name, or a fault that says which there are.
  func column(_ name: String) throws(TableFault) -> Column {
    guard let column = self[name] else { throw .noColumn(path: path, name: name, columns: names) }
    return column
  }

  /// The same table in which rows have each other's values of a column: what the column says of a row is lost, what it
  /// says of all rows stays.
  ///
  /// - Parameters:
  ///   - rows: positions of rows; the others keep their values.
  ///   - order: which of `rows` each of them gets its value from.
  public func shuffling(
    _ column: String, among rows: [Int], by order: [Int]
  ) throws(TableFault) -> Table {
    ensure(order.count == rows.count, "Table: an order of \(order.count) for \(rows.count) rows")
    let given = try self.column(column)
    func shuffled<Value>(_ values: [Value]) -> [Value] {
      guard !values.isEmpty else { return values }
      var result = values
      for (row, source) in zip(rows, order) { result[row] = values[rows[source]] }
      return result
    }
    let values: Values =
      switch given.values {
      case .numeric(let numbers): .numeric(shuffled(numbers))
      case .categorical(let words): .categorical(shuffled(words))
      }
    let changed = given.with(values, texts: shuffled(given.texts))
    var table = self
    for place in columns.indices where columns[place].name.isExactly(column) { table.columns[place] = changed }
    return table
  }

  // MARK: Reading files

  /// Fields that stand for a missing value: those of pandas.
  public static let missingMarkers: Set<String> = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None",
    "n/a", "nan", "null",
  ]

  /// Reads a file: with a header and commas or tabs between fields (RFC 4180, in UTF-8 or UTF-16), or of JSON objects; its name says which:
  /// see `TableFormat`.
  ///
  /// A column is numeric where every field that is not missing is a number: in decimal notation, or in one other spelling
  /// that explains all fields, which `Column.remarks` says. `1.234` is read as other columns' numbers say: 1234 beside `0,5`.
  /// Where the header has no comma, semicolons or tabs separate fields.
  /// - Parameter kinds: what columns hold, where that is not to be inferred: a postcode is categorical.
  public init(
    csv path: String, kinds: [String: Kind] = [:], limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    try self.init(csv: Self.bytes(of: path, limits), path: path, kinds: kinds, limits: limits)
  }

  /// The same from bytes in memory.
  public init(
    csv bytes: [UInt8], path: String, kinds: [String: Kind] = [:], limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    try self.init(bytes: bytes, path: path, limits: limits) { (names) throws(TableFault) in
      if let unknown = kinds.keys.sorted().first(where: { !names.holds($0) }) {
        throw .noColumn(path: path, name: unknown, columns: names)
      }
      return Dictionary(kinds.map { (ExactText($0), ColumnReading(kind: $1)) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Reads a file whose columns hold what they held in training, whatever these rows look like. Columns that training
  /// did not use are not looked at; whether one is absent shows when the table is used.
  public init(
    csv path: String, for preprocessing: TablePreprocessing, limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    let readings = preprocessing.readings
    try self.init(bytes: Self.bytes(of: path, limits), path: path, limits: limits) { (_) throws(TableFault) in readings
    }
  }

  /// Reads a file whose columns to predict from hold what they held in training; what the target is, these rows say.
  public init(
    csv path: String, forFeaturesOf preprocessing: TablePreprocessing, limits: CSVLimits = CSVLimits()
  ) throws(TableFault) {
    let readings = preprocessing.featureReadings
    try self.init(bytes: Self.bytes(of: path, limits), path: path, limits: limits) { (_) throws(TableFault) in readings
    }
  }

  /// Reads a file some of whose columns are known.
  init(csv path: String, readings: [ExactText: ColumnReading], limits: CSVLimits = CSVLimits()) throws(TableFault) {
    try self.init(bytes: Self.bytes(of: path, limits), path: path, limits: limits) { (_) throws(TableFault) in readings
    }
  }

  private static func bytes(of path: String, _ limits: CSVLimits) throws(TableFault) -> [UInt8] {
    let file: MappedFile
    do throws(ArchiveFault) { file = try MappedFile(path: path) } catch {
      throw .unreadable(reason: error.description)
    }
    guard file.bytes.count <= limits.bytes else {
      throw .tooLarge(path: path, what: "bytes", count: file.bytes.count, limit: limits.bytes)
    }
    return file.bytes.array()
  }

  private init(
    bytes: [UInt8], path: String, limits: CSVLimits,
    readings: ([String]) throws(TableFault) -> [ExactText: ColumnReading]
  ) throws(TableFault) {
    let fields = try TableFields(bytes, path: path, limits)
    let reading = try FileReading(fields, readings(fields.names), path: path)
    self.path = path
    columns = reading.columns
    fileRemarks = reading.remarks
    rowNumbers = fields.rows
    separator = fields.separator
    separatorRemark = fields.separatorRemark
  }
}
