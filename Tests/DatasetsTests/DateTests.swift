import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct DateTests {
  private func parts(_ text: String, _ format: DateFormat) -> [Double]? {
    format.time(of: text).map {
      [Double($0.year), Double($0.month), Double($0.day), Double($0.hour), Double($0.minute), $0.second]
    }
  }

  @Test(
    arguments: [
      ("2024-01-31", [2024, 1, 31, 0, 0, 0]), ("2024/1/3", [2024, 1, 3, 0, 0, 0]),
      ("20240229", [2024, 2, 29, 0, 0, 0]),
      ("2024-02-29T23:59:07.5Z", [2024, 2, 29, 23, 59, 7.5]), ("2024-02-29 01:02", [2024, 2, 29, 1, 2, 0]),
      ("20240229T010203+0100", [2024, 2, 29, 1, 2, 3]), ("2024-06", [2024, 6, 1, 0, 0, 0]),
      ("2024-W01-1", [2024, 1, 1, 0, 0, 0]), ("2020-W53-7", [2021, 1, 3, 0, 0, 0]),
      ("2023-365", [2023, 12, 31, 0, 0, 0]),
      ("2024-01-31T10:00:00-05:30", [2024, 1, 31, 10, 0, 0]), ("2024-01-31 9:05 PM", [2024, 1, 31, 21, 5, 0]),
    ] as [(String, [Double])]) func readsISO(text: String, expected: [Double])
  {
    #expect(parts(text, .iso) == expected)
  }

  @Test(
    arguments: [
      ("31 Jan 2024", [2024, 1, 31]), ("31-JAN-2024", [2024, 1, 31]), ("Jan 31, 2024", [2024, 1, 31]),
      ("september 3 2024", [2024, 9, 3]), ("Wed, 31 Jan 2024 10:00:00 GMT", [2024, 1, 31]),
      ("3. Sept 2024", [2024, 9, 3]),
    ] as [(String, [Double])]) func readsNames(text: String, expected: [Double])
  {
    #expect(parts(text, .monthNames).map { Array($0.prefix(3)) } == expected)
  }

  @Test(arguments: [
    "2023-02-29", "2024-13-01", "2024-00-10", "2023-W53-1", "2023-366", "2024-01-31T24:00", "2024-01-31T10:61",
    "24-01-31",
    "2024-01-31x", "2024-1-", "", "2024", "99999-01-01", "0000-01-01", "2024-01/31", "20240230",
    "2024-01-31T10:00+99:00",
  ]) func refusesWhatIsNoDate(text: String) {
    for format in DateFormat.known { #expect(format.time(of: text) == nil, "\(format)") }
  }

  @Test func patternsAreThoseOfStrptime() throws {
    func read(_ text: String, _ pattern: String) -> [Double]? {
      DateFormat(word: pattern).flatMap { parts(text, $0) }
    }
    #expect(read("31.01.24", "%d.%m.%y") == [2024, 1, 31, 0, 0, 0])
    #expect(read("1.2.69", "%d.%m.%y") == [1969, 2, 1, 0, 0, 0])
    #expect(read("05/31/2024 07:08:09 PM", "%m/%d/%Y %I:%M:%S %p") == [2024, 5, 31, 19, 8, 9])
    #expect(read("Thu Feb  1 2024 00:00:30.25", "%a %b %d %Y %H:%M:%S.%f") == [2024, 2, 1, 0, 0, 30.25])
    #expect(read("2024 060", "%Y %j") == [2024, 2, 29, 0, 0, 0])
    #expect(read("86461", "%s") == [1970, 1, 2, 0, 1, 1] && read("-1", "%s") == [1969, 12, 31, 23, 59, 59])
    #expect(read("100%2024", "100%%%Y") == [2024, 1, 1, 0, 0, 0])
    #expect(read("2024-02-30", "%Y-%m-%d") == nil && read("2024-02-03 ", "%Y-%m-%d") == nil)
    for pattern in ["%Q", "abc", "%", "%p", "dd.mm.yyyy"] { #expect(DateFormat(word: pattern) == nil, "\(pattern)") }
  }

  @Test func theCalendarIsFoundations() throws {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
    for days in stride(from: -140_000, to: 200_000, by: 3_331) {
      let time = try #require(CivilTime(daysSince1970: days))
      let date = Date(timeIntervalSince1970: Double(days) * 86_400)
      let found = calendar.dateComponents([.year, .month, .day, .weekday, .weekOfYear, .dayOfYear], from: date)
      #expect(time.daysSince1970 == days)
      #expect(time.year == found.year && time.month == found.month && time.day == found.day, "\(days)")
      #expect(time.weekday == ((found.weekday ?? 0) + 5) % 7 && time.week == found.weekOfYear, "\(days)")
      #expect(time.dayOfYear == found.dayOfYear)
    }
  }

  private func table(_ dates: [String?], target: String = "y") -> Table {
    Table([
      .init("when", .categorical(dates)), .init("x", .numeric(dates.indices.map { Double($0) })),
      .init(target, .numeric(dates.indices.map { Double($0 * $0) })),
    ])
  }

  private func fit(_ dates: [String?], _ change: (inout DateSettings) -> Void = { _ in }) throws -> TablePreprocessing {
    var settings = TableSettings(target: "y")
    settings.scaling = .none
    var asked = DateSettings(columns: ["when"])
    change(&asked)
    settings.dates = asked
    return try TablePreprocessing(fitting: table(dates), settings)
  }

  @Test func aColumnOfDatesBecomesNumbers() throws {
    let dates = ["2024-01-31", nil, "2023-12-01", "2024-02-29"]
    let fitted = try TablePreprocessing(json: fit(dates).json())
    #expect(fitted.featureNames == ["when.year", "when.month", "when.day", "when.weekday", "x"])
    #expect(fitted.columnNames.sorted() == ["when", "x"])
    let found = try fitted.features(of: table(dates))
    #expect(Array(found.values[0..<5]) == [2024, 1, 31, 2, 0])
    #expect(Array(found.values[10..<15]) == [2023, 12, 1, 4, 2])
    // A missing date has the mean, as other numbers do.
    #expect(abs(found.values[5] - (2024 + 2023 + 2024) / 3) < 1e-3)
    let circle = try fit(dates) { ($0.parts, $0.isCyclical) = ([.month, .year], true) }
    #expect(circle.featureNames == ["when.month.sin", "when.month.cos", "when.year", "x"])
    let turned = try circle.features(of: table(["2024-04-01", "2024-07-15"])).values
    #expect(abs(turned[0] - 1) < 1e-6 && abs(turned[1]) < 1e-6 && abs(turned[4]) < 1e-6 && abs(turned[5] + 1) < 1e-6)
    let times = try fit(["2024-01-31T10:30", "2024-01-31T11:00"])
    #expect(times.featureNames.contains("when.hour") && times.featureNames.contains("when.minute"))
    // What is predicted from is read as training read it.
    #expect(throws: TableFault.badDate(path: "table", row: 3, column: "when", text: "31/01/2024", format: "2024-01-31"))
    {
      _ = try fitted.features(of: table(["2024-01-31", "31/01/2024"]))
    }
  }

  @Test func ambiguousAndMixedDatesAreRefused() throws {
    #expect(throws: TableFault.ambiguousDates(path: "table", column: "when", text: "03/04/2024")) {
      _ = try fit(["03/04/2024", "05/06/2024"])
    }
    #expect(try fit(["03/04/2024", "25/06/2024"]).dates?[0].format == .dayFirst)
    #expect(try fit(["03-04-2024", "06-25-2024"]).dates?[0].format == .monthFirst)
    #expect(try fit(["03.04.2024", "05.06.2024"]).dates?[0].format == .dayFirst)
    #expect(try fit(["03/04/2024"]) { $0.format = "%m/%d/%Y" }.features(of: table(["03/04/2024"])).values[1] == 3)
    #expect(throws: TableFault.mixedDates(path: "table", column: "when", first: "2024-01-31", second: "31 Jan 2024")) {
      _ = try fit(["2024-01-31", "31 Jan 2024"])
    }
    #expect(throws: TableFault.badDate(path: "table", row: 3, column: "when", text: "1.2.24", format: nil)) {
      _ = try fit(["01.02.2024", "1.2.24"])
    }
    #expect(throws: TableFault.self) { _ = try fit([nil, nil]) }
  }

  @Test func settingsThatContradictThemselvesAreRefused() throws {
    for settings in [
      DateSettings(columns: []), DateSettings(columns: ["a", "a"]), DateSettings(columns: ["y"]),
      DateSettings(columns: ["a"], format: "dd/mm"), DateSettings(columns: ["a"], parts: []),
    ] {
      #expect(throws: TableFault.self) { try settings.validate(target: "y") }
    }
    let both = Table([
      .init("d", .categorical(["2024-01-01"])), .init("d.year", .numeric([1])), .init("y", .numeric([1])),
    ])
    var settings = TableSettings(target: "y")
    settings.dates = DateSettings(columns: ["d"])
    #expect(throws: TableFault.duplicateColumn(path: "table", name: "d.year")) {
      _ = try TablePreprocessing(fitting: both, settings)
    }
  }

  /// A column of dates says how it is used, whatever its texts look like as numbers.
  @Test(arguments: ["2024-01-", "Jan ", "2024/03/"]) func datesAreRemarkedOn(prefix: String) throws {
    let rows = (1...25).map {
      "\(prefix == "Jan " ? "\"Jan \($0), 2024\"" : "\(prefix)\($0 < 10 ? "0" : "")\($0)"),\($0)"
    }
    let table = try Table(csv: Array(("when,y\n" + rows.joined(separator: "\n") + "\n").utf8), path: "t.csv")
    #expect(table.remarks() == ["column when: dates; --dates 'when' makes numbers of them"])
  }
}
