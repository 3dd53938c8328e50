import Testing

@testable import AviaryArchives

/// Tar archives by hand.
@Suite struct TarTests {
  struct Entry {
    var name: String
    var contents: [UInt8] = []
    var kind: Character = "0"
    var size: String?
    var prefix = ""
  }

  static func archive(_ entries: [Entry], end: Int = 2, spoiling: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, at place: Int) {
        for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte }
      }
      let octal = String(entry.contents.count, radix: 8)
      put(entry.name, at: 0)
      put(entry.size ?? String(repeating: "0", count: 11 - octal.count) + octal, at: 124)
      put("ustar\u{0}00", at: 257)
      put(entry.prefix, at: 345)
      header[156] = entry.kind.asciiValue ?? 0
      for place in 148..<156 { header[place] = 32 }
      let sum = String(header.reduce(0) { $0 + Int($1) } + (spoiling ? 1 : 0), radix: 8)
      put(String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ", at: 148)
      bytes += header + entry.contents
      bytes += [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
    return bytes + [UInt8](repeating: 0, count: 512 * end)
  }

  private func read(_ bytes: [UInt8]) throws(ArchiveFault) -> TarArchive {
    try TarArchive(ByteRegion(bytes), path: "x.tar")
  }

  @Test func membersAreReadAndFoldersPassedOver() throws {
    let long = String(repeating: "n", count: 120)
    let record = "130 path=" + long + "\n"
    let archive = try read(
      Self.archive([
        .init(name: "folder/", kind: "5"), .init(name: "a", contents: [1, 2, 3]), .init(name: "empty"),
        .init(name: "b", contents: [4], prefix: "in"),
        .init(name: "./@LongLink", contents: Array("long\0".utf8), kind: "L"),
        .init(name: "lon", contents: [5]), .init(name: "header", contents: Array(record.utf8), kind: "x"),
        .init(name: "short", contents: [6]),
      ]))
    #expect(archive.members.map(\.name) == ["a", "empty", "in/b", "long", long])
    #expect(try archive.contents(named: "a").array() == [1, 2, 3])
    #expect(try archive.contents(named: long).array() == [6])
    #expect(throws: ArchiveFault.noMember(path: "x.tar", member: "c")) { try archive.contents(named: "c") }
  }

  @Test func namesThatLeadAwayAreOnlyNames() throws {
    let archive = try read(Self.archive([.init(name: "../../etc/passwd", contents: [1]), .init(name: "/a")]))
    #expect(archive.members.map(\.name) == ["../../etc/passwd", "/a"])
  }

  @Test func whatIsWrongIsSaid() {
    #expect(throws: ArchiveFault.duplicateMember(path: "x.tar", member: "a")) {
      try read(Self.archive([.init(name: "a"), .init(name: "a")]))
    }
    for kind in ["1", "2", "3", "S"] as [Character] {
      let fault = #expect(throws: ArchiveFault.self) { try read(Self.archive([.init(name: "a", kind: kind)])) }
      guard case .unsupported = fault else {
        Issue.record("\(kind): \(String(describing: fault))")
        continue
      }
    }
    for entry in [
      Entry(name: "a", size: "77777777777"), Entry(name: "a", size: "9"), Entry(name: "a", size: "-1"),
      Entry(name: "x", contents: Array("99 path=a\n".utf8), kind: "x"), Entry(name: "x", contents: [1, 2], kind: "x"),
      Entry(name: "x", contents: Array("12 size=-1\n".utf8), kind: "x"),
      Entry(name: "x", contents: Array("9223372036854775807 path=a\n".utf8), kind: "x"),
    ] {
      #expect(throws: ArchiveFault.self, "\(entry)") { try read(Self.archive([entry])) }
    }
    #expect(throws: ArchiveFault.self) { try read(Self.archive([.init(name: "a")], spoiling: true)) }
    #expect(throws: ArchiveFault.self) { try read(Self.archive([.init(name: "a")], end: 0)) }
    // A binary size of 2⁶³ − 1.
    var bytes = Self.archive([.init(name: "a")])
    bytes.replaceSubrange(124..<136, with: [0x80, 0, 0, 0, 0x7f] + [UInt8](repeating: 0xff, count: 7))
    #expect(throws: ArchiveFault.self) { try read(bytes) }
  }

  @Test func everyTruncationIsFound() {
    let bytes = Self.archive([.init(name: "a", contents: [UInt8](repeating: 7, count: 700)), .init(name: "b")], end: 1)
    for length in 0..<bytes.count {
      #expect(throws: ArchiveFault.self) { try read(Array(bytes[..<length])) }
    }
    #expect(throws: Never.self) { try read(bytes) }
  }
}
