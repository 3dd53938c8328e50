import AviaryArchives
import AviaryHDF5Writing
import Foundation
import Testing

@testable import AviaryHDF5

/// Files that are valid and unusual.
@Suite struct ValidFileTests {
  private static func reader(_ items: [HDF5Item]) throws -> HDF5Reader {
    let path = FileManager.default.temporaryDirectory.path + "/aviary-valid-\(UUID().uuidString).h5"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try HDF5Writer.write(items, to: path)
    return try HDF5Reader(path: path, map: false)
  }

  private static func numbers(_ values: [Int64]) -> HDF5Item.Content {
    .dataset(
      type: .integer(bytes: 8, signed: true), shape: [values.count], bytes: ByteRegion(littleEndian: values))
  }

  @Test func namesAreComparedByteByByte() throws {
    // Composed and decomposed: one text to Swift, two names to HDF5.
    let names = ["\u{e9}", "e\u{301}"]
    var items: [HDF5Item] = []
    for (index, name) in names.enumerated() {
      items.append(.init(path: name, content: Self.numbers([Int64(index)])))
      items.append(.init(path: "g" + name, attributes: [HDF5Attribute("number", .integer(Int64(index)))]))
      items.append(.init(path: "g" + name + "/x", content: Self.numbers([Int64(index + 10)])))
    }
    let reader = try Self.reader(items)
    let contents = reader.contents
    #expect(contents.refusals.isEmpty)
    #expect(contents.datasets.count == 4 && contents.groups.count == 3)
    for (index, name) in names.enumerated() {
      let number = Int64(index)
      #expect(contents.attributes(ofGroup: "g" + name)?["number"] == .integer(number))
      let dataset = try #require(contents.datasets.first { $0.path.utf8.elementsEqual(name.utf8) })
      #expect(try reader.bytes(of: dataset).mapValues(of: Int64.self) { $0 } == [number])
      let inner = try reader.dataset("g" + name + "/x")
      #expect(try reader.bytes(of: inner).mapValues(of: Int64.self) { $0 } == [number + 10])
    }
  }

  @Test func thousandsOfAttributesAreRead() throws {
    let attributes = (0..<12_000).map { HDF5Attribute("a\($0)", .integer(Int64($0))) }
    let reader = try Self.reader([.init(path: "g", attributes: attributes)])
    #expect(reader.contents.refusals.isEmpty)
    let found = try #require(reader.contents.attributes(ofGroup: "g"))
    #expect(found.count == 12_000 && found["a11999"] == .integer(11_999))
  }

  @Test func zerosAreReadHoweverWellTheyArePacked() throws {
    let shape = [4096, 1024]
    let zeros = ByteRegion([UInt8](repeating: 0, count: 4096 * 1024 * 4))
    let content = HDF5Item.Content.dataset(type: .integer(bytes: 4, signed: true), shape: shape, bytes: zeros)
    let reader = try Self.reader([
      .init(path: "zeros", content: content, filters: .deflate(9), chunk: [256, 1024])
    ])
    let dataset = try reader.dataset("zeros")
    #expect(try reader.bytes(of: dataset).array() == zeros.array())
  }

  @Test func sharedMessagesOfTheFirstVersionNameAnObject() throws {
    let image = try HDF5Reader(path: GoldenTests.folder + "types_earliest.h5").image
    // Version, flags, six reserved bytes, the offset in a local heap, and the address.
    let bytes: [UInt8] =
      [1, 0] + [UInt8](repeating: 9, count: 6) + [7, 7, 7, 7, 7, 7, 7, 7] + [0x60, 3, 0, 0, 0, 0, 0, 0]
    var pointer = FieldReader(bytes, position: 0, what: "a pointer", sizeOfOffsets: 8, sizeOfLengths: 8)
    guard case .object(0x360) = try SharedMessage.place(&pointer, BlockReader(image)) else {
      Issue.record("another place")
      return
    }
    #expect(pointer.remaining == 0)
  }

  @Test func arraysMayHaveTheFirstVersion() throws {
    // The second version of the message has the same fields.
    let whole = try MappedFile(path: GoldenTests.folder + "types_earliest.h5").bytes.array()
    var bytes = whole
    // 2 x 2 numbers of four bytes: class and version, size, rank, extents, permutation.
    let second: [UInt8] = [0x2a, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    let places = bytes.indices.filter { bytes[$0...].starts(with: second) }
    for place in places { bytes[place] = 0x1a }
    #expect(!places.isEmpty)
    let expected = Listing.lines(try HDF5Reader(bytes: ByteRegion(whole), path: "file"))
    #expect(Listing.lines(try HDF5Reader(bytes: ByteRegion(bytes), path: "file")) == expected)
  }
}
