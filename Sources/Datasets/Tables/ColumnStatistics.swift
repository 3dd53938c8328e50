import AviaryDiagnostics

/// Statistics of the values of a column, in double precision, as NumPy and pandas define them.
enum ColumnStatistics {
  static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// The standard deviation of the values themselves (NumPy's `std`, ddof 0).
  static func deviation(_ values: [Double], mean: Double) -> Double {
    (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
  }

  /// A quantile of sorted values, between two of them in a straight line (NumPy's default).
  static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let lower = Int(place)
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
  }

  static func median(_ values: [Double]) -> Double { quantile(values.sorted(), 0.5) }

  /// How many finite values lie in each of `bins` equally wide parts; the last one holds its upper end (NumPy's `histogram`).
  static func histogram(_ values: [Double], from least: Double, to most: Double, bins: Int) -> [Int] {
    var counts = Array(repeating: 0, count: bins)
    for value in values where value.isFinite {
      // Halved, so that the largest numbers do not overflow.
      let place = (value / 2 - least / 2) / (most / 2 - least / 2) * Double(bins)
      counts[place.isFinite ? min(max(Int(place), 0), bins - 1) : 0] += 1
    }
    return counts
  }

  /// The smallest of the most frequent values; `values` is not empty.
  static func mostFrequent<Value: Hashable>(
    _ values: [Value], by precedes: (Value, Value) -> Bool
  ) -> Value? {
    let counts = values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    let most = counts.values.max()
    return counts.filter { $0.value == most }.keys.min(by: precedes)
  }

  /// Missing values on a straight line between their neighbours; the nearest value at both ends (pandas'
  /// `interpolate(limit_direction="both")`). Without any value, nothing is filled.
  static func interpolated(_ values: [Double?]) -> [Double?] {
    var result = values
    var last: Int?
    for (index, value) in values.enumerated() {
      guard let value else { continue }
      if let last, let start = values[last] {
        for between in last + 1..<index {
          result[between] = start + (value - start) * (Double(between - last) / Double(index - last))
        }
      } else {
        for before in 0..<index { result[before] = value }
      }
      last = index
    }
    if let last { for after in last + 1..<values.count { result[after] = values[last] } }
    return result
  }

  /// Whether a deviation is rounding and nothing else, so that dividing by it would blow it up (scikit-learn's rule).
  static func isConstant(deviation: Double, mean: Double, count: Int) -> Bool {
    // What overflows is anything but constant.
    guard deviation.isFinite, mean.isFinite else { return false }
    let variance = deviation * deviation
    let rounding = Double(count) * mean * Double.ulpOfOne
    return variance <= Double(count) * Double.ulpOfOne * variance + rounding * rounding
  }

  /// The first of the most frequent words, compared byte by byte.
  static func mostFrequent(_ words: [String]) -> String? {
    mostFrequent(words.map(ExactText.init)) { precedes($0.text, $1.text) }?.text
  }

  /// The order of Python's strings, by code point.
  static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
