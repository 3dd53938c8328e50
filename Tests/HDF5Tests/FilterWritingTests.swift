import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

/// Datasets written through filters, read back by this package's reader and by libhdf5's `h5dump`.
@Suite struct FilterWritingTests {
  private static let h5dump = ["/usr/bin/h5dump", "/opt/homebrew/bin/h5dump", "/usr/local/bin/h5dump"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  private static func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-filters-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  /// What `h5dump` prints.
  private static func dump(_ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(h5dump))
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
  }

  private static let floats = (0..<40 * 1000).map { Float($0 % 997) / 8 }

  @Test(arguments: [
    .deflate(), HDF5Filters(deflate: 0), HDF5Filters(deflate: 9), HDF5Filters(shuffle: true), .none,
  ])
  func arraysAreReadAsWritten(filters: HDF5Filters) throws {
    try Self.inFolder { folder in
      let path = folder + "/x.h5"
      let floats = HDF5Item.Content.dataset(
        type: .float(bytes: 4), shape: [40, 1000], bytes: ByteRegion(floats: Self.floats))
      let flags = HDF5Item.Content.dataset(type: .boolean, shape: [3], bytes: ByteRegion([1, 0, 1]))
      let scalar = HDF5Item.Content.dataset(type: .integer(bytes: 1, signed: false), shape: [], bytes: ByteRegion([7]))
      let empty = HDF5Item.Content.dataset(type: .float(bytes: 8), shape: [0, 4], bytes: ByteRegion([UInt8]()))
      try HDF5Writer.write(
        [
          HDF5Item(path: "a/plain", content: floats),
          HDF5Item(
            path: "a/packed", attributes: [HDF5Attribute("unit", .text("m"))], content: floats, filters: filters),
          HDF5Item(path: "a/chunked", content: floats, filters: filters, chunk: [7, 300]),
          HDF5Item(path: "flags", content: flags, filters: filters),
          HDF5Item(path: "scalar", content: scalar, filters: filters),
          HDF5Item(path: "empty", content: empty, filters: filters),
          HDF5Item(path: "last", content: flags),
        ], to: path)
      let reader = try HDF5Reader(path: path)
      #expect(reader.contents.refusals.isEmpty && reader.contents.datasets.count == 7)
      for name in ["a/plain", "a/packed", "a/chunked"] {
        let dataset = try reader.dataset(name)
        #expect(try reader.bytes(of: dataset).mapValues(of: Float.self) { $0 } == Self.floats, "\(name)")
        let row = try reader.bytes(of: dataset, at: 17..<18, 400..<600).mapValues(of: Float.self) { $0 }
        #expect(row == Array(Self.floats[17_400..<17_600]), "\(name)")
      }
      #expect(try reader.dataset("a/plain").chunkShape == nil)
      #expect(try reader.dataset("last").offset != nil)
      #expect(try reader.dataset("a/chunked").chunkShape == [7, 300])
      // Whole rows, about 64 KiB of them.
      #expect(try reader.dataset("a/packed").chunkShape == (filters == .none ? nil : [16, 1000]))
      #expect(try reader.dataset("a/packed").attributes["unit"] == .text("m"))
      for name in ["flags", "last"] { #expect(try reader.bytes(of: reader.dataset(name)).array() == [1, 0, 1]) }
      #expect(try reader.bytes(of: reader.dataset("scalar")).array() == [7])
      #expect(try reader.dataset("empty").shape == [0, 4])
      let size = try #require(FileManager.default.contents(atPath: path)).count
      if filters == .deflate() { #expect(size < 160_000 + 2 * 60_000) }
    }
  }

  @Test(.enabled(if: h5dump != nil, "h5dump is not installed"), arguments: [true, false])
  func libhdf5ReadsWhatIsWritten(rows: Bool) throws {
    try Self.inFolder { folder in
      let path = folder + "/x.h5"
      if rows {
        try HDF5RowWriter.write(to: path, filters: .deflate(4)) { writer in
          for start in stride(from: 0, to: 40, by: 8) {
            try writer.append(
              Array(Self.floats[start * 1000..<(start + 8) * 1000]), width: 1000, to: "g/numbers")
          }
          try writer.append(["one", "two"], to: "g/texts")
          return []
        }
      } else {
        let floats = HDF5Item.Content.dataset(
          type: .float(bytes: 4), shape: [40, 1000], bytes: ByteRegion(floats: Self.floats))
        try HDF5Writer.write(
          [
            HDF5Item(path: "g/numbers", content: floats, filters: .deflate(4)),
            HDF5Item(path: "g/texts", content: .texts(["one", "two"])),
          ], to: path)
      }
      let properties = try Self.dump("-p", "-H", "-d", "/g/numbers", path)
      #expect(properties.contains("PREPROCESSING SHUFFLE"))
      #expect(properties.contains("COMPRESSION DEFLATE { LEVEL 4 }"))
      #expect(properties.contains("CHUNKED ( 16, 1000 )"))
      // The raw numbers, as libhdf5 unpacks them.
      _ = try Self.dump("-d", "/g/numbers", "-b", "LE", "-o", folder + "/raw", path)
      let raw = try #require(FileManager.default.contents(atPath: folder + "/raw"))
      #expect(ByteRegion(Array(raw)).mapValues(of: Float.self) { $0 } == Self.floats)
      #expect(try Self.dump("-d", "/g/texts", path).contains("\"one\", \"two\""))
      let reader = try HDF5Reader(path: path)
      #expect(try reader.bytes(of: reader.dataset("g/numbers")).mapValues(of: Float.self) { $0 } == Self.floats)
      #expect(try reader.values(of: reader.dataset("g/texts"), at: 1...) == [.text("two")])
      let size = try #require(FileManager.default.contents(atPath: path)).count
      #expect(2 * raw.count > 3 * size)
    }
  }

  @Test func chunksOfWholeRowsHaveAbout64KiB() throws {
    let array = HDF5Item.Content.dataset(
      type: .float(bytes: 4), shape: [3, 1 << 20], bytes: ByteRegion([UInt8](repeating: 0, count: 3 << 22)))
    // A row is too long for one chunk.
    try Self.inFolder { folder in
      try HDF5Writer.write([HDF5Item(path: "x", content: array, filters: .deflate(1))], to: folder + "/x.h5")
      #expect(try HDF5Reader(path: folder + "/x.h5").dataset("x").chunkShape == [1, 16_384])
    }
  }

  @Test func whatCannotBeWrittenIsNamed() throws {
    try Self.inFolder { folder in
      let path = folder + "/x.h5"
      let pair = HDF5Item.Content.dataset(type: .boolean, shape: [2], bytes: ByteRegion([1, 0]))
      let level = HDF5Fault.cannotWrite(
        path: path, object: "x", reason: "the level of deflate is 10; it goes from 0 to 9")
      #expect(throws: level) {
        try HDF5Writer.write([HDF5Item(path: "x", content: pair, filters: .deflate(10))], to: path)
      }
      #expect(throws: HDF5Fault.self) { try HDF5RowWriter.write(to: path, filters: .deflate(-1)) { _ in [] } }
      for chunk in [[1, 1], [0], [3]] {
        #expect(throws: HDF5Fault.self) {
          try HDF5Writer.write([HDF5Item(path: "x", content: pair, chunk: chunk)], to: path)
        }
      }
      #expect(throws: HDF5Fault.self) { try HDF5Writer.write([HDF5Item(path: "a\0b", content: pair)], to: path) }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }
}
