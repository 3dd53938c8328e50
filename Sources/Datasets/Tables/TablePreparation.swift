import AviaryDiagnostics

/// How the rows of a table become a network's inputs, with every number that this takes, found from the training rows
/// alone. It is kept in the checkpoint, as JSON, so that rows to predict are treated as the training rows were.
///
/// The rows may be examples of their own (`TablePreprocessing`), the steps of a time series (`SeriesPreprocessing`), or hold
/// a text each (`TextColumnPreprocessing`).
public protocol TablePreparation: Codable, Equatable, Sendable {
  /// What is to be predicted, and from what.
  associatedtype Settings: Codable & Equatable & Sendable
  /// What a network is given.
  associatedtype Inputs: ExampleInputs

  /// What was asked for.
  var settings: Settings { get }
  /// The classes in order; nil where numbers are estimated.
  var classes: [String]? { get }
  /// The shape of one input: [F] of a row, [T, F] of a window; empty for tokens, whose number differs.
  var inputShape: [Int] { get }
  /// How what the network learns was made of the target's numbers; nil where no numbers are estimated.
  var targetScale: TargetScale? { get }

  /// The columns of dates that become numbers.
  var dateColumns: [DateColumn] { get }

  /// Divides the rows that can be used: positions of rows.
  ///
  /// - Parameters:
  ///   - known: a preparation that a network knows already.
  ///   - plan: shares, folds, groups; its pattern for the names of files does not count here.
  static func split(
    _ table: Table, _ settings: Settings, keeping known: Self?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit

  /// Fits to the training rows.
  ///
  /// - Parameter known: a preparation that stays as it is, but for the target: a network that has learned from features
  ///   continues with these.
  init(fitting table: Table, rows: [Int], _ settings: Settings, keeping known: Self?) throws(TableFault)

  /// The settings without a column that rows are grouped by, which is nothing to learn from.
  static func excluding(_ column: String, _ settings: Settings) -> Settings

  /// Takes the classes from all rows of all parts: the rows that are learned from may lack one.
  mutating func takeClasses(of table: Table, rows: [Int]) throws(TableFault)

  /// Inputs and targets of the rows that have both, for each part of the rows.
  func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<Inputs>]

  /// The training rows without those that have numbers far from the others, where the settings drop such rows.
  static func withoutOutliers(
    _ table: Table, rows: [Int], _ settings: Settings
  ) throws(TableFault) -> (rows: [Int], dropped: DroppedRows)

  /// The rows that no part has because a value that they need is missing, with the column that lacks it.
  func lackingRows(of table: Table) throws(TableFault) -> [LackingRow]

  /// How a table's columns were understood: see `Table.remarks(on:)`. A column of texts to read or write is none of categories.
  ///
  /// - Parameter withTarget: whether the target counts, too.
  func remarks(on table: Table, withTarget: Bool) -> [String]

  /// Reads the columns of a file that the network looks at, and others with them.
  func table(csv path: String) throws(TableFault) -> Table

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  func validated() throws(TableFault) -> Self
}

/// How the numbers of a target become what a network learns: (value − mean) / deviation.
public struct TargetScale: Equatable, Sendable {
  /// What is subtracted; 0 where the numbers stay as they are.
  public var mean: Double
  /// What is divided by; 1 where the numbers stay as they are.
  public var deviation: Double

  /// The scale of a target.
  public init(mean: Double = 0, deviation: Double = 1) { (self.mean, self.deviation) = (mean, deviation) }

  /// What an output says in the target's own units.
  public func restored(_ output: Float) -> Double { Double(output) * deviation + mean }
}

/// A row of a table that lacks a value.
public struct LackingRow: Equatable, Sendable {
  /// The number of the row in the file.
  public let row: Int
  /// The column whose value is missing.
  public let column: String

  /// A row that lacks a value.
  public init(row: Int, column: String) { (self.row, self.column) = (row, column) }
}

