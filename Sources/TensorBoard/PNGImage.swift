#if TensorBoard
  import AviaryArchives
  import AviaryDiagnostics
  import AviaryTensors

  /// A picture of a tensor as a PNG file, 8 bits a channel and not compressed: pictures in event files are small.
  struct PNGImage {
    let width: Int
    let height: Int
    let channels: Int
    /// Row by row, top first, channels side by side.
    private let pixels: [UInt8]

    /// - Parameters:
    ///   - image: [1 or 3, height, width], from 0 to 1.
    ///   - factor: pixels a side of each element.
    init(_ image: Tensor, factor: Int) {
      let shape = image.shape
      ensure(shape.count == 3 && [1, 3].contains(shape[0]), "EventFile.image: \(shape) is not [1 or 3, height, width]")
      (channels, height, width) = (shape[0], shape[1] * factor, shape[2] * factor)
      let scalars = image.scalars
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * channels)
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<channels {
            let value = scalars[(channel * shape[1] + y / factor) * shape[2] + x / factor]
            pixels.append(value.isNaN ? 0 : UInt8((min(max(value, 0), 1) * 255).rounded()))
          }
        }
      }
      self.pixels = pixels
    }

    /// The bytes of the file.
    var encoded: [UInt8] {
      var header = Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height))
      header += [8, channels == 3 ? 2 : 0, 0, 0, 0]
      // Every row begins with its filter: none.
      let row = width * channels
      let rows: [UInt8] = (0..<height).flatMap { [0] + pixels[$0 * row..<($0 + 1) * row] }
      var bytes: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
      bytes += Self.chunk("IHDR", header)
      bytes += Self.chunk("IDAT", Self.stored(rows))
      return bytes + Self.chunk("IEND", [])
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
      let body = Array(name.utf8) + content
      return bigEndian(UInt32(content.count)) + body + bigEndian(ByteRegion(body).crc32())
    }

    /// A zlib stream of stored blocks.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
      var stream: [UInt8] = [0x78, 0x01]
      var start = 0
      repeat {
        let count = min(bytes.count - start, 0xffff)
        let isLast = start + count == bytes.count
        let (low, high) = (UInt8(count & 0xff), UInt8(count >> 8))
        stream += [isLast ? 1 : 0, low, high, ~low, ~high]
        stream += bytes[start..<start + count]
        start += count
      } while start < bytes.count
      var (a, b) = (1, 0)
      for byte in bytes {
        a = (a + Int(byte)) % 65521
        b = (b + a) % 65521
      }
      return stream + bigEndian(UInt32(b << 16 | a))
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
  }
#endif
