import Testing

@testable import AviaryDatasets

/// Reading CSV, well-formed and otherwise.
@Suite struct TableTests {
  func table(_ text: String, kinds: [String: Table.Kind] = [:]) throws(TableFault) -> Table {
    try Table(csv: Array(text.utf8), path: "t.csv", kinds: kinds)
  }

  @Test func columnsHoldNumbersOrWords() throws {
    let table = try table("a,b, c \n1, 2.5,x\n-3e2,,y\n +.5 ,NaN,1\n")
    #expect(table.names == ["a", "b", "c"] && table.rowNumbers == [2, 3, 4])
    #expect(table["a"]?.values == .numeric([1, -300, 0.5]))
    #expect(table["b"]?.values == .numeric([2.5, nil, nil]))
    #expect(table["c"]?.values == .categorical(["x", "y", "1"]))
    #expect(table["d"] == nil)
  }

  /// A first row of data would be lost as a header.
  @Test func aHeaderOfNumbersIsRefused() throws {
    for text in ["1.288,7.899\n0.066,3.471\n", "5,3,4\n1,2,3\n", "-1,0\n1,2\n", "17\n18\n"] {
      let fault = #expect(throws: TableFault.self) { try table(text) }
      guard case .numbersAsNames? = fault else {
        Issue.record("\(text): \(String(describing: fault))")
        continue
      }
    }
    // Columns that are numbered, or years.
    for text in ["0,1,2\n5,6,7\n", "1,2\n5,6\n", "0\n5\n", "1990,2000,2010\n5,6,7\n"] {
      #expect(try table(text).rowCount == 1)
    }
    #expect(try table(",0,1\n0,5,6\n").names == ["0", "1"], "as pandas writes them")
    let half = try table("5.1,3.5,setosa\n4.9,3.0,setosa\n")
    #expect(half.remarks().contains { $0.contains("holds numbers (5.1, 3.5)") })
  }

