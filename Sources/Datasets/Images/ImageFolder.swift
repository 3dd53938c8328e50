import AviaryArchives
import AviaryDiagnostics

/// A photograph on disk, or one of the pictures that a file packs, and what it shows.
public struct ImageEntry: Sendable, Hashable {
  /// The file, and the picture's number after a `#` where the file has many.
  public let path: String
  /// The position of its class in the list of classes.
  public var label: Int
  let packed: PackedImages?
  let index: Int

  /// An image and the number of its class.
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

  /// The size of the picture as a viewer shows it, in pixels, and the name of its format; nothing is decoded. Pictures that
  /// are packed into one file have no format.
  public func form() throws(ImageDecodingFault) -> (width: Int, height: Int, format: String?) {
    if let packed {
      let image = packed.image(index)
      return (image.width, image.height, nil)
    }
    let bytes = try readBytes(path: path)
    let (width, height) = try DecodedImage.storedSize(of: bytes, named: path)
    let isTurned = (5...8).contains(DecodedImage.orientation(of: bytes))
    return (isTurned ? height : width, isTurned ? width : height, ImageFormat(bytes)?.rawValue)
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
  /// What lies in the folder and is not used, a line each.
  public let remarks: [String]

  /// Lists the files below each class folder that are called or begin like images, or have no extension; hidden files and folders are passed over.
  /// What the files hold is seen when they are decoded.
  ///
  /// A class is the same in all parts where Unicode takes the names for equal, whichever spelling (NFC, NFD) each has.
  ///
  /// - Parameters:
  ///   - classes: the classes that are expected, whose order and spelling are kept; nil takes the folder's own.
  ///   - limit: the most photographs a class.
  ///   - allowsMissing: whether an expected class may have no photographs, which is one of the remarks then; some class has to
  ///     have one.
  public init(
    _ path: String, classes expected: [String]? = nil, limit: Int? = nil, allowsMissing: Bool = false
  ) throws(ImageFolderFault) {
    let top = try FolderContent(path)
    let found = top.folders
    guard !found.isEmpty else { throw .noClass(path: path) }
    var spelled: [String: String] = [:]
    for name in found {
      // Two folders of one class would be two classes, or one of them lost.
      if let other = spelled.updateValue(name, forKey: name) { throw .sameClass(path: path, other, name) }
    }
    var folders: [String?] = found
    if let expected {
      folders = Array(repeating: nil, count: expected.count)
      let places = ClassPlaces(expected)
      for name in found {
        guard let place = places.place(of: name) else {
          throw .unknownClass(path: path, name: name, expected: expected)
        }
        folders[place] = name
      }
    } else {
      guard found.count > 1 else { throw .oneClass(path: path, name: found[0]) }
    }
    classes = expected ?? found
    var entries: [ImageEntry] = []
    var lost: [String] = []
    var others: [String] = []
    var missing: [String] = []
    for (label, name) in classes.enumerated() {
      guard let folder = folders[label] else {
        if !allowsMissing { throw .emptyClass(path: path + "/" + name) }
        missing.append(name)
        continue
      }
      let tree = try FileTree(below: path + "/" + folder)
      lost += tree.others
      let images = tree.files.filter { Self.mayBeImage($0) }
      if images.count < tree.files.count { others += tree.files.filter { !Self.mayBeImage($0) } }
      if images.isEmpty {
        if !allowsMissing { throw .emptyClass(path: path + "/" + folder) }
        missing.append(name)
      }
      entries += images.prefix(limit ?? images.count).map { ImageEntry(path: $0, label: label) }
    }
    if entries.isEmpty { throw .noImages(path: path) }
    self.entries = entries
    let absent = missing.prefix(5).map { "'\($0)'" }.joined(separator: ", ") + (missing.count > 5 ? ", …" : "")
    remarks =
      (missing.isEmpty ? [] : ["\(path): has no images of \(missing.count) of \(classes.count) classes: \(absent)"])
      + (expected == nil ? Self.alike(found).map { "\(path): \($0)" } : [])
      + line(path, top.files.filter { ImageFormat.isUsual(forFile: $0) }, "image", "beside the class folders")
      + line(path, others, "file", "in the class folders, neither called nor begun like an image,")
      + line(path, lost, "name", "of neither a file nor a folder")
  }

  /// A line about classes whose names differ in capital letters alone, which are mostly one class in two spellings; none
  /// where there are no such.
  private static func alike(_ names: [String]) -> [String] {
    let groups = Dictionary(grouping: names) { $0.lowercased() }.values.filter { $0.count > 1 }
    guard !groups.isEmpty else { return [] }
    let pairs = groups.map { $0.sorted().map { "'\($0)'" }.joined(separator: " and ") }.sorted()
    let named = pairs.prefix(5).joined(separator: ", ") + (pairs.count > 5 ? ", …" : "")
    return ["\(named) are classes of their own, whose names differ only in capital letters; is that meant?"]
  }

  /// Annotations and notes beside images are no images that cannot be read. A name without an extension says nothing.
  private static func mayBeImage(_ file: String) -> Bool {
    let slash = file.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = slash.map { file.utf8[$0...] } ?? file.utf8[...]
    return !name.contains(UInt8(ascii: ".")) || ImageFormat.isUsual(forFile: file)
      || ImageFormat(FileSystem.beginning(of: file, count: 64)) != nil
  }

  /// - Precondition: every label is that of a class.
  public init(classes: [String], entries: [ImageEntry], remarks: [String] = []) {
    ensure(entries.allSatisfy { classes.indices.contains($0.label) }, "ImageFolder: a label without a class")
    self.classes = classes
    self.entries = entries
    self.remarks = remarks
  }

  /// The number of photographs of each class.
  public var counts: [Int] {
    entries.reduce(into: Array(repeating: 0, count: classes.count)) { $0[$1.label] += 1 }
  }

}

/// Where classes stand in a list.
struct ClassPlaces {
  private let classes: [String]
  /// Of names that are equal as Unicode has it.
  private var places: [String: [Int]] = [:]

