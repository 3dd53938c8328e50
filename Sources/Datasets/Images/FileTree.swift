import AviaryArchives

/// What lies in a folder: names sorted by their UTF-8, the hidden ones left out, links followed.
struct FolderContent {
  private(set) var folders: [String] = []
  private(set) var files: [String] = []
  /// Links that lead nowhere, pipes and the like.
  private(set) var others: [String] = []

  init(_ path: String) throws(ImageFolderFault) {
    let names: [String]
    do throws(ArchiveFault) { names = try FileSystem.names(in: path) } catch { throw .unreadable(path: path) }
    for name in names where !name.hasPrefix(".") {
      switch FileSystem.status(path + "/" + name)?.kind {
      case .folder: folders.append(name)
      case .file: files.append(name)
      case .other, nil: others.append(name)
      }
    }
  }
}

/// The paths of everything below a folder, in sorted order, each folder's names together. A folder that links lead to a
/// second time is passed over, so a cycle ends.
struct FileTree {
  private(set) var files: [String] = []
  /// What is neither a file nor a folder.
  private(set) var others: [String] = []

  init(below path: String) throws(ImageFolderFault) {
    var visited: Set<FileSystem.Status.Identity> = []
    try add(path, &visited)
  }

  private mutating func add(_ path: String, _ visited: inout Set<FileSystem.Status.Identity>) throws(ImageFolderFault) {
    guard let status = FileSystem.status(path) else { throw .unreadable(path: path) }
    guard visited.insert(status.identity).inserted else { return }
    let names: [String]
    do throws(ArchiveFault) { names = try FileSystem.names(in: path) } catch { throw .unreadable(path: path) }
    for name in names where !name.hasPrefix(".") {
      let item = path + (path.hasSuffix("/") ? "" : "/") + name
      switch FileSystem.status(item)?.kind {
      case .folder: try add(item, &visited)
      case .file: files.append(item)
      case .other, nil: others.append(item)
      }
    }
  }
}
