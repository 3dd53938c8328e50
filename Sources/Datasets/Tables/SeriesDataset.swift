import AviaryTensors

/// The rows of a time series, scaled, and the windows that can be cut from them.
public struct SeriesRows: Equatable, Sendable {
  /// [rows, width], row-major.
  public let values: [Float]
  let width: Int
  /// The position of the column that is predicted.
  let target: Int
  let window: Int
  let horizon: Int

  public var count: Int { values.count / width }

  /// How many windows have their target among the rows.
  public var windows: Int { max(0, count - window - horizon + 1) }

  /// The windows whose targets are rows of the range, as far as rows enough lie before them.
  public func part(targets rows: Range<Int>) -> SeriesPart {
    let before = window + horizon - 1
    return SeriesPart(
      rows: self, windows: max(rows.lowerBound, before) - before..<max(rows.upperBound, before) - before)
  }

  /// All windows.
  public var all: SeriesPart { part(targets: 0..<count) }

  /// The end of the series, whose target lies beyond it: [1, T, F]; nil where there are too few rows.
  public var last: Tensor? { count >= window ? inputs([count - window]) : nil }

  /// [N, T, F] of the windows that begin at the rows given.
  fileprivate func inputs(_ starts: [Int]) -> Tensor {
    var chosen: [Float] = []
    chosen.reserveCapacity(starts.count * window * width)
    for start in starts { chosen += values[start * width..<(start + window) * width] }
    return Tensor(chosen, shape: [starts.count, window, width])
  }

  /// What comes after the window that begins at a row.
  fileprivate func target(_ start: Int) -> Float { values[(start + window + horizon - 1) * width + target] }
}

/// Windows of a time series to learn from, or to be judged by.
public struct SeriesPart: Equatable, Sendable {
  let rows: SeriesRows
  /// The rows that they begin at.
  let windows: Range<Int>

  public var count: Int { windows.count }

  /// How many windows fit into a batch of reasonable size.
  public var windowsAtOnce: Int { max(1, min(1024, (1 << 22) / (rows.window * rows.width))) }

  /// [N, T, F] of the windows at the places given.
  public func inputs(_ places: [Int]) -> Tensor { rows.inputs(places.map { windows.lowerBound + $0 }) }

  /// [N, 1]: what comes after the windows at the places given, scaled.
  public func targets(_ places: [Int]) -> Tensor {
    Tensor(places.map { rows.target(windows.lowerBound + $0) }, shape: [places.count, 1])
  }
}

/// A time series in its parts, which follow each other: the end is the test, what lies before it the validation. Windows
/// of the later parts begin in the earlier ones, as they do when the future is predicted.
public struct SeriesDataset: Sendable {
  public let preprocessing: SeriesPreprocessing
  public let rows: SeriesRows
  public let training: SeriesPart
  public let validation: SeriesPart
  public let test: SeriesPart

  /// Splits the rows, fits the preprocessing to the training rows, and applies it to all.
  ///
  /// - Parameters:
  ///   - known: a preprocessing that a network knows already.
  ///   - validation: the share of rows held out for validation.
  ///   - test: the share held out for the test.
  public init(
    _ table: Table, _ settings: SeriesSettings, keeping known: SeriesPreprocessing? = nil, validation: Double = 0.1,
    test: Double = 0.1
  ) throws(TableFault) {
    try settings.validate()
    for (name, share) in [("validation", validation), ("test", test)] where !(share > 0 && share < 1) {
      throw .invalidSetting(name: "share for \(name)", value: "\(share)", allowed: "between 0 and 1")
    }
    let count = table.rowCount
    func held(_ share: Double) -> Int { max(1, Int((Double(count) * share).rounded())) }
    let lastPart = count - held(test)
    let learned = lastPart - held(validation)
    let needed = settings.window + settings.rowsAhead
    guard learned >= needed else {
      throw .seriesTooShort(path: table.path, rows: max(0, learned), needed: needed)
    }
    preprocessing =
      if let known {
        try known.adapted(to: settings, path: table.path)
      } else {
        try SeriesPreprocessing(fitting: table, rows: learned, settings)
      }
    rows = try preprocessing.rows(of: table)
    training = rows.part(targets: 0..<learned)
    self.validation = rows.part(targets: learned..<lastPart)
    self.test = rows.part(targets: lastPart..<count)
  }
}
