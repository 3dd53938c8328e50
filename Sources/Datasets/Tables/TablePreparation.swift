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
  /// What an output says in the target's own units, where numbers are estimated.
  func restored(_ output: Float) -> Double

  /// Divides the rows that can be used: positions of rows.
  ///
  /// - Parameters:
  ///   - known: a preparation that a network knows already.
  ///   - validation: the share of rows held out for validation, 0 for none.
  ///   - test: the share held out for the test, 0 for none.
  static func split(
    _ table: Table, _ settings: Settings, keeping known: Self?, validation: Double, test: Double, seed: UInt64
  ) throws(TableFault) -> DataSplit

  /// Fits to the training rows.
  ///
  /// - Parameter known: a preparation that stays as it is, but for the target: a network that has learned from features
  ///   continues with these.
  init(fitting table: Table, rows: [Int], _ settings: Settings, keeping known: Self?) throws(TableFault)

  /// Inputs and targets of the rows that have both, for each part of the rows.
  func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<Inputs>]

  /// Reads the columns of a file that the network looks at, and others with them.
  func table(csv path: String) throws(TableFault) -> Table

  /// Refuses what contradicts itself: checkpoints come from anywhere.
  func validated() throws(TableFault) -> Self
}

extension TablePreparation {
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
    let split = try Preparation.split(
      table, settings, keeping: known, validation: validation, test: test, seed: seed)
    try self.init(
      table, split, Preparation(fitting: table, rows: split.training, settings, keeping: known))
  }

  /// Divides the rows as the preparation was fitted to them, and applies it to all.
  public init(
    _ table: Table, with preprocessing: Preparation, validation: Double, test: Double, seed: UInt64
  ) throws(TableFault) {
    let split = try Preparation.split(
      table, preprocessing.settings, keeping: preprocessing, validation: validation, test: test, seed: seed)
    try self.init(table, split, preprocessing)
  }

  private init(_ table: Table, _ split: DataSplit, _ preprocessing: Preparation) throws(TableFault) {
    self.preprocessing = preprocessing
    let chosen = [split.training, split.validation, split.test].filter { !$0.isEmpty }
    var examples = try preprocessing.examples(of: table, parts: chosen)
    let training = examples.removeFirst()
    let validation = split.validation.isEmpty ? nil : examples.removeFirst()
    parts = DatasetParts(
      training: training, validation: validation, test: examples.first,
      skipped: table.rowCount - chosen.reduce(0) { $0 + $1.count })
  }
}

extension DataSplit {
  /// Splits rows of a table, stratified by the classes of a column; nil for rows that are all of one kind.
  init(
    of table: Table, _ rows: [Int], by target: Table.Column?, validation: Double, test: Double, seed: UInt64
  ) throws(TableFault) {
    guard !rows.isEmpty else { throw .noRowsLeft(path: table.path, rows: table.rowCount) }
    var classes = [""]
    var labels = Array(repeating: 0, count: rows.count)
    if let target {
      classes = try TablePreprocessing.classes(target, rows, table.path)
      let places = classes.places
      labels = TablePreprocessing.classNames(target, rows).map { places[ExactText($0 ?? "")] ?? 0 }
    }
    do throws(SplitFault) {
      try self.init(labels: labels, classes: classes, validation: validation, test: test, seed: seed)
    } catch {
      throw .split(path: table.path, error)
    }
    training = training.map { rows[$0] }
    self.validation = self.validation.map { rows[$0] }
    self.test = self.test.map { rows[$0] }
  }
}
