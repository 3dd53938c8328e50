import AviaryDiagnostics

/// A tar archive: its members, which are never unpacked to a disk.
///
/// Follows POSIX.1-2001 ("ustar" and "pax") and GNU tar's long names and sizes. Regular files are members; folders are
/// skipped; links, devices, sparse files and two members of one name are refused.
public struct TarArchive: Sendable {
  /// One regular file.
  public struct Member: Sendable, Equatable {
    public let name: String
    public let offset: Int
    public let size: Int
  }

  public let members: [Member]
  /// The size of the whole archive in bytes.
  public var size: Int { region.count }
  private let region: ByteRegion
  private let path: String
  private let byName: ExactDictionary<Int>

  private static let block = 512
  /// The largest names and extended headers.
  private static let textLimit = 1 << 20

  /// Whether the bytes begin like a tar archive.
  public static func matches(_ region: ByteRegion) -> Bool {
    region.part(from: 257, count: 5)?.array() == Array("ustar".utf8)
  }

  /// Reads all headers of the archive in `region`; `path` names it in faults.
  public init(_ region: ByteRegion, path: String) throws(ArchiveFault) {
    self.region = region
    self.path = path
    var members: [Member] = []
    var byName = ExactDictionary<Int>()
    var extended = Extended()
    var offset = 0
    while true {
      guard let bytes = region.part(from: offset, count: Self.block)?.array() else {
        throw .truncated(
          path: path, part: "a tar header", needed: Self.block, available: max(0, region.count - offset))
      }
      // A block of zeros ends the archive.
      if bytes.allSatisfy({ $0 == 0 }) { break }
      let header = try Header(bytes, at: offset, path: path)
      let name = extended.name ?? header.name
      let size = extended.size ?? header.size
      let start = offset + Self.block
      guard region.part(from: start, count: size) != nil else {
        throw .truncated(path: path, part: "member '\(name)'", needed: size, available: region.count - start)
      }
      switch header.kind {
      case "0", "\0", "7":
        guard byName.updateValue(members.count, forKey: name) == nil else {
          throw .duplicateMember(path: path, member: name)
        }
        members.append(Member(name: name, offset: start, size: size))
        extended = Extended()
      case "5": extended = Extended()
      case "x", "L":
        let text = try Self.text(region, start, size, path: path)
        if header.kind == "L" {
          extended.name = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        } else {
          try extended.take(text, path: path)
        }
      case "g": break
      case "1", "2": throw .unsupported(path: path, feature: "'\(name)', a link in a tar archive,")
      default: throw .unsupported(path: path, feature: "'\(name)', a tar member of type '\(header.kind)',")
      }
      // The size is within the file, so the padded size cannot overflow.
      offset = start + (size + Self.block - 1) / Self.block * Self.block
    }
    self.members = members
    self.byName = byName
  }

  public func member(named name: String) -> Member? { (byName[name] ?? byName["./" + name]).map { members[$0] } }

  /// The bytes of a member; they are not copied.
  public func contents(named name: String) throws(ArchiveFault) -> ByteRegion {
    guard let member = member(named: name), let bytes = region.part(from: member.offset, count: member.size) else {
      throw .noMember(path: path, member: name)
    }
    return bytes
  }

  private static func text(
    _ region: ByteRegion, _ start: Int, _ size: Int, path: String
  ) throws(ArchiveFault) -> [UInt8] {
    guard size <= textLimit, let part = region.part(from: start, count: size) else {
      throw .malformed(path: path, part: "an extended tar header", reason: "\(size) bytes are too many")
    }
    return part.array()
  }

  /// The fields of an extended header, which apply to the next member.
  private struct Extended {
    var name: String?
    var size: Int?

    /// Records `LENGTH KEY=VALUE\n`, each as long as it says.
    mutating func take(_ text: [UInt8], path: String) throws(ArchiveFault) {
      var rest = text[...]
      while !rest.isEmpty {
        guard let space = rest.prefix(20).firstIndex(of: 0x20),
          let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
          length <= rest.count
        else {
          throw .malformed(path: path, part: "an extended tar header", reason: "a record has no length")
        }
        let record = rest[(space + 1)..<(rest.startIndex + length)]
        rest = rest.dropFirst(length)
        guard record.last == 0x0a, let sign = record.firstIndex(of: UInt8(ascii: "=")) else {
          throw .malformed(path: path, part: "an extended tar header", reason: "a record is not KEY=VALUE")
        }
        let value = String(decoding: record[(sign + 1)...].dropLast(), as: UTF8.self)
        switch String(decoding: record[..<sign], as: UTF8.self) {
        case "path": name = value
        case "size":
          guard let number = Int(value), number >= 0 else {
            throw .malformed(path: path, part: "an extended tar header", reason: "a size is not a number")
          }
          size = number
        case let key where key.hasPrefix("GNU.sparse"):
          throw .unsupported(path: path, feature: "a sparse file in a tar archive")
        default: break
        }
      }
    }
  }

  private struct Header {
    let name: String
    let size: Int
    let kind: Character

    init(_ bytes: [UInt8], at offset: Int, path: String) throws(ArchiveFault) {
      func fault(_ reason: String) -> ArchiveFault {
        .malformed(path: path, part: "the tar header at byte \(offset)", reason: reason)
      }
      // The checksum counts its own eight bytes as spaces.
      let sum = bytes.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
      guard Self.number(bytes[148..<156]) == sum else { throw fault("its checksum does not match its bytes") }
      guard let size = Self.number(bytes[124..<136]) else { throw fault("its size is not a number") }
      self.size = size
      func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self)
      }
      // Only POSIX has a prefix there; GNU keeps times.
      let prefix = Array(bytes[257..<263]) == Array("ustar\0".utf8) ? text(345..<500) : ""
      name = prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
      kind = Character(Unicode.Scalar(bytes[156]))
    }

    /// A number in octal digits, or GNU's binary form after a set high bit; `nil` where it is neither or does not fit.
    static func number(_ field: ArraySlice<UInt8>) -> Int? {
      if let first = field.first, first & 0x80 != 0 {
        guard first == 0x80, field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
        return Int(exactly: field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      }
      let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
      return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 < 0 ? nil : $0 }
    }
  }
}
