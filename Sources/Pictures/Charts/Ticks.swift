import AviaryPlatform

/// The round numbers along an axis: multiples of 1, 2 or 5 times a power of ten.
struct Ticks: Equatable {
  let values: [Double]
  /// From the first to the last, which hold all numbers between them.
  let range: ClosedRange<Double>
  private let step: Double

  /// - Parameters:
  ///   - lower: the least number to show.
  ///   - upper: the greatest.
  ///   - count: about how many ticks there are.
  ///   - areWhole: whether there are ticks only at whole numbers.
  init(from lower: Double, to upper: Double, count: Int, areWhole: Bool = false) {
    // Beyond these bounds the steps would not be finite.
    let bound = 1e300
    var (low, high) = (min(max(lower, -bound), bound), min(max(upper, -bound), bound))
    if !(low < high) {
      // One number alone: some room around it.
      let margin = low == 0 ? 1 : abs(low) * 0.1
      (low, high) = (low - margin, high + margin)
    }
    let rough = (high - low) / Double(max(count, 1))
    var power = 1.0
    while power > rough { power /= 10 }
    while power * 10 <= rough { power *= 10 }
    let multiple = [1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10
    // Numbers that differ in their last bits only have no round numbers between them.
    let step = max(areWhole ? max(multiple * power, 1) : multiple * power, abs(high) * 1e-14, abs(low) * 1e-14)
    let first = (low / step + 1e-9).rounded(.down)
    let last = (high / step - 1e-9).rounded(.up)
    values = stride(from: first, through: max(last, first + 1), by: 1).prefix(100).map { $0 * step }
    range = (values.first ?? low)...(values.last ?? high)
    self.step = step
  }

  private init(_ values: [Double]) {
    self.values = values
    range = (values.first ?? 0)...(values.last ?? 0)
    step = 1
  }

  /// Round numbers along a logarithmic axis, as their logarithms to the base 10.
  ///
  /// - Parameters:
  ///   - lower: the least logarithm to show.
  ///   - upper: the greatest.
  ///   - count: about how many ticks there are at most.
  static func powers(from lower: Double, to upper: Double, count: Int) -> Ticks {
    guard upper - lower > 0.2, lower > -300, upper < 300 else { return Ticks(from: lower, to: upper, count: count) }
    let (first, last) = (Int(lower.rounded(.down)), Int(upper.rounded(.up)))
    func ticks(_ multiples: [Double], every decades: Int) -> [Double] {
      // From a decade that is a multiple of the step, so that 1 is among them.
      let start = first - (first % decades + decades) % decades
      let all = stride(from: start, through: last + decades, by: decades).flatMap { decade in
        multiples.map { Double(decade) + log10($0) }
      }
      let low = all.lastIndex { $0 <= lower + 1e-9 } ?? 0
      let high = all.firstIndex { $0 >= upper - 1e-9 } ?? all.count - 1
      return Array(all[low...max(low, high)])
    }
    // The closest ones for which there is room.
    let choices =
      [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3]].map { ticks($0, every: 1) }
      + (1...max(1, last - first)).map { ticks([1], every: $0) }
    return Ticks(choices.first { $0.count <= count + 1 } ?? [Double(first), Double(last)])
  }

  /// The numbers as texts with as many digits as tell them apart.
  var labels: [String] {
    let largest = values.map(abs).max() ?? 0
    guard step >= 1e-4, largest < 1e6 else { return values.map { Self.short($0, step: step) } }
    var digits = 0
    var scale = 1.0
    while digits < 8, ((step * scale).rounded() - step * scale).magnitude > 1e-6 * step * scale {
      digits += 1
      scale *= 10
    }
    return values.map { ChartNumber.fixed($0, digits) }
  }

  /// The numbers whose logarithms to the base 10 these are: `0.001`, `0.003`, `0.01`.
  var powerLabels: [String] { values.map { ChartNumber.short(pow(10, $0)) } }

  /// A number too small or too large for plain digits: `2.5e-05`, `3M`.
  private static func short(_ value: Double, step: Double) -> String {
    if value == 0 { return "0" }
    for (unit, name) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where step >= unit / 10 && abs(value) < 1e12 {
      let digits = step >= unit ? 0 : 1
      return ChartNumber.fixed(value / unit, digits) + name
    }
    return ChartNumber.scientific(value, digits: 3)
  }
}

/// Numbers as charts write them.
public enum ChartNumber {
  /// A number with this many digits after the point.
  public static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return text(value) }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(value) * scale).rounded())
    let fraction = String(scaled % Int(scale))
    let whole = (value < 0 && scaled > 0 ? "-" : "") + String(scaled / Int(scale))
    return digits == 0 ? whole : whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// A number as `1.25e-05`, without zeros that say nothing.
  static func scientific(_ value: Double, digits: Int) -> String {
    guard value.isFinite, value != 0 else { return text(value) }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 10 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    var number = fixed(mantissa, digits)
    if number.hasPrefix("10") { (number, exponent) = (fixed(1, digits), exponent + 1) }
    while number.contains("."), number.last == "0" || number.last == "." {
      let isPoint = number.last == "."
      number.removeLast()
      if isPoint { break }
    }
    let size = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    return (value < 0 ? "-" : "") + number + "e" + (exponent < 0 ? "-" : "+") + size
  }

  /// A number with two digits that count, without zeros that say nothing.
  static func short(_ value: Double) -> String {
    var text = text(value, digits: 2)
    guard text.contains("."), !text.contains("e") else { return text }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  /// A number with about `digits` digits that count, however large or small.
  public static func text(_ value: Double, digits: Int = 4) -> String {
    guard value.isFinite else { return value.isNaN ? "n/a" : value < 0 ? "-∞" : "∞" }
    if value == 0 { return "0" }
    let size = abs(value)
    guard size >= 1e-4, size < 1e7 else { return scientific(value, digits: digits - 1) }
    if value == value.rounded(), size < 1e6 { return fixed(value, 0) }
    var before = 0
    var limit = 1.0
    while size >= limit {
      before += 1
      limit *= 10
    }
    var lead = 0
    limit = 0.1
    while before == 0, size < limit {
      lead += 1
      limit /= 10
    }
    return fixed(value, max(digits - before + lead, 0))
  }
}
