/// Statistics of an array. Everything but the counts is of the finite numbers only.
public struct ArrayStatistics: Sendable, Equatable {
  /// The number of elements.
  public let count: Int
  /// How many are zero.
  public internal(set) var zeros = 0
  /// How many are NaN.
  public internal(set) var notNumbers = 0
  /// How many are infinite.
  public internal(set) var infinities = 0
  /// Nil where no number is finite; the next four as well.
  public internal(set) var minimum: Double?
  /// The largest finite element; nil without any.
  public internal(set) var maximum: Double?
  /// The mean of the finite elements; nil without any.
  public internal(set) var mean: Double?
  /// Of the numbers as a whole population: divided by their number.
  public internal(set) var standardDeviation: Double?
  /// The square root of the sum of squares.
  public internal(set) var norm = 0.0
  /// How many numbers lie in each of equally wide parts from the minimum to the maximum; one part where all are equal.
  public internal(set) var histogram: [Int] = []

  /// Nil where elements are complex or of 4 bits.
  public init?(_ array: StoredArray, bins: Int = 16) {
    guard let values = array.doubles() else { return nil }
    count = values.count
    var sum = 0.0
    var finite = 0
    var low = Double.infinity
    var high = -Double.infinity
    for value in values {
      if value.isFinite {
        finite += 1
        sum += value
        low = min(low, value)
        high = max(high, value)
        if value == 0 { zeros += 1 }
      } else if value.isNaN {
        notNumbers += 1
      } else {
        infinities += 1
      }
    }
    guard finite > 0 else { return }
    minimum = low
    maximum = high
    // Sums of the largest numbers may not fit: then their mean does.
    var mean = sum / Double(finite)
    if !mean.isFinite { mean = values.reduce(0) { $1.isFinite ? $0 + $1 / Double(finite) : $0 } }
    self.mean = mean
    let scale = max(abs(low), abs(high))
    var squares = 0.0
    var deviations = 0.0
    histogram = [Int](repeating: 0, count: low == high ? 1 : max(bins, 1))
    for value in values where value.isFinite {
      let part = scale == 0 ? 0 : value / scale
      squares += part * part
      let deviation = scale == 0 ? 0 : value / scale - mean / scale
      deviations += deviation * deviation
      // Halves, since the width of all may not fit.
      let place = low == high ? 0 : (value / 2 - low / 2) / (high / 2 - low / 2) * Double(histogram.count)
      histogram[min(max(Int(place), 0), histogram.count - 1)] += 1
    }
    norm = squares.squareRoot() * scale
    standardDeviation = (deviations / Double(finite)).squareRoot() * scale
  }

  /// The limits of the histogram's parts, one more than there are parts.
  public var edges: [Double] {
    guard let minimum, let maximum, !histogram.isEmpty else { return [] }
    return (0...histogram.count).map {
      let share = Double($0) / Double(histogram.count)
      let width = maximum - minimum
      return width.isFinite ? minimum + width * share : minimum * (1 - share) + maximum * share
    }
  }
}
