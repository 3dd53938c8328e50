import AviaryDiagnostics
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

  /// One column shows the file's decimal mark, and those that could be read either way follow it.
  @Test func oneSpellingExplainsAFile() throws {
    let german = try table("rate;count;price\n1,29;1.333;7,899\n1,45;784;5,063\n")
    #expect(german["rate"]?.values == .numeric([1.29, 1.45]))
    #expect(german["count"]?.values == .numeric([1333, 784]))
    #expect(german["price"]?.values == .numeric([7.899, 5.063]))
    let remarks = german.remarks(on: ["count"])
    #expect(remarks.last?.contains("such as '1.333', because column rate ('1,29') has a decimal comma") == true)
    // A zero before three digits, or more than three digits before them, is no group of thousands either.
    #expect(try table("a;b\n0,066;1.333\n")["b"]?.values == .numeric([1333]))
    #expect(try table("a;b\n1234,567;1.333\n")["b"]?.values == .numeric([1333]))
    #expect(try table("a;b\n1.234.567;7,899\n")["b"]?.values == .numeric([7.899]))
  }

  @Test func aFileWithoutProofIsReadColumnByColumn() throws {
    let both = try table("a;b\n1.333;7,899\n784;5,063\n")
    #expect(both["a"]?.values == .numeric([1.333, 784]) && both["b"]?.values == .numeric([7899, 5063]))
    let point = try table("a;b\n1.5;7,899\n")
    #expect(point["b"]?.values == .numeric([7899]))
    #expect(!point.remarks().contains { $0.contains("a decimal point") })
  }

  /// Where semicolons separate fields, points that all stand before three digits may be between thousands.
  @Test(arguments: [
    ("a;b\n5.126;1\n11.520;2\n", ["a"]), ("a;b\n5.126;1.333\n?;784\n", ["a", "b"]), ("a;b\n5.126;7,899\n", ["a"]),
    ("a;b\n5.126;0.125\n", []), ("a;b\n5.126;1.5\n", []), ("a;b\n5.126;1,5\n", []), ("a;b\n5126.126;2\n", []),
    ("a,b\n5.126,1\n11.520,2\n", []), ("a\tb\n5.126\t1\n", []), ("a;b\n5126;x\n", []),
  ])
  func pointsBesideSemicolonsAreDoubtful(text: String, columns: [String]) throws {
    let table = try table(text)
    let said = table.remarks().filter { $0.contains("if the points stand between thousands, remove them") }
    #expect(said.map { $0.prefix { $0 != ":" } } == columns.map { "column \($0)" })
    #expect(said.first?.contains("with a decimal point, such as '5.126',") ?? columns.isEmpty)
  }

  @Test func twoDecimalMarksInAFileAreSaid() throws {
    let table = try table("a;b;c\n1,5;2.25;1.333\n")
    #expect(table["a"]?.values == .numeric([1.5]) && table["b"]?.values == .numeric([2.25]))
    #expect(table["c"]?.values == .numeric([1.333]))
    let remarks = table.remarks().filter { $0.contains("a decimal point") }
    #expect(remarks.count == 1 && remarks[0].contains("column a ('1,5')") && remarks[0].contains("column b ('2.25')"))
  }

  /// JSON writes numbers with points, also for a network that has learned from decimal commas.
  @Test func numbersOfJSONHavePoints() throws {
    func json(_ text: String) throws -> Table { try Table(csv: Array(text.utf8), path: "t.jsonl") }
    let mixed = try json("{\"a\": \"0,5\", \"b\": 1.333}\n")
    #expect(mixed["a"]?.values == .numeric([0.5]) && mixed["b"]?.values == .numeric([1.333]))
    let comma = ColumnReading(kind: .numeric, spelling: NumberSpelling(decimal: ",", group: "."))
    let fields = try TableFields(Array("{\"b\": 1.333, \"c\": \"1.333\"}\n".utf8), path: "t.jsonl", CSVLimits())
    let known = try FileReading(fields, [ExactText("b"): comma, ExactText("c"): comma], path: "t.jsonl")
    #expect(known.columns.map(\.values) == [.numeric([1.333]), .numeric([1333])])
  }

  /// Rows to predict are read as the rows of the training were, however few they are.
  @Test func aKnownColumnDecidesForOthers() throws {
    let comma = ColumnReading(kind: .numeric, spelling: NumberSpelling(decimal: ",", group: "."))
    let fields = try TableFields(Array("rate;count\n1,290;1.333\n".utf8), path: "t.csv", CSVLimits())
    let plain = ColumnReading(kind: .numeric)
    let read = try FileReading(fields, [ExactText("rate"): comma, ExactText("count"): plain], path: "t.csv")
    #expect(read.columns.map(\.values) == [.numeric([1.29]), .numeric([1333])])
    #expect(read.columns[1].remarks.first?.contains("column rate had a decimal comma in training") == true)
  }

  @Test func aPointBesideADecimalCommaIsNone() {
    let spaces = NumberSpelling(decimal: ",", group: " ")
    #expect(spaces.plain(NumberSpelling.Body("1 234,5")) == "1234.5")
    #expect(spaces.plain(NumberSpelling.Body("1.333")) == nil)
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

  /// Texts are all different, too, and there is something to learn from their words.
  @Test func textsDoNotNameRows() throws {
    let table = try self.table("review,b\n" + (0..<30).map { "good film number \($0),x\n" }.joined())
    #expect(
      table.remarks() == [
        "column review: 30 different texts in 30 rows; --text 'review' reads their words, or exclude it"
      ])
    let description = try TableDescription([table])
    #expect(description.columns[0].warning == nil && description.remarks.count == 1)
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
