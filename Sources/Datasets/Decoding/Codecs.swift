import AviaryDiagnostics
import CImageCodecs

/// The C codecs as safe functions.
enum Codec {
  case jpeg, png, webp

  var name: String {
    switch self {
    case .jpeg: "JPEG"
    case .png: "PNG"
    case .webp: "WebP"
    }
  }

  /// The size of the picture as the file stores it, which nothing is decoded for.
  func size(of bytes: ArraySlice<UInt8>, path: String) throws(ImageDecodingFault) -> (width: Int, height: Int) {
    let size = unsafe bytes.withUnsafeBufferPointer { input in
      switch self {
      case .jpeg: unsafe aviary_jpeg_size(input.baseAddress, input.count)
      case .png: unsafe aviary_png_size(input.baseAddress, input.count)
      case .webp: unsafe aviary_webp_size(input.baseAddress, input.count)
      }
    }
    try check(size, path: path)
    return (Int(size.width), Int(size.height))
  }

  /// Decodes to RGB as the file stores it, before orientation.
  ///
  /// - Parameter limit: the most pixels that are decoded.
  func decode(
    _ bytes: ArraySlice<UInt8>, path: String, limit: Int
  ) throws(ImageDecodingFault) -> DecodedImage {
    let (width, height) = try size(of: bytes, path: path)
    guard width <= limit / height else { throw .tooLarge(path: path, width: width, height: height, limit: limit) }
    let (storedWidth, storedHeight) = (Int32(width), Int32(height))
    var report = aviary_image_report()
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: 3 * width * height) { output, count in
      unsafe bytes.withUnsafeBufferPointer { input in
        switch self {
        case .jpeg:
          report = unsafe aviary_jpeg_decode(
            input.baseAddress, input.count, output.baseAddress, storedWidth, storedHeight)
        case .png:
          report = unsafe aviary_png_decode(
            input.baseAddress, input.count, output.baseAddress, storedWidth, storedHeight)
        case .webp:
          report = unsafe aviary_webp_decode(
            input.baseAddress, input.count, output.baseAddress, storedWidth, storedHeight)
        }
      }
      // After a failure the pixels may be unwritten and must not be read.
      count = report.status == 0 ? 3 * width * height : 0
    }
    try check(report, path: path)
    return DecodedImage(width: width, height: height, pixels: pixels)
  }

  private func check(_ report: aviary_image_report, path: String) throws(ImageDecodingFault) {
    switch report.status {
    case 0: return
    case Int32(AVIARY_IMAGE_TRUNCATED.rawValue): throw .truncated(path: path, format: name)
    case Int32(AVIARY_IMAGE_UNSUPPORTED.rawValue):
      throw .unsupported(path: path, format: "this kind of \(name) (\(words(of: report)))")
    case Int32(AVIARY_IMAGE_NO_MEMORY.rawValue): throw .outOfMemory(path: path)
    default: throw .damaged(path: path, format: name, reason: words(of: report))
    }
  }

  private func words(of report: aviary_image_report) -> String {
    unsafe withUnsafeBytes(of: report.message) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// Encodes pictures as JPEG.
public enum JPEGEncoder {
  /// A baseline JPEG with chroma at half resolution.
  ///
  /// - Parameter quality: 1 to 100.
  /// - Precondition: no side is above 65,500 pixels.
  public static func encode(_ image: DecodedImage, quality: Int = 90) -> [UInt8] {
    ensure(image.width <= 65_500 && image.height <= 65_500, "JPEG: sides have at most 65,500 pixels")
    ensure((1...100).contains(quality), "JPEG: quality is 1 to 100, not \(quality)")
    let (width, height) = (Int32(image.width), Int32(image.height))
    let capacity = aviary_jpeg_bound(width, height)
    return unsafe [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
      unsafe image.pixels.withUnsafeBufferPointer { input in
        var written = 0
        let report = unsafe aviary_jpeg_encode(
          input.baseAddress, width, height, Int32(quality), output.baseAddress, capacity, &written)
        // Sizes are checked and the buffer is large enough, so only memory can lack.
        ensure(report.status == 0, "JPEG: not enough memory to encode \(width)x\(height)")
        count = written
      }
    }
  }
}
