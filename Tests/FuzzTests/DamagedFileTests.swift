import Foundation
import Testing

@testable import AviaryFuzz

/// A hundred damaged files for each reader; `tools/fuzz` has as many as there is time for. A reader that traps ends the
/// tests.
@Suite struct DamagedFileTests {
  private static let goldens = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    let folders = ["ArchivesTests", "CheckpointsTests", "DatasetsTests", "HDF5Tests", "KerasTests", "ModelsTests"].map {
      "\(tests)/\($0)/Goldens"
    }
    return folders + folders.map { $0 + "/keras" }
      + ["graphs", "texts"].flatMap { kind in folders.map { $0 + "/" + kind } }
  }()

  @Test(arguments: FuzzedReader.allCases) func damagedFilesAreRefusedOrRead(reader: FuzzedReader) throws {
    let files = try reader.corpus(Self.goldens)
    #expect(files.count >= 2)
    let scratch = FileManager.default.temporaryDirectory.appending(path: "aviary-damaged-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    for seed in 0..<UInt64(100) { try reader.read(FuzzTool.mutant(of: files, seed: seed), file: scratch) }
  }

  @Test func aSeedAlwaysDamagesInTheSameWay() throws {
    let files = [Array("some file".utf8), Array((0..<200).map { UInt8($0) })]
    for seed in 0..<UInt64(50) {
      #expect(FuzzTool.mutant(of: files, seed: seed) == FuzzTool.mutant(of: files, seed: seed))
    }
    let different = Set((0..<UInt64(200)).map { FuzzTool.mutant(of: files, seed: $0) })
    #expect(different.count > 150, "seeds differ")
    #expect(different.filter { files.contains($0) }.count < 10, "and damage is done")
  }
}
