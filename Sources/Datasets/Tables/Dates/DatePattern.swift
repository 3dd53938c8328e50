/// A pattern of C's and Python's `strptime`: %Y, %y, %m, %d, %b, %B, %j, %H, %I, %p, %M, %S, %f, %a, %A, %z, %Z, %s and %%. Spaces
/// stand for any number of spaces, everything else for itself.
struct DatePattern {
  private enum Part: Equatable {
    case literal(UInt8)
    case spaces
    case directive(Character)
  }

  private var parts: [Part] = []

  private static let directives = "YymdbBhjHIpMSfaAzZs%"

  /// nil where a directive is not known, or none says anything of the date.
  init?(_ pattern: String) {
    guard pattern.utf8.count <= 200 else { return nil }
    var isDirective = false
    for scalar in pattern.unicodeScalars {
      if isDirective {
        guard Self.directives.unicodeScalars.contains(scalar) else { return nil }
        parts.append(scalar == "%" ? .literal(UInt8(ascii: "%")) : .directive(Character(scalar)))
        isDirective = false
      } else if scalar == "%" {
        isDirective = true
      } else if scalar == " " || scalar == "\t" {
        if parts.last != .spaces { parts.append(.spaces) }
      } else {
        parts += Array(String(Character(scalar)).utf8).map { .literal($0) }
      }
    }
    let asked = parts.compactMap { if case .directive(let name) = $0 { name } else { nil } }
    guard !isDirective, asked.contains(where: { "Yymdbhjs".contains($0) || $0 == "B" || $0 == "H" }) else { return nil }
  }

  func time(of text: inout DateText) -> CivilTime? {
    var (year, month, day) = (1900, 1, 1)
    var (hour, minute, second, isAfternoon) = (0, 0, 0.0, Bool?.none)
    var (dayOfYear, zone): (Int?, Int?) = (nil, nil)
    var moment: CivilTime?
    for part in parts {
      switch part {
      case .literal(let byte): guard text.byte(byte) else { return nil }
      case .spaces: text.spaces()
      case .directive(let name):
        func read(_ lengths: ClosedRange<Int>, _ range: ClosedRange<Int>) -> Int? {
          text.number(lengths).flatMap { range.contains($0) ? $0 : nil }
        }
        switch name {
        case "Y":
          guard let value = read(4...4, 1...9999) else { return nil }
          year = value
        case "y":
          guard let value = read(2...2, 0...99) else { return nil }
          year = value + (value < 69 ? 2000 : 1900)
        case "m":
          guard let value = read(1...2, 1...12) else { return nil }
          month = value
        case "d":
          guard let value = read(1...2, 1...31) else { return nil }
          day = value
        case "b", "B", "h":
          guard let value = text.monthName() else { return nil }
          month = value
        case "j":
          guard let value = read(1...3, 1...366) else { return nil }
          dayOfYear = value
        case "H":
          guard let value = read(1...2, 0...23) else { return nil }
          hour = value
        case "I":
          guard let value = read(1...2, 1...12) else { return nil }
          hour = value
        case "M":
          guard let value = read(1...2, 0...59) else { return nil }
          minute = value
        case "S":
          guard let value = read(1...2, 0...60) else { return nil }
          second += Double(value)
        case "f":
          guard let value = text.fraction(atMost: 9) else { return nil }
          second += value
        case "p":
          guard let half = text.mark("AaPp"), text.mark("Mm") != nil else { return nil }
          isAfternoon = half == "P" || half == "p"
        case "a", "A":
          guard DateText.number(of: text.letters(), in: DateText.weekdays) != nil else { return nil }
        case "z":
          guard let value = text.zone() else { return nil }
          zone = value
        case "Z": guard !text.letters().isEmpty else { return nil }
        case "s":
          let isNegative = text.mark("-") != nil
          guard let seconds = text.number(1...12) else { return nil }
          let total = isNegative ? -seconds : seconds
          let days = (total - ((total % 86_400) + 86_400) % 86_400) / 86_400
          guard var known = CivilTime(daysSince1970: days) else { return nil }
          let rest = total - days * 86_400
          guard known.set(hour: rest / 3600, minute: rest / 60 % 60, second: Double(rest % 60)) else { return nil }
          moment = known
        default: return nil
        }
      }
    }
    guard text.isAtEnd else { return nil }
    if let moment { return moment }
    if let isAfternoon { hour = hour % 12 + (isAfternoon ? 12 : 0) }
    var date: CivilTime?
    if let dayOfYear {
      guard let first = CivilTime(year: year, month: 1, day: 1), dayOfYear <= (CivilTime.isLeap(year) ? 366 : 365)
      else { return nil }
      date = CivilTime(daysSince1970: first.daysSince1970 + dayOfYear - 1)
    } else {
      date = CivilTime(year: year, month: month, day: day)
    }
    guard var result = date, result.set(hour: hour, minute: minute, second: second) else { return nil }
    result.zone = zone
    return result
  }
}
