/// The chunks of a PNG file around its pixels: metadata, and whether the file is whole.
struct PNGChunks {
  private(set) var exif: ArraySlice<UInt8>?
  private(set) var xmp: ArraySlice<UInt8>?

  /// What is wrong with the chunks, if anything.
  private(set) var fault: Fault?

  enum Fault {
    /// A chunk reaches beyond the end of the file.
    case truncated
    /// The checksum of a chunk before the pixels is wrong.
    case checksum(String)
  }

  /// Reads all chunks. Those before the pixels must have right checksums; those of the pixels themselves are guarded by
  /// the checksum of the compressed stream, and a file may lack its end marker.
  init(_ bytes: [UInt8]) {
    let reader = ByteReader(bytes[...])
    var at = 8
    var isBeforePixels = true
    var profile: ArraySlice<UInt8>?
    while let length = reader.number(at, width: 4), let name = reader.slice(at + 4, 4) {
      guard name.allSatisfy({ (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) }) else { break }
      let type = String(decoding: name, as: UTF8.self)
      if type == "IEND" { break }
      if type == "IDAT" { isBeforePixels = false }
      guard let body = reader.slice(at + 8, length) else {
        fault = .truncated
        break
      }
      if isBeforePixels {
        guard let stored = reader.number(at + 8 + length, width: 4) else {
          fault = .truncated
          break
        }
        guard stored == Int(Self.crc32(name + body)) else {
          fault = .checksum(type)
          break
        }
      }
      if type == "eXIf" { exif = body }
      if type == "tEXt" { profile = Self.exifProfile(body) ?? profile }
      if type == "iTXt" { xmp = Self.xmpPacket(body) ?? xmp }
      at += 12 + length
    }
    exif = exif ?? profile
  }

  /// EXIF data as ImageMagick writes them into a text chunk: an empty line, a name, a length, then hexadecimal digits.
  private static func exifProfile(_ body: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let keyword = Array("Raw profile type exif\0".utf8)
    guard body.starts(with: keyword) else { return nil }
    let lines = body.dropFirst(keyword.count).split(separator: 0x0a, omittingEmptySubsequences: false).dropFirst(3)
    let digits = lines.joined().filter { $0 != 0x20 }
    var bytes: [UInt8] = []
    for at in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = UInt8(String(decoding: digits[at..<(at + 2)], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes[...]
  }

  /// The packet in an uncompressed iTXt chunk of the keyword that XMP has.
  private static func xmpPacket(_ body: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let keyword = Array("XML:com.adobe.xmp\0".utf8)
    guard body.starts(with: keyword), body.dropFirst(keyword.count).first == 0 else { return nil }
    // Compression flag and method, then language and translated keyword, both ended by a zero.
    let language = body.dropFirst(keyword.count + 2)
    guard let end = language.firstIndex(of: 0) else { return nil }
    let translated = language[(end + 1)...]
    guard let start = translated.firstIndex(of: 0) else { return nil }
    return translated[(start + 1)...]
  }

  private static let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1 }
  }

  /// CRC-32 of PNG (annex D of the specification).
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in crcTable[Int((crc ^ UInt32(byte)) & 0xff)] ^ crc >> 8 }
  }
}
