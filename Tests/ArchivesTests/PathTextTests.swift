import AviaryArchives
import Foundation
import Testing

/// Names of files that are not UTF-8, as old archives and other systems leave them.
@Suite struct PathTextTests {
  @Test(arguments: [
    Array("café/ü.png".utf8), [0x63, 0x61, 0x66, 0xe9], [0xe9, 0x6c], [0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x90],
    // Encodings that UTF-8 forbids: overlong, a surrogate, beyond Unicode.
    [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
    // The scalars that stand for bytes, in a name of their own: U+EF80, U+EFE9, U+EFFF, and the neighbours of the range.
    Array("\u{ef80}".utf8), Array("x\u{efe9}\u{efff}".utf8), Array("\u{ef7f}\u{f000}".utf8),
    [0xe9] + Array("\u{efe9}é".utf8) + [0x80], [],
  ])
  func bytesComeBack(bytes: [UInt8]) {
    let text = PathText.text(of: bytes)
    #expect(PathText.bytes(of: text) == bytes)
    #expect(PathText.text(of: PathText.bytes(of: text)).utf8.elementsEqual(text.utf8))
  }

  @Test func randomBytesComeBack() {
    var generator = SystemRandomNumberGenerator()
    var texts: [String: [UInt8]] = [:]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...9, using: &generator)).map { _ -> UInt8 in
        // Lead bytes of the escapes and their continuations come often.
        [0xee, 0xbe, 0xbf, 0xa9, 0x80, 0x61, UInt8.random(in: 1...255, using: &generator)].randomElement(
          using: &generator)!
      }
      let text = PathText.text(of: bytes)
      #expect(PathText.bytes(of: text) == bytes, "\(bytes)")
      // Different names have different texts.
      #expect(texts.updateValue(bytes, forKey: text) ?? bytes == bytes)
    }
  }

  @Test func namesAreListedInTheOrderOfTheirBytes() throws {
    let root = FileManager.default.temporaryDirectory.path + "/aviary-names-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    try FileSystem.createFolder(root)
    let names = ["10", "9", "a", "a b", "aa", "ab", "b", "cafz", "caf\u{e9}", "\u{ff21}", "\u{1f426}"]
    for name in names.shuffled() { try FileSystem.write([1], to: root + "/" + name) }
    let found = try FileSystem.names(in: root)
    #expect(found.map { Array($0.utf8) } == names.map { Array($0.utf8) })
  }

  @Test func plainNamesStayAsTheyAre() {
    #expect(PathText.text(of: Array("dog/10.jpg".utf8)) == "dog/10.jpg")
    #expect(PathText.text(of: [0x63, 0xe9]).unicodeScalars.map(\.value) == [0x63, 0xefe9])
  }

  @Test func filesAreListedOpenedAndWrittenByAnyName() throws {
    let root = FileManager.default.temporaryDirectory.path + "/aviary-names-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let name = PathText.text(of: [0x63, 0x61, 0x66, 0xe9])
    let folder = root + "/" + name + "/deep"
    try FileSystem.createFolder(folder)
    try FileSystem.createFolder(folder)
    // The system has the very byte.
    #expect(
      access(Array(root.utf8CString.dropLast()) + [0x2f, 0x63, 0x61, 0x66, CChar(bitPattern: 0xe9), 0], F_OK) == 0)
    try writeDurably([ByteRegion([1, 2, 3])], to: folder + "/" + name)
    try FileSystem.write([4], to: folder + "/b")
    #expect(try FileSystem.names(in: root) == [name])
    #expect(try FileSystem.names(in: folder) == ["b", name])
    #expect(try MappedFile(path: folder + "/" + name).bytes.array() == [1, 2, 3])
    #expect(try MappedFile(path: folder + "/b", map: false).bytes.array() == [4])
    #expect(FileSystem.beginning(of: folder + "/" + name, count: 2) == [1, 2])
    let status = try #require(FileSystem.status(folder + "/" + name))
    #expect(status.kind == .file && status.size == 3 && FileSystem.isFolder(folder))
    #expect(FileSystem.resolved(folder + "/../deep/./b")?.hasSuffix("/\(name)/deep/b") == true)
    #expect(try FileLock(path: folder + "/.lock") != nil)
  }

  @Test func whatCannotBeListedOrMadeIsSaid() throws {
    #expect(throws: ArchiveFault.notFound(path: "/nowhere")) { try FileSystem.names(in: "/nowhere") }
    #expect(throws: ArchiveFault.self) { try FileSystem.names(in: "/dev/null") }
    #expect(throws: ArchiveFault.self) { try FileSystem.createFolder("/dev/null/x") }
    #expect(throws: ArchiveFault.self) { try FileSystem.write([1], to: "/nowhere/x") }
    #expect(FileSystem.status("/nowhere") == nil && FileSystem.beginning(of: "/nowhere", count: 4).isEmpty)
    #expect(FileSystem.status("/dev/null")?.kind == .other)
  }
}
