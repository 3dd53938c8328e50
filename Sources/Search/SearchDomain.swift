import AviaryPlatform

/// The values that a setting may have. Values are texts, as a command takes them; a search sees each as a coordinate in
/// [0, 1].
public enum SearchDomain: Equatable, Sendable {
  /// Numbers, evenly or by their logarithms.
  case real(ClosedRange<Double>, isLogarithmic: Bool = false)
  /// Whole numbers, evenly or by their logarithms.
  case whole(ClosedRange<Int>, isLogarithmic: Bool = false)
  /// One of these texts.
  case choice([String])

  /// How many values there are; nil for a range of numbers.
  public var count: Int? {
    switch self {
    case .real(let range, _): range.lowerBound == range.upperBound ? 1 : nil
    case .whole(let range, _): range.upperBound - range.lowerBound + 1
    case .choice(let values): values.count
    }
  }

  /// All values in order; nil for a range of numbers.
  public var values: [String]? {
    switch self {
    case .real(let range, _): range.lowerBound == range.upperBound ? [Self.text(range.lowerBound)] : nil
    case .whole(let range, _): range.map { "\($0)" }
    case .choice(let values): values
    }
  }

  /// Whether the values have an order that says how alike two of them are: numbers do, and choices that are numbers.
  public var isOrdered: Bool {
    guard case .choice(let values) = self else { return true }
    let numbers = values.compactMap { Double($0) }
    let steps = zip(numbers, numbers.dropFirst())
    return numbers.count == values.count && (steps.allSatisfy { $0 < $1 } || steps.allSatisfy { $0 > $1 })
  }

  /// Whether the values are even by their logarithms.
  public var isLogarithmic: Bool {
    switch self {
    case .real(_, let isLogarithmic), .whole(_, let isLogarithmic): isLogarithmic
    case .choice: false
    }
  }

  /// The value at a coordinate, which is brought into [0, 1]. Numbers have six significant digits, so that the text is the
  /// whole value.
  public func value(at coordinate: Double) -> String {
    let place = coordinate.isFinite ? min(max(coordinate, 0), 1) : 0
    switch self {
    case .real(let range, let isLogarithmic):
      let (low, high) = (range.lowerBound, range.upperBound)
      let number = isLogarithmic ? exp(log(low) + place * (log(high) - log(low))) : low + place * (high - low)
      return Self.text(min(max(Self.rounded(number), low), high))
    case .whole(let range, let isLogarithmic):
      let (low, high) = Self.edges(range, isLogarithmic)
      let number = low + place * (high - low)
      let whole = (isLogarithmic ? exp(number) : number).rounded()
      return "\(min(max(Int(whole), range.lowerBound), range.upperBound))"
    case .choice(let values): return values[min(Int(place * Double(values.count)), values.count - 1)]
    }
  }

  /// The coordinate of a value: of whole numbers and choices the middle of theirs; nil for a value outside of the domain.
  public func coordinate(of value: String) -> Double? {
    switch self {
    case .real(let range, let isLogarithmic):
      guard let number = Double(value), range.contains(number) else { return nil }
      let (low, high) = (range.lowerBound, range.upperBound)
      if low == high { return 0.5 }
      return isLogarithmic ? (log(number) - log(low)) / (log(high) - log(low)) : (number - low) / (high - low)
    case .whole(let range, let isLogarithmic):
      guard let number = Int(value), range.contains(number) else { return nil }
      let (low, high) = Self.edges(range, isLogarithmic)
      return ((isLogarithmic ? log(Double(number)) : Double(number)) - low) / (high - low)
    case .choice(let values):
      return values.firstIndex(of: value).map { (Double($0) + 0.5) / Double(values.count) }
    }
  }

  /// The coordinate of the value at a coordinate: the middle of a whole number's or a choice's room.
  func snapped(_ coordinate: Double) -> Double {
    let place = min(max(coordinate, 0), 1)
    switch self {
    case .real(let range, _): return range.lowerBound == range.upperBound ? 0.5 : place
    case .whole(let range, let isLogarithmic):
      let (low, high) = Self.edges(range, isLogarithmic)
      let number = low + place * (high - low)
      let whole = min(
        max((isLogarithmic ? exp(number) : number).rounded(), Double(range.lowerBound)), Double(range.upperBound))
      return ((isLogarithmic ? log(whole) : whole) - low) / (high - low)
    case .choice(let values):
      let count = Double(values.count)
      return (min((place * count).rounded(.down), count - 1) + 0.5) / count
    }
  }

  /// Half a unit around the whole numbers, so that the first and the last have as much room as the others.
  private static func edges(_ range: ClosedRange<Int>, _ isLogarithmic: Bool) -> (Double, Double) {
    let (low, high) = (Double(range.lowerBound) - 0.5, Double(range.upperBound) + 0.5)
    return isLogarithmic ? (log(low), log(high)) : (low, high)
  }

  /// With six significant digits.
  static func rounded(_ number: Double) -> Double {
    guard number != 0, number.isFinite else { return number }
    // By a power of ten that is exact, multiplied or divided by, so that 0.1 stays 0.1.
    let places = 5 - Int(log10(abs(number)).rounded(.down))
    guard abs(places) <= 300 else { return number }
    let scale = pow(10, Double(abs(places)))
    return places >= 0 ? (number * scale).rounded() / scale : (number / scale).rounded() * scale
  }

  /// A number as a command takes it.
  public static func text(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e6 ? "\(Int(number))" : "\(number)"
  }
}
