import AviaryArchives
import AviaryDiagnostics

/// Pictures of one size and 8 bits a channel that lie one after the other in a file's bytes: IDX, or CIFAR's records.
public struct PackedImages: Sendable, Hashable {
  /// Its path.
  public let path: String
  /// The size of every image.
  public let size: ImageSize
  /// 1 for grey, 3 for red, green and blue, each plane after the other.
  public let channels: Int
  /// The number of images.
  public let count: Int
  private let bytes: ByteRegion
  /// Where the first picture begins, and how far apart they lie.
  private let start: Int
  private let stride: Int

  /// - Precondition: the pictures lie within the bytes.
  init(path: String, bytes: ByteRegion, size: ImageSize, channels: Int, count: Int, start: Int, stride: Int) {
    ensure(
      (channels == 1 || channels == 3) && stride >= channels * size.height * size.width && start >= 0
        && start + count * stride <= bytes.count + (stride - channels * size.height * size.width),
      "PackedImages: \(count) pictures do not lie within \(bytes.count) bytes")
    self.path = path
    self.bytes = bytes
    self.size = size
    self.channels = channels
    self.count = count
    self.start = start
    self.stride = stride
  }

  /// A picture; grey has three equal channels.
  func image(_ index: Int) -> DecodedImage {
    let plane = size.height * size.width
    let first = start + index * stride
    var pixels = [UInt8]()
    pixels.reserveCapacity(3 * plane)
    bytes.withValues(of: UInt8.self) { bytes in
      for offset in first..<first + plane {
        for channel in 0..<3 { pixels.append(bytes[offset + (channels == 3 ? channel * plane : 0)]) }
      }
    }
    return DecodedImage(width: size.width, height: size.height, pixels: pixels)
  }

  /// The mean and the deviation of every channel, over all pixels of the pictures given, as parts of 255.
  static func statistics(_ entries: [ImageEntry]) -> (mean: [Double], deviation: [Double])? {
    guard let first = entries.first?.packed else { return nil }
    var sums = Array(repeating: 0, count: first.channels)
    var squares = sums
    let plane = first.size.height * first.size.width
    for entry in entries {
      guard let packed = entry.packed, packed.channels == first.channels, packed.size == first.size else { return nil }
      packed.bytes.withValues(of: UInt8.self) { bytes in
        for channel in 0..<packed.channels {
          let begin = packed.start + entry.index * packed.stride + channel * plane
          for offset in begin..<begin + plane {
            let value = Int(bytes[offset])
            sums[channel] += value
            squares[channel] += value * value
          }
        }
      }
    }
    let count = Double(entries.count * plane)
    let mean = sums.map { Double($0) / count }
    let deviation = zip(squares, mean).map { max(0, Double($0) / count - $1 * $1).squareRoot() }
    // Five digits, which a person can read.
    func rounded(_ value: Double) -> Double { (value / 255 * 1e5).rounded() / 1e5 }
    return (mean.map(rounded), deviation.map { max(rounded($0), 1e-5) })
  }

  public static func == (a: PackedImages, b: PackedImages) -> Bool { a.path == b.path && a.count == b.count }

  public func hash(into hasher: inout Hasher) { hasher.combine(path) }
}
