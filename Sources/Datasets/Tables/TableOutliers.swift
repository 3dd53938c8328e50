import AviaryDiagnostics

// Training rows with numbers far from the others.

extension TableSettings.Outliers {
  /// The bounds that values are moved to; nil where they are not.
  func clipping(_ values: [Double]) -> (lower: Double, upper: Double)? {
    switch self {
    case .keep, .dropDeviations, .dropInterquartile: nil
    case .deviations(let factor): Self.deviations(factor, values)
    case .interquartile(let factor): Self.interquartile(factor, values)
    }
  }

  /// The bounds beyond which a row is dropped; nil where none is.
  func dropping(_ values: [Double]) -> (lower: Double, upper: Double)? {
    switch self {
    case .keep, .deviations, .interquartile: nil
    case .dropDeviations(let factor): Self.deviations(factor, values)
    case .dropInterquartile(let factor): Self.interquartile(factor, values)
    }
  }

  private static func deviations(_ factor: Double, _ values: [Double]) -> (lower: Double, upper: Double) {
    let mean = ColumnStatistics.mean(values)
    let reach = factor * ColumnStatistics.deviation(values, mean: mean)
    return (mean - reach, mean + reach)
  }

  private static func interquartile(_ factor: Double, _ values: [Double]) -> (lower: Double, upper: Double) {
    let sorted = values.sorted()
    let (first, third) = (ColumnStatistics.quantile(sorted, 0.25), ColumnStatistics.quantile(sorted, 0.75))
    return (first - factor * (third - first), third + factor * (third - first))
  }
}

/// Rows that are not learned from because of a number far from the others.
public struct DroppedRows: Equatable, Sendable {
  /// How many there are.
  public var count = 0
  /// How many have such a number in a column, in the order of the table; columns without any are not listed.
  public var columns: [(name: String, count: Int)] = []

  public static func == (a: DroppedRows, b: DroppedRows) -> Bool {
    a.count == b.count && a.columns.elementsEqual(b.columns) { $0.name.isExactly($1.name) && $0.count == $1.count }
  }

  /// For a person; nil where nothing was dropped.
  public var remark: String? {
    guard count > 0 else { return nil }
    let places = columns.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
    return "\(count) training \(count == 1 ? "row" : "rows") with outliers dropped (\(places))"
  }
}

extension TablePreprocessing {
  public static func withoutOutliers(
    _ table: Table, rows: [Int], _ settings: TableSettings
  ) throws(TableFault) -> (rows: [Int], dropped: DroppedRows) {
    var dropped = DroppedRows()
    var isFar = Array(repeating: false, count: rows.count)
    let left = [settings.target] + settings.excluded
    for column in table.columns where !left.holds(column.name) {
      guard case .numeric(let values) = column.values else { continue }
      let own = rows.map { values[$0] }
      let observed = own.compactMap { $0 }
      guard !observed.isEmpty, let bounds = settings.outliers.dropping(observed) else { continue }
      guard bounds.lower.isFinite, bounds.upper.isFinite else {
        throw .outOfRange(path: table.path, row: nil, column: column.name)
      }
      var count = 0
      for (place, value) in own.enumerated() {
        guard let value, value < bounds.lower || value > bounds.upper else { continue }
        isFar[place] = true
        count += 1
      }
      if count > 0 { dropped.columns.append((column.name, count)) }
    }
    dropped.count = isFar.count { $0 }
    return (zip(rows, isFar).filter { !$1 }.map { $0.0 }, dropped)
  }
}