extension TablePreparation {
  public var targetScale: TargetScale? { nil }
  public var dateColumns: [DateColumn] { [] }
  /// What an output says in the target's own units, where numbers are estimated.
  public func restored(_ output: Float) -> Double { targetScale?.restored(output) ?? Double(output) }
  /// The same of the columns that are predicted from.
  public func remarks(on table: Table) -> [String] { remarks(on: table, withTarget: false) }
  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] { [] }
  public static func excluding(_ column: String, _ settings: Settings) -> Settings { settings }
  public mutating func takeClasses(of table: Table, rows: [Int]) throws(TableFault) {}
  public static func withoutOutliers(
    _ table: Table, rows: [Int], _ settings: Settings
  ) throws(TableFault) -> (rows: [Int], dropped: DroppedRows) {
    (rows, DroppedRows())
  }

  /// Inputs and targets of the rows that have both.
  ///
  /// - Parameter rows: positions of rows; nil for all.
  public func examples(of table: Table, rows: [Int]? = nil) throws(TableFault) -> Examples<Inputs> {
    try examples(of: table, parts: [rows ?? Array(0..<table.rowCount)])[0]
  }
}

/// A table in its parts, prepared as its training rows say.
///
///     let table = try Table(csv: "flowers.csv")
///     let flowers = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "species"), test: 0.2)
public struct PreparedTable<Preparation: TablePreparation>: Sendable {
  /// What was learned from the training part.
  public let preprocessing: Preparation
  /// The parts, prepared.
  public let parts: DatasetParts<Examples<Preparation.Inputs>>
  /// The training rows that are left out because of numbers far from the others.
  public let dropped: DroppedRows
  /// Which rows are held out, among those of the table.
  public let held: HeldOut
  /// What is known of groups that are in the training and in a file of another part, too, a line each.
  public let groupRemarks: [String]

  /// Splits the rows, fits the preparation to the training rows, and applies it to all.
  ///
  /// - Parameters:
  ///   - known: a preparation that a network knows already and that stays as it is, but for the target.
  ///   - validation: the share of rows held out for validation, 0 for none; of rows without an order it is drawn from the
  ///     seed, stratified by class in a classification.
  ///   - test: the share held out for the test, 0 for none.
  public init(
    _ table: Table, _ settings: Preparation.Settings, keeping known: Preparation? = nil, validation: Double = 0.1,
    test: Double = 0, seed: UInt64 = 0
  ) throws(TableFault) {
    try self.init(
      table, settings, keeping: known, by: SplitPlan(validation: validation, test: test, seed: seed))
  }

  /// The same by a plan.
  ///
  /// A column that rows are grouped by is nothing to learn from, unless a known preparation has it.
  ///
  /// - Parameters:
  ///   - validation, test: files with the rows of these parts, of which the plan holds out none then.
  public init(
    _ table: Table, _ settings: Preparation.Settings, keeping known: Preparation? = nil, by plan: SplitPlan,
    validation: String? = nil, test: String? = nil
  ) throws(TableFault) {
    var settings = settings
    if known == nil, case .column(let name)? = plan.grouping { settings = Preparation.excluding(name, settings) }
    var split = try Preparation.split(table, settings, keeping: known, by: plan)
    let count = split.training.count
    let (rows, dropped) = try Preparation.withoutOutliers(table, rows: split.training, settings)
    guard !rows.isEmpty else {
      throw .invalidSetting(
        name: "outliers", value: "dropped", allowed: "such that a training row is left; all \(count) have one")
    }
    split.training = rows
    var preprocessing = try Preparation(fitting: table, rows: rows, settings, keeping: known)
    if plan.fold != nil || plan.sample != nil || plan.grouping != nil || !plan.isStratified {
      try preprocessing.takeClasses(
        of: table, rows: (split.training + split.validation + split.test + split.outOfBag).sorted())
    }
    try self.init(table, split, preprocessing, dropped, plan.grouping, validation: validation, test: test)
  }

  /// Divides the rows as the preparation was fitted to them, and applies it to all.
  public init(_ table: Table, with preprocessing: Preparation, by plan: SplitPlan) throws(TableFault) {
    let split = try Preparation.split(table, preprocessing.settings, keeping: preprocessing, by: plan)
    try self.init(table, split, preprocessing, DroppedRows(), plan.grouping)
  }

