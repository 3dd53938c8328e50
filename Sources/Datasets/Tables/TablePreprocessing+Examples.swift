// The rows of a table as examples of their own.

extension TablePreprocessing: TablePreparation {
  public var classes: [String]? { target.task == .regression ? nil : target.classes }

  public var inputShape: [Int] { [featureCount] }

  public var targetScale: TargetScale? {
    target.task == .regression ? TargetScale(mean: target.mean, deviation: target.deviation) : nil
  }

  public static func split(
    _ table: Table, _ settings: TableSettings, keeping known: TablePreprocessing?, by plan: SplitPlan
  ) throws(TableFault) -> DataSplit {
    try settings.validate()
    if known == nil { try settings.checkOrder(plan, path: table.path) }
    let rows = try usableRows(of: table, settings, needed: try known?.neededColumns(of: table))
    let target = try table.column(settings.target)
    let settings = known?.settings(for: table, settings) ?? settings
    return try DataSplit(
      of: table, rows, by: task(target, settings) == .classification ? target : nil, plan, takesNumbers: true)
  }

  public static func excluding(_ column: String, _ settings: TableSettings) -> TableSettings {
    var settings = settings
    if !settings.excluded.holds(column) { settings.excluded.append(column) }
    return settings
  }

  public mutating func takeClasses(of table: Table, rows: [Int]) throws(TableFault) {
    guard target.task == .classification else { return }
    target.classes = try Self.classes(try table.column(target.name), rows, table.path)
  }

  /// - Parameter known: where given, only what the settings say about the target counts.
  public init(
    fitting table: Table, rows: [Int], _ settings: TableSettings, keeping known: TablePreprocessing?
  ) throws(TableFault) {
    if let known {
      self = try known.withTarget(of: table, rows: rows, settings)
    } else {
      try self.init(fitting: table, rows: rows, settings)
    }
  }

  public func examples(of table: Table, parts: [[Int]]) throws(TableFault) -> [Examples<TableFeatures>] {
    let target = try table.column(target.name).values
    var examples: [Examples<TableFeatures>] = []
    for rows in parts {
      let features = try features(of: table, rows: rows.filter { !target.isMissing($0) })
      guard features.count > 0 else { throw .noRowsLeft(path: table.path, rows: rows.count) }
      examples.append(
        self.target.task == .classification
          ? Examples(features, labels: try Self.labels(of: table, rows: features.rows, target: self.target))
          : Examples(features, targets: try targets(of: table, rows: features.rows)))
    }
    return examples
  }

  public func lackingRows(of table: Table) throws(TableFault) -> [LackingRow] {
    table.rows(lacking: [try table.column(target.name)] + (try neededColumns(of: table)))
  }

  public func table(csv path: String) throws(TableFault) -> Table { try Table(csv: path, for: self) }
}
