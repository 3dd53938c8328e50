import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

@Suite struct HDF5Tests {
  private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-hdf5-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private static let long = String(repeating: "ü", count: 100_000)

  private static let items: [HDF5Item] = [
    HDF5Item(
      path: "",
      attributes: [
        .init("text", .text("grün")), .init("empty", .text("")), .init("long", .text(long)),
        .init("texts", .texts(["a", "", "bc"])), .init("none", .texts([])), .init("integer", .integer(-5)),
        .init("integers", .integers([.max, .min])), .init("real", .real(0.1)), .init("reals", .reals([1, 2])),
        .init("checksum", .checksum(.max)),
      ]),
    HDF5Item(path: "a/b", attributes: [.init("x", .integer(1))]),
    HDF5Item(
      path: "a/floats", attributes: [.init("unit", .text("m"))],
      content: .dataset(type: .float(bytes: 4), shape: [2, 3], bytes: ByteRegion(floats: [1, 2, 3, 4, 5, 6.5]))),
    HDF5Item(
      path: "a/b/c/bytes",
      content: .dataset(type: .integer(bytes: 1, signed: false), shape: [3], bytes: ByteRegion([7, 8, 9]))),
    HDF5Item(
      path: "scalar",
      content: .dataset(
        type: .integer(bytes: 8, signed: true), shape: [], bytes: ByteRegion(littleEndian: [-1 as Int64]))),
    HDF5Item(
      path: "empty", content: .dataset(type: .float(bytes: 8), shape: [0, 4], bytes: ByteRegion([UInt8]()))),
    HDF5Item(
      path: "half",
      content: .dataset(
        type: .float(bytes: 2), shape: [2], bytes: ByteRegion(littleEndian: [0x3c00, 0xc000] as [UInt16]))),
    HDF5Item(path: "flags", content: .dataset(type: .boolean, shape: [2], bytes: ByteRegion([1, 0]))),
  ]

  @Test(arguments: [true, false]) func whatIsWrittenIsRead(map: Bool) throws {
    try inFolder { folder in
      try HDF5Writer.write(Self.items, to: folder + "/x.h5")
      let reader = try HDF5Reader(path: folder + "/x.h5", map: map)
      let root = try #require(reader.contents.attributes(ofGroup: ""))
      #expect(root["text"] == .text("grün"))
      #expect(root["empty"] == .text(""))
      #expect(root["long"]?.text == Self.long)
      #expect(root["texts"] == .texts(["a", "", "bc"]))
      #expect(root["none"]?.texts == [])
      #expect(root["integer"] == .integer(-5))
      #expect(root["integers"] == .integers([.max, .min]))
      #expect(root["real"] == .real(0.1))
      #expect(root["reals"] == .reals([1, 2]))
      #expect(root["checksum"]?.integer == Int64(UInt32.max))
      #expect(reader.contents.attributes(ofGroup: "a/b")?["x"] == .integer(1))
      #expect(Set(reader.contents.groups.map(\.path)) == ["", "a", "a/b", "a/b/c"])
      #expect(reader.contents.refusals.isEmpty)

      var found: [String: HDF5Contents.Dataset] = [:]
      for dataset in reader.contents.datasets { found[dataset.path] = dataset }
      #expect(found["a/floats"]?.attributes["unit"]?.text == "m")
      for item in Self.items {
        guard case .dataset(let type, let shape, let bytes) = item.content else { continue }
        let taken = found.removeValue(forKey: item.path)
        let dataset = try #require(taken)
        #expect(dataset.type == type)
        #expect(dataset.shape == shape)
        let read = try reader.bytes(of: dataset)
        #expect(read.array() == bytes.array())
        // They are the file's own, not a copy.
        if let offset = dataset.offset { #expect(read.start == offset) }
        if bytes.count > 0 {
          #expect(try #require(dataset.offset) % 64 == 0, "\(item.path) is not aligned")
        }
      }
      #expect(found.isEmpty)
    }
  }

  @Test func embeddedFilesAreRead() throws {
    try inFolder { folder in
      try HDF5Writer.write(Self.items, to: folder + "/x.h5")
      let bytes = try [1, 2, 3] + (MappedFile(path: folder + "/x.h5").bytes.array())
      let region = try #require(ByteRegion(bytes).part(3..<bytes.count))
      let reader = try HDF5Reader(embedded: region, path: "outer")
      let dataset = try #require(reader.contents.datasets.first { $0.path == "a/floats" })
      #expect(try reader.bytes(of: dataset).mapValues(of: Float.self) { $0 } == [1, 2, 3, 4, 5, 6.5])
    }
  }

  @Test func textsAreReadAsValues() throws {
    try inFolder { folder in
      let item = HDF5Item(path: "texts", content: .texts(["a", "", "grün"]))
      try HDF5Writer.write([item], to: folder + "/x.h5")
      let reader = try HDF5Reader(path: folder + "/x.h5")
      let dataset = try #require(reader.contents.datasets.first)
      #expect(dataset.type == .text)
      #expect(try reader.values(of: dataset) == [.text("a"), .text(""), .text("grün")])
      #expect(throws: HDF5Fault.unsupported(path: folder + "/x.h5", object: "texts", feature: "an array of text")) {
        try reader.bytes(of: dataset)
      }
    }
  }

  @Test func aFileThatCannotBeWrittenLeavesNothing() throws {
    try inFolder { folder in
      let bad = HDF5Item(
        path: "x",
        content: .dataset(type: .float(bytes: 4), shape: [2], bytes: ByteRegion([UInt8](repeating: 0, count: 4))))
      #expect(throws: HDF5Fault.self) { try HDF5Writer.write([bad], to: folder + "/x.h5") }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func whatIsNotHDF5IsNamed() throws {
    try inFolder { folder in
      try writeDurably([ByteRegion(Array("words".utf8))], to: folder + "/x.h5")
      #expect(throws: HDF5Fault.notHDF5(path: folder + "/x.h5")) { try HDF5Reader(path: folder + "/x.h5") }
      #expect(throws: HDF5Fault.archive(.notFound(path: folder + "/y.h5"))) {
        try HDF5Reader(path: folder + "/y.h5")
      }
    }
  }

  @Test func truncationIsAFault() throws {
    try inFolder { folder in
      try HDF5Writer.write(Self.items, to: folder + "/x.h5")
      let bytes = try MappedFile(path: folder + "/x.h5").bytes.array()
      for length in stride(from: 0, to: bytes.count, by: 997) {
        #expect(throws: HDF5Fault.self, "cut to \(length) of \(bytes.count)") {
          try HDF5Reader(bytes: ByteRegion(Array(bytes[..<length])), path: "cut.h5")
        }
      }
    }
  }
}
