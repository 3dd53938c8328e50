import Aviary
import AviaryArchives

/// The images that a path stands for: with classes where its folders or files say them.
struct ShownImages {
  /// The name of the folder or file, and of its part.
  let title: String
  let path: String
  /// Empty where the images have no classes.
  let classes: [String]
  let entries: [ImageEntry]

  /// - Parameters:
  ///   - part: of the data; nil for the first.
  ///   - limit: the most images of each class.
  init(_ path: String, part: EvaluationPart?, limit: Int?) throws {
    self.path = path
    let name = path.split(separator: "/").last.map(String.init) ?? path
    func plain() throws -> [ImageEntry] {
      let selection = try ImageSelection(path)
      if let remark = selection.remark(on: path) { tell(remark) }
      return Array(selection.entries.prefix(limit ?? .max))
    }
    guard FileSystem.isFolder(path) else {
      // What is named is taken for an image, whatever it is called; other data are told apart from it by their names.
      let kind = try DataSource.kind(of: path)
      guard kind != .tables, kind != .graphs else { throw CommandFault.noPictures(path: path, kind: kind) }
      let weights = [".h5", ".hdf5", ".keras", ".pth", ".pt", ".th", ".safetensors"]
      if weights.contains(where: path.lowercased().hasSuffix) { throw CommandFault.showWhat(path: path) }
      (title, classes, entries) = (name, [], try plain())
      return
    }
    guard try DataSource.kind(of: path) == .images else { throw CommandFault.noPictures(path: path, kind: .graphs) }
    let found: DataPart
    do {
      found =
        try part.map {
          try DataPart.forEvaluation(
            path, classes: nil, limit: limit, $0, of: Checkpoint.Metadata(), path)
        } ?? DataPart.all(path, classes: nil, limit: limit)[0]
    } catch ImageFolderFault.noClass where part == nil {
      (title, classes, entries) = (name, [], try plain())
      return
    }
    found.announce(path)
    title = found.name.map { "\(name), \($0)" } ?? name
    (classes, entries) = (found.folder.classes, found.folder.entries)
  }

  /// The images of each class in an order that the seed draws; of images without classes, all.
  func shuffled(seed: UInt64) -> [[ImageEntry]] {
    var groups = Array(repeating: [ImageEntry](), count: max(classes.count, 1))
    for entry in entries { groups[classes.isEmpty ? 0 : entry.label].append(entry) }
    return groups.enumerated().map { label, group in
      var random = RandomStream(seed: seed, purpose: "samples", step: UInt64(label))
      return random.permutation(group.count).map { group[$0] }
    }
  }
}
