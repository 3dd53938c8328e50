import Testing

@testable import AviaryDatasets

/// Numbers as people write them, and names that stay apart.
@Suite struct NumberSpellingTests {
  func table(_ text: String) throws(TableFault) -> Table { try Table(csv: Array(text.utf8), path: "t.csv") }

  @Test(arguments: [
    ("\"1,234\"\n\"56\"\n", [1234, 56], "commas between thousands"),
    ("\"1.234,5\"\n\"0,25\"\n", [1234.5, 0.25], "points between thousands and a decimal comma"),
    ("\"0,5\"\n\"1,234\"\n", [0.5, 1.234], "a decimal comma"),
    ("$5.50\n-$7\n", [5.5, -7], "'$'"),
    ("(3)\n4\n", [-3, 4], "negative numbers in parentheses"),
    ("1 234\n12\u{a0}345\n", [1234, 12345], "spaces between thousands"),
    ("12%\n7.5 %\n", [12, 7.5], "'%'"),
  ])
  func oneSpellingExplainsAColumn(fields: String, numbers: [Double], words: String) throws {
    let table = try table("x\n" + fields)
    #expect(table["x"]?.values == .numeric(numbers))
    let remarks = table.remarks()
    #expect(remarks.count == 1 && remarks[0].contains("column x: is read as numbers") && remarks[0].contains(words))
  }

  @Test func plainNumbersNeedNoRemark() throws {
    #expect(try table("a,b\n1,x\n-2.5e3,y\n").remarks().isEmpty)
  }

  @Test func semicolonsSeparateFields() throws {
    let table = try table("a;b\n1,5;2\n2,25;3\n")
    #expect(table["a"]?.values == .numeric([1.5, 2.25]) && table["b"]?.values == .numeric([2, 3]))
    #expect(table.remarks().first?.contains("semicolons") == true)
    #expect(table.remarks(on: ["b"]).count == 1)
  }

  @Test func markersAmongNumbersAreMissing() throws {
    let table = try table("a\n1\n?\n3\n?\n")
    #expect(table["a"]?.values == .numeric([1, nil, 3, nil]))
    #expect(table.remarks() == ["column a: '?' is taken as a missing value (2 rows)"])
  }

  @Test func oddWordsAmongNumbersAreNamed() throws {
    let table = try table("a\n1\n2\nmany\n3\nfew\n")
    #expect(table["a"]?.values.kind == .categorical)
    #expect(table.remarks().first?.contains("because of 'many', 'few': 2 of 5 fields") == true)
  }

  @Test func markersMayBeWords() throws {
    let countries = try table("c\nNA\nDE\nFR\n")
    #expect(countries["c"]?.values == .categorical(["NA", "DE", "FR"]))
    #expect(countries.remarks().first?.contains("'NA' is taken as a word") == true)
    let colours = try table("c\nNA\nred\nblue\n")
    #expect(colours["c"]?.values == .categorical([nil, "red", "blue"]))
    #expect(colours.remarks() == ["column c: 'NA' is taken as a missing value (1 row)"])
  }

  @Test func columnsThatNameRowsAreSaid() throws {
    let table = try table("id,b\n" + (0..<30).map { "person \($0),x\n" }.joined())
    #expect(table.remarks().count == 1 && table.remarks()[0].contains("column id: 30 different words in 30 rows"))
    #expect(table.remarks(on: ["b"]).isEmpty)
  }

  /// Double has one value for these numbers.
  @Test func longNumbersAreClassesOfTheirOwn() throws {
    let names = ["9007199254740992", "9007199254740993", "1111111111111111101", "1111111111111111102"]
    let rows = (0..<40).map { "\($0 % 4),\(names[$0 % 4])\n" }.joined()
    let table = try table("a,user\n" + rows)
    let data = try PreparedTable<TablePreprocessing>(
      table, TableSettings(target: "user", task: .classification), seed: 0)
    #expect(data.preprocessing.target.classes == names)
    for (row, label) in zip(data.parts.training.inputs.rows, data.parts.training.labels) {
      #expect(label == Int32(row % 4))
    }
  }

  /// The same letters to a reader, and other bytes.
  @Test func wordsThatOnlyUnicodeEquatesStayApart() throws {
    let names = ["caf\u{e9}", "cafe\u{301}"]
    let table = try table("a,y\n" + (0..<20).map { "\($0 % 2),\(names[$0 % 2])\n" }.joined())
    let data = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "y"), seed: 0)
    #expect(data.preprocessing.target.classes.map { $0.utf8.count } == [6, 5])
  }

  @Test func zeroAndOneAreClassesUnlessTheTaskSaysOtherwise() throws {
    let table = try table("a,y\n" + (0..<20).map { "\($0),\($0 % 2)\n" }.joined())
    let data = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "y"), seed: 0)
    #expect(data.preprocessing.target.classes == ["0", "1"])
    let number = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "y", task: .regression), seed: 0)
    #expect(number.preprocessing.classes == nil)
    // A network that estimates the number goes on doing so.
    let next = try PreparedTable<TablePreprocessing>(
      table, TableSettings(target: "y"), keeping: number.preprocessing, seed: 1)
    #expect(next.preprocessing.target == number.preprocessing.target)
  }
}
