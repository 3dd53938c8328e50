import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct JSONTableTests {
  private func table(
    _ text: String, path: String = "t.json", limits: CSVLimits = CSVLimits()
  ) throws(TableFault) -> Table {
    try Table(csv: Array(text.utf8), path: path, limits: limits)
  }

  @Test func aListOfObjectsIsTheTableThatItsRowsSay() throws {
    let json = """
      [{"a": 1, "b": "x", "c": true}, {"a": 2.5e1, "b": "y, z", "c": false},
       {"b": "x", "c": null}, {"a": -4, "c": true, "b": ""}]
      """
    let csv = "a,b,c\n1,x,true\n2.5e1,\"y, z\",false\n,x,\n-4,,true\n"
    let (found, expected) = (try table(json), try table(csv, path: "t.csv"))
    #expect(found.columns.map(\.name) == expected.columns.map(\.name))
    for (a, b) in zip(found.columns, expected.columns) { #expect(a.values == b.values) }
    #expect(found.rowNumbers == [1, 2, 3, 4] && found.separator == nil)
  }

  @Test func linesNestedObjectsAndListsAreRead() throws {
    let text = """
      {"id": 9007199254740993, "size": {"w": 1, "in": {"cm": 2}}, "tags": ["a", [1, {"k": null}], {}]}

      {"size": {"w": 3}, "id": 2, "new": "\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/"}
      """
    for path in ["t.jsonl", "T.NDJSON", "t.json"] {
      let found = try table(text, path: path)
      #expect(found.names == ["id", "size.w", "size.in.cm", "tags", "new"])
      #expect(found["size.w"]?.values == .numeric([1, 3]) && found["size.in.cm"]?.values == .numeric([2, nil]))
      #expect(found["tags"]?.values == .categorical([#"["a", [1, {"k": null}], {}]"#, nil]))
      #expect(found["new"]?.values == .categorical([nil, "é😀\n\"\\/"]))
      #expect(found.rowNumbers == [1, 3])
      // Beyond 2^53 numbers keep their digits where they name something.
      let names = TablePreprocessing.classNames(try found.column("id"), [0, 1])
      #expect(names == ["9007199254740993", "2"])
    }
    #expect(try table(#"{"a": NaN, "b": 1}"# + "\n" + #"{"a": 2, "b": 3}"#)["a"]?.values == .numeric([nil, 2]))
  }

  @Test(arguments: [
    "", " \n", "[", "[]", "{}", "[{}]", "[1]", "[{\"a\":1}", "[{\"a\":1}] x", "[{\"a\":1},]", "[{\"a\":1} {\"a\":2}]",
    "{\"a\":1,}",
    "{\"a\" 1}", "{a:1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":\"x}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\ud800\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\t\"}", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1},\"a.b\":2}",
    "{\"\":1}",
    "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[{\"k\"}]}", "{\"a\":[}", "{\"a\":[1}", "{\"a\":1e}",
    "{\"a\":Infinity}",
    "{\"a\":1}\n{\"a\":1", "null", "\"a\"",
  ]) func faultsAreTold(text: String) {
    #expect(throws: TableFault.self, "\(text)") { _ = try table(text) }
  }

  /// pandas' `to_json`, the same as lists, and rows below a name. In JSON Lines, one object is a row.
  @Test(arguments: [
    #"{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}"#, #"{"a":[1,2],"b":["x","y"]}"#, #"{"data":[{"a":1},{"a":2}]}"#,
  ]) func columnsAreNotOneRow(text: String) throws {
    #expect {
      _ = try table(text)
    } throws: {
      "\($0)".contains("orient='records'")
    }
    #expect(try table(text, path: "t.jsonl").rowCount == 1)
    #expect(try table(#"{"a":{"w":1},"b":{"0":2}}"#).rowCount == 1)
  }

  @Test func depthAndSizesAreBounded() throws {
    let deep = { (count: Int) in
      String(repeating: "{\"a\":", count: count) + "1" + String(repeating: "}", count: count)
    }
    #expect(try table(deep(JSONTableReader.depthLimit)).names.count == 1)
    #expect(throws: TableFault.self) { _ = try table(deep(JSONTableReader.depthLimit + 1)) }
    #expect(throws: TableFault.self) { _ = try table(deep(100_000)) }
    #expect(throws: TableFault.self) { _ = try table("{\"a\":" + String(repeating: "[", count: 100_000)) }
    var limits = CSVLimits()
    limits.columns = 3
    #expect(throws: TableFault.tooLarge(path: "t.json", what: "columns", count: 4, limit: 3)) {
      _ = try table("{\"a\":1,\"b\":1,\"c\":1,\"d\":1}", limits: limits)
    }
    limits = CSVLimits()
    limits.cells = 5
    // Columns that appear late fill up the rows before them.
    #expect(throws: TableFault.self) { _ = try table("{\"a\":1}\n{\"a\":1}\n{\"b\":1,\"c\":2}", limits: limits) }
  }

  @Test func faultsNameTheLine() {
    #expect(throws: TableFault.badJSON(path: "t.json", line: 3, reason: "a value is expected")) {
      _ = try table("[{\"a\":1},\n{\"a\":2},\n{\"a\":}]")
    }
  }

  @Test func tabsAreTabsWhateverTheHeaderSays() throws {
    let found = try table("a, b\tc\n1\t2\n\"x\ty\"\t3\n", path: "t.tsv")
    #expect(found.names == ["a, b", "c"] && found["a, b"]?.values == .categorical(["1", "x\ty"]))
    #expect(found.separator == nil && found.remarks(on: ["c"]).isEmpty)
    #expect(try table("a\n1\n2\n", path: "t.tab").names == ["a"])
  }

  @Test func namesSayWhatATableIs() {
    #expect(["a.csv", "B.TSV", "c.tab", "d.json", "e.jsonl", "f.ndjson"].allSatisfy(TableFormat.isTable))
    #expect(!["a.txt", "csv", "a.csv.gz", "a.conll"].contains(where: TableFormat.isTable))
  }
}