  private init(
    _ table: Table, _ split: DataSplit, _ preprocessing: Preparation, _ dropped: DroppedRows, _ grouping: Grouping?,
    validation: String? = nil, test: String? = nil
  ) throws(TableFault) {
    self.preprocessing = preprocessing
    self.dropped = dropped
    held = HeldOut(split)
    let chosen = [split.training, split.validation, split.test, split.outOfBag]
    var examples = try preprocessing.examples(of: table, parts: chosen.filter { !$0.isEmpty })
    func next(_ rows: [Int]) -> Examples<Preparation.Inputs>? { rows.isEmpty ? nil : examples.removeFirst() }
    guard let training = next(split.training) else { throw .noRowsLeft(path: table.path, rows: table.rowCount) }
    var groupRemarks: [String] = []
    func part(
      _ rows: [Int], _ file: String?, _ name: String
    ) throws(TableFault) -> Examples<Preparation.Inputs>? {
      guard let file else { return next(rows) }
      let other = try preprocessing.table(csv: file)
      if case .column(let column)? = grouping,
        let remark = try table.remark(onGroups: column, of: split.training, alsoIn: other, part: name)
      {
        groupRemarks.append(remark)
      }
      return try preprocessing.examples(of: other)
    }
    let used = Set(chosen.joined()).count + split.leftOut.count
    var parts = DatasetParts(
      training: training, validation: try part(split.validation, validation, "validation"),
      test: try part(split.test, test, "test"),
      skipped: table.rowCount - used - dropped.count)
    parts.outOfBag = next(split.outOfBag)
    self.parts = parts
    self.groupRemarks = groupRemarks
  }
}

extension DataSplit {
  /// Splits rows of a table, stratified by the classes of a column; nil for rows that are all of one kind.
  ///
  /// - Parameter takesNumbers: whether the column could be learned as a number, if it holds numbers.
  init(
    of table: Table, _ rows: [Int], by target: Table.Column?, _ plan: SplitPlan, takesNumbers: Bool = false
  ) throws(TableFault) {
    guard !rows.isEmpty else { throw .noRowsLeft(path: table.path, rows: table.rowCount) }
    var classes: [String] = []
    var labels: [Int]?
    if let target {
      classes = try TablePreprocessing.classes(target, rows, table.path)
      let places = classes.places
      labels = TablePreprocessing.classNames(target, rows).map { places[ExactText($0 ?? "")] ?? 0 }
    }
    var groups: [Int]?
    if case .column(let name)? = plan.grouping { groups = try table.groups(of: rows, by: name) }
    do throws(SplitFault) {
      try self.init(count: rows.count, labels: labels, classes: classes, groups: groups, by: plan)
    } catch {
      if case .tooFew = error, let target, plan.isStratified, groups == nil, rows.count > 2 {
        throw .rareClasses(
          path: table.path, column: target.name, classes: classes.count, rows: rows.count,
          advice: target.values.kind == .categorical
            ? .fewerClasses : takesNumbers ? .estimateNumbers : .onlyClassesAreLearned)
      }
      throw .split(path: table.path, error)
    }
    training = training.map { rows[$0] }
    validation = validation.map { rows[$0] }
    test = test.map { rows[$0] }
    outOfBag = outOfBag.map { rows[$0] }
    leftOut = leftOut.map { rows[$0] }
  }
}

extension Table {
  /// The rows that lack a value in one of the columns.
  func rows(lacking columns: [Column]) -> [LackingRow] {
    (0..<rowCount).compactMap { row in
      columns.first { $0.values.isMissing(row) }.map { LackingRow(row: rowNumbers[row], column: $0.name) }
    }
  }

  /// The rows that lack a value in one of the columns of these names.
  func rows(lackingAnyOf names: [String]) throws(TableFault) -> [LackingRow] {
    var columns: [Column] = []
    for name in names { columns.append(try column(name)) }
    return rows(lacking: columns)
  }

  /// A line where rows of the training and a table of another part have groups in common, or where that is not known.
  fileprivate func remark(
    onGroups name: String, of rows: [Int], alsoIn other: Table, part: String
  ) throws(TableFault) -> String? {
    guard let column = other[name] else {
      return "\(other.path) has no column '\(name)': whether its groups are in the training is not known"
    }
    let known = TablePreprocessing.classNames(try self.column(name), rows).compactMap { $0 }
    let found = TablePreprocessing.classNames(column, Array(0..<other.rowCount)).compactMap { $0 }
    return SharedGroups(known, found, part: part)?.remark
  }

  /// The groups that a column says of rows, as numbers in the order of their first rows.
  fileprivate func groups(of rows: [Int], by name: String) throws(TableFault) -> [Int] {
    let column = try column(name)
    var known: [ExactText: Int] = [:]
    var groups: [Int] = []
    for (row, value) in zip(rows, TablePreprocessing.classNames(column, rows)) {
      guard let value else { throw .noGroup(path: path, row: rowNumbers[row], column: name) }
      let number = known[ExactText(value)] ?? known.count
      known[ExactText(value)] = number
      groups.append(number)
    }
    return groups
  }
}
