import AviaryArchives
import AviaryCheckpoints

/// What was asked for, in the cache.
public struct Pulled: Equatable, Sendable {
  /// The checkpoint; of data, what `--data` takes.
  public let path: String
  /// The files, in the order of the entry.
  public let files: [PulledFile]
  /// The row of the table that it is from.
  public let entry: PublishedEntry?

  /// Whether nothing had to be fetched.
  public var wasCached: Bool { files.allSatisfy(\.wasCached) }
}

extension Puller {
  /// Fetches what is published under a name or an address, unless it is in the cache.
  ///
  /// - Parameter refreshes: whether the hub is asked again what a revision is.
  /// - Parameter text: a name or an address, as a person wrote it.
  public func pull(_ text: String, refreshes: Bool = false) throws(PullFault) -> Pulled {
    switch try PullAddress(text, allowsHTTP: allowsHTTP) {
    case .weights(let name):
      guard let entry = table[name], !entry.isData else {
        throw .unknown(name: name, known: table.names.filter { !$0.hasPrefix("data:") })
      }
      return try weights(entry)
    case .data(let name):
      guard let entry = table["data:" + name] else {
        throw .unknown(name: text, known: table.names.filter { $0.hasPrefix("data:") })
      }
      return try data(entry)
    case .repository(let name): return try repository(name, refreshes: refreshes)
    case .address(let file):
      let found = try fetch(file, into: cache.folder(ofAddress: file.addresses[0]), for: text)
      return Pulled(path: found.path, files: [found], entry: nil)
    }
  }

  private func weights(_ entry: PublishedEntry) throws(PullFault) -> Pulled {
    let folder = cache.folder(ofWeights: entry.name)
    var files: [PulledFile] = []
    for file in entry.files { files.append(try fetch(file, into: folder, for: entry.name)) }
    // What the table says may have become more since the file was fetched.
    let (card, path) = (Array(entry.card.serialized.utf8), folder + "/config.json")
    if FileSystem.beginning(of: path, count: card.count + 1) != card {
      try withFiles { () throws(ArchiveFault) in try writeDurably([ByteRegion(card)], to: path) }
    }
    return Pulled(path: files[0].path, files: files, entry: entry)
  }

  private func data(_ entry: PublishedEntry) throws(PullFault) -> Pulled {
    let folder = cache.folder(ofData: String(entry.name.dropFirst(5)))
    let path = folder + (entry.place.map { "/" + $0 } ?? "")
    if !entry.members.isEmpty { return try unpacked(entry, folder, path) }
    var files: [PulledFile] = []
    for file in entry.files { files.append(try fetch(file, into: folder, for: entry.name)) }
    try nameClasses(entry, in: folder)
    return Pulled(path: path, files: files, entry: entry)
  }

  /// Data in an archive, whose members lie in the folder after that, and the archive no more.
  private func unpacked(_ entry: PublishedEntry, _ folder: String, _ path: String) throws(PullFault) -> Pulled {
    func file(_ member: String) -> String {
      folder + "/" + (member.split(separator: "/").last.map(String.init) ?? member)
    }
    func pulled(_ wasCached: Bool) -> Pulled {
      let files = entry.members.map { member in
        PulledFile(
          path: file(member), bytes: FileSystem.status(file(member))?.size ?? 0, wasCached: wasCached,
          hash: entry.files[0].hash)
      }
      return Pulled(path: path, files: files, entry: entry)
    }
    if entry.members.allSatisfy({ FileSystem.exists(file($0)) }) { return pulled(true) }
    let archive = try fetch(entry.files[0], into: folder, for: entry.name)
    let most = 2 << 30
    try withFiles { () throws(ArchiveFault) in
      let packed = try MappedFile(path: archive.path).bytes
      let tar =
        TarArchive.matches(packed)
        ? packed : try packed.inflated(atMost: most, wrapping: .gzip, path: archive.path, part: "the archive")
      let members = try TarArchive(tar, path: archive.path)
      for member in entry.members {
        try writeDurably([try members.contents(named: member)], to: file(member))
      }
    }
    try nameClasses(entry, in: folder)
    FileSystem.removeFile(archive.path)
    return pulled(false)
  }

  /// Writes the class names that the files themselves do not have, as folders of packed images have them.
  private func nameClasses(_ entry: PublishedEntry, in folder: String) throws(PullFault) {
    guard let classes = entry.classes, !FileSystem.exists(folder + "/classes.txt") else { return }
    let text = ByteRegion(Array(classes.map { $0 + "\n" }.joined().utf8))
    try withFiles { () throws(ArchiveFault) in try writeDurably([text], to: folder + "/classes.txt") }
  }
}
