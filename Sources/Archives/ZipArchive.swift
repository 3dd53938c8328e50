import AviaryDiagnostics

/// A ZIP archive, ZIP64 included: its directory, and its members stored or deflated.
///
/// Follows APPNOTE.TXT 6.3. Encrypted members, other compression methods, archives in several parts, two members of one
/// name, members that share bytes, and members that unpack to more than the limits are refused. The limits are 4 GiB and
/// 100 times the packed size by default.
public struct ZipArchive: Sendable {
  /// One entry of the directory.
  public struct Member: Sendable, Equatable {
    public let name: String
    /// The unpacked size.
    public let size: Int
    let method: UInt16
    let crc32: UInt32
    /// Offset of the packed bytes in the archive.
    public let offset: Int
    let packedSize: Int
    /// Whether the bytes are stored uncompressed.
    public var isStored: Bool { method == 0 }
  }

  public let members: [Member]
  private let region: ByteRegion
  private let path: String
  private let byName: ExactDictionary<Int>

  /// The largest unpacked sizes.
  struct Limits {
    /// The most bytes of a member.
    var size: UInt64 = 4 << 30
    /// The most bytes for one packed byte.
    var ratio: UInt64 = 100
  }

  /// Reads the directory of the archive in `region`; `path` names it in faults.
  public init(_ region: ByteRegion, path: String) throws(ArchiveFault) {
    try self.init(region, path: path, limits: Limits())
  }

  init(_ region: ByteRegion, path: String, limits: Limits) throws(ArchiveFault) {
    self.region = region
    self.path = path
    let directory = try Self.directory(of: region, path: path)
    // An entry takes 46 bytes at least, so a false count cannot make us reserve much.
    var members: [Member] = []
    members.reserveCapacity(min(directory.entries, region.count / 46))
    // Of a file that is read in pieces the directory is read at once: its entries come by turns with the members' headers.
    let rest = region.count - directory.offset
    let listing = rest <= Self.mostListed ? region.part(from: directory.offset, count: rest)?.loaded : nil
    var cursor = ByteCursor(
      listing ?? region, offset: listing == nil ? directory.offset : 0, path: path, part: "the ZIP directory")
    for _ in 0..<directory.entries {
      members.append(try Self.member(&cursor, region: region, path: path, limits: limits))
    }

    var byName = ExactDictionary<Int>()
    for (index, member) in members.enumerated() {
      guard byName.updateValue(index, forKey: member.name) == nil else {
        throw .duplicateMember(path: path, member: member.name)
      }
    }
    let ordered = members.filter { $0.packedSize > 0 }.sorted { $0.offset < $1.offset }
    for (first, second) in zip(ordered, ordered.dropFirst()) where second.offset < first.offset + first.packedSize {
      throw .overlappingMembers(path: path, first: first.name, second: second.name)
    }
    self.members = members
    self.byName = byName
  }

  /// The most bytes of a directory that are held in memory: those of a million members.
  private static let mostListed = 128 << 20

  /// Whether the bytes begin like a ZIP archive.
  public static func matches(_ region: ByteRegion) -> Bool {
    guard let head = region.part(0..<4)?.array() else { return false }
    return head == [0x50, 0x4b, 3, 4] || head == [0x50, 0x4b, 5, 6]
  }

  /// The size of the whole archive in bytes.
  public var size: Int { region.count }

  public func member(named name: String) -> Member? {
    byName[name].map { members[$0] }
  }

  /// The unpacked bytes of a member; those of a stored member are not copied. The CRC-32 of a compressed member is always
  /// checked, that of a stored one only with `verify`.
  public func contents(of member: Member, verify: Bool = false) throws(ArchiveFault) -> ByteRegion {
    guard let packed = region.part(from: member.offset, count: member.packedSize) else {
      throw .truncated(
        path: path, part: "member '\(member.name)'", needed: member.packedSize,
        available: max(0, region.count - member.offset))
    }
    let contents =
      member.isStored
      ? packed : try packed.inflated(to: member.size, wrapping: .raw, path: path, part: "member '\(member.name)'")
    if verify || !member.isStored, contents.crc32() != member.crc32 {
      throw .checksum(path: path, member: member.name)
    }
    return contents
  }

  public func contents(named name: String) throws(ArchiveFault) -> ByteRegion {
    guard let member = member(named: name) else { throw .noMember(path: path, member: name) }
    return try contents(of: member)
  }

  /// Checks the CRC-32 of every member, unpacking one at a time.
  public func verify() throws(ArchiveFault) {
    for member in members { _ = try contents(of: member, verify: true) }
  }

  // MARK: The directory

