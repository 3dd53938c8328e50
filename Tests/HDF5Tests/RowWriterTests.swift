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
