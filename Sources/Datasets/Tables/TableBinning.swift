import AviaryDiagnostics

// Intervals in the place of numbers, as scikit-learn's `KBinsDiscretizer` makes them.

extension TablePreprocessing {
  /// The columns whose numbers become intervals.
  ///
  /// - Parameter made: the columns that were made of dates, which count where they are named.
  static func binnedNames(
    _ features: [Table.Column], _ settings: TableSettings, made: [String], _ table: Table
  ) throws(TableFault) -> [String] {
    guard let binning = settings.binning else { return [] }
    guard let names = binning.columns else {
      let made = ExactSet(made)
      return features.filter { $0.values.kind == .numeric && !made.contains($0.name) }.map(\.name)
    }
    for name in names {
      guard try table.column(name).values.kind == .numeric else { throw .notNumeric(path: table.path, column: name) }
      guard features.contains(where: { $0.name.isExactly(name) }) else {
        throw .invalidSetting(name: "column of bins", value: "'\(name)'", allowed: "a column that is predicted from")
      }
    }
    return names
  }

  /// The bounds of the intervals of a column, from the training rows' values. Intervals without width are left out.
  static func edges(_ values: [Double], _ binning: TableSettings.Binning) -> [Double] {
    let sorted = values.sorted()
    guard let least = sorted.first, let greatest = sorted.last, least < greatest else {
      return [sorted.first ?? 0, sorted.last ?? 0]
    }
    let edges = (0...binning.bins).map { number -> Double in
      if number == binning.bins { return greatest }
      let share = Double(number) / Double(binning.bins)
      return binning.strategy == .quantile
        ? ColumnStatistics.quantile(sorted, share)
        : least + Double(number) * ((greatest - least) / Double(binning.bins))
    }
    if binning.strategy == .uniform { return edges }
    var distinct = [edges[0]]
    for (edge, previous) in zip(edges.dropFirst(), edges) where edge - previous > 1e-8 { distinct.append(edge) }
    return distinct.count > 1 ? distinct : [least, greatest]
  }
}

extension TablePreprocessing.Numeric {
  /// The number of intervals; 0 where there are none.
  var binCount: Int { max(0, (edges?.count ?? 1) - 1) }

  /// The number of the interval that a value lies in, from 0; values beyond the outer bounds are in the outer intervals.
  func bin(of value: Double) -> Int {
    guard let edges, edges.count > 2 else { return 0 }
    // The inner bounds that are not above the value.
    var (low, high) = (1, edges.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if edges[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  /// The names of the intervals' features.
  var binNames: [String] {
    guard let edges else { return [] }
    return zip(edges, edges.dropFirst()).map { "\(name) in [\($0), \($1))" }
  }

  /// Whether bounds, if there are any, are finite and do not fall.
  var hasPossibleEdges: Bool {
    guard let edges else { return true }
    return edges.count > 1 && edges.count <= TablePreprocessing.featureLimit && edges.allSatisfy(\.isFinite)
      && zip(edges, edges.dropFirst()).allSatisfy { $0 <= $1 }
  }
}
