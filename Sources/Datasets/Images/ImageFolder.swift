import AviaryArchives
import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A photograph on disk, or one of the pictures that a file packs, and what it shows.
public struct ImageEntry: Sendable, Hashable {
  /// The file, and the picture's number after a `#` where the file has many.
  public let path: String
  /// The position of its class in the list of classes.
  public var label: Int
  let packed: PackedImages?
  let index: Int

  public init(path: String, label: Int) {
    self.path = path
    self.label = label
    packed = nil
    index = 0
  }

  init(_ packed: PackedImages, _ index: Int, label: Int) {
    path = "\(packed.path)#\(index)"
    self.label = label
    self.packed = packed
    self.index = index
  }

  /// The file that holds the image.
  public var file: String { packed?.path ?? path }

  /// The picture.
  public func decoded() throws(ImageDecodingFault) -> DecodedImage {
    if let packed { return packed.image(index) }
    return try DecodedImage(contentsOf: path)
  }

  /// The picture for cutting a part out of it.
  func source() throws(ImageDecodingFault) -> PictureSource {
    if let packed { return .decoded(packed.image(index)) }
    return try PictureSource(contentsOf: path)
  }
}

/// Photographs sorted into folders, one a class: `DIR/<class>/<image>`.
public struct ImageFolder: Sendable, Equatable {
  /// The names of the classes, sorted.
  public let classes: [String]
  /// The photographs, class by class and sorted by path within each.
  public let entries: [ImageEntry]

  /// Lists the regular files below each class folder; hidden files and folders are passed over. What the files hold is
  /// seen when they are decoded.
  ///
  /// - Parameters:
  ///   - classes: the classes that are expected, whose order is kept; nil takes the folder's own.
  ///   - limit: the most photographs a class.
  public init(_ path: String, classes expected: [String]? = nil, limit: Int? = nil) throws(ImageFolderFault) {
    let found = try Self.classNames(path)
    if let expected {
      if let unknown = found.first(where: { !expected.contains($0) }) {
        throw .unknownClass(path: path, name: unknown, expected: expected)
      }
    } else {
      guard !found.isEmpty else { throw .noClass(path: path) }
      guard found.count > 1 else { throw .oneClass(path: path, name: found[0]) }
    }
    classes = expected ?? found
    var entries: [ImageEntry] = []
    for (label, name) in classes.enumerated() {
      let folder = path + "/" + name
      guard found.contains(name) else { throw .emptyClass(path: folder) }
      var visited: Set<String> = []
      let files = try Self.files(below: folder, visited: &visited)
      guard !files.isEmpty else { throw .emptyClass(path: folder) }
      entries += files.prefix(limit ?? files.count).map { ImageEntry(path: $0, label: label) }
    }
    self.entries = entries
  }

  /// - Precondition: every label is that of a class.
  public init(classes: [String], entries: [ImageEntry]) {
    ensure(entries.allSatisfy { classes.indices.contains($0.label) }, "ImageFolder: a label without a class")
    self.classes = classes
    self.entries = entries
  }

  /// The number of photographs of each class.
  public var counts: [Int] {
    entries.reduce(into: Array(repeating: 0, count: classes.count)) { $0[$1.label] += 1 }
  }

  /// The names of the folders in a folder, sorted.
  static func classNames(_ path: String) throws(ImageFolderFault) -> [String] {
    try names(in: path).filter { kind(of: path + "/" + $0) == .folder }
  }

  /// The names in a folder, sorted by their UTF-8 bytes, the hidden ones left out.
  private static func names(in path: String) throws(ImageFolderFault) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw .unreadable(path: path)
    }
  }

  private enum Kind { case file, folder, other }

  private static func kind(of path: String) -> Kind {
    let type = try? FileManager.default.attributesOfItem(atPath: resolved(path))[.type] as? FileAttributeType
    return type == .typeRegular ? .file : type == .typeDirectory ? .folder : .other
  }

  private static func resolved(_ path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }

  /// The regular files below a folder in sorted order, each folder's names together. A folder that links lead to a
  /// second time is passed over, so a cycle ends.
  private static func files(below path: String, visited: inout Set<String>) throws(ImageFolderFault) -> [String] {
    guard visited.insert(resolved(path)).inserted else { return [] }
    var files: [String] = []
    for name in try names(in: path) {
      let item = path + "/" + name
      switch kind(of: item) {
      case .file: files.append(item)
      case .folder: files += try Self.files(below: item, visited: &visited)
      case .other: break
      }
    }
    return files
  }
}

/// Why a folder of images is refused.
public enum ImageFolderFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// The folder does not exist or may not be read.
  case unreadable(path: String)
  /// The folder has no class folders.
  case noClass(path: String)
  /// The folder has a single class folder, which leaves nothing to classify.
  case oneClass(path: String, name: String)
  /// The folder of a class is missing or has no files.
  case emptyClass(path: String)
  /// A validation or test part has a class that the training part does not have.
  case unknownClass(path: String, name: String, expected: [String])
  /// A file of packed images cannot be read.
  case archive(ArchiveFault)
  /// A file of packed images is missing beside the others.
  case missing(path: String, name: String)
  /// A file of packed images is not what its name says, or contradicts another.
  case malformed(path: String, reason: String)
  /// A split would leave one of the parts without an image.
  case tooFew(images: Int, fraction: Double)

  public var description: String {
    switch self {
    case .unreadable(let path): "\(path): the folder cannot be read; give a folder of DIR/<class>/<image>"
    case .noClass(let path): "\(path): has no class folders; put images in \(path)/<class>/<image>"
    case .oneClass(let path, let name):
      "\(path): has only one class ('\(name)'); a classifier needs two or more class folders"
    case .emptyClass(let path): "\(path): has no images; add some, or remove the class from every part"
    case .unknownClass(let path, let name, let expected):
      "\(path): unknown class '\(name)'; the model's classes are \(Self.short(expected))"
    case .archive(let fault): "\(fault)"
    case .missing(let path, let name): "\(path): has no \(name), which belongs to the other files"
    case .malformed(let path, let reason): "\(path): damaged: \(reason); copy or download it again"
    case .tooFew(let images, let fraction):
      "\(images) images are too few to hold out \(fraction) of them; add images or give a validation folder"
    }
  }

  private static func short(_ names: [String]) -> String {
    names.count <= 12 ? names.joined(separator: ", ") : names.prefix(12).joined(separator: ", ") + ", …"
  }
}
