import AviaryArchives
import AviaryCheckpoints
import Foundation

/// The files of a repository at a commit, as the hub's interface lists them.
package struct HubRepository {
  let commit: String
  package let files: [PublishedFile]

  /// The most bytes of a list of files, or of an index of weights in several files.
  static let mostBytes = 32 << 20

  /// - Parameter root: the address of the repository's files at the commit, without the commit.
  package init(_ listing: JSONValue, root: String, address: String) throws(PullFault) {
    func fault(_ reason: String) -> PullFault { .badListing(address: address, reason: reason) }
    guard let commit = listing["sha"]?.text, isPlainName(commit) else { throw fault("it names no commit") }
    guard let siblings = listing["siblings"]?.elements else { throw fault("it lists no files") }
    self.commit = commit
    var files: [PublishedFile] = []
    for sibling in siblings {
      // What has another name than a file in the folder is not for this program.
      guard let name = sibling["rfilename"]?.text, HubName.isPath(name),
        let escaped = name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
      else { continue }
      let large = sibling["lfs"]
      let hash =
        large.flatMap { ($0["sha256"] ?? $0["oid"])?.text }.flatMap { PublishedHash.checked(.sha256($0)) }
        ?? (large == nil ? sibling["blobId"]?.text.flatMap { PublishedHash.checked(.gitBlob($0)) } : nil)
      let bytes = (large?["size"] ?? sibling["size"])?.integer
      files.append(
        PublishedFile(
          name, at: ["\(root)/\(commit)/\(escaped)"], bytes: bytes.flatMap { $0 > 0 ? $0 : nil }, hash: hash))
    }
    self.files = files
  }

  subscript(name: String) -> PublishedFile? { files.first { $0.name == name } }

  /// The file with the weights: the one asked for, or the first that hubs keep them in.
  package func weights(_ wanted: String?, of name: HubName) throws(PullFault) -> PublishedFile {
    let names = files.map(\.name)
    if let wanted {
      guard let file = self[wanted] else { throw .noFile(repository: name.repository, wanted: wanted, files: names) }
      return file
    }
    let usual = [
      "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]
    if let file = usual.lazy.compactMap({ self[$0] }).first { return file }
    for kind in [".safetensors", ".pth", ".pt", ".bin", ".keras", ".h5", ".npz"] {
      let found = files.filter { $0.name.hasSuffix(kind) && !$0.name.contains("/") }
      if found.count == 1 { return found[0] }
    }
    throw .noFile(repository: name.repository, wanted: nil, files: names)
  }
}

extension Puller {
  /// A repository's weights, with the files beside them that describe them.
  func repository(_ name: HubName, refreshes: Bool) throws(PullFault) -> Pulled {
    let folder = cache.folder(ofRepository: name.repository)
    let listing = try listing(name, folder, refreshes: refreshes)
    let files = folder + "/" + listing.commit
    let weights = try listing.weights(name.file, of: name)
    let slash = weights.name.lastIndex(of: "/")
    let beside = slash.map { String(weights.name[...$0]) } ?? ""
    var pulled: [PulledFile] = []
    func take(_ file: PublishedFile) throws(PullFault) {
      var file = file
      let parent = file.name.lastIndex(of: "/").map { "/" + file.name[..<$0] } ?? ""
      file.name = file.name.split(separator: "/").last.map(String.init) ?? file.name
      pulled.append(try fetch(file, into: files + parent, for: "\(name)"))
    }
    for described in ["config.json", "preprocessor_config.json"] {
      if var file = listing[beside + described] {
        file.limit = Self.descriptionLimit
        try take(file)
      }
    }
    try take(weights)
    let path = files + "/" + weights.name
    if weights.name.hasSuffix(".index.json") {
      for shard in try shards(path) {
        guard let file = listing[beside + shard] else {
          throw .noFile(repository: name.repository, wanted: beside + shard, files: listing.files.map(\.name))
        }
        try take(file)
      }
    }
    return Pulled(path: path, files: pulled, entry: nil)
  }

  private static var descriptionLimit: Int { 16 << 20 }

  /// What a revision was when the hub was last asked, or is now.
  private func listing(_ name: HubName, _ folder: String, refreshes: Bool) throws(PullFault) -> HubRepository {
    let known = folder + "/revisions/" + name.revision + ".json"
    if isOffline || !refreshes, FileSystem.exists(known) { return try listing(at: known, name) }
    let address = "\(hub)/api/models/\(name.repository)/revision/\(name.revision)?blobs=true"
    var file = PublishedFile(name.revision + ".json.new", at: [address])
    file.limit = HubRepository.mostBytes
    file.isDocument = true
    let fresh = folder + "/revisions/" + file.name
    FileSystem.removeFile(fresh)
    let found = try fetch(file, into: folder + "/revisions", for: "\(name)")
    defer { FileSystem.removeFile(found.path) }
    let listing = try listing(at: found.path, name)
    try withFiles { () throws(ArchiveFault) in try FileSystem.move(found.path, to: known) }
    return listing
  }

  private func listing(at path: String, _ name: HubName) throws(PullFault) -> HubRepository {
    let address = "\(hub)/\(name.repository)"
    let bytes = try withFiles { () throws(ArchiveFault) in try MappedFile(path: path, map: false) }.bytes
    guard bytes.count <= HubRepository.mostBytes else {
      throw .tooLarge(address: address, limit: HubRepository.mostBytes)
    }
    guard let json = try? JSONValue(parsing: bytes.array()) else {
      throw .badListing(address: address, reason: "the list of its files is not JSON")
    }
    return try HubRepository(json, root: "\(hub)/\(name.repository)/resolve", address: address)
  }

  /// The files that an index names.
  private func shards(_ path: String) throws(PullFault) -> [String] {
    let bytes = try withFiles { () throws(ArchiveFault) in try MappedFile(path: path, map: false) }.bytes
    let map =
      bytes.count <= HubRepository.mostBytes ? (try? JSONValue(parsing: bytes.array()))?["weight_map"]?.members : nil
    let names = Set(map?.compactMap(\.value.text) ?? [])
    guard !names.isEmpty, names.allSatisfy(isPlainName) else {
      throw .badListing(address: path, reason: "it is not an index of the files beside it")
    }
    return names.sorted()
  }
}
