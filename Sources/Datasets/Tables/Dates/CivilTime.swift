/// A day of the Gregorian calendar and a time of it, as it is written, with its time zone beside it.
struct CivilTime: Equatable {
  var year: Int
  var month: Int
  var day: Int
  var hour = 0
  var minute = 0
  var second = 0.0
  /// How many minutes the zone that is written is east of UTC; nil where none is.
  var zone: Int?

  /// nil where there is no such day.
  init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month),
      (1...Self.days(inMonth: month, of: year)).contains(day)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// From a number of days since 1970-01-01; nil outside of the years 1 to 9999.
  init?(daysSince1970 days: Int) {
    guard (-719_162...2_932_896).contains(days) else { return nil }
    // Years begin in March, so that leap days come last: see H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    self.init(
      year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func days(inMonth month: Int, of year: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  var daysSince1970: Int {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = (shifted / 400, shifted % 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  var secondOfDay: Double { Double(hour * 3600 + minute * 60) + second }

  /// Seconds since 1970-01-01, in UTC where a zone is written.
  var secondsSince1970: Double { Double(daysSince1970) * 86_400 + secondOfDay - Double(zone ?? 0) * 60 }

  /// From Monday, 0, to Sunday, 6.
  var weekday: Int { ((daysSince1970 + 3) % 7 + 7) % 7 }

  /// From 1.
  var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.days(inMonth: $1, of: year) } }

  /// The week of ISO 8601, 1 to 53: that of the year that its Thursday is in.
  var week: Int {
    let thursday = CivilTime(daysSince1970: daysSince1970 - weekday + 3)
    return ((thursday?.dayOfYear ?? 1) - 1) / 7 + 1
  }

  /// Monday of a week of ISO 8601; nil where the year has no such week.
  static func monday(ofWeek week: Int, year: Int) -> CivilTime? {
    guard week >= 1, let fourth = CivilTime(year: year, month: 1, day: 4) else { return nil }
    let monday = CivilTime(daysSince1970: fourth.daysSince1970 - fourth.weekday + 7 * (week - 1))
    guard let monday, week <= 52 || monday.week == week else { return nil }
    return monday
  }

  /// Sets the time of day; false where there is no such time. A leap second counts as the one before.
  mutating func set(hour: Int, minute: Int, second: Double) -> Bool {
    guard (0...23).contains(hour), (0...59).contains(minute), second >= 0, second < 61 else { return false }
    (self.hour, self.minute, self.second) = (hour, minute, min(second, 59.999_999))
    return true
  }
}

/// A number that a date is made into.
public enum DatePart: String, Codable, CaseIterable, Sendable {
  /// The number of the year.
  case year
  /// 1 to 4.
  case quarter
  /// 1 to 12.
  case month
  /// Of ISO 8601, 1 to 53.
  case week
  /// Of the month, 1 to 31.
  case day
  /// Monday is 0.
  case weekday
  /// 1 to 366.
  case dayOfYear
  /// 0 to 23.
  case hour
  /// 0 to 59.
  case minute
  /// 0 to 59.
  case second
  /// Days since 1970-01-01, with the time as a fraction.
  case days

  /// The first value and the number of values, of what comes again; nil of what does not.
  var cycle: (first: Double, length: Double)? {
    switch self {
    case .year, .days: nil
    case .quarter: (1, 4)
    case .month: (1, 12)
    case .week: (1, 53)
    case .day: (1, 31)
    case .weekday: (0, 7)
    case .dayOfYear: (1, 366)
    case .hour: (0, 24)
    case .minute, .second: (0, 60)
    }
  }

  func value(of time: CivilTime) -> Double {
    switch self {
    case .year: Double(time.year)
    case .quarter: Double((time.month + 2) / 3)
    case .month: Double(time.month)
    case .week: Double(time.week)
    case .day: Double(time.day)
    case .weekday: Double(time.weekday)
    case .dayOfYear: Double(time.dayOfYear)
    case .hour: Double(time.hour)
    case .minute: Double(time.minute)
    case .second: time.second
    case .days:
      Double(time.daysSince1970) + time.secondOfDay / 86_400
    }
  }
}
