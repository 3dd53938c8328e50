import AviaryDiagnostics

// Finding a preprocessing's numbers from rows.

extension TablePreprocessing {
  /// Fits to the training rows.
  ///
  /// - Parameter rows: positions of rows; those without a target are passed over, and so are those with any missing value
  ///   where the settings leave such rows out.
  public init(fitting table: Table, rows: [Int]? = nil, _ settings: TableSettings) throws(TableFault) {
    try self.init(fitting: table, rows: rows, settings, target: nil)
  }

  /// - Parameter given: the target, where the column does not say what it is.
  init(fitting given: Table, rows: [Int]?, _ settings: TableSettings, target known: Target?) throws(TableFault) {
    try settings.validate()
    let usable = try Self.usableRows(of: given, settings, among: rows)
    let dates = try settings.dates.map { (asked) throws(TableFault) in
      try DateColumn.columns(of: given, asked, excluding: settings.excluded)
    }
    let table = try dates.map { (dates) throws(TableFault) in try given.expanding(dates) } ?? given
    let features = try Self.features(of: table, settings)
    guard !usable.isEmpty else { throw .noRowsLeft(path: table.path, rows: rows?.count ?? table.rowCount) }
    if let known { target = known } else { target = try Self.target(of: table, usable, settings) }
    self.dates = dates
    numeric = []
    categorical = []
    binned = nil
    let binnedNames = try Self.binnedNames(features, settings, made: dates?.flatMap(\.featureNames) ?? [], table)
    var filled: [[Double]] = []
    for column in features {
      switch column.values {
      case .numeric(let values):
        var (fitted, result) = try Self.numeric(column.name, usable.map { values[$0] }, settings, table.path)
        fitted.spelling = column.spelling
        if let binning = settings.binning, binnedNames.holds(column.name) {
          fitted.edges = Self.edges(result, binning)
          if binning.encoding == .oneHot {
            binned = (binned ?? []) + [fitted]
            continue
          }
          result = result.map { Double(fitted.bin(of: $0)) }
        }
        numeric.append(fitted)
        filled.append(result)
      case .categorical(let values):
        categorical.append(try Self.categorical(column.name, usable.compactMap { values[$0] }, settings, table.path))
      }
    }
    self.settings = settings
    let count = Self.termCount(columns: numeric.count, settings)
    let total =
      categorical.reduce(count) { $0 + $1.categories.count } + (binned ?? []).reduce(0) { $0 + $1.binCount }
    guard total <= Self.featureLimit else { throw .tooManyFeatures(count: total, limit: Self.featureLimit) }
    (shift, scale) = ([], [])
    for term in Self.terms(columns: numeric.count, settings) {
      let products = usable.indices.map { row in term.reduce(1) { $0 * filled[$1][row] } }
      let (shift, scale) = Self.scaling(products, settings.scaling)
      guard shift.isFinite, scale.isFinite else {
        throw .outOfRange(path: table.path, row: nil, column: numeric[term[0]].name)
      }
      self.shift.append(shift)
      self.scale.append(scale)
    }
  }

  /// The columns to predict from, in the order of the table.
  static func features(of table: Table, _ settings: TableSettings) throws(TableFault) -> [Table.Column] {
    _ = try table.column(settings.target)
    for name in settings.excluded { _ = try table.column(name) }
    let left = [settings.target] + settings.excluded
    let features = table.columns.filter { !left.holds($0.name) }
    guard !features.isEmpty else { throw .noFeatures(path: table.path) }
    return features
  }

  /// The same columns, treated in the same way, with another target, fitted to the rows given.
  func withTarget(of table: Table, rows: [Int], _ settings: TableSettings) throws(TableFault) -> TablePreprocessing {
    if let column = columnNames.first(where: { $0.isExactly(settings.target) }) {
      throw .invalidSetting(name: "target", value: "'\(column)'", allowed: "no column that is predicted from")
    }
    var result = self
    let target = try Self.target(of: table, rows, self.settings(for: table, settings))
    // A network that has learned to estimate this very column goes on in its scale.
    if !predictsSameNumber(as: target) { result.target = target }
    result.settings.target = settings.target
    result.settings.task = settings.task
    if !predictsSameNumber(as: target) { result.settings.standardisesTarget = settings.standardisesTarget }
    result.settings.excluded.removeAll { $0.isExactly(settings.target) }
    return result
  }

