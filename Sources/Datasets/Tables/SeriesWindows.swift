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
  /// The number of values that are predicted, the last of them `horizon` rows after the window.
  var steps = 1

  /// The number of rows.
  public var count: Int { values.count / width }

  /// How many windows have their targets among the rows.
  public var windows: Int { max(0, count - window - horizon + 1) }

  /// The windows whose targets are rows of the range, as far as there are enough rows before them, with these targets.
  public func examples(targets rows: Range<Int>) -> Examples<SeriesWindows> {
    let (first, last) = (window + horizon - steps, window + horizon - 1)
    let start = max(rows.lowerBound, first) - first
    let starts = start..<max(start, rows.upperBound - last)
    return Examples(SeriesWindows(rows: self, starts: starts), targets: starts.flatMap(targets))
  }

  /// The end of the series, whose target lies beyond it: [1, T, F]; nil where there are too few rows.
  public var last: Tensor? { count >= window ? batch([count - window]) : nil }

  /// [N, T, F] of the windows that begin at the rows given.
  fileprivate func batch(_ starts: [Int]) -> Tensor {
    var chosen: [Float] = []
    chosen.reserveCapacity(starts.count * window * width)
    for start in starts { chosen += values[start * width..<(start + window) * width] }
    return Tensor(chosen, shape: [starts.count, window, width])
  }

  /// What comes after the window that begins at a row.
  private func targets(_ start: Int) -> [Float] {
    let end = start + window + horizon
    return (end - steps..<end).map { values[$0 * width + target] }
  }
}

/// Windows of a time series.
public struct SeriesWindows: ExampleInputs {
  let rows: SeriesRows
  /// The rows that they begin at.
  let starts: Range<Int>

  /// The number of windows.
  public var count: Int { starts.count }

  /// The first row that each window is to predict.
  public var firstTargets: [Int] { starts.map { $0 + rows.window + rows.horizon - rows.steps } }

  public var mostAtOnce: Int { max(1, min(1024, (1 << 22) / (rows.window * rows.width))) }

  /// [N, T, F] of the windows at the places given.
  public func batch(_ places: [Int]) -> Tensor { rows.batch(places.map { starts.lowerBound + $0 }) }

  /// All parts are windows of the same rows.
  public static func add(_ parts: [Examples<SeriesWindows>], to fingerprint: inout DataFingerprint) {
    guard let rows = parts.first?.inputs.rows else { return }
    fingerprint.add([rows.count])
    fingerprint.add(rows.values)
  }
}
