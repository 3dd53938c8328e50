import Aviary
import AviaryPlatform

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A part of an image folder, such as `test`, or a whole folder without parts.
struct DataPart {
  /// Nil if the folder has no parts.
  let name: String?
  let folder: ImageFolder
  /// What lies beside it and is not used, a line each.
  var remarks: [String] = []
  /// Whether it was held out of the last training of the network that is evaluated, and perhaps not of one before.
  var isKnownBefore = false

  /// Says what is read, and what is not.
  func announce(_ data: String) {
    for remark in remarks + folder.remarks { tell(remark) }
    tell(described(data))
  }

  /// A line that says what is read.
  private func described(_ data: String) -> String {
    let images = "\(counted(folder.entries.count, "image")) of \(grouped(folder.classes.count)) classes"
    if PackedDataset.isPresent(at: data) { return "\(data): packed images, part \(name ?? "all"): \(images)" }
    return name.map { "\(data): image folder, part \($0): \(images)" }
      ?? "\(data): image folder: \(images)"
  }

  /// The parts of the folder, in the order training, validation, test. The first one's classes are those of all.
  ///
  /// - Parameter limit: the most images per class and part.
  static func all(_ data: String, classes: [String]?, limit: Int? = nil) throws -> [DataPart] {
    if let packed = try packed(data, classes: classes, limit: limit) {
      return [DataPart(name: "train", folder: packed.training)]
        + (packed.test.map { [DataPart(name: "test", folder: $0)] } ?? [])
    }
    guard let folders = try PartFolders(data) else {
      return [DataPart(name: nil, folder: try images(of: data, classes: classes, limit: limit))]
    }
    var parts: [DataPart] = []
    for (_, name) in folders.parts {
      let path = data + "/" + name
      let folder =
        try classes.map { try images(of: path, classes: $0, limit: limit) }
        ?? ImageFolder(path, classes: parts.first?.folder.classes, limit: limit)
      parts.append(DataPart(name: name, folder: folder, remarks: parts.isEmpty ? folders.remarks : []))
    }
    return parts
  }

  /// Packed images, whose class names, if any, must be those asked for.
  private static func packed(_ data: String, classes: [String]?, limit: Int?) throws -> PackedDataset? {
    guard let packed = try PackedDataset(data, limit: limit) else { return nil }
    let own = packed.training.classes
    if let classes, !packed.namesClasses, own.count <= classes.count { return packed.naming(classes) }
    if let classes, packed.namesClasses, own != classes {
      let other = zip(own, classes).first { $0 != $1 }?.0 ?? own.last ?? ""
      throw ImageFolderFault.unknownClass(path: data, name: other, expected: classes)
    }
    return packed
  }

  /// The part that a model is evaluated on: test, else valid, else train, else the whole folder.
  static func forEvaluation(_ data: String, classes: [String]?, limit: Int? = nil) throws -> DataPart {
    if let packed = try packed(data, classes: classes, limit: limit) {
      return packed.test.map { DataPart(name: "test", folder: $0) } ?? DataPart(name: "train", folder: packed.training)
    }
    guard let folders = try PartFolders(data), let (_, name) = folders.parts.last else {
      return DataPart(name: nil, folder: try images(of: data, classes: classes, limit: limit))
    }
    return DataPart(
      name: name, folder: try images(of: data + "/" + name, classes: classes, limit: limit), remarks: folders.remarks)
  }

  /// The images of classes that a network knows, of which the folder may have some only; nil for the folder's own classes.
  private static func images(of path: String, classes: [String]?, limit: Int?) throws -> ImageFolder {
    try ImageFolder(path, classes: classes, limit: limit, allowsMissing: classes != nil)
  }
}

/// The number of processors that this process may use: its share, where several work together.
package func availableCores() -> Int {
  Processes.current?.cores(of: Processors.available) ?? Processors.available
}

/// The kind of data at a path, in one line, from file names alone.
func describeData(_ path: String, _ options: DataOptions? = nil) throws -> String {
  switch try DataSource.kind(of: path) {
  case .tables: return "\(path): table"
  case .text:
    if case .tags = options { return "\(path): a token and its label on each line" }
    return "\(path): text; the last tenth is the test part"
  case .graphs: return GraphCollection.isPresent(at: path) ? "\(path): a collection of graphs" : "\(path): graph"
  case .images: return PackedDataset.isPresent(at: path) ? "\(path): packed images" : try describeFolder(path)
  }
}

private func describeFolder(_ path: String) throws -> String {
  guard let folders = try PartFolders(path) else {
    return "\(path): image folder, \(counted(try PartFolders.classFolders(in: path), "folder")) (one per class)"
  }
  let classes = try (folders.path(of: .train) ?? folders.parts.first.map { path + "/" + $0.name })
    .map { try PartFolders.classFolders(in: $0) }
  return "\(path): image folder with the parts \(folders.parts.map(\.name).joined(separator: ", ")), "
    + "\(counted(classes ?? 0, "folder")) (one per class)"
}