  /// The settings with the task that the column has had so far, where they name none.
  func settings(for table: Table, _ settings: TableSettings) -> TableSettings {
    var settings = settings
    if settings.task == nil, settings.target.isExactly(target.name), table[settings.target]?.values.kind == target.kind
    {
      settings.task = target.task
    }
    return settings
  }

  /// Whether both are the same column, estimated as a number.
  public func predictsSameNumber(as other: Target) -> Bool {
    target.task == .regression && other.task == .regression && target.name.isExactly(other.name)
  }

  /// The columns without whose values a row is left out.
  func neededColumns(of table: Table) throws(TableFault) -> [Table.Column] {
    guard settings.missing == .dropRow else { return [] }
    var columns: [Table.Column] = []
    for name in columnNames { columns.append(try table.column(name)) }
    return columns
  }

  /// The rows that have a target, and all values where rows without are left out.
  ///
  /// - Parameter needed: the columns that must have values; nil for what the settings say.
  static func usableRows(
    of table: Table, _ settings: TableSettings, among rows: [Int]? = nil, needed columns: [Table.Column]? = nil
  ) throws(TableFault) -> [Int] {
    let target = try table.column(settings.target).values
    let needed: [Table.Column]
    if let columns {
      needed = columns
    } else {
      needed = settings.missing == .dropRow ? try features(of: table, settings) : []
    }
    return (rows ?? Array(0..<table.rowCount)).filter { row in
      !target.isMissing(row) && !needed.contains { $0.values.isMissing(row) }
    }
  }

  /// The class names of a target column in the rows given: words as they are, numbers without needless decimals. Numbers
  /// that Double does not hold exactly keep their digits, so that values are the same only where their names are.
  package static func classNames(_ column: Table.Column, _ rows: [Int]) -> [String?] {
    switch column.values {
    case .categorical(let values): rows.map { values[$0] }
    case .numeric(let values):
      rows.map { row in
        values[row].map { column.texts.isEmpty ? className($0) : column.texts[row] ?? className($0) }
      }
    }
  }

