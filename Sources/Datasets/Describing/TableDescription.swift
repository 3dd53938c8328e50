import AviaryDiagnostics

/// What is worth knowing of a table before a network learns from it: what its columns hold, what is missing, what goes with the
/// target, and what gives the target away.
public struct TableDescription: Sendable {
  /// The numbers of a column, as pandas's `describe` has them, but for the deviation, which is NumPy's.
  public struct Numbers: Sendable, Equatable {
    /// The smallest.
    public let least: Double
    /// The mean.
    public let mean: Double
    /// The standard deviation.
    public let deviation: Double
    /// The one in the middle.
    public let median: Double
    /// The largest.
    public let most: Double
    /// How many values lie in each of `bins` equally wide parts of `least` to `most`, as NumPy's `histogram` counts them.
    public let histogram: [Int]

    /// The number of parts of a histogram.
    public static let bins = 24
  }

  /// How strongly a column goes with the target.
  public struct Association: Sendable, Equatable {
    /// How an association is measured.
    public enum Measure: String, Sendable {
      /// Pearson's coefficient, between numbers: −1 to 1.
      case correlation
      /// The square root of the share of the variance that the classes explain, between numbers and words: 0 to 1.
      case correlationRatio = "correlation ratio"
      /// Cramér's V, between words: 0 to 1.
      case cramersV = "Cramér's V"
    }

    /// How it is measured.
    public let measure: Measure
    /// How strong it is.
    public let value: Double
  }

  /// A column.
  public struct Column: Sendable {
    /// Its name.
    public let name: String
    /// Whether it holds numbers or words.
    public let kind: Table.Kind
    /// How many rows have no value.
    public let missing: Int
    /// Different values, the missing one aside.
    public let distinct: Int
    /// nil for words, and where every field is missing.
    public let numbers: Numbers?
    /// The most frequent words, at most five; empty for numbers.
    public let words: [(word: String, count: Int)]
    /// nil for the target, and where it cannot be said.
    public internal(set) var association: Association?
    /// Why the column must not be trained on, or is of no use; nil for others.
    public internal(set) var warning: String?
  }

  /// Rows that are the same in every column.
  public struct Repeats: Sendable, Equatable {
    /// Rows beyond the first of each kind.
    public var rows = 0
    /// Rows of one file that are in an earlier one, too.
    public var acrossFiles = 0
    /// Groups of rows that differ in the target alone.
    public var contradictions = 0
  }

  /// The files, and their rows.
  public let files: [(path: String, rows: Int)]
  /// The columns, in the order of the file.
  public let columns: [Column]
  /// The column to predict; nil for none.
  public let target: String?
  /// The target's values and how often each is there; empty where the target is a number.
  public let classes: [(name: String, count: Int)]
  /// Rows that are there several times.
  public let repeats: Repeats
  /// What was found when the files were read, in words.
  public let remarks: [String]

  /// - Parameters:
  ///   - tables: of the same columns: training, and what is tested.
  ///   - target: the column to predict; nil where none is named.
  public init(_ tables: [Table], target: String? = nil) throws(TableFault) {
    ensure(!tables.isEmpty, "TableDescription: no tables")
    let first = tables[0]
    for other in tables.dropFirst() {
      for column in first.columns { _ = try other.column(column.name) }
    }
    files = tables.map { ($0.path, $0.rowCount) }
    remarks = tables.flatMap { table in table.remarks().map { "\(table.path): \($0)" } }
    self.target = target
    let goal = try target.map { (name) throws(TableFault) in ColumnFields(try first.column(name)) }
    var columns: [Column] = []
    for column in first.columns {
      let fields = ColumnFields(column)
      var described = fields.described(as: column.name)
      if let goal, let target, !column.name.isExactly(target) {
        described.association = fields.association(with: goal)
        described.warning = fields.leak(of: goal, named: target)
      }
      if described.warning == nil { described.warning = fields.uselessness }
      columns.append(described)
    }
    self.columns = columns
    classes =
      goal.map { goal in goal.isNumeric && goal.distinct > ColumnFields.mostClasses ? [] : goal.counts } ?? []
    repeats = Self.repeats(tables, target: target)
  }

  private static func repeats(_ tables: [Table], target: String?) -> Repeats {
    var result = Repeats()
    /// The table in which each row was first met.
    var known: [[ExactText?]: Int] = [:]
    var answers: [[ExactText?]: Set<ExactText?>] = [:]
    for (number, table) in tables.enumerated() {
      let columns = tables[0].names.compactMap { table[$0] }
      let place = target.flatMap { target in columns.firstIndex { $0.name.isExactly(target) } }
      let names = columns.map { TablePreprocessing.classNames($0, Array(0..<table.rowCount)) }
      for row in 0..<table.rowCount {
        var fields = names.map { $0[row].map { ExactText($0) } }
        if let first = known[fields] {
          result.rows += 1
          if first != number { result.acrossFiles += 1 }
        } else {
          known[fields] = number
        }
        if let place { answers[fields, default: []].insert(fields.remove(at: place)) }
      }
    }
    result.contradictions = answers.values.count { $0.count > 1 }
    return result
  }
}
