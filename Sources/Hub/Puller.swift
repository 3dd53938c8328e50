import AviaryArchives
import AviaryCheckpoints
import Foundation

/// How far a file has come.
public struct PullProgress: Equatable, Sendable {
  /// The name of the file.
  public let file: String
  /// How many bytes there are.
  public let received: Int
  /// Nil where nobody says how many bytes there will be.
  public let total: Int?
}

/// A file that is there, whole and verified.
public struct PulledFile: Equatable, Sendable {
  /// Where it lies.
  public let path: String
  /// Its size in bytes.
  public let bytes: Int
  /// Whether it was there before.
  public let wasCached: Bool
  /// What its bytes were compared with; nil where no hash was published.
  public let hash: PublishedHash?
}

/// Fetches published files into the cache: one process at a time, from where it stopped, and only what is verified gets its
/// name.
public struct Puller {
  /// Where files are kept.
  public var cache: PullCache
  /// The names that are known.
  public var table: PublishedTable
  /// Whether nothing may be fetched.
  public var isOffline: Bool
  /// Whether addresses of other machines may be without encryption.
  public var allowsHTTP = false
  /// Whether what is in the cache is compared with its published hash again, and fetched again where it is damaged.
  public var verifiesCache = false
  /// How long a server may send nothing, in seconds.
  public var patience = 60
  /// Where repositories are.
  public var hub: String
  /// Told what is fetched, and what is begun anew.
  public var notify: (String) -> Void = { _ in }
  /// Told now and then how far a file has come.
  public var progress: (PullProgress) -> Void = { _ in }
  /// Waits some seconds before the next request.
  var wait: (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }

  /// How often a request is sent whose answer breaks off or is none.
  static let attempts = 4
  /// The longest pause that a server may ask for, in seconds; who asks for more is not asked again.
  static let longestPause = 60
  /// What a connection must have brought for its end not to count as an attempt.
  static let step = 1 << 20

  /// A puller for a cache.
  public init(cache: PullCache, table: PublishedTable = .own, isOffline: Bool = false, hub: String? = nil) {
    self.cache = cache
    self.table = table
    self.isOffline = isOffline
    self.hub = hub ?? "https://huggingface.co"
  }

  /// As the environment says: `$AVIARY_CACHE`, `$AVIARY_TABLE`, `$AVIARY_OFFLINE` and the hub's own `$HF_ENDPOINT`. Proxies
  /// are those of `http_proxy`, `https_proxy` and `no_proxy`.
  public static func standard(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PullFault) -> Puller {
    let offline = environment["AVIARY_OFFLINE"] ?? ""
    let hub = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    return Puller(
      cache: try .standard(environment), table: try .standard(environment), isOffline: !["", "0"].contains(offline),
      hub: hub)
  }

  /// The file in `folder`, fetched if it is not there.
  ///
  /// - Parameter name: what a person called it, for faults.
  func fetch(_ file: PublishedFile, into folder: String, for name: String) throws(PullFault) -> PulledFile {
    let target = folder + "/" + file.name
    if let found = cached(file, target), try isIntact(found) { return found }
    guard !isOffline else { throw .offline(name: name, address: file.addresses[0]) }
    try withFiles { () throws(ArchiveFault) in try FileSystem.createFolder(folder) }
    let lock = try locked(folder + "/." + file.name + ".lock", for: name)
    defer { withExtendedLifetime(lock) {} }
    // Another process may have fetched it in the meantime.
    if let found = cached(file, target), try isIntact(found, tells: false) { return found }
    var first: PullFault?
    for address in file.addresses {
      do throws(PullFault) {
        return try fetch(file, from: address, to: target)
      } catch {
        // Another address is no help against the own disk.
        switch error {
        case .file, .noHashing: throw error
        default: first = first ?? error
        }
        if file.addresses.count > 1 { notify("\(error)") }
      }
    }
    throw first ?? .badAddress(name, reason: "it has no address")
  }

  private func cached(_ file: PublishedFile, _ path: String) -> PulledFile? {
    guard let status = FileSystem.status(path), status.kind == .file else { return nil }
    return PulledFile(path: path, bytes: status.size, wasCached: true, hash: file.hash)
  }

  private func isIntact(_ file: PulledFile, tells: Bool = true) throws(PullFault) -> Bool {
    guard verifiesCache, let hash = file.hash else { return true }
    if try hash.digits(ofFile: file.path, bytes: file.bytes) == hash.digits { return true }
    if tells { notify("\(file.path): damaged: its \(hash.name) is not the published one") }
    return false
  }

