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

  // MARK: Zones and order

  @Test(
    arguments: [
      ("2024-03-01T10:00Z", 0), ("2024-03-01 10:00 GMT", 0), ("2024-03-01T10:00:00+02:00", 120),
      ("2024-03-01T10:00-0530", -330), ("2024-03-01T10:00+01", 60), ("2024-03-01T10:00", nil), ("2024-03-01", nil),
    ] as [(String, Int?)]) func zonesAreRead(text: String, minutes: Int?) throws
  {
    let time = try #require(DateFormat.iso.time(of: text))
    #expect(time.zone == minutes)
    #expect(time.secondsSince1970 == 1_709_251_200 + (text.contains("10:00") ? 36_000 : 0) - 60 * Double(minutes ?? 0))
    #expect(DateFormat(word: "%d.%m.%Y %H:%M %z")?.time(of: "1.3.2024 10:00 -0100")?.zone == -60)
  }

  @Test func timesInSeveralZonesAreSaid() throws {
    func remarks(_ second: String) throws -> [String] {
      let table = Table([
        .init("t", .categorical(["2024-01-01T23:00+02:00", nil, second])), .init("y", .numeric([1, 2, 3])),
      ])
      var settings = TableSettings(target: "y")
      settings.dates = DateSettings(columns: ["t"])
      return try TablePreprocessing(fitting: table, settings).remarks(on: table)
    }
    #expect(try remarks("2024-01-02T00:00+02:00").isEmpty)
    for other in ["2024-01-01T21:00Z", "2024-01-01T21:00"] {
      let found = try remarks(other)
      #expect(found.count == 1 && found[0].hasPrefix("column t: times in different zones, such as "), "\(found)")
    }
  }

  private func remarks(_ dates: [String?], isSeries: Bool = true) -> [String] {
    Table([.init("d", .categorical(dates))]).remarksOnOrder(isSeries: isSeries)
  }

  @Test func rowsInOrderHaveNoRemark() {
    let days = (1...28).map { "2024-02-\($0 < 10 ? "0" : "")\($0)" }
    for dates in [
      days, ["2024-01-31", nil, "2024-02-29", "2024-03-31"], ["3/4/2024", "3/5/2024", "4/4/2024"], ["b", "a"],
      ["2024-01-01"], ["2024-01-01T10:00+02:00", "2024-01-01T09:00Z"],
      days.filter { !["03", "04", "10", "11", "17", "18", "24", "25"].contains($0.suffix(2)) },
    ] as [[String?]] { #expect(remarks(dates).isEmpty, "\(dates)") }
  }

  @Test func rowsOutOfOrderAreSaid() {
    let turned = "column d: the newest row comes first, and rows are taken in their order, the last one for the newest"
    for isSeries in [true, false] {
      #expect(
        remarks(["2024-01-03", "2024-01-02", "2024-01-01"], isSeries: isSeries).first?.hasPrefix(turned) == true)
      let mixed = remarks(["2024-01-01", "2024-01-02", "2024-01-01", "2024-01-02"], isSeries: isSeries)
      #expect(mixed.first?.hasPrefix("column d: row 4 ('2024-01-01') is before row 3 ('2024-01-02')") == true)
      #expect(mixed.first?.contains("a file for each series") == isSeries)
    }
    #expect(remarks(["4/4/2024", "3/5/2024", "3/4/2024"]).first?.hasPrefix(turned) == true, "months first")
    let equal = ["2024-01-01", "2024-01-01", "2024-01-02"]
    #expect(remarks(equal).first?.hasPrefix("column d: rows 2 and 3 have the same time") == true)
    #expect(remarks(equal, isSeries: false).isEmpty, "rows of their own may be of one day")
    #expect(remarks(["2024-01-01T10:00Z", "2024-01-01T11:00+02:00"]).count == 1, "by UTC")
  }

  /// Of dates in a format of a person's own, or without anything between their parts, too.
  @Test func rowsOutOfOrderAreSaidByTheFormatThatIsGiven() throws {
    let table = try Table(
      csv: Array("d,n,y\n03.02.24,20240203,1\n02.02.24,20240202,2\n01.03.23,20230301,3\n".utf8), path: "t.csv")
    for (name, format) in [("d", "%d.%m.%y"), ("n", "%Y%m%d")] {
      let dates = try DateColumn.columns(of: table, DateSettings(columns: [name], format: format), excluding: [])
      let found = table.remarksOnOrder(isSeries: false, dates: dates)
      #expect(found.contains { $0.hasPrefix("column \(name): the newest row comes first") }, "\(found)")
    }
    var settings = TableSettings(target: "y", task: .regression)
    settings.dates = DateSettings(columns: ["d"], format: "%d.%m.%y")
    #expect(try TablePreprocessing(fitting: table, settings).dateColumns.map(\.name) == ["d"])
  }

  @Test func gapsOfASeriesAreSaid() {
    let hours = (0..<24).filter { ![7, 8].contains($0) }.map { "2024-01-01 \($0 < 10 ? "0" : "")\($0):00" }
    #expect(
      remarks(hours) == [
        "column d: rows are 1 hour apart, but for 1 of 21, the first between rows 8 and 9: windows count rows, whatever lies between them"
      ])
    #expect(remarks(hours, isSeries: false).isEmpty)
  }
}
