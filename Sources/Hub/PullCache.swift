import AviaryArchives
import Foundation

/// The folder that published files are fetched into: `$AVIARY_CACHE`, else `$XDG_CACHE_HOME/aviary`, else `~/.cache/aviary`.
///
/// Below it are `weights/NAME` of the tables, `hub/OWNER/NAME/COMMIT` of a hub's repositories, `addresses/HASH` of plain
/// addresses, and `data/NAME`. A file with its own name is whole and verified; what is still being fetched ends with `.part`.
public struct PullCache: Sendable, Equatable {
  /// Where it lies.
  public let path: String

  /// The cache in this folder.
  public init(_ path: String) { self.path = path }

  /// - Parameter environment: that of the process.
  public static func standard(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PullFault) -> PullCache {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let own = value("AVIARY_CACHE") { return PullCache(own) }
    // The specification says that a relative path is to be ignored.
    if let common = value("XDG_CACHE_HOME"), common.hasPrefix("/") { return PullCache(common + "/aviary") }
    guard let home = value("HOME") else { throw .noCache }
    return PullCache(home + "/.cache/aviary")
  }

  func folder(ofWeights name: String) -> String { path + "/weights/" + name }
  func folder(ofData name: String) -> String { path + "/data/" + name }
  func folder(ofRepository repository: String) -> String { path + "/hub/" + repository }

  func folder(ofAddress address: String) throws(PullFault) -> String {
    do throws(LibraryFault) {
      return path + "/addresses/" + (try Digest.of(address.utf8, by: .sha256)).prefix(16)
    } catch {
      throw .noHashing(error)
    }
  }
}
