/// The folders of a data folder that are its parts: `train`, `valid` (or `val`, `validation`) and `test`, in any case.
public struct PartFolders: Sendable, Equatable {
  /// A part of the data.
  public enum Part: String, CaseIterable, Sendable {
    /// The names of its folders.
    case train, valid, test

    /// The part that a folder of this name is; nil if its name is not a part's.
    public init?(folder name: String) {
      switch name.lowercased() {
      case "train", "training": self = .train
      case "valid", "val", "validation": self = .valid
      case "test", "testing": self = .test
      default: return nil
      }
    }
  }

  /// Its path.
  public let path: String
  /// The folders beside the parts, which are not used.
  public let unused: [String]
  private var names: [Part: String] = [:]
  private let looseImages: [String]

  /// Nil where the folder has no parts.
  ///
  /// A part has class folders. A single folder without any is a class with a part's name (such as trains) if there are
  /// other folders beside it.
  public init?(_ path: String) throws(ImageFolderFault) {
    self.path = path
    let content = try FolderContent(path)
    looseImages = content.files.filter { ImageFormat.isUsual(forFile: $0) }
    var divided: [String] = []
    var flat: [String] = []
    for name in content.folders where Part(folder: name) != nil {
      if try FolderContent(path + "/" + name).folders.isEmpty { flat.append(name) } else { divided.append(name) }
    }
    if divided.isEmpty, flat.isEmpty || (flat.count == 1 && content.folders.count > 1) { return nil }
    let parts = content.folders.filter { (divided + flat).contains($0) }
    unused = content.folders.filter { !parts.contains($0) }
    for name in parts {
      guard let part = Part(folder: name) else { continue }
      if let other = names.updateValue(name, forKey: part) { throw .samePart(path: path, other, name) }
    }
  }

  /// The parts that are there, in the order training, validation, test, with the names of their folders.
  public var parts: [(part: Part, name: String)] {
    Part.allCases.compactMap { part in names[part].map { (part, $0) } }
  }

  /// The path of a part's folder; nil where there is no such part.
  public func path(of part: Part) -> String? { names[part].map { path + "/" + $0 } }

  /// The number of folders in a folder, which are one for each class.
  public static func classFolders(in path: String) throws(ImageFolderFault) -> Int {
    try FolderContent(path).folders.count
  }

  /// The path of the part for training.
  func training() throws(ImageFolderFault) -> String {
    guard let folder = path(of: .train) else {
      throw .noTraining(path: path, parts: parts.map(\.name), others: unused)
    }
    return folder
  }

  /// What lies beside the parts and is not used, a line each.
  public var remarks: [String] {
    line(path, unused, "folder", "beside the parts") + line(path, looseImages, "image", "beside the parts")
  }
}