  init(_ classes: [String]) {
    self.classes = classes
    places.reserveCapacity(classes.count)
    for (place, name) in classes.enumerated() { places[name, default: []].append(place) }
  }

  /// The place of a class: of the same bytes, or else of the same characters in another normal form.
  func place(of name: String) -> Int? {
    let same = places[name] ?? []
    return same.count == 1 ? same[0] : same.first { classes[$0].isExactly(name) }
  }
}

/// One line that names and counts what is not used; none where there is nothing.
func line(_ path: String, _ names: [String], _ noun: String, _ place: String) -> [String] {
  guard !names.isEmpty else { return [] }
  let first = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ") + (names.count > 5 ? ", …" : "")
  let count = names.count == 1 ? "1 \(noun) \(place) is" : "\(names.count) \(noun)s \(place) are"
  return ["\(path): \(count) not used: \(first)"]
}

/// Why a folder of images is refused.
public enum ImageFolderFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// The folder does not exist or may not be read.
  case unreadable(path: String)
  /// The folder has no class folders.
  case noClass(path: String)
  /// The folder has a single class folder, which leaves nothing to classify.
  case oneClass(path: String, name: String)
  /// A folder of images has none.
  case noImages(path: String)
  /// The folder of a class is missing or has no images.
  case emptyClass(path: String)
  /// Two class folders have one name in two Unicode spellings.
  case sameClass(path: String, String, String)
  /// Two folders are the same part, such as `val` and `validation`.
  case samePart(path: String, String, String)
  /// The folder is divided into parts, and has none for training.
  case noTraining(path: String, parts: [String], others: [String])
  /// There are other than as many names as classes of packed images.
  case classCount(path: String, names: Int, classes: Int)
  /// A validation or test part has a class that the training part does not have.
  case unknownClass(path: String, name: String, expected: [String])
  /// A file of packed images cannot be read.
  case archive(ArchiveFault)
  /// A file of packed images is missing beside the others.
  case missing(path: String, name: String)
  /// A file of packed images is not what its name says, or contradicts another.
  case malformed(path: String, reason: String)
  /// A folder has the files of several sets of packed images.
  case severalSets(path: String, names: [String])
  /// A folder has CIFAR's files as Python pickles them.
  case pickledCIFAR(path: String)
  /// A split would leave one of the parts without an image.
  case tooFew(images: Int, fraction: Double)
  /// The images cannot be divided as asked.
  case division(SplitFault)

  public var description: String {
    switch self {
    case .unreadable(let path): "\(path): the folder cannot be read; give a folder of DIR/<class>/<image>"
    case .noClass(let path): "\(path): has no class folders; put images in \(path)/<class>/<image>"
    case .oneClass(let path, let name):
      "\(path): has only one class ('\(name)'); a classifier needs two or more class folders"
    case .noImages(let path): "\(path): has no images"
    case .emptyClass(let path): "\(path): has no images; add some, or remove the class from every part"
    case .sameClass(let path, let first, let second):
      "\(path): the folders '\(Self.scalars(first))' and '\(Self.scalars(second))' are one class in two Unicode spellings; "
        + "put their images into one folder"
    case .samePart(let path, let first, let second):
      "\(path): the folders '\(first)' and '\(second)' are the same part; keep one of them, or rename the other"
    case .noTraining(let path, let parts, let others):
      "\(path): has the \(parts.count == 1 ? "part" : "parts") \(parts.joined(separator: ", ")) but no folder 'train'"
        + (others.isEmpty ? "" : " (beside \(Self.short(others)))") + "; put the training images there"
    case .classCount(let path, let names, let classes):
      "\(path): \(names) class names for \(classes) classes; give one name for each, in the order of their numbers"
    case .unknownClass(let path, let name, let expected):
      "\(path): unknown class '\(name)'; the model's classes are \(Self.short(expected))"
    case .archive(let fault): "\(fault)"
    case .missing(let path, let name): "\(path): has no \(name), which belongs to the other files"
    case .malformed(let path, let reason): "\(path): damaged: \(reason); copy or download it again"
    case .severalSets(let path, let names):
      "\(path): has the files of several data sets (\(Self.short(names))); put those of one into a folder of their own"
    case .pickledCIFAR(let path):
      "\(path): has CIFAR's files as Python's pickles, which are not read; use its binary version (cifar-10-binary.tar.gz, cifar-100-binary.tar.gz)"
    case .tooFew(let images, let fraction):
      "\(images) images are too few to hold out \(fraction) of them; add images or give a validation folder"
    case .division(let fault): "\(fault)"
    }
  }

  /// The name with what is not ASCII spelled out, so that names that look alike can be told apart.
  private static func scalars(_ name: String) -> String {
    name.unicodeScalars.map { $0.isASCII ? String($0) : "\\u{\(String($0.value, radix: 16))}" }.joined()
  }

  private static func short(_ names: [String]) -> String {
    names.count <= 12 ? names.joined(separator: ", ") : names.prefix(12).joined(separator: ", ") + ", …"
  }
}
