import AviaryDatasets
import Foundation
import Synchronization

/// Drawn photographs of cats and dogs, which are drawn once a process and then copied.
public enum DrawnPhotographs {
  private struct Key: Hashable {
    let count: Int
    let imageSize: Int
  }

  private static let folders = Mutex<[Key: String]>([:])

  /// Writes `count` photographs to a new folder, with the parts and classes that `SampleImages` gives them.
  public static func copy(count: Int, imageSize: Int, to path: String) throws {
    let original = try folders.withLock { folders in
      let key = Key(count: count, imageSize: imageSize)
      if let known = folders[key] { return known }
      if folders.isEmpty { atexit { DrawnPhotographs.removeAll() } }
      let folder = FileManager.default.temporaryDirectory.appending(path: "aviary-drawn-\(UUID().uuidString)").path
      folders[key] = folder
      _ = try SampleImages.write(to: folder, count: count, imageSize: imageSize)
      return folder
    }
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: original, toPath: path)
  }

  private static func removeAll() {
    folders.withLock { folders in
      for folder in folders.values { try? FileManager.default.removeItem(atPath: folder) }
      folders = [:]
    }
  }
}
