import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// What HDF5 files hold beside tensors, as h5py and h5dump list it.
@Suite struct InspectObjectsTests {
  private static let file = PackageRoot.url.appendingPathComponent("Tests/HDF5Tests/Goldens/types_latest.h5").path

  private static func json(_ arguments: String...) throws -> JSONValue {
    let outcome = try BuiltTool.run(["inspect", file, "--json"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONValue(parsing: outcome.output.utf8)
  }

  @Test func everyKindIsInTheTree() throws {
    let lines = try BuiltTool.run(["inspect", Self.file]).lines.map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    for row in [
      "enumeration [3] enumeration of int16 {BLUE = 2, GREEN = 1, RED = 0}", "opaque [3] opaque of 5 bytes",
      "ragged [3] sequence of float32", "references [3] object reference",
      "arrays [3] array [2, 2] of int32 big-endian",
      "fixed [3] ASCII text of 3 bytes, zero-padded", "variable [3] text", "cube [2, 3, 4] int16 24 48",
      "named datatype compound {a: float32, b: int64}", "attributes@integers [2, 3] int16 big-endian [0,1,2,3,4,5]",
      "attributes@flag enumeration of int8 {FALSE = 0, TRUE = 1} TRUE", "attributes@null null float32 []",
    ] {
      #expect(lines.contains(row), "\(row)")
    }
    #expect(lines.contains { $0.hasSuffix("20 other objects") })
    #expect(!lines.contains { $0.contains("not an array of numbers") })
  }

  @Test(arguments: [
    ("enumeration", #"["RED","BLUE","GREEN"]"#), ("opaque", #"["0x6162636465","0x3132333435","0x7a7a7a7a7a"]"#),
    ("references", #"["/another name","/texts","null"]"#), ("ragged", "[[1.0,2.0,3.0],[],[0.5]]"),
    ("arrays", "[[0,1,2,3],[4,5,6,7],[8,9,10,11]]"), ("texts/variable", #"["grün","","b"]"#),
    ("texts/space", #"["ab","  c"]"#), ("numbers/complex", #"[{"r":1.0,"i":2.0},{"r":-0.0,"i":-0.5}]"#),
  ])
  func firstValuesAreAsInH5py(path: String, values: String) throws {
    let report = try Self.json("--tensor", path)
    #expect(report["path"]?.text == path)
    #expect(report["first_values"]?.serialized == values)
  }

  @Test func fieldsHaveTypesShapesAndAttributes() throws {
    let listing = try Self.json()
    let objects = try #require(listing["objects"]?.elements)
    let records = try #require(objects.first { $0["path"]?.text == "records" })
    #expect(records["shape"]?.serialized == "[2]")
    #expect(records["dtype"]?.text?.hasPrefix("compound {id: int32, pair: array [2] of float64 big-endian") == true)
    let attributes = try #require(listing["attributes"]?.elements)
    let record = try #require(attributes.first { $0["name"]?.text == "record" })
    #expect(record["value"]?["id"]?.integer != nil && record["path"]?.text == "attributes")
    #expect(attributes.first { $0["name"]?.text == "large" }?["value"]?.serialized == "18446744073709551615")
    #expect(attributes.first { $0["name"]?.text == "reference" }?["value"]?.text == "/another name")
    // A tensor's first values, too.
    #expect(try Self.json("--tensor", "numbers/i2be")["first_values"]?.elements?.count == 4)
  }
}
