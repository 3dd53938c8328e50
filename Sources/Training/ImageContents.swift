import AviaryArchives
import AviaryDatasets

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the files of a run's images held when it began: `images.json` in its folder. An image that is another one under the
/// same name when the run is resumed is noticed by it.
///
/// A file of 100 KB takes about 20 µs to check once the system has read it, which training would do next in any case.
struct ImageContents: Codable, Equatable {
  /// The number of bytes of each file, in the order of the images; nil for a file that could not be read.
  var bytes: [Int?]
  var crc32c: [UInt32?]

  /// The files of the images, each once: packed images share theirs.
  static func files(_ parts: [ImageFolder]) -> [String] {
    var known: Set<String> = []
    return parts.flatMap { $0.entries.map(\.file) }.filter { known.insert($0).inserted }
  }

  /// - Throws: `EvaluationInterrupted` where the run is interrupted.
  init(of files: [String], workers: Int) throws {
    (bytes, crc32c) = ([], [])
    var line = ProgressLine()
    defer { line.clear() }
    for batch in DataLoader(Files(paths: files), batchSize: 64, workers: workers) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      for file in batch {
        bytes.append(file?.bytes)
        crc32c.append(file?.crc32c)
      }
      line.show(ProgressLine.Content("checking images", done: bytes.count, total: files.count))
    }
  }

  private struct Files: Dataset {
    let paths: [String]
    var count: Int { paths.count }

    func item(at place: Int, epoch: Int) -> (bytes: Int, crc32c: UInt32)? {
      // Copied: a mapped file must not be cut short by another program.
      guard let file = try? MappedFile(path: paths[place], map: false) else { return nil }
      return (file.bytes.count, file.bytes.crc32c())
    }

    func batch(of items: [(bytes: Int, crc32c: UInt32)?]) -> [(bytes: Int, crc32c: UInt32)?] { items }
  }

  /// Keeps what the images hold where a run begins, and refuses others where it goes on. Where an earlier version began the
  /// run, they are kept from now on.
  ///
  /// - Parameter path: `RunFolder.images`.
  static func check(_ parts: [ImageFolder], isBeginning: Bool, at path: String, workers: Int) throws {
    let files = files(parts)
    let now = try ImageContents(of: files, workers: workers)
    guard !isBeginning, let known = try read(path) else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return try writeDurably([ByteRegion(Array(try encoder.encode(now)))], to: path)
    }
    guard known.bytes.count == files.count, known.crc32c.count == files.count else {
      throw RunFault.cannotRead(path: path, reason: "it is not of these \(files.count) images")
    }
    let changed = files.indices.filter { known.bytes[$0] != now.bytes[$0] || known.crc32c[$0] != now.crc32c[$0] }
    if let first = changed.first { throw TrainingFault.changedImages(first: files[first], count: changed.count) }
  }

  private static func read(_ path: String) throws -> ImageContents? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      return try JSONDecoder().decode(ImageContents.self, from: Data(contentsOf: URL(filePath: path)))
    } catch {
      throw RunFault.cannotRead(path: path, reason: reason(error))
    }
  }
}
