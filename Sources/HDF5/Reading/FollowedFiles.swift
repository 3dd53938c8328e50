import AviaryArchives
import AviaryDiagnostics
import Synchronization

/// The files that external links and virtual datasets of a file lead to, opened on request: those in its folder and below, each once at every
/// distance from it.
final class FollowedFiles: Sendable {
  /// The most links on the way to a dataset: links may form a circle.
  static let depthLimit = 4
  static let fileLimit = 4096
  /// The most datasets of other files in a listing.
  static let datasetLimit = 100_000

  private struct Key: Hashable {
    let path: ExactText
    let depth: Int
  }

  private let folder: String
  private let readers = Mutex<[Key: HDF5Reader]>([:])

  /// `nil` where the folder of the file at `path` cannot be found.
  init?(path: String) {
    guard let folder = NeighbouringFile.folder(of: path) else { return nil }
    self.folder = folder
  }

  /// The file that the file of `reader` calls `name`.
  func file(named name: String, by reader: HDF5Reader) throws(Flaw) -> HDF5Reader {
    let depth = reader.depth + 1
    guard depth <= Self.depthLimit else { throw .tooMany("external links on one path", limit: Self.depthLimit) }
    guard let path = NeighbouringFile.path(named: name, beside: reader.path, within: folder) else {
      throw .elsewhere("names a file that is not in the folder of the file")
    }
    let key = Key(path: ExactText(path), depth: depth)
    if let known = readers.withLock({ $0[key] }) { return known }
    guard readers.withLock({ $0.count }) < Self.fileLimit else {
      throw .tooMany("files that are linked to", limit: Self.fileLimit)
    }
    let opened: HDF5Reader
    do throws(HDF5Fault) {
      let bytes: ByteRegion
      do { bytes = try MappedFile(path: path).bytes } catch { throw .archive(error) }
      opened = try HDF5Reader(bytes: bytes, path: path, followed: self, depth: depth)
    } catch {
      throw .damage("\(error)")
    }
    readers.withLock { $0[key] = opened }
    return opened
  }
}

extension HDF5Contents {
  /// An external link, by its path.
  struct ExternalLink: Sendable {
    let path: String
    let file: String
    let object: String
  }

  /// Lists the datasets that external links lead to, and says of the others why they are not followed.
  mutating func follow(_ files: FollowedFiles, of reader: HDF5Reader) {
    for link in externalLinks {
      guard let index = refusals.firstIndex(where: { $0.path.isExactly(link.path) }) else { continue }
      do throws(Flaw) {
        let other = try files.file(named: link.file, by: reader)
        let found = try other.contents.datasets(under: link.object, as: link.path, in: other)
        guard linkedDatasets.count + found.count <= FollowedFiles.datasetLimit else {
          throw .tooMany("datasets in other files", limit: FollowedFiles.datasetLimit)
        }
        linkedDatasets += found
        refusals.remove(at: index)
        refusals += other.contents.refusals(under: link.object, as: link.path)
      } catch {
        let how = "it is an external link to '\(link.object)' in the file '\(link.file)'"
        let reason = error.refusal(of: link.path).reason
        refusals[index] = Refusal(path: link.path, reason: "\(how): \(reason)".printable, kind: refusals[index].kind)
      }
    }
  }

  /// What is lost below the group at `target`, under the path of a link.
  private func refusals(under target: String, as path: String) -> [Refusal] {
    let target = PathLookup.components(target).joined(separator: "/")
    let prefix = target.isEmpty ? "" : target + "/"
    let lost = refusals.filter { $0.losesData && $0.path.utf8.starts(with: prefix.utf8) }
    return lost.prefix(FollowedFiles.depthLimit * 250).map { refusal in
      let rest = String(decoding: refusal.path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      return Refusal(path: path + "/" + rest, reason: refusal.reason, kind: refusal.kind)
    }
  }

  /// The dataset at `target`, or those below it, under the path of a link.
  private func datasets(under target: String, as path: String, in reader: HDF5Reader) throws(Flaw) -> [Dataset] {
    let target = PathLookup.components(target).joined(separator: "/")
    let all = datasets + linkedDatasets
    if let dataset = all.first(where: { $0.path.isExactly(target) }) { return [dataset.linked(as: path, in: reader)] }
    if let refusal = refusal(of: target), refusal.losesData { throw .damage(refusal.reason) }
    guard attributes(ofGroup: target) != nil else { throw .absent }
    let prefix = target.isEmpty ? "" : target + "/"
    return all.filter { $0.path.utf8.starts(with: prefix.utf8) }.map { dataset in
      let rest = String(decoding: dataset.path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      return dataset.linked(as: path + "/" + rest, in: reader)
    }
  }
}

extension HDF5Contents.Dataset {
  fileprivate func linked(as path: String, in reader: HDF5Reader) -> HDF5Contents.Dataset {
    .init(path: path, attributes: attributes, offset: offset, object: object, source: source ?? reader)
  }
}