  /// Waits until no other process fetches the file.
  private func locked(_ path: String, for name: String) throws(PullFault) -> FileLock {
    var isWaiting = false
    while true {
      if let lock = try withFiles({ () throws(ArchiveFault) in try FileLock(path: path) }) { return lock }
      if !isWaiting { notify("\(name): another process is fetching it; waiting") }
      isWaiting = true
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  private func fetch(
    _ published: PublishedFile, from address: String, to target: String
  ) throws(PullFault) -> PulledFile {
    let url = try PullAddress.url(address, allowsHTTP: allowsHTTP || published.hash != nil)
    var part = try PartialFile(target, address: address, isIdentified: published.hash != nil)
    do throws(PullFault) {
      var isContinued = part.bytes > 0
      notify(
        "\(isContinued ? "going on with" : "fetching") \(address)"
          + ((published.bytes ?? published.roughBytes).map { ", \(Self.megabytes($0))" } ?? ""))
      while true {
        isContinued = try receive(published, url, &part) || isContinued
        let fault = try mismatch(published, address, part)
        guard let fault else { break }
        // What was begun may have been of another version of the file.
        guard isContinued else { throw fault }
        isContinued = false
        notify("\(fault); fetching it from the beginning")
        try part.clear()
      }
      let bytes = part.bytes
      try part.finish()
      return PulledFile(path: target, bytes: bytes, wasCached: false, hash: published.hash)
    } catch {
      if !error.keepsPart { part.remove() }
      throw error
    }
  }

  /// Sends requests until the server has sent everything.
  ///
  /// - Returns: whether a part of the file was there already, or came with an earlier request.
  private func receive(
    _ published: PublishedFile, _ url: URL, _ part: inout PartialFile
  ) throws(PullFault) -> Bool {
    var attempt = 1
    var isContinued = false
    while true {
      let start = part.bytes
      isContinued = isContinued || start > 0
      let request = Transfer.Request(
        address: url, offset: start, validator: part.validator, bytes: published.bytes, limit: published.limit,
        patience: patience, allowsHTTP: allowsHTTP || published.hash != nil)
      let whole = published.bytes ?? published.roughBytes
      let (file, known) = (part, part.validator)
      let (outcome, fault) = Transfer.run(request, to: part.file) { outcome in
        // A process that is killed leaves a part that the next can go on with.
        if outcome.validator != known { file.note(outcome.validator) }
        progress(PullProgress(file: published.name, received: outcome.received, total: outcome.total ?? whole))
      }
      part.bytes = outcome.received
      if outcome.validator != Validator() { part.validator = outcome.validator }
      if outcome.restarted { isContinued = false }
      guard let fault else {
        if outcome.isBeyondEnd, let total = outcome.total, total != part.bytes {
          try part.clear()
          continue
        }
        return isContinued
      }
      // Half of what is packed on its way cannot be gone on with: ranges are of the packed bytes, or of others.
      if outcome.isPacked {
        try part.clear()
      } else {
        part.note(part.validator)
      }
      if case .status(_, 416, _) = fault, start > 0 {
        try part.clear()
        continue
      }
      guard fault.isPassing, attempt < Self.attempts else { throw fault }
      if part.bytes - start < Self.step { attempt += 1 }
      var pause = 0.2 * Double(attempt)
      if case .status(_, _, let asked?) = fault, Double(asked) > pause {
        guard asked <= Self.longestPause else { throw fault }
        pause = Double(asked)
        notify("\(fault); waiting")
      }
      wait(pause)
    }
  }

  /// Why the file is not the published one; nil where it is.
  private func mismatch(
    _ published: PublishedFile, _ address: String, _ part: PartialFile
  ) throws(PullFault) -> PullFault? {
    if let bytes = published.bytes, bytes != part.bytes {
      return .wrongLength(address: address, bytes: part.bytes, expected: bytes)
    }
    guard let hash = published.hash else {
      if Self.isWebPage(part, published.name) { return .webPage(address: address) }
      if !published.isDocument, let text = Self.document(part, published.name) {
        return .document(address: address, text: text)
      }
      return part.bytes == 0 ? .empty(address: address) : nil
    }
    let found = try hash.digits(ofFile: part.path, bytes: part.bytes)
    return found == hash.digits
      ? nil : .wrongBytes(address: address, hash: hash.name, found: found, expected: hash.digits)
  }

  /// Whether a server has sent a page for people, such as one that asks for a name and a password, in place of a file.
  private static func isWebPage(_ part: PartialFile, _ name: String) -> Bool {
    if [".html", ".htm", ".xml"].contains(where: name.hasSuffix) { return false }
    let bytes = FileSystem.beginning(of: part.path, count: 256).drop { $0 <= 0x20 }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    // Pages may begin with a comment; stores of files answer with XML.
    return ["<!doctype html", "<html", "<!--", "<?xml"].contains { text.hasPrefix($0) }
  }

  /// The beginning of a JSON document, such as one that says what is wrong, that a server has sent in place of a file; nil
  /// where it is none, or the file may be one by its name.
  private static func document(_ part: PartialFile, _ name: String) -> String? {
    let ending = (name.split(separator: ".").last ?? "").lowercased()
    guard !ending.contains("json"), !["ipynb", "txt"].contains(ending), part.bytes <= documentLimit else { return nil }
    let bytes = FileSystem.beginning(of: part.path, count: documentLimit)
    guard case .object? = try? JSONValue(parsing: bytes) else { return nil }
    let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return words.count > 200 ? words.prefix(200) + "…" : words
  }

  /// What servers say about a fault is shorter; weights are longer.
  private static let documentLimit = 1 << 16

  /// "44.7 MB"
  public static func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000) / 100_000
    return tenths == 0 ? "\(bytes) bytes" : "\(tenths / 10).\(tenths % 10) MB"
  }
}

extension PullFault {
  /// Whether what was received may be gone on with.
  var keepsPart: Bool {
    switch self {
    case .brokenOff, .stalled, .status, .unreachable, .redirected, .insecure: true
    default: false
    }
  }

  /// Whether the next request may have more luck.
  fileprivate var isPassing: Bool {
    switch self {
    case .brokenOff, .unreachable: true
    case .status(_, let code, _): code == 429 || (500...599).contains(code)
    default: false
    }
  }
}