  /// Finds the end record, which a comment of up to 65,535 bytes may follow, and its ZIP64 form if present.
  private static func directory(of region: ByteRegion, path: String) throws(ArchiveFault) -> (
    offset: Int, entries: Int
  ) {
    let endSize = 22
    guard region.count >= endSize else { throw .noDirectory(path: path) }
    let first = max(0, region.count - endSize - 65_535)
    let tail = region.part(first..<region.count)?.array() ?? []
    var found: Int?
    for at in stride(from: tail.count - endSize, through: 0, by: -1)
    where tail[at] == 0x50 && tail[at + 1] == 0x4b && tail[at + 2] == 5 && tail[at + 3] == 6 {
      let comment = Int(tail[at + 20]) | Int(tail[at + 21]) << 8
      if at + endSize + comment == tail.count {
        found = first + at
        break
      }
    }
    guard let end = found else { throw .noDirectory(path: path) }
    var cursor = ByteCursor(region, offset: end + 4, path: path, part: "the ZIP end record")
    let disk = try cursor.integer(UInt16.self)
    let directoryDisk = try cursor.integer(UInt16.self)
    _ = try cursor.integer(UInt16.self)
    var entries = UInt64(try cursor.integer(UInt16.self))
    var size = UInt64(try cursor.integer(UInt32.self))
    var offset = UInt64(try cursor.integer(UInt32.self))
    var limit = end
    if end >= 20, region.part(from: end - 20, count: 4)?.array() == [0x50, 0x4b, 6, 7] {
      cursor.offset = end - 12
      cursor.part = "the ZIP64 end record"
      let at = try cursor.integer(UInt64.self)
      guard at <= UInt64(end - 20), region.part(from: Int(at), count: 4)?.array() == [0x50, 0x4b, 6, 6] else {
        throw .malformed(path: path, part: "the ZIP64 end record", reason: "is not where its locator says")
      }
      cursor.offset = Int(at) + 32
      entries = try cursor.integer(UInt64.self)
      size = try cursor.integer(UInt64.self)
      offset = try cursor.integer(UInt64.self)
      limit = Int(at)
    } else if disk != 0 || directoryDisk != 0 {
      throw .unsupported(path: path, feature: "a ZIP archive in several parts")
    }
    guard offset <= UInt64(limit), size <= UInt64(limit) - offset, entries <= size / 46 else {
      throw .malformed(path: path, part: "the ZIP directory", reason: "does not fit into the file")
    }
    return (Int(offset), Int(entries))
  }

  private static func member(
    _ cursor: inout ByteCursor, region: ByteRegion, path: String, limits: Limits
  ) throws(ArchiveFault) -> Member {
    guard try cursor.integer(UInt32.self) == 0x0201_4b50 else {
      throw .malformed(path: path, part: "the ZIP directory", reason: "an entry does not begin with its signature")
    }
    cursor.offset += 4
    let flags = try cursor.integer(UInt16.self)
    let method = try cursor.integer(UInt16.self)
    cursor.offset += 4
    let crc = try cursor.integer(UInt32.self)
    var packed = UInt64(try cursor.integer(UInt32.self))
    var size = UInt64(try cursor.integer(UInt32.self))
    let nameLength = Int(try cursor.integer(UInt16.self))
    let extraLength = Int(try cursor.integer(UInt16.self))
    let commentLength = Int(try cursor.integer(UInt16.self))
    cursor.offset += 8
    var header = UInt64(try cursor.integer(UInt32.self))
    let name = try cursor.text(nameLength)
    var extra = ByteCursor(
      ByteRegion(try cursor.bytes(extraLength)), path: path, part: "the extra fields of '\(name)'")
    cursor.offset += commentLength
    while extra.remaining >= 4 {
      let identifier = try extra.integer(UInt16.self)
      let length = Int(try extra.integer(UInt16.self))
      guard identifier == 1 else {
        extra.offset += min(length, extra.remaining)
        continue
      }
      if size == 0xffff_ffff { size = try extra.integer(UInt64.self) }
      if packed == 0xffff_ffff { packed = try extra.integer(UInt64.self) }
      if header == 0xffff_ffff { header = try extra.integer(UInt64.self) }
      break
    }

    guard flags & 1 == 0 else { throw .unsupported(path: path, feature: "encrypted member '\(name)'") }
    guard method == 0 || method == 8 else {
      throw .unsupported(path: path, feature: "ZIP compression method \(method) of '\(name)'")
    }
    guard method != 0 || size == packed else {
      throw .malformed(path: path, part: "member '\(name)'", reason: "stored, but its two sizes differ")
    }
    guard header <= UInt64(region.count), packed <= UInt64(region.count) - header else {
      throw .truncated(
        path: path, part: "member '\(name)'", needed: Int(clamping: packed),
        available: max(0, region.count - Int(clamping: header)))
    }
    if method == 8 {
      let limit = min(limits.size, max(packed * limits.ratio, 1024))
      guard size <= limit else { throw .tooLarge(path: path, member: name, bytes: size, limit: limit) }
    }
    // Name and extra field may have other lengths in the member's own header than in the directory.
    var local = ByteCursor(region, offset: Int(header), path: path, part: "the header of member '\(name)'")
    guard try local.integer(UInt32.self) == 0x0403_4b50 else {
      throw .malformed(path: path, part: "member '\(name)'", reason: "its header is not where the directory says")
    }
    local.offset += 22
    let localName = Int(try local.integer(UInt16.self))
    let localExtra = Int(try local.integer(UInt16.self))
    let offset = Int(header) + 30 + localName + localExtra
    guard offset <= region.count, Int(packed) <= region.count - offset else {
      throw .truncated(
        path: path, part: "member '\(name)'", needed: Int(packed), available: max(0, region.count - offset))
    }
    return Member(
      name: name, size: Int(size), method: method, crc32: crc, offset: offset, packedSize: Int(packed))
  }
}
