#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Refuses a run inside of the folder of its data, where its files would become data, and data inside of the run.
func requireApart(run path: String, _ options: TrainingOptions) throws(RunFault) {
  var folders = [options.data]
  folders += [options.partFiles.validation, options.partFiles.test].compactMap { $0 }
  let run = components(path)
  for folder in folders {
    var isFolder: Bool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder else { continue }
    let data = components(folder)
    if run.starts(with: data) { throw .insideData(path: path, data: folder) }
    if data.starts(with: run) { throw .aroundData(path: path, data: folder) }
  }
}

/// The components of an absolute path without links, of a file that need not be there.
private func components(_ path: String) -> [String] {
  let here = FileManager.default.currentDirectoryPath
  var found = URL(filePath: path.hasPrefix("/") ? path : here + "/" + path).standardized
  var missing: [String] = []
  while !FileManager.default.fileExists(atPath: found.path), found.pathComponents.count > 1 {
    missing.insert(found.lastPathComponent, at: 0)
    found.deleteLastPathComponent()
  }
  return found.resolvingSymlinksInPath().pathComponents + missing
}
