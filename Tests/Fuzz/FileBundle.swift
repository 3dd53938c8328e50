import AviaryArchives
import Foundation

/// The files of a folder as one sequence of bytes, so that damage may hit any of them: each file after its length in four
/// bytes. The names are not in the bytes.
enum FileBundle {
  static func joined(_ files: [[UInt8]]) -> [UInt8] {
    files.flatMap { file in (0..<4).map { UInt8(truncatingIfNeeded: file.count >> (8 * $0)) } + file }
  }

  /// Up to `most` files. What damage has made of a length is clipped to the bytes that are there.
  static func files(in bytes: ArraySlice<UInt8>, most: Int) -> [ArraySlice<UInt8>] {
    var files: [ArraySlice<UInt8>] = []
    var rest = bytes
    while files.count < most, rest.count >= 4 {
      let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      files.append(rest.prefix(length))
      rest = rest.dropFirst(length)
    }
    return files
  }

  /// Writes the files of a bundle to a new folder, calls `body`, and removes the folder.
  static func unpack(_ bytes: ArraySlice<UInt8>, names: [String], at folder: String, _ body: () -> Void) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, file) in zip(names, files(in: bytes, most: names.count)) {
      try Data(file).write(to: URL(filePath: folder + "/" + name))
    }
    body()
  }

  /// The bytes as gzip has them where they are not compressed.
  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let head: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1]
    return head + little(bytes.count, 2) + little(~bytes.count, 2) + bytes
      + little(Int(ByteRegion(bytes).crc32()), 4) + little(bytes.count, 4)
  }
}
