import Aviary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A part of a folder of photographs: `test`, or the whole where there are no parts.
struct DataPart {
  /// Nil where the folder has no parts.
  let name: String?
  let folder: ImageFolder

  /// In words, for a person who wants to know what was looked at.
  func described(_ data: String) -> String {
    let images = "\(counted(folder.entries.count, "image")) of \(grouped(folder.classes.count)) classes"
    if PackedDataset.isPresent(at: data) { return "\(data): packed images; the \(name ?? "whole") part: \(images)" }
    return name.map { "\(data): image folder with parts; its \($0) part: \(images)" }
      ?? "\(data): image folder: \(images)"
  }

  /// All parts that are there, in this order: train, valid (or val), test.
  ///
  /// - Parameter limit: the most images of each class, in each part.
  static func all(_ data: String, classes: [String]?, limit: Int? = nil) throws -> [DataPart] {
    if let packed = try packed(data, classes: classes, limit: limit) {
      return [DataPart(name: "train", folder: packed.training)]
        + (packed.test.map { [DataPart(name: "test", folder: $0)] } ?? [])
    }
    guard isFolder(data + "/train") else {
      return [DataPart(name: nil, folder: try ImageFolder(data, classes: classes, limit: limit))]
    }
    let training = try ImageFolder(data + "/train", classes: classes, limit: limit)
    var parts = [DataPart(name: "train", folder: training)]
    let valid = ["valid", "val"].first { isFolder(data + "/" + $0) }
    for name in [valid, isFolder(data + "/test") ? "test" : nil].compactMap({ $0 }) {
      parts.append(
        DataPart(name: name, folder: try ImageFolder(data + "/" + name, classes: training.classes, limit: limit)))
    }
    return parts
  }

  /// Packed pictures, whose classes have to be those asked for, where they have names.
  private static func packed(_ data: String, classes: [String]?, limit: Int?) throws -> PackedDataset? {
    guard let packed = try PackedDataset(data, limit: limit) else { return nil }
    let own = packed.training.classes
    if let classes, packed.namesClasses, own != classes {
      let other = zip(own, classes).first { $0 != $1 }?.0 ?? own.last ?? ""
      throw ImageFolderError.unknownClass(path: data, name: other, expected: classes)
    }
    return packed
  }

  /// The part that a model is judged on: test, else valid, else train, else the folder as a whole.
  static func forEvaluation(_ data: String, classes: [String]?, limit: Int? = nil) throws -> DataPart {
    if let packed = try packed(data, classes: classes, limit: limit) {
      return packed.test.map { DataPart(name: "test", folder: $0) } ?? DataPart(name: "train", folder: packed.training)
    }
    guard let name = ["test", "valid", "val", "train"].first(where: { isFolder(data + "/" + $0) }),
      isFolder(data + "/train")
    else { return DataPart(name: nil, folder: try ImageFolder(data, classes: classes, limit: limit)) }
    return DataPart(name: name, folder: try ImageFolder(data + "/" + name, classes: classes, limit: limit))
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: Bool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
  }
}

/// How many things can be done at once.
func availableCores() -> Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

/// What lies at the path of the data, in one line, from names alone.
func describeData(_ path: String) throws -> String {
  switch try DataSource.kind(of: path) {
  case .tables: return "\(path): table"
  case .text: return "\(path): text, of which the last tenth is the test"
  case .graphs: return "\(path): graph"
  case .images: return PackedDataset.isPresent(at: path) ? "\(path): packed images" : describeFolder(path)
  }
}

private func describeFolder(_ path: String) -> String {
  func folders(_ path: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { name in
      var isFolder: Bool = false
      return !name.hasPrefix(".") && FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
        && isFolder
    }
  }
  let top = folders(path)
  guard top.contains("train") else { return "\(path): image folder, \(counted(top.count, "folder")) of one class each" }
  let parts = ["train", "valid", "val", "test"].filter(top.contains)
  return "\(path): image folder with the parts \(parts.joined(separator: ", ")), "
    + "\(counted(folders(path + "/train").count, "folder")) of one class each"
}
