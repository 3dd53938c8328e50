import AviaryDiagnostics

/// Builds a ZIP archive of stored members, as parts of a file for `writeDurably`.
///
/// Contents start at multiples of 64 bytes, as PyTorch writes them and as memory-mapping readers need them. ZIP64 fields are
/// used where a size, an offset or the number of members requires them. All times are in 1980, so that the same contents
/// make the same file.
public struct ZipWriter {
  public static let alignment = 64

  private var parts: [ByteRegion] = []
  private var directory: [UInt8] = []
  private var offset = 0
  private var count = 0
  /// The first number that does not fit into 32 bits; smaller in tests.
  private let limit: Int

  public init() { limit = 0xffff_ffff }

  init(limit: Int) { self.limit = limit }

  /// Adds a member; its bytes are not copied. Names must differ from one another and be shorter than 65,536 bytes.
  public mutating func add(_ name: String, _ contents: ByteRegion) {
    let name = Array(name.utf8)
    ensure(name.count < 0x1_0000, "ZipWriter: a name of \(name.count) bytes")
    let crc = contents.crc32()
    let size = contents.count
    let isLarge = size >= limit
    var extra = isLarge ? little(UInt16(1)) + little(UInt16(16)) + little(UInt64(size)) + little(UInt64(size)) : []
    // A second extra field, PyTorch's "FB", fills up to the alignment; it takes four bytes at least.
    let unfilled = offset + 30 + name.count + extra.count + 4
    let fill = (Self.alignment - unfilled % Self.alignment) % Self.alignment
    extra += [0x46, 0x42] + little(UInt16(fill)) + [UInt8](repeating: 0x5a, count: fill)

    func shared(_ version: UInt16) -> [UInt8] {
      // Version, flags (names are UTF-8), method, time, date.
      little(version) + little(UInt16(0x800)) + little(UInt16(0)) + little(UInt16(0)) + little(UInt16(0x21))
        + little(crc) + size32(size) + size32(size) + little(UInt16(name.count))
    }
    let isFar = offset >= limit
    let version: UInt16 = isLarge || isFar ? 45 : 20
    let header = little(UInt32(0x0403_4b50)) + shared(version) + little(UInt16(extra.count)) + name + extra
    var far = isLarge ? little(UInt64(size)) + little(UInt64(size)) : []
    if isFar { far += little(UInt64(offset)) }
    if !far.isEmpty { far = little(UInt16(1)) + little(UInt16(far.count)) + far }
    directory += little(UInt32(0x0201_4b50)) + little(version) + shared(version) + little(UInt16(far.count))
    // No comment, disk 0, no attributes.
    directory += [UInt8](repeating: 0, count: 10) + (isFar ? little(UInt32.max) : little(UInt32(offset))) + name + far
    parts += [ByteRegion(header), contents]
    offset += header.count + size
    count += 1
  }

  /// All parts of the archive in sequence.
  public func finished() -> [ByteRegion] {
    var end: [UInt8] = []
    let isLarge = offset >= limit || directory.count >= limit || count >= 0xffff
    if isLarge {
      end += little(UInt32(0x0606_4b50)) + little(UInt64(44)) + little(UInt16(45)) + little(UInt16(45))
      end += little(UInt32(0)) + little(UInt32(0)) + little(UInt64(count)) + little(UInt64(count))
      end += little(UInt64(directory.count)) + little(UInt64(offset))
      end += little(UInt32(0x0706_4b50)) + little(UInt32(0)) + little(UInt64(offset + directory.count))
      end += little(UInt32(1))
    }
    let entries = isLarge ? UInt16.max : UInt16(count)
    end += little(UInt32(0x0605_4b50)) + little(UInt16(0)) + little(UInt16(0)) + little(entries) + little(entries)
    end += isLarge ? little(UInt32.max) : little(UInt32(directory.count))
    end += (isLarge ? little(UInt32.max) : little(UInt32(offset))) + little(UInt16(0))
    return parts + [ByteRegion(directory), ByteRegion(end)]
  }

  private func size32(_ size: Int) -> [UInt8] { little(size >= limit ? UInt32.max : UInt32(size)) }

  private func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
