import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

/// Datasets that grow while they are written.
@Suite struct RowWriterTests {
  private struct Stop: Swift.Error, Equatable {}

  /// 100 rows of 300 numbers, which fill several chunks.
  private static let rows = (0..<100).map { row in (0..<300).map { Float(row * 1000 + $0) } }
  private static let texts = rows.indices.map { $0 == 7 ? "" : String(repeating: "ä", count: $0) }

  private static func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-rows-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  /// In pieces of uneven sizes.
  private static func write(to path: String) throws {
    try HDF5RowWriter.write(to: path) { writer in
      for piece in [0..<1, 1..<4, 4..<4, 4..<90, 90..<100] {
        try writer.append(Array(rows[piece].joined()), width: 300, to: "numbers")
        try writer.append(piece.map { Int64($0) * -5 }, to: "integers")
        try writer.append(Array(texts[piece]), to: "texts")
      }
      return [HDF5Attribute("kind", .text("rows"))]
    }
  }

  @Test func rowsAreReadAsTheyWereAppended() throws {
    try Self.inFolder { folder in
      try Self.write(to: folder + "/rows.h5")
      let reader = try HDF5Reader(path: folder + "/rows.h5")
      #expect(reader.contents.attributes(ofGroup: "")?["kind"] == .text("rows"))
      let found = Dictionary(uniqueKeysWithValues: reader.contents.datasets.map { ($0.path, $0) })
      #expect(Set(found.keys) == ["numbers", "integers", "texts"])
      let numbers = try #require(found["numbers"])
      #expect(numbers.shape == [100, 300] && numbers.type == .float(bytes: 4))
      #expect(try reader.bytes(of: numbers).mapValues(of: Float.self) { $0 } == Array(Self.rows.joined()))
      let integers = try #require(found["integers"])
      #expect(integers.shape == [100] && integers.type == .integer(bytes: 8, signed: true))
      #expect(try reader.bytes(of: integers).mapValues(of: Int64.self) { $0 } == (0..<100).map { $0 * -5 })
      #expect(found["texts"]?.shape == [100] && found["texts"]?.type == .text)
    }
  }

  @Test func textsAndIntegersAreNotMixed() throws {
    try Self.inFolder { folder in
      let path = folder + "/rows.h5"
      let fault = HDF5Fault.cannotWrite(path: path, object: "x", reason: "texts cannot follow integers")
      #expect(throws: fault) {
        try HDF5RowWriter.write(to: path) { writer in
          try writer.append([1, 2] as [Int64], to: "x")
          try writer.append(["a"], to: "x")
          return []
        }
      }
    }
  }

  @Test func groupsAndAttributesAreWritten() throws {
    try Self.inFolder { folder in
      let path = folder + "/rows.h5"
      try HDF5RowWriter.write(to: path) { writer in
        try writer.addGroup("empty/inner", attributes: [HDF5Attribute("x", .real(0.5))])
        try writer.append([1, 2, 3, 4], width: 2, to: "train/numbers")
        try writer.addGroup("/train/", attributes: [HDF5Attribute("part", .text("training"))])
        try writer.append([5, 6], width: 2, to: "/train/numbers")
        try writer.setAttributes(
          [HDF5Attribute("unit", .text("m")), HDF5Attribute("seed", .integer(1))], of: "train/numbers")
        try writer.setAttributes([HDF5Attribute("seed", .integers([2, 3]))], of: "train/numbers")
        try writer.setAttributes([HDF5Attribute("kind", .text("old"))])
        return [HDF5Attribute("kind", .text("rows"))]
      }
      let reader = try HDF5Reader(path: path)
      #expect(reader.contents.groups.map(\.path) == ["", "empty", "empty/inner", "train"])
      #expect(try reader.attributes(of: "empty/inner")["x"] == .real(0.5))
      #expect(try reader.attributes(of: "train")["part"] == .text("training"))
      #expect(try reader.attributes(of: "")["kind"] == .text("rows"))
      let numbers = try reader.dataset("train/numbers")
      #expect(numbers.attributes["unit"] == .text("m") && numbers.attributes["seed"] == .integers([2, 3]))
      #expect(try reader.bytes(of: numbers).mapValues(of: Float.self) { $0 } == [1, 2, 3, 4, 5, 6])
    }
  }

  @Test func aFaultOnTheWayLeavesTheOldFile() throws {
    try Self.inFolder { folder in
      let path = folder + "/rows.h5"
      try Data("old".utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: Stop()) {
        try HDF5RowWriter.write(to: path) { writer in
          try writer.append([1, 2], width: 2, to: "numbers")
          throw Stop()
        }
      }
      #expect(FileManager.default.contents(atPath: path) == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["rows.h5"])
      // The library has let go of the unfinished file: the next one is written as if nothing had been.
      try Self.write(to: path)
      #expect(try HDF5Reader(path: path).contents.datasets.count == 3)
    }
  }

  @Test func rowsThatDoNotFitAreRefused() throws {
    try Self.inFolder { folder in
      let path = folder + "/rows.h5"
      for append: (HDF5RowWriter) throws -> Void in [
        { try $0.append([1, 2, 3], width: 2, to: "numbers") },
        { try $0.append([], width: 0, to: "numbers") },
        { try $0.append([1, 2, 3], width: 3, to: "numbers") },
        { try $0.append([1] as [Int64], to: "numbers") },
        { try $0.append(["a\0b"], to: "texts") },
        { try $0.append(["text"], to: "numbers") },
        { try $0.append(["text"], to: "numbers/x") },
        { try $0.append([1] as [Int64], to: "a\0b") },
        { try $0.addGroup("numbers") },
        { try $0.addGroup("a\0b") },
        { try $0.setAttributes([HDF5Attribute("a", .integer(1))], of: "absent") },
        { try $0.setAttributes([HDF5Attribute("a", .text("x\0"))], of: "numbers") },
      ] {
        #expect(throws: HDF5Fault.self) {
          try HDF5RowWriter.write(to: path) { writer in
            try writer.append([1, 2], width: 2, to: "numbers")
            try append(writer)
            return []
          }
        }
      }
      #expect(throws: HDF5Fault.self) { try HDF5RowWriter.write(to: folder + "/absent/rows.h5") { _ in [] } }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }
}
