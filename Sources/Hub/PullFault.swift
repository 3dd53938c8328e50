import AviaryArchives
import AviaryDiagnostics

/// Why a published file cannot be had.
public enum PullFault: Swift.Error, Equatable, CustomStringConvertible {
  /// Nothing is published under this name.
  case unknown(name: String, known: [String])
  /// What was typed is no address.
  case badAddress(String, reason: String)
  /// The address is not encrypted and not this machine's own.
  case insecure(address: String)
  /// The file is not in the cache, and nothing may be fetched.
  case offline(name: String, address: String)
  /// The server answered with an error, and perhaps with the number of seconds after which it may be asked again.
  case status(address: String, code: Int, retryAfter: Int? = nil)
  /// No connection, or one that cannot be used.
  case unreachable(address: String, reason: String)
  /// The connection ended before the file did; what was received is kept.
  case brokenOff(address: String, received: Int, of: Int?)
  /// Nothing more was received for a long time; what was received is kept.
  case stalled(address: String, seconds: Int, received: Int)
  /// The server sends from one address to the next.
  case redirected(address: String, limit: Int)
  /// The server's file has another size than the published one.
  case wrongLength(address: String, bytes: Int, expected: Int)
  /// The file is not the published one.
  case wrongBytes(address: String, hash: String, found: String, expected: String)
  /// The server sent a page for people in place of a file.
  case webPage(address: String)
  /// The server sent a JSON document, such as one that says what is wrong, in place of a file.
  case document(address: String, text: String)
  /// The server sent no bytes.
  case empty(address: String)
  /// The file is larger than anything that is expected there.
  case tooLarge(address: String, limit: Int)
  /// The hub's description of a repository, or an index of a checkpoint in several files, cannot be used.
  case badListing(address: String, reason: String)
  /// The repository has no weights, or not the file asked for.
  case noFile(repository: String, wanted: String?, files: [String])
  /// An archive of data does not have what it should.
  case badArchive(path: String, reason: String)
  /// There is no folder for the cache.
  case noCache
  /// A file of the cache cannot be written or read.
  case file(ArchiveFault)
  /// The system has no library for hashes.
  case noHashing(LibraryFault)

  /// One line: what was asked for, what went wrong, and what to do.
  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "\(name): nothing is published under this name; "
        + (nearestName(to: name, among: known).map { "did you mean '\($0)'? " } ?? "")
        + "aviary pull --list shows the names"
    case .badAddress(let text, let reason): "\(text): not an address: \(reason)"
    case .insecure(let address): "\(address): not encrypted; use https, or allow it with --allow-http"
    case .offline(let name, let address):
      "\(name): not in the cache, and --offline or AVIARY_OFFLINE forbids fetching it from \(address)"
    case .status(let address, let code, let retryAfter):
      "\(address): the server answered \(code): \(Self.meaning(code))"
        + (retryAfter.map { ", in \(Self.duration($0)), as it says" } ?? "")
    case .unreachable(let address, let reason): "\(address): cannot be fetched: \(reason)"
    case .brokenOff(let address, let received, let all):
      "\(address): the connection broke off after \(received) bytes" + (all.map { " of \($0)" } ?? "")
        + "; run the command again to go on from there"
    case .stalled(let address, let seconds, let received):
      "\(address): nothing was received for \(seconds) s, after \(received) bytes; run the command again to go on from there"
    case .redirected(let address, let limit): "\(address): redirected more than \(limit) times"
    case .wrongLength(let address, let bytes, let expected):
      "\(address): the file has \(bytes) bytes, the published one \(expected); nothing was kept"
    case .wrongBytes(let address, let hash, let found, let expected):
      "\(address): not the published file: its \(hash) is \(found), published was \(expected); nothing was kept"
    case .webPage(let address):
      "\(address): is a web page, not a file; give the address of the file itself, which may be the page's link to it; nothing was kept"
    case .document(let address, let text):
      "\(address): the server answered with a JSON document, not a file: \(text); nothing was kept"
    case .empty(let address): "\(address): the server sent no bytes; nothing was kept"
    case .tooLarge(let address, let limit): "\(address): larger than the limit of \(limit) bytes; nothing was kept"
    case .badListing(let address, let reason): "\(address): cannot be used: \(reason)"
    case .noFile(let repository, let wanted, let files):
      "\(repository): has no " + (wanted.map { "file '\($0)'" } ?? "weights that Aviary reads")
        + (files.isEmpty
          ? "" : "; its files are \(files.prefix(12).joined(separator: ", "))\(files.count > 12 ? ", …" : "")")
    case .badArchive(let path, let reason): "\(path): \(reason)"
    case .noCache: "no folder for the cache: set AVIARY_CACHE or HOME"
    case .file(let fault): "\(fault)"
    case .noHashing(let fault): "hashes cannot be computed: \(fault)"
    }
  }

  /// "50 s", "3 minutes", "2 hours", never too short.
  private static func duration(_ seconds: Int) -> String {
    for (unit, size) in [("hours", 3600), ("minutes", 60)] where seconds > 2 * size {
      return "\(seconds / size + (seconds % size == 0 ? 0 : 1)) \(unit)"
    }
    return "\(seconds) s"
  }

  private static func meaning(_ code: Int) -> String {
    switch code {
    case 401, 403: "the file is not open to everybody"
    case 404, 410: "the server has no such file"
    case 407: "the proxy wants a password"
    case 416: "it has other bytes than those asked for"
    case 429: "too many requests; try again later"
    case 500...599: "it has a fault of its own; try again later"
    default: "not a file"
    }
  }
}

/// Runs `body` with faults of files as faults of fetching.
func withFiles<Result>(_ body: () throws(ArchiveFault) -> Result) throws(PullFault) -> Result {
  do { return try body() } catch { throw .file(error) }
}
