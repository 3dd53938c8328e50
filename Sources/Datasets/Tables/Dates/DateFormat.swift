/// How the dates of a column are written.
public enum DateFormat: Equatable, Sendable {
  /// The year first, as in ISO 8601: 2024-01-31, 2024/01/31, 20240131, 2024-01, 2024-W05-3, 2024-031.
  case iso
  /// The month by its English name: 31 Jan 2024, January 31, 2024, 31-Jan-2024, Wed, 31 Jan 2024.
  case monthNames
  /// 31/01/2024, 31-01-2024, 31.01.2024.
  case dayFirst
  /// 01/31/2024, 01-31-2024.
  case monthFirst
  /// A pattern of `strptime`: %d.%m.%y.
  case pattern(String)

  /// Those that are found without being told.
  static let known: [DateFormat] = [.iso, .monthNames, .dayFirst, .monthFirst]

  /// The first of those in which all texts are written; nil where there is none.
  static func ofAll(_ texts: [String]) -> DateFormat? {
    texts.isEmpty ? nil : known.first { format in texts.allSatisfy { format.time(of: $0) != nil } }
  }

  /// For a person.
  var description: String {
    switch self {
    case .iso: "2024-01-31"
    case .monthNames: "31 Jan 2024"
    case .dayFirst: "31/01/2024"
    case .monthFirst: "01/31/2024"
    case .pattern(let pattern): pattern
    }
  }

  /// The day and time of a text; nil where it is not written so.
  func time(of text: String) -> CivilTime? {
    var text = DateText(text)
    switch self {
    case .iso: return Self.iso(&text)
    case .monthNames: return Self.named(&text)
    case .dayFirst, .monthFirst:
      guard let first = text.number(1...2), let mark = text.mark(self == .dayFirst ? "/-." : "/-"),
        let second = text.number(1...2), text.mark(String(mark)) != nil, let year = text.number(4...4)
      else { return nil }
      let (day, month) = self == .dayFirst ? (first, second) : (second, first)
      return CivilTime(year: year, month: month, day: day).flatMap { text.time(of: $0) }
    case .pattern(let pattern): return DatePattern(pattern)?.time(of: &text)
    }
  }

  private static func iso(_ text: inout DateText) -> CivilTime? {
    if text.digits == 8 {
      guard let year = text.number(4...4), let month = text.number(2...2), let day = text.number(2...2) else {
        return nil
      }
      return CivilTime(year: year, month: month, day: day).flatMap { text.time(of: $0) }
    }
    guard let year = text.number(4...4), let mark = text.mark("-/.") else { return nil }
    if mark == "-", text.mark("Ww") != nil {
      guard let week = text.number(2...2), let monday = CivilTime.monday(ofWeek: week, year: year) else { return nil }
      if text.isAtEnd { return monday }
      guard text.mark("-") != nil, let day = text.number(1...1), (1...7).contains(day) else { return nil }
      return CivilTime(daysSince1970: monday.daysSince1970 + day - 1).flatMap { text.time(of: $0) }
    }
    if mark == "-", text.digits == 3 {
      guard let day = text.number(3...3), day >= 1, day <= (CivilTime.isLeap(year) ? 366 : 365),
        let first = CivilTime(year: year, month: 1, day: 1)
      else { return nil }
      return CivilTime(daysSince1970: first.daysSince1970 + day - 1).flatMap { text.time(of: $0) }
    }
    guard let month = text.number(1...2) else { return nil }
    if text.isAtEnd { return CivilTime(year: year, month: month, day: 1) }
    guard text.mark(String(mark)) != nil, let day = text.number(1...2) else { return nil }
    return CivilTime(year: year, month: month, day: day).flatMap { text.time(of: $0) }
  }

  private static func named(_ text: inout DateText) -> CivilTime? {
    var word = text.letters()
    if DateText.number(of: word, in: DateText.weekdays) != nil {
      _ = text.mark(",.")
      text.spaces()
      word = text.letters()
    }
    var (day, month) = (Int?.none, Int?.none)
    if word.isEmpty {
      day = text.number(1...2)
      _ = text.mark("-.")
      text.spaces()
      month = text.monthName()
      _ = text.mark("-.,")
    } else {
      month = DateText.number(of: word, in: DateText.months)
      _ = text.mark(".")
      text.spaces()
      day = text.number(1...2)
      _ = text.mark(",")
    }
    text.spaces()
    guard let day, let month, let year = text.number(4...4) else { return nil }
    return CivilTime(year: year, month: month, day: day).flatMap { text.time(of: $0) }
  }

  /// The format in which all texts of a column are dates.
  ///
  /// - Parameter texts: with the numbers of their rows.
  static func found(
    in texts: [(row: Int, text: String)], column: String, path: String
  ) throws(TableFault) -> DateFormat {
    let formats = known
    let fitting = formats.filter { format in texts.allSatisfy { format.time(of: $0.text) != nil } }
    if fitting == [.dayFirst, .monthFirst] {
      let example = texts.first?.text ?? ""
      throw .ambiguousDates(path: path, column: column, text: example)
    }
    if let format = fitting.first { return format }
    for (row, text) in texts where formats.allSatisfy({ $0.time(of: text) == nil }) {
      throw .badDate(path: path, row: row, column: column, text: text, format: nil)
    }
    // Each is a date, but no format has them all.
    let first = texts[0].text
    let own = formats.first { $0.time(of: first) != nil }
    let second = texts.first { own?.time(of: $0.text) == nil }?.text ?? first
    throw .mixedDates(path: path, column: column, first: first, second: second)
  }
}

extension DateFormat: Codable {
  private static let words: [(String, DateFormat)] = [
    ("iso", .iso), ("month-names", .monthNames), ("day-first", .dayFirst), ("month-first", .monthFirst),
  ]

  /// From a word or a pattern of `strptime`.
  init?(word: String) {
    if let known = Self.words.first(where: { $0.0 == word })?.1 {
      self = known
    } else {
      guard DatePattern(word) != nil else { return nil }
      self = .pattern(word)
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let word = try container.decode(String.self)
    guard let format = DateFormat(word: word) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(word)' is not a format of dates")
    }
    self = format
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .pattern(let pattern) = self { return try container.encode(pattern) }
    try container.encode(Self.words.first { $0.1 == self }?.0 ?? "iso")
  }
}
