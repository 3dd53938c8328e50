import AviaryArchives

/// What is published of a file's bytes.
public enum PublishedHash: Equatable, Sendable {
  /// All of a SHA-256, in hexadecimal digits.
  case sha256(String)
  /// The first digits, which torchvision puts into a file's name.
  case sha256Prefix(String)
  /// An MD5, in hexadecimal digits.
  case md5(String)
  /// Git's SHA-1 of a file that is in the repository itself, with its size before it.
  case gitBlob(String)

  /// For a person: "SHA-256", "first 8 digits of the SHA-256".
  public var name: String {
    switch self {
    case .sha256: "SHA-256"
    case .sha256Prefix(let digits): "SHA-256 (first \(digits.utf8.count) digits)"
    case .md5: "MD5"
    case .gitBlob: "Git SHA-1"
    }
  }

  /// Its digits, in small letters.
  public var digits: String {
    switch self {
    case .sha256(let digits), .sha256Prefix(let digits), .md5(let digits), .gitBlob(let digits): digits
    }
  }

  /// Nil where the digits are none, or too few or too many.
  static func checked(_ hash: PublishedHash) -> PublishedHash? {
    let digits = hash.digits.lowercased()
    guard digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
    let count = digits.utf8.count
    switch hash {
    case .sha256: return count == 64 ? .sha256(digits) : nil
    case .sha256Prefix: return (8...64).contains(count) ? .sha256Prefix(digits) : nil
    case .md5: return count == 32 ? .md5(digits) : nil
    case .gitBlob: return count == 40 ? .gitBlob(digits) : nil
    }
  }

  /// The digits that the file at `path` has.
  func digits(ofFile path: String, bytes: Int) throws(PullFault) -> String {
    do {
      switch self {
      case .sha256: return try Digest.of(file: path, by: .sha256)
      case .sha256Prefix(let wanted):
        return String(try Digest.of(file: path, by: .sha256).prefix(wanted.utf8.count))
      case .md5: return try Digest.of(file: path, by: .md5)
      case .gitBlob: return try Digest.of(file: path, by: .sha1, heading: Array("blob \(bytes)\0".utf8))
      }
    } catch let fault as LibraryFault {
      throw .noHashing(fault)
    } catch let fault as ArchiveFault {
      throw .file(fault)
    } catch {
      throw .badArchive(path: path, reason: "\(error)")
    }
  }
}

/// A file that is published at an address.
public struct PublishedFile: Equatable, Sendable {
  /// The name that it has in the cache.
  public var name: String
  /// Where it is, the first first; the others are tried where that fails.
  public var addresses: [String]
  /// Its size, where it was published to the byte.
  public var bytes: Int?
  /// Its size where it was published roughly.
  public var roughBytes: Int?
  /// Nil where none was published: then only its length is checked.
  public var hash: PublishedHash?
  /// The most bytes that are taken.
  public var limit = 256 << 30
  /// Whether it is a JSON document, whatever its name; where it is not, one is taken for what a server says in its place.
  public var isDocument = false

  /// A file as its publisher describes it.
  public init(
    _ name: String, at addresses: [String], bytes: Int? = nil, roughBytes: Int? = nil, hash: PublishedHash? = nil
  ) {
    self.name = name
    self.addresses = addresses
    self.bytes = bytes
    self.roughBytes = roughBytes
    self.hash = hash
  }
}

/// Whether a name is that of a file in a folder: no separator of any system, nothing that means a folder, nothing hidden, and no
/// space where nobody sees it.
func isPlainName(_ name: String) -> Bool {
  !name.isEmpty && !name.hasPrefix(".") && !name.hasPrefix(" ") && !name.hasSuffix(" ") && name.utf8.count < 200
    && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "\\" && $0 != ":" && $0.value >= 0x20 && $0.value != 0x7f }
}
