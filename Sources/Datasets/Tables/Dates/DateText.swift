/// A text that a date is read from, byte by byte.
struct DateText {
  private let bytes: [UInt8]
  private(set) var place = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { place == bytes.count }
  private var byte: UInt8? { place < bytes.count ? bytes[place] : nil }

  /// A whole number of so many digits.
  mutating func number(_ lengths: ClosedRange<Int>) -> Int? {
    var (value, count) = (0, 0)
    while count < lengths.upperBound, let byte, (0x30...0x39).contains(byte) {
      value = value * 10 + Int(byte - 0x30)
      count += 1
      place += 1
    }
    return lengths.contains(count) ? value : nil
  }

  /// Digits as a fraction of one.
  mutating func fraction(atMost limit: Int) -> Double? {
    var (value, scale, count) = (0.0, 0.1, 0)
    while count < limit, let byte, (0x30...0x39).contains(byte) {
      value += Double(byte - 0x30) * scale
      scale /= 10
      count += 1
      place += 1
    }
    return count > 0 ? value : nil
  }

  /// The number of digits ahead.
  var digits: Int { bytes[place...].prefix { (0x30...0x39).contains($0) }.count }

  /// Passes over one of these characters; nil where another one follows.
  mutating func mark(_ marks: String) -> Character? {
    guard let byte, byte < 0x80 else { return nil }
    let found = Character(Unicode.Scalar(byte))
    guard marks.contains(found) else { return nil }
    place += 1
    return found
  }

  /// Passes over a byte; false where another one follows.
  mutating func byte(_ wanted: UInt8) -> Bool {
    guard byte == wanted else { return false }
    place += 1
    return true
  }

  /// Passes over spaces; false where there is none.
  @discardableResult mutating func spaces() -> Bool {
    let start = place
    while byte == 0x20 || byte == 0x09 { place += 1 }
    return place > start
  }

  /// English letters.
  mutating func letters() -> String {
    let start = place
    while let byte, (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) { place += 1 }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  static let months = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
  ]
  static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

  /// The place of an English name in a list, from 1: the whole name, or its first three letters, or four of September.
  static func number(of name: String, in names: [String]) -> Int? {
    let word = name.lowercased()
    guard word.utf8.count >= 3 else { return nil }
    return names.firstIndex { $0 == word || $0.prefix(3) == word || word == "sept" && $0 == "september" }.map { $0 + 1 }
  }

  /// The month that an English name stands for.
  mutating func monthName() -> Int? { Self.number(of: letters(), in: Self.months) }

  /// A zone such as `Z`, `UTC`, `+01:00`, as minutes east of UTC; nil where something else follows.
  mutating func zone() -> Int? {
    if let sign = mark("+-") {
      guard let hours = number(2...2), hours <= 24 else { return nil }
      let hasColon = mark(":") != nil
      var minutes = 0
      if digits > 0 || hasColon {
        guard let found = number(2...2), found < 60 else { return nil }
        minutes = found
      }
      return (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
    }
    return ["z", "utc", "gmt"].contains(letters().lowercased()) ? 0 : nil
  }

  /// A time behind a date, if there is one: `T14:30`, ` 14:30:05.25`, ` 2:30 PM`, `T143005`, and a zone.
  mutating func time(of date: CivilTime) -> CivilTime? {
    var time = date
    if isAtEnd { return time }
    guard mark("Tt") != nil || spaces() || mark(",") != nil else { return nil }
    spaces()
    let isCompact = digits == 4 || digits == 6
    guard var hour = number(isCompact ? 2...2 : 1...2), isCompact || mark(":") != nil, let minute = number(2...2) else {
      return nil
    }
    var second = 0.0
    if isCompact ? digits > 0 : mark(":") != nil {
      guard let whole = number(2...2) else { return nil }
      second = Double(whole)
      if mark(".,") != nil {
        guard let rest = fraction(atMost: 12) else { return nil }
        second += rest
      }
    }
    spaces()
    if let half = mark("AaPp") {
      guard mark("Mm") != nil, (1...12).contains(hour) else { return nil }
      hour = hour % 12 + (half == "P" || half == "p" ? 12 : 0)
      spaces()
    }
    if !isAtEnd {
      guard let zone = zone() else { return nil }
      time.zone = zone
    }
    return isAtEnd && time.set(hour: hour, minute: minute, second: second) ? time : nil
  }
}
