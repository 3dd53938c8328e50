// Columns of numbers as they stand, for networks that other programs trained: their files do not say how tables were prepared.

/// Which columns of a table a network without a preparation of its own is given, and what it predicts.
public struct PlainColumns: Equatable, Sendable {
  /// The column that is predicted, which is no input of rows; nil where the table has none.
  public var target: String?
  /// Columns that are not used.
  public var excluded: [String]
  /// The classes in the order of the outputs; empty where numbers are predicted.
  public var classes: [String]

  /// Columns as they are, but for those that are excluded.
  public init(target: String? = nil, excluded: [String] = [], classes: [String] = []) {
    self.target = target
    self.excluded = excluded
    self.classes = classes
  }

  /// What is predicted is called this where no column is named.
  static let unnamed = "output"

  /// The columns of a table that are the inputs, in its order. All hold numbers.
  ///
  /// - Parameter includesTarget: whether past values of the target are an input, as in a series.
  public func inputs(of table: Table, includesTarget: Bool = false) throws(TableFault) -> [Table.Column] {
    for name in excluded + [target].compactMap({ $0 }) { _ = try table.column(name) }
    let used = table.columns.filter { column in
      let isTarget = target.map { column.name.isExactly($0) } ?? false
      return (includesTarget || !isTarget) && !excluded.holds(column.name)
    }
    if let words = used.first(where: { $0.values.kind == .categorical }) {
      throw .notNumeric(path: table.path, column: words.name)
    }
    guard !used.isEmpty else { throw .noFeatures(path: table.path) }
    return used
  }
}

extension TablePreprocessing {
  /// Rows whose numbers are given to a network as they stand. Rows with missing values are left out.
  public init(asItStands table: Table, _ columns: PlainColumns) throws(TableFault) {
    let inputs = try columns.inputs(of: table)
    let name = columns.target ?? PlainColumns.unnamed
    settings = TableSettings(target: name, task: columns.classes.isEmpty ? .regression : .classification)
    settings.excluded = columns.excluded
    settings.missing = .dropRow
    settings.scaling = .none
    settings.standardisesTarget = false
    let target = table[name]
    self.target = Target(
      name: name, task: settings.task ?? .regression, kind: target?.values.kind ?? .numeric, classes: columns.classes,
      mean: 0, deviation: 1, spelling: target?.spelling)
    numeric = inputs.map { Numeric(name: $0.name, lower: nil, upper: nil, fill: nil, spelling: $0.spelling) }
    categorical = []
    shift = Array(repeating: 0, count: inputs.count)
    scale = Array(repeating: 1, count: inputs.count)
  }
}

extension SeriesPreprocessing {
  /// Windows whose numbers are given to a network as they stand.
  ///
  /// - Parameter window: the number of rows that the network reads.
  public init(asItStands table: Table, _ columns: PlainColumns, window: Int) throws(TableFault) {
    let inputs = try columns.inputs(of: table, includesTarget: true)
    // Of one column, the next value is predicted; of several, a forecast does not depend on which it is.
    let target = columns.target ?? (inputs.count == 1 ? inputs[0].name : PlainColumns.unnamed)
    settings = SeriesSettings(target: target, window: window)
    settings.excluded = columns.excluded
    settings.scaling = .none
    try settings.validate()
    self.columns = inputs.map { Column(name: $0.name, shift: 0, scale: 1, spelling: $0.spelling) }
  }

  /// Whether past values of what is predicted are among the inputs.
  public var knowsTarget: Bool { columns.contains { $0.name.isExactly(settings.target) } }
}
