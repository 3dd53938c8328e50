/// A setting that is searched: its name, its values, and when it applies.
///
/// As a text: `NAME=VALUES[:log][:int][:points=N][:if OTHER=VALUE|VALUE]`, where `VALUES` are
///
///     1e-5..1e-1:log        numbers in a range, here by their logarithms
///     3..12                 whole numbers, where the setting takes no others or `:int` says so
///     0.1..0.9:points=5     five numbers, evenly from one end to the other (of their logarithms with `:log`)
///     sgd,momentum,adamw    these; divided by | where a value has a comma
///
/// and `:if optimizer=sgd|momentum` makes the setting apply only where another one has one of these values.
public struct SearchParameter: Equatable, Sendable {
  /// Applies where another setting has one of these values.
  public struct Condition: Equatable, Sendable {
    /// The setting that it depends on.
    public let name: String
    /// The values of that setting beside which it applies.
    public let values: [String]

    /// Applies where the setting `name` has one of the values.
    public init(name: String, values: [String]) {
      self.name = name
      self.values = values
    }
  }

  /// The name, such as `learning-rate`.
  public let name: String
  /// The values that are searched.
  public let domain: SearchDomain
  /// nil for a setting that always applies.
  public let condition: Condition?

  /// A setting with these values, which always applies unless there is a condition.
  public init(_ name: String, _ domain: SearchDomain, if condition: Condition? = nil) {
    self.name = name
    self.domain = domain
    self.condition = condition
  }

  /// Reads the text of a parameter.
  ///
  /// - Parameters:
  ///   - text: `NAME=VALUES` and what stands behind them, as described above.
  ///   - takesFractions: whether a setting takes a value between whole numbers, such as 2.5.
  public init(
    parsing text: String, takesFractions: (_ name: String, _ value: String) -> Bool = { _, _ in true }
  ) throws(SearchFault) {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw .malformed(text: text, reason: "give NAME=VALUES")
    }
    let name = String(text[..<equals]).trimmingSpaces
    let (values, modifiers) = try Modifiers.split(String(text[text.index(after: equals)...]), of: text)
    self.name = name
    condition = modifiers.condition
    if let range = try Self.range(values, of: text) {
      domain = try Self.domain(range, modifiers, of: text) { takesFractions(name, $0) }
    } else {
      if let modifier = modifiers.ofRanges {
        throw .malformed(text: text, reason: "\(modifier) is for a range, LOW..HIGH")
      }
      let choices = values.split(separator: values.contains("|") ? "|" : ",", omittingEmptySubsequences: false)
        .map { String($0).trimmingSpaces }
      guard !choices.contains("") else { throw .malformed(text: text, reason: "a value is missing") }
      guard Set(choices).count == choices.count else { throw .malformed(text: text, reason: "a value is given twice") }
      domain = .choice(choices)
    }
  }

  /// The ends of LOW..HIGH as they are written; nil for anything else.
  private static func range(_ values: String, of text: String) throws(SearchFault) -> (low: String, high: String)? {
    guard let dots = values.firstRange(of: "..") else { return nil }
    let (low, high) = (String(values[..<dots.lowerBound]), String(values[dots.upperBound...]))
    // `layer1..layer3` is a value of --freeze.
    guard let first = Double(low), let last = Double(high) else {
      if Double(low) == nil, Double(high) == nil { return nil }
      throw .malformed(text: text, reason: "a range needs a number at either end")
    }
    guard first.isFinite, last.isFinite, first < last else {
      throw .malformed(text: text, reason: "a range needs a lower number, then a higher one")
    }
    return (low, high)
  }

  private static func domain(
    _ range: (low: String, high: String), _ modifiers: Modifiers, of text: String, takesFractions: (String) -> Bool
  ) throws(SearchFault) -> SearchDomain {
    let (low, high) = (Double(range.low) ?? 0, Double(range.high) ?? 0)
    if modifiers.isLogarithmic, low <= 0 { throw .malformed(text: text, reason: "log needs a range above 0") }
    let wholes = Int(range.low).flatMap { low in Int(range.high).map { low...$0 } }
    if modifiers.isWhole, wholes == nil { throw .malformed(text: text, reason: "int needs whole numbers as ends") }
    let isWhole: Bool
    if modifiers.isWhole {
      isWhole = true
    } else if wholes != nil {
      // A place in the range that is no whole number.
      isWhole = !takesFractions(SearchDomain.text(SearchDomain.rounded(low + 0.37 * min(1, high - low))))
    } else {
      isWhole = false
    }
    if isWhole, let wholes {
      guard wholes.upperBound - wholes.lowerBound < 1 << 30, abs(wholes.lowerBound) < 1 << 40 else {
        throw .malformed(text: text, reason: "the range is too wide")
      }
    }
    let domain: SearchDomain =
      if isWhole, let wholes { .whole(wholes, isLogarithmic: modifiers.isLogarithmic) } else {
        .real(low...high, isLogarithmic: modifiers.isLogarithmic)
      }
    guard let points = modifiers.points else { return domain }
    // From one end to the other, as NumPy's linspace and geomspace do.
    let line = SearchDomain.real(low...high, isLogarithmic: modifiers.isLogarithmic)
    var values: [String] = []
    for place in 0..<points {
      let value = line.value(at: Double(place) / Double(points - 1))
      let text = isWhole ? Double(value).map { "\(Int($0.rounded()))" } ?? value : value
      if values.last != text { values.append(text) }
    }
    return .choice(values)
  }
}

/// What stands behind the values.
private struct Modifiers {
  var isLogarithmic = false
  var isWhole = false
  var points: Int?
  var condition: SearchParameter.Condition?

  /// One that only a range has.
  var ofRanges: String? {
    isLogarithmic ? "log" : isWhole ? "int" : points != nil ? "points" : nil
  }

  /// The values, and the modifiers behind them. A colon before anything else belongs to the values.
  static func split(_ text: String, of whole: String) throws(SearchFault) -> (String, Modifiers) {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0).trimmingSpaces }
    var modifiers = Modifiers()
    while parts.count > 1, let last = parts.last {
      if last == "log" {
        modifiers.isLogarithmic = true
      } else if last == "int" {
        modifiers.isWhole = true
      } else if last.hasPrefix("points=") {
        guard let points = Int(last.dropFirst(7)), (2...10_000).contains(points) else {
          throw .malformed(text: whole, reason: "points must be from 2 to 10000")
        }
        modifiers.points = points
      } else if last.hasPrefix("if ") {
        let condition = last.dropFirst(3)
        guard let equals = condition.firstIndex(of: "="), equals > condition.startIndex else {
          throw .malformed(text: whole, reason: "a condition is 'if NAME=VALUE', or 'if NAME=VALUE|VALUE'")
        }
        let values = condition[condition.index(after: equals)...].split(
          separator: "|", omittingEmptySubsequences: false
        ).map { String($0).trimmingSpaces }
        guard !values.contains("") else { throw .malformed(text: whole, reason: "a value of its condition is missing") }
        modifiers.condition = .init(name: String(condition[..<equals]).trimmingSpaces, values: values)
      } else {
        break
      }
      parts.removeLast()
    }
    return (parts.joined(separator: ":"), modifiers)
  }
}

extension String {
  /// Without spaces at its ends.
  var trimmingSpaces: String {
    var rest = self[...]
    while rest.first == " " { rest.removeFirst() }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
