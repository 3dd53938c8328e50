import AviaryDiagnostics

/// Pictures as PNG files without compression: they are as large as thumbnails, and need no library.
package enum PNGFile {
  /// - Parameters:
  ///   - pixels: of 8 bits a channel, channels side by side, rows from the top.
  ///   - channels: 3 for red, green and blue, 1 for grey.
  package static func encoded(_ pixels: [UInt8], width: Int, height: Int, channels: Int = 3) -> [UInt8] {
    ensure(
      [1, 3].contains(channels) && pixels.count == channels * width * height && !pixels.isEmpty,
      "PNG: \(pixels.count) values are not \(width)x\(height) pixels of \(channels) channels")
    var raw: [UInt8] = []
    raw.reserveCapacity(pixels.count + height)
    for row in 0..<height {
      // No filter.
      raw.append(0)
      raw += pixels[channels * row * width..<channels * (row + 1) * width]
    }
    var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    // 8 bits a channel, of colours or of grey; nothing interlaced.
    file += chunk("IHDR", word(width) + word(height) + [8, channels == 3 ? 2 : 0, 0, 0, 0])
    file += chunk("IDAT", stored(raw))
    file += chunk("IEND", [])
    return file
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let named = Array(name.utf8) + content
    return word(content.count) + named + word(Int(ByteRegion(named).crc32()))
  }

  /// A zlib stream of blocks that are stored as they are (RFC 1950, 1951).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    stream.reserveCapacity(bytes.count + bytes.count / 65_535 * 5 + 16)
    var start = 0
    repeat {
      let end = min(start + 65_535, bytes.count)
      let length = UInt16(end - start)
      stream.append(end == bytes.count ? 1 : 0)
      for value in [length, ~length] { stream += [UInt8(value & 0xff), UInt8(value >> 8)] }
      stream += bytes[start..<end]
      start = end
    } while start < bytes.count
    return stream + word(adler(bytes))
  }

  private static func adler(_ bytes: [UInt8]) -> Int {
    var (a, b): (UInt32, UInt32) = (1, 0)
    var start = 0
    while start < bytes.count {
      // No sum overflows within so many bytes.
      let end = min(start + 5552, bytes.count)
      for place in start..<end {
        a &+= UInt32(bytes[place])
        b &+= a
      }
      (a, b) = (a % 65_521, b % 65_521)
      start = end
    }
    return Int(b << 16 | a)
  }

  private static func word(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
