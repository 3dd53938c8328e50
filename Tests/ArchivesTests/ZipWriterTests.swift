import Synchronization
import Testing

@testable import AviaryArchives

@Suite struct ZipWriterTests {
  /// With a limit so low that ZIP64 fields are needed for sizes and offsets, and with the real one.
  @Test(arguments: [40, 200, 0xffff_ffff]) func whatIsWrittenIsRead(limit: Int) throws {
    var writer = ZipWriter(limit: limit)
    let contents: [(String, [UInt8])] = [
      ("a", []), ("folder/ü", Array(0..<100)), ("c", [1]), (String(repeating: "n", count: 300), Array(0..<64)),
    ]
    for (name, bytes) in contents { writer.add(name, ByteRegion(bytes)) }
    let bytes = writer.finished().flatMap { $0.array() }
    let archive = try ZipArchive(ByteRegion(bytes), path: "x.zip")
    #expect(archive.members.map(\.name) == contents.map(\.0))
    try archive.verify()
    for (name, bytes) in contents {
      let member = try #require(archive.member(named: name))
      #expect(member.isStored)
      #expect(member.offset % 64 == 0)
      #expect(try archive.contents(of: member).array() == bytes)
    }
    let hasLocator = bytes.indices.dropLast(3).contains { Array(bytes[$0..<$0 + 4]) == [0x50, 0x4b, 6, 7] }
    #expect(hasLocator == (limit < 0xffff_ffff))
  }

  /// Of a file that is read in pieces, each field asks for its own bytes and not for all.
  @Test func piecesAreReadOnce() throws {
    var writer = ZipWriter()
    for number in 0..<300 { writer.add("member \(number)", ByteRegion([UInt8](repeating: 7, count: 1000))) }
    let whole = ByteRegion(joining: writer.finished())
    let asked = Mutex(0)
    let bytes = ByteRegion(
      DeferredBytes(count: whole.count, pieceSize: 1 << 20) { range in
        asked.withLock { $0 += range.count }
        return whole.part(range) ?? whole
      })
    let archive = try ZipArchive(bytes, path: "x.zip")
    #expect(archive.members.count == 300 && asked.withLock { $0 } < whole.count)
    try archive.verify()
    #expect(asked.withLock { $0 } < 2 * whole.count)
    // A pickle of a list of a thousand numbers, of two bytes each.
    let pickle = ByteRegion(
      [0x80, 2, 0x5d, 0x28] + [UInt8]((0..<1000).flatMap { _ in [UInt8(ascii: "K"), 5] }) + [0x65, 0x2e])
    asked.withLock { $0 = 0 }
    let deferred = ByteRegion(
      DeferredBytes(count: pickle.count) { range in
        asked.withLock { $0 += range.count }
        return pickle.part(range) ?? pickle
      })
    let graph = try PickleGraph(deferred, path: "x")
    #expect(graph.elements(graph.root)?.count == 1000 && asked.withLock { $0 } <= pickle.count)
  }

  @Test func manyMembersNeedTheLongForm() throws {
    var writer = ZipWriter()
    for number in 0..<66_000 { writer.add("\(number)", ByteRegion([UInt8]())) }
    let archive = try ZipArchive(ByteRegion(joining: writer.finished()), path: "x.zip")
    #expect(archive.members.count == 66_000)
  }

  @Test func verifyingFindsAWrongBit() throws {
    var writer = ZipWriter()
    writer.add("a", ByteRegion([1, 2, 3]))
    writer.add("b", ByteRegion([4, 5, 6]))
    var bytes = writer.finished().flatMap { $0.array() }
    let place = try #require(try ZipArchive(ByteRegion(bytes), path: "x.zip").member(named: "b")?.offset)
    bytes[place] ^= 1
    let archive = try ZipArchive(ByteRegion(bytes), path: "x.zip")
    #expect(throws: ArchiveFault.checksum(path: "x.zip", member: "b")) { try archive.verify() }
  }
}
