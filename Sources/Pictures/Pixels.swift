import AviaryDiagnostics

/// A picture as bytes, to be drawn: rows from the top, pixels from the left, the channels of a pixel together.
public struct Pixels: Sendable, Equatable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// 1 for grey, 3 for RGB, 4 for RGB and opacity, which the colours are not multiplied by.
  public let channels: Int
  /// `height × width × channels`
  public let bytes: [UInt8]

  /// - Precondition: the picture is not empty, and there are as many bytes as it needs.
  public init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    ensure(
      width > 0 && height > 0 && [1, 3, 4].contains(channels) && bytes.count == width * height * channels,
      "Pixels: \(bytes.count) bytes for \(width)x\(height) pixels of \(channels) channels")
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }

  /// A picture of colours for numbers, row by row.
  ///
  /// - Precondition: there is a number for each pixel.
  public init(width: Int, height: Int, values: [Float], colors: ColorScale) {
    ensure(values.count == width * height, "Pixels: \(values.count) values for \(width)x\(height) pixels")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * values.count)
    for value in values {
      let color = colors.color(of: Double(value))
      bytes += [color.red, color.green, color.blue]
    }
    self.init(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// Red, green, blue and opacity of a pixel.
  func pixel(_ index: Int) -> (red: UInt8, green: UInt8, blue: UInt8, opacity: UInt8) {
    let at = index * channels
    switch channels {
    case 1: return (bytes[at], bytes[at], bytes[at], 255)
    case 3: return (bytes[at], bytes[at + 1], bytes[at + 2], 255)
    default: return (bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
    }
  }
}
