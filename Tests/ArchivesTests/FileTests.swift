import AviaryArchives
import Foundation
import Testing

@Suite struct FileTests {
  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/aviary-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test(arguments: [true, false]) func readsWhatWasWritten(map: Bool) throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/file"
    try writeDurably([ByteRegion([1, 2]), ByteRegion([UInt8]()), ByteRegion([3])], to: path)
    let file = try MappedFile(path: path, map: map)
    #expect(file.bytes.array() == [1, 2, 3])
    #expect(!map || file.isMapped)
    #expect(map || !file.isMapped)
    #expect(file.bytes.part(from: 1, count: 2)?.array() == [2, 3])
    #expect(file.bytes.part(from: 1, count: 3) == nil)
    #expect(file.bytes.part(from: .max, count: 1) == nil)
    #expect(file.bytes.part(from: 1, count: .max) == nil)
  }

  @Test func aMappingOutlivesItsReplacement() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/file"
    try writeDurably([ByteRegion([UInt8](repeating: 1, count: 9000))], to: path)
    let part = try #require(try MappedFile(path: path).bytes.part(from: 8000, count: 1000))
    try writeDurably([ByteRegion([2])], to: path)
    #expect(part.array() == [UInt8](repeating: 1, count: 1000))
    #expect(try MappedFile(path: path).bytes.array() == [2])
  }

  @Test func aFaultLeavesTheOldFileAndNothingElse() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/file"
    try writeDurably([ByteRegion([1])], to: path)
    let fault = ArchiveFault.notFound(path: "made up")
    #expect(throws: fault) {
      try writeDurably(to: path) { (temporary) throws(ArchiveFault) in
        #expect(temporary.hasPrefix(folder + "/"))
        throw fault
      }
    }
    #expect(try MappedFile(path: path).bytes.array() == [1])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
  }

  /// What a killed process has left is removed by the next that writes; what a living one writes is not.
  @Test func leftoversOfDeadProcessesAreRemoved() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in [".file.dead12", ".file.alive1", ".file.longer1", ".other.dead12", "file.dead12"] {
      #expect(FileManager.default.createFile(atPath: folder + "/" + name, contents: Data([1])))
    }
    let living = try #require(try FileLock(path: folder + "/.file.alive1"))
    try withExtendedLifetime(living) {
      try writeDurably([ByteRegion([1])], to: folder + "/file")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
        ".file.alive1", ".file.longer1", ".other.dead12", "file", "file.dead12",
      ])
  }

  /// Two writers of one file do not take each other's temporary for a leftover.
  @Test func writersBesideOneAnother() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/file"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in UInt8(0)..<8 {
        group.addTask {
          for _ in 0..<40 { try writeDurably([ByteRegion([UInt8](repeating: writer, count: 3000))], to: path) }
        }
      }
      try await group.waitForAll()
    }
    let bytes = try MappedFile(path: path).bytes.array()
    #expect(bytes.count == 3000 && Set(bytes).count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
  }

  @Test func aLinkIsFollowedAndPermissionsStay() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try writeDurably([ByteRegion([1])], to: folder + "/file")
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder + "/file")
    try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "file")
    try writeDurably([ByteRegion([2])], to: folder + "/link")
    #expect(try MappedFile(path: folder + "/file").bytes.array() == [2])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "file")
    let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/file")
    #expect(attributes[.posixPermissions] as? Int == 0o640)
  }

  @Test func whatIsNoFileIsNamed() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(throws: ArchiveFault.notFound(path: folder + "/none")) { try MappedFile(path: folder + "/none") }
    #expect(throws: ArchiveFault.notARegularFile(path: folder)) { try MappedFile(path: folder) }
    #expect(throws: ArchiveFault.notARegularFile(path: "/dev/zero")) { try MappedFile(path: "/dev/zero") }
    #expect(throws: ArchiveFault.self) { try writeDurably([], to: folder + "/none/file") }
    #expect(throws: ArchiveFault.notARegularFile(path: folder)) { try writeDurably([], to: folder) }
  }

  @Test func numbersAreReadAtAnyOffset() throws {
    let region = ByteRegion([0, 1, 0, 0, 0, 2, 0, 0, 0] as [UInt8])
    let part = try #require(region.part(from: 1, count: 8))
    #expect(part.mapValues(of: UInt32.self) { $0 } == [1, 2])
    #expect(ByteRegion(littleEndian: [1, 2] as [UInt32]).array() == [1, 0, 0, 0, 2, 0, 0, 0])
    #expect(ByteRegion(floats: [1.5]).array() == [0, 0, 0xc0, 0x3f])
  }
}