  @Test func rowsThatLackAValueAreListed() throws {
    let table = try table("a,b,y\n1,x,2\n,x,3\n3,,4\n4,x,\n")
    var settings = TableSettings(target: "y", task: .regression)
    let filled = try TablePreprocessing(fitting: table, settings)
    #expect(try filled.lackingRows(of: table) == [LackingRow(row: 5, column: "y")])
    settings.missing = .dropRow
    let dropping = try TablePreprocessing(fitting: table, settings)
    #expect(
      try dropping.lackingRows(of: table) == [
        LackingRow(row: 3, column: "a"), LackingRow(row: 4, column: "b"), LackingRow(row: 5, column: "y"),
      ])
  }

  @Test func quotedFieldsHoldAnything() throws {
    let text = "\u{feff}\"name, first\",\"say\"\r\n\"a \"\"b\"\"\",\"two\r\nlines\"\r\n\"\",\" é, \"\r\n"
    let table = try table(text)
    #expect(table.names == ["name, first", "say"])
    #expect(table.columns[0].values == .categorical(["a \"b\"", nil]))
    #expect(table.columns[1].values == .categorical(["two\r\nlines", " é, "]))
    #expect(table.rowNumbers == [2, 3])
  }

  @Test(arguments: ["a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r", "\n\na,b\n\n1,2\n\r\n3,4\n\n\n"])
  func linesEndInManyWays(text: String) throws {
    let table = try table(text)
    #expect(table.columns.map(\.values) == [.numeric([1, 3]), .numeric([2, 4])])
  }

  @Test func rowsAreCountedAsASpreadsheetShowsThem() throws {
    #expect(try table("a\n1\n\n\n2\n").rowNumbers == [2, 5])
  }

  @Test(arguments: Table.missingMarkers.sorted() + [" ", "  NA "])
  func missingValuesAreThoseOfPandas(text: String) throws {
    let table = try table("a,b,c\n1,x,0\n\(text),\(text),0\n", kinds: ["b": .categorical])
    #expect(table["a"]?.values == .numeric([1, nil]))
    #expect(table["b"]?.values == .categorical(["x", nil]))
  }

  @Test func aColumnWithoutValuesIsNumeric() throws {
    #expect(try table("a,b\n,1\nNA,2\n")["a"]?.values == .numeric([nil, nil]))
    #expect(try table("a,b\n,1\n", kinds: ["a": .categorical])["a"]?.values == .categorical([nil]))
  }

  @Test func kindsAreOverridden() throws {
    #expect(
      try table("zip\n01067\n10115\n", kinds: ["zip": .categorical])["zip"]?.values == .categorical(["01067", "10115"]))
    #expect(throws: TableFault.notANumber(path: "t.csv", row: 3, column: "a", text: "x")) {
      try table("a\n1\nx\n", kinds: ["a": .numeric])
    }
    #expect(throws: TableFault.noColumn(path: "t.csv", name: "b", columns: ["a"])) {
      try table("a\n1\n", kinds: ["b": .numeric])
    }
    #expect(try table("a\n\"1,5\"\n")["a"]?.values == .numeric([1.5]))
    // Not notations of decimal numbers.
    for text in ["0x10", "1_000", "1e", "--1", "١"] {
      #expect(try table("a\n\"\(text)\"\n")["a"]?.values == .categorical([text]), "\(text)")
    }
  }

  @Test(arguments: ["inf", "-Infinity", "1e400", "-1E999"])
  func numbersBeyondAllBoundsAreRefused(text: String) throws {
    #expect(throws: TableFault.notFinite(path: "t.csv", row: 3, column: "a", text: text)) {
      try table("a,b\n1,2\n\(text),3\n")
    }
    #expect(
      try table("a\nx\n\(text)\n")["a"]?.values == .categorical(["x", text]), "among words it is a word")
    #expect(try table("a\n1e-400\n")["a"]?.values == .numeric([0]))
  }

  static let refused: [(String, TableFault)] = [
    ("", .noHeader(path: "t.csv")), ("\u{feff}", .noHeader(path: "t.csv")), ("\n\r\n", .noHeader(path: "t.csv")),
    ("a,b\n", .noRows(path: "t.csv")), ("a,b", .noRows(path: "t.csv")), ("a,b\n\n\n", .noRows(path: "t.csv")),
    ("a,b,a\n1,2,3\n", .duplicateColumn(path: "t.csv", name: "a")),
    ("a, a\n1,2\n", .duplicateColumn(path: "t.csv", name: "a")),
    (",a\nx,2\n", .unnamedColumn(path: "t.csv", position: 1)),
    (",a\n1,2\n1,3\n", .unnamedColumn(path: "t.csv", position: 1)),
    (",a\n1,2\n,3\n", .unnamedColumn(path: "t.csv", position: 1)),
    (",\n,\n", .unnamedColumn(path: "t.csv", position: 1)),
    ("a,\n1,2\n", .unnamedColumn(path: "t.csv", position: 2)),
    ("a,b\n1\n", .ragged(path: "t.csv", row: 2, fields: 1, expected: 2)),
    ("a,b\n1,2\n\n1,2,3\n", .ragged(path: "t.csv", row: 4, fields: 3, expected: 2)),
    (
      "a,b\n1,2\n3,\"x\n",
      .badQuote(
        path: "t.csv", row: 3, column: "b", reason: "the quotation mark at the field's beginning is never closed")
    ),
    (
      "a,b\n1,\"x\"y\n",
      .badQuote(
        path: "t.csv", row: 2, column: "b",
        reason: "text after the closing quotation mark; double the marks that belong to the text")
    ),
    (
      "a,b\n5\" pipe,1\n",
      .badQuote(
        path: "t.csv", row: 2, column: "a",
        reason: "a quotation mark inside a field; put the field in quotation marks and double it")
    ),
  ]

  @Test(arguments: refused)
  func whatIsNoTableIsRefusedByItsPlace(text: String, expected: TableFault) {
    let fault = #expect(throws: TableFault.self) { try table(text) }
    #expect(fault == expected)
    #expect(fault?.description.hasPrefix("t.csv: ") == true && fault?.description.contains("\n") == false)
  }

  /// pandas writes the numbers of rows below no name, and spreadsheets separators for empty columns.
  @Test func unnamedColumnsThatSayNothingAreLeftOut() throws {
    let numbered = try table(",a,,b,\n7,1,,x,\n3,2,,y,\n")
    #expect(numbered.names == ["a", "b"] && numbered["b"]?.values == .categorical(["x", "y"]))
    #expect(
      numbered.remarks() == [
        "column 1 has no name and numbers the rows: it is left out",
        "column 3 has no name and no values: it is left out", "column 5 has no name and no values: it is left out",
      ])
  }

  /// As word lists and the tables of GLUE have them.
  @Test func quotationMarksBetweenTabsBelongToTheText() throws {
    let tabs = try Table(csv: Array("a\tb\n5\" pipe\t1\nsaid \"no\"\t2\n\"x\ty\"\t3\n".utf8), path: "t.tsv")
    #expect(tabs["a"]?.values == .categorical(["5\" pipe", "said \"no\"", "x\ty"]))
  }

  @Test func bytesThatAreNoTextAreRefused() {
    #expect(throws: TableFault.notUTF8(path: "t.csv", row: 2, column: "b")) {
      try Table(csv: Array("a,b\n1,".utf8) + [0xff, 0xfe, 0x0a], path: "t.csv")
    }
    // UTF-16 with half of a character, and UTF-32.
    for bytes in [[0xff, 0xfe, 0x61, 0, 0x00, 0xd8], [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]] as [[UInt8]] {
      #expect(throws: TableFault.notUTF8(path: "t.csv", row: 1, column: "1")) {
        try Table(csv: bytes, path: "t.csv")
      }
    }
  }

  /// As Excel writes "Unicode text" and PowerShell everything.
  @Test(arguments: [true, false], [[0xff, 0xfe], [0xfe, 0xff], []] as [[UInt8]])
  func tablesInUTF16AreReadAndSaid(isJSON: Bool, mark: [UInt8]) throws {
    let text = isJSON ? #"[{"größe": 1.5, "w": "\#u{1f600}"}]"# : "größe\tw\r\n1.5\t\u{1f600}\r\n"
    let bytes = text.utf16.flatMap { unit in
      let (low, high) = (UInt8(unit & 0xff), UInt8(unit >> 8))
      return mark == [0xfe, 0xff] ? [high, low] : [low, high]
    }
    let table = try Table(csv: mark + bytes, path: isJSON ? "t.json" : "t.csv")
    #expect(table["größe"]?.values == .numeric([1.5]) && table["w"]?.values == .categorical(["\u{1f600}"]))
    let name = mark == [0xfe, 0xff] ? "UTF-16BE" : "UTF-16LE"
    #expect(table.remarks().contains("the file is in \(name), and is read so"), "\(table.remarks())")
  }

  @Test(arguments: ["sep=;\r\na;b\r\n1,5;x,y\r\n", "\u{feff}\"sep=;\"\na;b\n1,5;x,y\n", "SEP=;\na;b\n1,5;x,y"])
  func aFirstLineThatNamesTheSeparatorIsNoHeader(text: String) throws {
    let table = try table(text)
    #expect(table["a"]?.values == .numeric([1.5]) && table["b"]?.values == .categorical(["x,y"]))
    #expect(table.rowNumbers == [3])
    #expect(
      table.remarks().first
        == "the first line says that the fields are separated by semicolons, and is none of the table")
  }

  @Test func aSeparatorThatIsNamedIsHeeded() throws {
    #expect(try table("sep=,\na;b,c\n1,2\n").names == ["a;b", "c"])
    #expect(try table("sep=|\na|b\n1|2\n").names == ["a", "b"])
    #expect(try table("sep=\t\na\tb,c\n1\t2\n").names == ["a", "b,c"])
    // A column of that name, and no separators.
    #expect(try table("sep=x\n1\n").names == ["sep=x"] && table("sep=;x;b\n1;2;3\n").names.count == 3)
  }

  @Test func limitsHold() throws {
    var limits = CSVLimits()
    limits.columns = 2
    #expect(throws: TableFault.tooLarge(path: "t.csv", what: "columns", count: 3, limit: 2)) {
      try Table(csv: Array("a,b,c\n1,2,3\n".utf8), path: "t.csv", limits: limits)
    }
    limits.cells = 3
    #expect(throws: TableFault.tooLarge(path: "t.csv", what: "cells", count: 4, limit: 3)) {
      try Table(csv: Array("a,b\n1,2\n3,4\n".utf8), path: "t.csv", limits: limits)
    }
    limits.bytes = 4
    let folder = try TemporaryFolder()
    try folder.write(Array("a\n1\n2\n".utf8), to: "t.csv")
    #expect(throws: TableFault.tooLarge(path: folder.path + "/t.csv", what: "bytes", count: 6, limit: 4)) {
      try Table(csv: folder.path + "/t.csv", limits: limits)
    }
    #expect(try Table(csv: folder.path + "/t.csv").rowCount == 2)
  }

  @Test func filesThatAreNotThereAreOneLine() throws {
    let fault = #expect(throws: TableFault.self) { try Table(csv: "/nowhere/t.csv") }
    #expect(fault?.description == "/nowhere/t.csv: no such file")
    let folder = try TemporaryFolder()
    #expect(throws: TableFault.self) { try Table(csv: folder.path) }
    try folder.write([], to: "empty.csv")
    #expect(throws: TableFault.noHeader(path: folder.path + "/empty.csv")) {
      try Table(csv: folder.path + "/empty.csv")
    }
  }
}
