/// An error type with a case for a file's own faults.
public protocol ArchiveFaultCarrying: Swift.Error {
  static func archive(_ fault: ArchiveFault) -> Self
}

extension ArchiveFault: ArchiveFaultCarrying {
  public static func archive(_ fault: ArchiveFault) -> ArchiveFault { fault }
}

/// Why a file, or an archive in it, cannot be read or written.
public enum ArchiveFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// No file exists at the path.
  case notFound(path: String)
  /// The path is that of a folder, a device or a pipe.
  case notARegularFile(path: String)
  /// An operation of the operating system failed; `reason` is its message.
  case system(path: String, operation: String, reason: String)
  /// The file has no bytes.
  case empty(path: String)
  /// The file ends before the bytes that are needed: it was cut short, or a size in it is wrong.
  case truncated(path: String, part: String, needed: Int, available: Int)
  /// A ZIP archive has no directory at its end, because it was cut short or is not a ZIP archive.
  case noDirectory(path: String)
  /// A field of the archive contradicts another or is out of range.
  case malformed(path: String, part: String, reason: String)
  /// Two members of the archive share a name.
  case duplicateMember(path: String, member: String)
  /// Two members of the archive share bytes.
  case overlappingMembers(path: String, first: String, second: String)
  /// A member declares more unpacked bytes than the limits allow.
  case tooLarge(path: String, member: String, bytes: UInt64, limit: UInt64)
  /// The archive has no such member.
  case noMember(path: String, member: String)
  /// A member's CRC-32 differs from the one recorded.
  case checksum(path: String, member: String)
  /// A valid feature that is not supported, such as encryption.
  case unsupported(path: String, feature: String)
  /// Compressed bytes, of which nothing says how many they are, come to more than the limits allow.
  case unpacksToMore(path: String, part: String, limit: Int)

  public var description: String {
    switch self {
    case .notFound(let path): "\(path): no such file"
    case .notARegularFile(let path): "\(path): not a regular file"
    case .system(let path, let operation, let reason): "\(path): cannot \(operation): \(reason)"
    case .empty(let path): "\(path): the file is empty; download it again"
    case .truncated(let path, let part, let needed, let available):
      "\(path): truncated: \(part) needs \(needed) bytes, \(available) are present; download the file again"
    case .noDirectory(let path):
      "\(path): truncated or not a ZIP archive: the directory at its end is missing; download the file again"
    case .malformed(let path, let part, let reason): "\(path): damaged: \(part): \(reason)"
    case .duplicateMember(let path, let member): "\(path): damaged: two members are called '\(member)'"
    case .overlappingMembers(let path, let first, let second):
      "\(path): refused: members '\(first)' and '\(second)' share bytes"
    case .tooLarge(let path, let member, let bytes, let limit):
      "\(path): refused: '\(member)' declares \(bytes) bytes, the limit is \(limit)"
    case .noMember(let path, let member): "\(path): has no member '\(member)'"
    case .checksum(let path, let member): "\(path): damaged: the checksum of '\(member)' does not match its bytes"
    case .unsupported(let path, let feature): "\(path): \(feature) is not supported"
    case .unpacksToMore(let path, let part, let limit):
      "\(path): refused: \(part) unpacks to more than the \(limit) bytes allowed"
    }
  }
}
