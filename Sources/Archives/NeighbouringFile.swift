import AviaryPlatform

/// Files that another file names, and that may be opened for it: those in a folder or below it.
package enum NeighbouringFile {
  /// The folder of the file at `path`, without symbolic links; `nil` where it cannot be found.
  package static func folder(of path: String) -> String? {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    return resolved(slash.map { String(path[..<$0]) + "/" } ?? ".")
  }

  /// The real path of the file that `name` stands for in the folder of `path`; `nil` unless it is there, below `folder`. No
  /// name may be absolute or go up, and no symbolic link may lead out.
  package static func path(named name: String, beside path: String, within folder: String) -> String? {
    let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard !name.utf8.contains(0), let first = parts.first, !first.isEmpty,
      !parts.contains(where: { $0.elementsEqual("..".utf8) }), let own = self.folder(of: path),
      let found = resolved(own + "/" + name), found.utf8.starts(with: (folder == "/" ? folder : folder + "/").utf8)
    else { return nil }
    return found
  }

  private static func resolved(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
  }
}
