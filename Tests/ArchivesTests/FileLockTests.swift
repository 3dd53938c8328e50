import AviaryArchives
import Foundation
import Testing

@Suite struct FileLockTests {
  @Test func oneHolderAtATime() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "aviary-lock-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      let first = try FileLock(path: path)
      #expect(first != nil)
      #expect(try FileLock(path: path) == nil)
      withExtendedLifetime(first) {}
    }
    #expect(try FileLock(path: path) != nil, "given up with the value")
  }

  @Test func aPlaceThatCannotBeWrittenIsNamed() {
    let fault = #expect(throws: FileLockFault.self) { try FileLock(path: "/nowhere/at/all") }
    #expect(fault?.description.hasPrefix("/nowhere/at/all: cannot open for writing") == true)
  }
}
