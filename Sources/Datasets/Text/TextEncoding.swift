/// How the bytes of a text's file stand for characters. Excel and PowerShell write UTF-16 where one asks for "Unicode".
package enum TextEncoding: String {
  case utf8 = "UTF-8"
  case utf16LittleEndian = "UTF-16LE"
  case utf16BigEndian = "UTF-16BE"

  /// UTF-16 begins with its byte order mark; without one, a zero among the first two bytes, which are one character of the
  /// alphabet then, says the same. No text in UTF-8 begins so.
  package init(of bytes: [UInt8]) {
    guard bytes.count >= 2 else {
      self = .utf8
      return
    }
    // The mark of UTF-32 begins like that of UTF-16.
    let isWider = bytes.count >= 4 && bytes[2] == 0 && bytes[3] == 0
    switch (bytes[0], bytes[1]) {
    case (0xff, 0xfe) where !isWider: self = .utf16LittleEndian
    case (0xfe, 0xff): self = .utf16BigEndian
    case (1..., 0) where !isWider: self = .utf16LittleEndian
    case (0, 1...): self = .utf16BigEndian
    default: self = .utf8
    }
  }

  /// The same text in UTF-8, without the mark of UTF-16; as it is where it is in UTF-8, or no UTF-16 after all.
  package static func utf8(_ bytes: [UInt8]) -> (bytes: [UInt8], encoding: TextEncoding) {
    let encoding = TextEncoding(of: bytes)
    guard encoding != .utf8, bytes.count % 2 == 0 else { return (bytes, .utf8) }
    let (low, high) = encoding == .utf16LittleEndian ? (0, 1) : (1, 0)
    let units = stride(from: 0, to: bytes.count, by: 2).lazy.map {
      UInt16(bytes[$0 + low]) | UInt16(bytes[$0 + high]) << 8
    }
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count)
    let isBroken = transcode(
      units.makeIterator(), from: UTF16.self, to: UTF8.self, stoppingOnError: true, into: { text.append($0) })
    guard !isBroken else { return (bytes, .utf8) }
    return (text.starts(with: byteOrderMark) ? Array(text.dropFirst(byteOrderMark.count)) : text, encoding)
  }

  /// A small file's text, whatever stands before it to say how it is written; nil where it is neither UTF-8 nor UTF-16.
  package static func text(_ bytes: [UInt8]) -> String? {
    let plain = utf8(bytes).bytes
    return String(
      validating: plain.starts(with: byteOrderMark) ? plain.dropFirst(byteOrderMark.count) : plain[...], as: UTF8.self)
  }

  /// The byte order mark in UTF-8, which some programs write before a text.
  package static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
}
