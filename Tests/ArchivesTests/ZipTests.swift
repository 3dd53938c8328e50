import AviaryArchives
import Testing

@Suite struct ZipTests {
  /// "hello hello hello hello" as zlib deflates it, without a wrapping.
  private static let deflated: [UInt8] = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0x01]
  private static let text = Array("hello hello hello hello".utf8)

  private struct Member {
    var name: String
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var packed: [UInt8]
    var size: UInt32
    var crc: UInt32
    /// Takes the place of the real offset of the header.
    var header: UInt32?
  }

  private static let stored = Member(name: "a", packed: [1, 2, 3], size: 3, crc: 0x55bc_801d)
  private static let squeezed = Member(
    name: "b/c", method: 8, packed: deflated, size: 23, crc: ByteRegion(text).crc32())

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static func archive(_ members: [Member], comment: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let name = Array(member.name.utf8)
      let common =
        little(member.flags) + little(member.method) + little(UInt32(0)) + little(member.crc)
        + little(UInt32(member.packed.count)) + little(member.size) + little(UInt16(name.count))
      directory += little(UInt32(0x0201_4b50)) + little(UInt16(20)) + little(UInt16(20)) + common
      directory += [UInt8](repeating: 0, count: 12) + little(member.header ?? UInt32(bytes.count)) + name
      bytes += little(UInt32(0x0403_4b50)) + little(UInt16(20)) + common + little(UInt16(5)) + name
      bytes += [1, 2, 3, 4, 5] + member.packed
    }
    let end =
      little(UInt32(0x0605_4b50)) + little(UInt32(0)) + little(UInt16(members.count)) + little(UInt16(members.count))
      + little(UInt32(directory.count)) + little(UInt32(bytes.count)) + little(UInt16(comment.count)) + comment
    return bytes + directory + end
  }

  private func open(_ members: [Member]) throws(ArchiveFault) -> ZipArchive {
    try ZipArchive(ByteRegion(Self.archive(members)), path: "x.zip")
  }

  @Test func readsStoredAndDeflated() throws {
    let archive = try ZipArchive(
      ByteRegion(Self.archive([Self.stored, Self.squeezed], comment: Array("PK\u{5}\u{6} said".utf8))), path: "x.zip")
    #expect(archive.members.map(\.name) == ["a", "b/c"])
    #expect(try archive.contents(named: "a").array() == [1, 2, 3])
    #expect(try archive.contents(named: "b/c").array() == Self.text)
    #expect(throws: ArchiveFault.noMember(path: "x.zip", member: "d")) { try archive.contents(named: "d") }
  }

  @Test func refusesDuplicatesAndOverlaps() {
    #expect(throws: ArchiveFault.duplicateMember(path: "x.zip", member: "a")) {
      try open([Self.stored, Self.stored])
    }
    var second = Self.stored
    second.name = "z"
    second.header = 0
    #expect(throws: ArchiveFault.overlappingMembers(path: "x.zip", first: "a", second: "z")) {
      try open([Self.stored, second])
    }
  }

  @Test func refusesBombsAndLies() throws {
    var member = Self.squeezed
    member.size = 2_000_000
    #expect(throws: ArchiveFault.tooLarge(path: "x.zip", member: "b/c", bytes: 2_000_000, limit: 1024)) {
      try open([member])
    }
    for size in [22, 24, 0] as [UInt32] {
      member.size = size
      let archive = try open([member])
      #expect(throws: ArchiveFault.self, "declares \(size) of 23 bytes") { try archive.contents(named: "b/c") }
    }
    member = Self.squeezed
    member.crc ^= 1
    let archive = try open([member])
    #expect(throws: ArchiveFault.checksum(path: "x.zip", member: "b/c")) { try archive.contents(named: "b/c") }
  }

  @Test func saysWhatItDoesNotRead() {
    var member = Self.stored
    member.flags = 1
    #expect(throws: ArchiveFault.unsupported(path: "x.zip", feature: "encrypted member 'a'")) { try open([member]) }
    member.flags = 0
    member.method = 12
    #expect(throws: ArchiveFault.unsupported(path: "x.zip", feature: "ZIP compression method 12 of 'a'")) {
      try open([member])
    }
  }

  @Test func everyTruncationAndBitFlipIsAFaultOrAResult() {
    let bytes = Self.archive([Self.stored, Self.squeezed])
    for length in 0..<bytes.count {
      #expect(throws: ArchiveFault.self, "cut to \(length)") {
        try ZipArchive(ByteRegion(Array(bytes[..<length])), path: "x.zip")
      }
    }
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let archive = try? ZipArchive(ByteRegion(damaged), path: "x.zip") else { continue }
      for member in archive.members { _ = try? archive.contents(of: member, verify: true) }
    }
  }
}
