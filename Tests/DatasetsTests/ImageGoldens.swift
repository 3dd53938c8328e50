import Foundation
import Testing

@testable import AviaryDatasets

/// The golden files that tools/goldens_images.py makes.
enum ImageGoldens {
  static let folder = Bundle.module.resourcePath! + "/Goldens"

  static func image(_ name: String) -> String { folder + "/images/" + name }

  /// The rows of a table, cut at tabs.
  static func rows(_ table: String) -> [[String]] {
    let text = try? String(contentsOfFile: folder + "/" + table, encoding: .utf8)
    return (text ?? "").split(separator: "\n").map { $0.components(separatedBy: "\t") }
  }

  /// CRC-32 in eight hexadecimal digits.
  static func crc(_ bytes: some Sequence<UInt8>) -> String {
    let digits = String(PNGChunks.crc32(bytes), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// What a row of images.tsv says of a file.
  static func summary(_ path: String) -> [String] {
    do {
      let image = try DecodedImage(contentsOf: path)
      return ["\(image.width)", "\(image.height)", crc(image.pixels)]
    } catch {
      return ["refused"]
    }
  }

  /// The folder of shared data: beside the package, or where AVIARY_SHARED_DATA says.
  static let sharedData =
    ProcessInfo.processInfo.environment["AVIARY_SHARED_DATA"]
    ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "shared/data").path

  static let awkward = sharedData + "/images-awkward"
  static let hasAwkward = FileManager.default.fileExists(atPath: awkward)
}

/// A folder that is removed when the test lets go of it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "aviary-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    let target = URL(filePath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: target)
  }

  /// A symbolic link.
  func link(_ target: String, at name: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
  }

  func folder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A picture of reproducible noise.
func noise(width: Int, height: Int, seed: UInt32) -> DecodedImage {
  var state = seed
  return DecodedImage(
    width: width, height: height,
    pixels: (0..<(3 * width * height)).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    })
}
