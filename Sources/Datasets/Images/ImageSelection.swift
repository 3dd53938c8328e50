import AviaryArchives

/// The images that a path stands for: one file, the pictures that a file packs (IDX, CIFAR), or all of those below a folder.
public struct ImageSelection: Sendable {
  /// In the order of their names, each folder's together; their labels say nothing.
  public let entries: [ImageEntry]
  /// The files below a folder that are not images, and what is not a file.
  public let passedOver: [String]

  /// A file that is named is an image, whatever it holds; below a folder, a file is one by its extension or its first bytes.
  /// Hidden files and folders are passed over.
  public init(_ path: String) throws(ImageFolderFault) {
    guard FileSystem.isFolder(path) else {
      entries = try PackedImages(unlabeled: path)?.entries ?? [ImageEntry(path: path, label: 0)]
      passedOver = []
      return
    }
    let tree = try FileTree(below: path)
    var entries: [ImageEntry] = []
    var others: [String] = []
    for file in tree.files {
      let packed: PackedImages?
      do throws(ImageFolderFault) { packed = try PackedImages(unlabeled: file) } catch {
        // Damaged: it costs no other file its prediction, and is told of when it is decoded.
        entries.append(ImageEntry(path: file, label: 0))
        continue
      }
      if let packed {
        entries += packed.entries
      } else if ImageFormat.isUsual(forFile: file) || ImageFormat(FileSystem.beginning(of: file, count: 64)) != nil {
        entries.append(ImageEntry(path: file, label: 0))
      } else {
        others.append(file)
      }
    }
    guard !entries.isEmpty else { throw .noImages(path: path) }
    self.entries = entries
    passedOver = others + tree.others
  }

  /// One line that names and counts what was passed over; nil where nothing was.
  public func remark(on path: String) -> String? {
    line(path, passedOver, "file", "that hold\(passedOver.count == 1 ? "s" : "") no image").first
  }
}

extension PackedImages {
  /// The pictures that a file packs, recognised by its name; nil where it is another file.
  init?(unlabeled path: String) throws(ImageFolderFault) {
    let name = Self.plainName(path)
    if name.hasSuffix("idx3-ubyte") {
      self = try IDXFile(path).pictures()
    } else if name.hasSuffix(".bin") {
      // CIFAR-100 has two bytes for the classes; other programs' files may be called so, too.
      let isFine = name == "train.bin" || name == "test.bin"
      guard let found = try? PackedDataset.records(path, labelBytes: isFine ? 2 : 1) else { return nil }
      self = found.images
    } else {
      return nil
    }
  }

  var entries: [ImageEntry] { (0..<count).map { ImageEntry(self, $0, label: 0) } }

  /// The last component, without the extension of a compressed file.
  private static func plainName(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
  }
}
