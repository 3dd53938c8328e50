import Foundation

/// What a person may pull: a name of the tables, a repository of the hub, a plain address, or data.
public enum PullAddress: Equatable, Sendable {
  /// `resnet18-imagenet`
  case weights(String)
  /// `data:fashion-mnist`
  case data(String)
  /// `hf:OWNER/NAME[@REVISION][/FILE]`
  case repository(HubName)
  /// `https://…`, perhaps with `#sha256=…`.
  case address(PublishedFile)

  /// - Parameter allowsHTTP: whether addresses of other machines may be without encryption.
  /// - Parameter text: a name or an address, as a person wrote it.
  public init(_ text: String, allowsHTTP: Bool = false) throws(PullFault) {
    if text.hasPrefix("data:") {
      self = .data(String(text.dropFirst(5)))
    } else if text.hasPrefix("hf:") {
      self = .repository(try HubName(text))
    } else if text.contains("://") {
      self = .address(try Self.file(text, allowsHTTP: allowsHTTP))
    } else {
      self = .weights(text)
    }
  }

  /// Whether a text is something to pull other than a name of the tables, which might be that of a file.
  public static func isRemote(_ text: String) -> Bool {
    text.hasPrefix("hf:") || text.hasPrefix("https://") || text.hasPrefix("http://") || text.hasPrefix("data:")
  }

  /// Whether nobody can read or change what comes from there: it is encrypted, or does not leave this machine.
  static func isSecure(_ url: URL) -> Bool {
    switch url.scheme?.lowercased() {
    case "https": true
    case "http": ["localhost", "127.0.0.1", "::1", "[::1]"].contains(url.host?.lowercased() ?? "")
    default: false
    }
  }

  /// The address of a request.
  static func url(_ text: String, allowsHTTP: Bool) throws(PullFault) -> URL {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), let host = url.host, !host.isEmpty else {
      throw .badAddress(text, reason: "write https://HOST/PATH")
    }
    guard scheme == "https" || scheme == "http" else {
      throw .badAddress(text, reason: "\(scheme) is not known; use https")
    }
    guard allowsHTTP || isSecure(url) else { throw .insecure(address: text) }
    return url
  }

  private static func file(_ text: String, allowsHTTP: Bool) throws(PullFault) -> PublishedFile {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    var hash: PublishedHash?
    if parts.count == 2 {
      let known: (prefix: String, make: (String) -> PublishedHash)? =
        [("sha256=", PublishedHash.sha256), ("md5=", PublishedHash.md5)].first { parts[1].hasPrefix($0.0) }
      guard let known, let checked = PublishedHash.checked(known.make(String(parts[1].dropFirst(known.prefix.count))))
      else { throw .badAddress(text, reason: "after # only sha256= and md5= with all their digits are known") }
      hash = checked
    }
    let url = try url(parts[0], allowsHTTP: allowsHTTP)
    let name = url.lastPathComponent
    guard isPlainName(name), !url.hasDirectoryPath else {
      throw .badAddress(text, reason: "it does not end with the name of a file")
    }
    return PublishedFile(name, at: [parts[0]], hash: hash)
  }
}

/// A repository of a hub, at a revision, and perhaps one of its files.
public struct HubName: Equatable, Sendable, CustomStringConvertible {
  /// The owner.
  public let owner: String
  /// The name.
  public let name: String
  /// A branch, a tag or a commit.
  public let revision: String
  /// The file; nil for the one with the weights.
  public let file: String?

  /// Parses `hf:OWNER/NAME[@REVISION][/FILE]`.
  public init(_ text: String) throws(PullFault) {
    let form = "write hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE"
    let parts = text.dropFirst(3).split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2 else { throw .badAddress(text, reason: form) }
    let named = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    owner = parts[0]
    name = named[0]
    revision = named.count == 2 ? named[1] : "main"
    file = parts.count == 3 ? parts[2] : nil
    guard [owner, name, revision].allSatisfy(Self.isWord), file.map(HubName.isPath) ?? true else {
      throw .badAddress(text, reason: form)
    }
  }

  /// Owner and name.
  public var repository: String { owner + "/" + name }
  /// The address as it is written: `hf:OWNER/NAME@REVISION/FILE`.
  public var description: String { "hf:\(repository)@\(revision)" + (file.map { "/" + $0 } ?? "") }

  private static func isWord(_ text: String) -> Bool {
    isPlainName(text)
      && text.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
      }
  }

  /// Whether a path stays in its folder.
  static func isPath(_ path: String) -> Bool {
    path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { isPlainName(String($0)) }
  }
}
