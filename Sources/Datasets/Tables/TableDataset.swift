import AviaryTensors

/// Rows to learn from, or to be judged by, with what they are to be predicted as.
public struct TablePart: Equatable, Sendable {
  public var features: TableFeatures
  /// The class of each row; empty for a regression.
  public var labels: [Int32]
  /// The number of each row, standardised where the settings say so; empty for a classification.
  public var targets: [Float]

  public var count: Int { features.count }

  /// [N, width] of the rows at the places given.
  public func inputs(_ places: some Sequence<Int>) -> Tensor { features.tensor(places) }

  /// [N] of the rows at the places given, of a classification.
  public func labels(_ places: some Sequence<Int>) -> IntTensor { IntTensor(places.map { labels[$0] }) }

  /// [N, 1] of the rows at the places given, of a regression.
  public func targets(_ places: some Sequence<Int>) -> Tensor {
    let chosen = places.map { targets[$0] }
    return Tensor(chosen, shape: [chosen.count, 1])
  }
}

extension TablePreprocessing {
  /// Features and targets of the rows that have one.
  public func part(of table: Table, rows: [Int]? = nil) throws(TableFault) -> TablePart {
    let target = try table.column(target.name).values
    let asked = (rows ?? Array(0..<table.rowCount)).filter { !target.isMissing($0) }
    let features = try features(of: table, rows: asked)
    guard features.count > 0 else { throw .noRowsLeft(path: table.path, rows: rows?.count ?? table.rowCount) }
    switch self.target.task {
    case .classification:
      let labels = try Self.labels(of: table, rows: features.rows, target: self.target)
      return TablePart(features: features, labels: labels, targets: [])
    case .regression:
      return TablePart(features: features, labels: [], targets: try targets(of: table, rows: features.rows))
    }
  }
}

/// The rows of a table in parts: numbers of rows of the table.
struct TableSplit {
  let training: [Int]
  let validation: [Int]
  let test: [Int]

  /// Splits those of the rows that can be used, stratified by the classes of a column; nil for rows that are all of one
  /// kind.
  init(
    of table: Table, _ rows: [Int], by target: Table.Column?, validation: Double, test: Double, seed: UInt64
  ) throws(TableFault) {
    guard !rows.isEmpty else { throw .noRowsLeft(path: table.path, rows: table.rowCount) }
    var classes = [""]
    var labels = Array(repeating: 0, count: rows.count)
    if let target {
      classes = try TablePreprocessing.classes(target, rows, table.path)
      let places = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      labels = TablePreprocessing.classNames(target, rows).map { places[$0 ?? ""] ?? 0 }
    }
    let split: DataSplit
    do throws(SplitFault) {
      split = try DataSplit(labels: labels, classes: classes, validation: validation, test: test, seed: seed)
    } catch {
      throw .split(path: table.path, error)
    }
    training = split.training.map { rows[$0] }
    self.validation = split.validation.map { rows[$0] }
    self.test = split.test.map { rows[$0] }
  }

  /// What the parts become; those without rows nothing.
  func parts<Part>(
    _ part: ([Int]) throws(TableFault) -> Part
  ) throws(TableFault) -> (training: Part, validation: Part?, test: Part?) {
    (
      try part(training), validation.isEmpty ? nil : try part(validation), test.isEmpty ? nil : try part(test)
    )
  }
}

/// A table in its parts, preprocessed as its training rows say.
///
///     let table = try Table(csv: "flowers.csv")
///     let flowers = try TableDataset(table, TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 0)
public struct TableDataset: Sendable {
  public let preprocessing: TablePreprocessing
  public let training: TablePart
  public let validation: TablePart?
  public let test: TablePart?
  /// The number of rows left out because their target, or another value, is missing.
  public let skipped: Int

  /// Splits the rows, fits the preprocessing to the training rows, and applies it to all.
  ///
  /// - Parameters:
  ///   - known: a preprocessing that stays as it is, but for the target, which the settings name: a network that has
  ///     learned from features goes on with these. Of the settings only the target's then count.
  ///   - validation: the share of rows held out for validation, 0 for none; stratified by class in a classification.
  ///   - test: the share held out for the test, 0 for none.
  public init(
    _ table: Table, _ settings: TableSettings, keeping known: TablePreprocessing? = nil, validation: Double = 0.1,
    test: Double = 0, seed: UInt64
  ) throws(TableFault) {
    try settings.validate()
    let needed = try known?.neededColumns(of: table)
    let rows = try TablePreprocessing.usableRows(of: table, settings, needed: needed)
    let target = try table.column(settings.target)
    let split = try TableSplit(
      of: table, rows, by: TablePreprocessing.task(target, settings) == .classification ? target : nil,
      validation: validation, test: test, seed: seed)
    let fitted: TablePreprocessing
    if let known {
      fitted = try known.withTarget(of: table, rows: split.training, settings)
    } else {
      fitted = try TablePreprocessing(fitting: table, rows: split.training, settings)
    }
    preprocessing = fitted
    (training, self.validation, self.test) = try split.parts { (rows) throws(TableFault) in
      try fitted.part(of: table, rows: rows)
    }
    skipped = table.rowCount - rows.count
  }
}