  static func className(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  /// The classes among the names, sorted: numbers by their value.
  static func classes(_ column: Table.Column, _ rows: [Int], _ path: String) throws(TableFault) -> [String] {
    var classes = classNames(column, rows).compactMap { $0 }.distinct
    if case .numeric = column.values {
      // Those that are one Double follow each other by their digits.
      let ordered = classes.map { (name: $0, value: Double($0) ?? 0) }
      classes = ordered.sorted { a, b in
        if a.value != b.value { return a.value < b.value }
        let (lengthA, lengthB) = (a.name.utf8.count, b.name.utf8.count)
        return lengthA != lengthB ? lengthA < lengthB : ColumnStatistics.precedes(a.name, b.name)
      }.map(\.name)
    }
    guard classes.count <= categoryLimit else {
      throw .tooManyCategories(path: path, column: column.name, count: classes.count, limit: categoryLimit)
    }
    if let only = classes.first, classes.count == 1 {
      throw .oneClass(path: path, column: column.name, name: only)
    }
    return classes
  }

  static func task(_ column: Table.Column, _ settings: TableSettings) -> TableSettings.Task {
    settings.task ?? (column.values.kind == .categorical || holdsZeroAndOne(column) ? .classification : .regression)
  }

  /// Whether the column has no other numbers than 0 and 1, and both: an answer, no or yes.
  static func holdsZeroAndOne(_ column: Table.Column) -> Bool {
    guard case .numeric(let values) = column.values else { return false }
    var (hasZero, hasOne) = (false, false)
    for value in values {
      switch value {
      case 0: hasZero = true
      case 1: hasOne = true
      case nil: break
      default: return false
      }
    }
    return hasZero && hasOne
  }

  private static func target(
    of table: Table, _ rows: [Int], _ settings: TableSettings
  ) throws(TableFault) -> Target {
    let column = try table.column(settings.target)
    let task = task(column, settings)
    var target = Target(
      name: column.name, task: task, kind: column.values.kind, classes: [], mean: 0, deviation: 1,
      spelling: column.spelling)
    if task == .classification {
      target.classes = try classes(column, rows, table.path)
      return target
    }
    guard case .numeric(let values) = column.values else {
      throw .notNumeric(path: table.path, column: column.name)
    }
    if settings.standardisesTarget {
      (target.mean, target.deviation) = scaling(rows.compactMap { values[$0] }, .standard)
      guard target.mean.isFinite, target.deviation.isFinite else {
        throw .outOfRange(path: table.path, row: nil, column: column.name)
      }
    }
    return target
  }

  /// What a column of numbers needs, and its values as they are then.
  private static func numeric(
    _ name: String, _ values: [Double?], _ settings: TableSettings, _ path: String
  ) throws(TableFault) -> (Numeric, [Double]) {
    let observed = values.compactMap { $0 }
    guard !observed.isEmpty else { throw .noValues(path: path, column: name) }
    var column = Numeric(name: name)
    if let bounds = settings.outliers.clipping(observed) { (column.lower, column.upper) = bounds }
    let held = observed.map(column.clipped)
    switch settings.missing {
    case .dropRow: break
    case .mean, .interpolate: column.fill = ColumnStatistics.mean(held)
    case .median: column.fill = ColumnStatistics.median(held)
    case .mostFrequent: column.fill = ColumnStatistics.mostFrequent(held, by: <)
    }
    for number in [column.lower, column.upper, column.fill] where !(number?.isFinite ?? true) {
      throw .outOfRange(path: path, row: nil, column: name)
    }
    return (column, column.filled(values, settings.missing).compactMap { $0 })
  }

  private static func categorical(
    _ name: String, _ observed: [String], _ settings: TableSettings, _ path: String
  ) throws(TableFault) -> Categorical {
    let categories = observed.distinct
    guard !categories.isEmpty else { throw .noValues(path: path, column: name) }
    guard categories.count <= categoryLimit else {
      throw .tooManyCategories(path: path, column: name, count: categories.count, limit: categoryLimit)
    }
    let fill =
      settings.missing == .dropRow ? nil : ColumnStatistics.mostFrequent(observed)
    return Categorical(name: name, categories: categories, fill: fill)
  }

  /// Shift and scale of a feature. One that never changes is shifted and not scaled.
  static func scaling(_ values: [Double], _ scaling: TableSettings.Scaling) -> (Double, Double) {
    switch scaling {
    case .none: return (0, 1)
    case .standard:
      let mean = ColumnStatistics.mean(values)
      let deviation = ColumnStatistics.deviation(values, mean: mean)
      let isConstant = ColumnStatistics.isConstant(deviation: deviation, mean: mean, count: values.count)
      return (mean, isConstant ? 1 : deviation)
    case .minMax:
      let lowest = values.min() ?? 0
      let range = (values.max() ?? 0) - lowest
      return (lowest, range < 10 * Double.ulpOfOne ? 1 : range)
    case .symmetric:
      let (lowest, range) = self.scaling(values, .minMax)
      return (lowest + range / 2, range / 2)
    case .robust:
      let sorted = values.sorted()
      let spread = ColumnStatistics.quantile(sorted, 0.75) - ColumnStatistics.quantile(sorted, 0.25)
      return (ColumnStatistics.quantile(sorted, 0.5), spread < 10 * Double.ulpOfOne ? 1 : spread)
    }
  }
}

extension TablePreprocessing.Numeric {
  init(name: String) { self.init(name: name, lower: nil, upper: nil, fill: nil, spelling: nil, edges: nil) }

  func clipped(_ value: Double) -> Double { Swift.min(Swift.max(value, lower ?? value), upper ?? value) }

  /// The values within their bounds, missing ones filled; nil where rows with missing values are left out.
  func filled(_ values: [Double?], _ missing: TableSettings.Missing) -> [Double?] {
    let held = values.map { $0.map(clipped) }
    let between = missing == .interpolate ? ColumnStatistics.interpolated(held) : held
    return between.map { $0 ?? fill }
  }
}
