import AviaryCheckpoints
import AviaryModels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What lies at a path that somebody names as data, recognised by names alone.
public enum DataSource {
  /// The kind of the data.
  ///
  /// A folder holds images, unless it holds `edges.txt`: then it is a graph, as is an `.npz` file and the common prefix of
  /// Planetoid files. A `.csv` file is a table, any other file a text.
  public static func kind(of path: String) throws(TrainingFault) -> DataKind {
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
    if exists(path + ".graph") { return .graphs }
    var isFolder: Bool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw .noData(path: path) }
    if isFolder { return exists(path + "/edges.txt") ? .graphs : .images }
    if path.hasSuffix(".npz") { return .graphs }
    return path.hasSuffix(".csv") ? .tables : .text
  }
}
