/// A histogram of magnitudes, with a range that grows with them: by powers of two, so that what was counted
/// keeps its place.
package struct MagnitudeHistogram: Sendable {
  package static let bins = 4096
  /// How many magnitudes lie in each of the equal parts of the range.
  package private(set) var counts = [Int](repeating: 0, count: bins)
  /// Where the last bin ends; 0 before the first number other than zero.
  package private(set) var range: Float = 0
  package private(set) var zeros = 0
  package private(set) var minimum: Float = 0
  package private(set) var maximum: Float = 0
  /// Whether all numbers were finite.
  package private(set) var isFinite = true

  package init() {}

  /// Makes the range end at or beyond a magnitude.
  private mutating func extend(to magnitude: Float) {
    if range == 0 {
      range = magnitude.binade * 2
      return
    }
    while range < magnitude {
      range *= 2
      for bin in 0..<(Self.bins / 2) { counts[bin] = counts[2 * bin] + counts[2 * bin + 1] }
      for bin in (Self.bins / 2)..<Self.bins { counts[bin] = 0 }
    }
  }

  package mutating func add(_ values: Span<Float>) {
    var low: Float = 0
    var high: Float = 0
    var sum: Float = 0
    for index in 0..<values.count {
      let value = values[index]
      low = Swift.min(low, value)
      high = Swift.max(high, value)
      // What is not finite leaves a trace in the sum.
      sum += value * 0
    }
    guard sum == 0 else {
      isFinite = false
      return
    }
    minimum = Swift.min(minimum, low)
    maximum = Swift.max(maximum, high)
    let largest = Swift.max(high, -low)
    guard largest >= Float.leastNormalMagnitude else {
      zeros += values.count
      return
    }
    extend(to: largest)
    let factor = Float(Self.bins) / range
    for index in 0..<values.count {
      let magnitude = abs(values[index])
      if magnitude == 0 {
        zeros += 1
      } else {
        counts[Swift.min(Int(magnitude * factor), Self.bins - 1)] += 1
      }
    }
  }

  private func squared(_ value: Double) -> Double { value * value }

  /// The magnitude beyond which numbers become the end of a range of `levels` steps with the least mean square error: of
  /// rounding, a twelfth of a step squared, within, and of cutting off beyond (Choukroun et al., "Low-bit quantization of
  /// neural networks for efficient inference", 2019, section 3). Nil where there are no numbers but zeros.
  package func threshold(levels: Int) -> Float? {
    guard range > 0, let last = counts.lastIndex(where: { $0 > 0 }) else { return nil }
    let width = Double(range) / Double(Self.bins)
    let largest = Double(Swift.max(maximum, -minimum))
    // Magnitudes in units of a bin's width.
    let total = counts[0...last].reduce(0, +)
    var best = (error: Double(total) * squared(largest / width / Double(levels)) / 12, end: last + 1)
    // How many lie beyond the limit, the sum of their magnitudes, and that of their squares.
    var (beyond, sum, squares) = (0.0, 0.0, 0.0)
    // From the whole range down to a tenth of it; of equal errors the larger limit.
    for end in stride(from: last, through: Swift.max(1, (last + 1) / 10), by: -1) {
      let count = Double(counts[end])
      let magnitude = Double(end) + 0.5
      beyond += count
      sum += count * magnitude
      squares += count * magnitude * magnitude
      let limit = Double(end)
      let rounding = (Double(total) - beyond) * squared(limit / Double(levels)) / 12
      // The squares of what is cut off, multiplied out.
      let cut = squares - 2 * limit * sum + limit * limit * beyond
      if rounding + cut < best.error { best = (rounding + cut, end) }
    }
    return best.end == last + 1 ? Float(largest) : Float(Double(best.end) * width)
  }
}

extension Buffer {
  /// Counts the elements.
  package func addMagnitudes(to histogram: inout MagnitudeHistogram) {
    let buffer = layout.isPadded ? reordered(to: layout.plain) : self
    let values = unsafe UnsafeBufferPointer(start: buffer.floats, count: buffer.count)
    unsafe histogram.add(values.span)
  }
}
