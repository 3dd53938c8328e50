import AviaryArchives
import AviaryCheckpoints
import Foundation
import Testing

/// The committed files, and the public ones beside the package where they are there.
enum Fixtures {
  struct Expected: Decodable {
    let shape: [Int]
    let dtype: String
    let crc32: UInt32
  }

  static let goldens = Bundle.module.bundlePath + "/Goldens/"

  static func path(_ name: String) -> String { goldens + name }

  static func bytes(_ name: String) throws -> [UInt8] { try MappedFile(path: path(name)).bytes.array() }

  static func table(_ name: String) -> [String: [String: Expected]] {
    guard let data = FileManager.default.contents(atPath: path(name)),
      let table = try? JSONDecoder().decode([String: [String: Expected]].self, from: data)
    else { return [:] }
    return table
  }

  static let shared: String = {
    if let given = ProcessInfo.processInfo.environment["AVIARY_SHARED_DATA"] { return given + "/" }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return root.path + "/shared/data/"
  }()

  static let hasShared = FileManager.default.fileExists(atPath: shared + "checkpoints-pytorch")
  static let noShared: Comment = "the public files are not in ../shared/data (or AVIARY_SHARED_DATA)"

  static func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-checkpoints-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  /// Every tensor of the table is there with its shape, type and bytes, and no other.
  static func check(
    _ checkpoint: Checkpoint, _ expected: [String: Expected], _ file: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(Set(checkpoint.paths) == Set(expected.keys), "\(file)", sourceLocation: sourceLocation)
    for (path, wanted) in expected {
      guard let array = checkpoint[path] else { continue }
      let found = Expected(shape: array.shape, dtype: array.dtype.rawValue, crc32: array.bytes.crc32())
      #expect(found.shape == wanted.shape, "\(file): \(path)", sourceLocation: sourceLocation)
      #expect(found.dtype == wanted.dtype, "\(file): \(path)", sourceLocation: sourceLocation)
      #expect(found.crc32 == wanted.crc32, "\(file): \(path)", sourceLocation: sourceLocation)
    }
  }
}
