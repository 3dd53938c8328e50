/// A picture in memory that Cairo draws on, and its drawing context.
@safe final class CairoSurface {
  /// `cairo_format_t`
  enum Format: Int32 {
    case transparent = 0
    case opaque = 1
  }

  let library: PangoCairo
  let surface: PangoCairo.Handle
  let context: PangoCairo.Handle

  /// - Precondition: both sides are from 1 to `Drawing.longestSide`.
  init(_ library: PangoCairo, width: Int, height: Int, format: Format) throws(PictureFault) {
    self.library = library
    unsafe surface = library.surfaceCreate(format.rawValue, Int32(width), Int32(height))
    unsafe context = library.create(surface)
    // What could not be made, for want of memory above all, is an object that says so.
    guard unsafe library.surfaceStatus(surface) == 0 else {
      throw .tooLarge(width: Double(width), height: Double(height))
    }
  }

  deinit {
    unsafe library.destroy(context)
    unsafe library.surfaceDestroy(surface)
  }

  /// A surface that holds a picture.
  convenience init(_ library: PangoCairo, _ pixels: Pixels) throws(PictureFault) {
    guard max(pixels.width, pixels.height) <= Drawing.longestSide else {
      throw .tooLarge(width: Double(pixels.width), height: Double(pixels.height))
    }
    let format = pixels.channels == 4 ? Format.transparent : .opaque
    try self.init(library, width: pixels.width, height: pixels.height, format: format)
    unsafe library.surfaceFlush(surface)
    guard let data = unsafe library.surfaceData(surface) else { throw .failed(reason: "it has no memory") }
    let stride = unsafe Int(library.surfaceStride(surface))
    for y in 0..<pixels.height {
      for x in 0..<pixels.width {
        let (red, green, blue, opacity) = pixels.pixel(y * pixels.width + x)
        func multiplied(_ value: UInt8) -> UInt32 { (UInt32(value) * UInt32(opacity) + 127) / 255 }
        let word = UInt32(opacity) << 24 | multiplied(red) << 16 | multiplied(green) << 8 | multiplied(blue)
        unsafe UnsafeMutableRawPointer(data).storeBytes(of: word, toByteOffset: y * stride + 4 * x, as: UInt32.self)
      }
    }
    unsafe library.surfaceMarkDirty(surface)
  }

  /// The picture as a PNG file.
  func png() throws(PictureFault) -> [UInt8] {
    for status in unsafe [library.status(context), library.surfaceStatus(surface)] where status != 0 {
      throw failure(status)
    }
    var bytes: [UInt8] = []
    let status = unsafe withUnsafeMutablePointer(to: &bytes) { target in
      unsafe library.surfaceWrite(
        surface,
        { target, piece, count in
          guard let target = unsafe target, let piece = unsafe piece else { return 11 }  // CAIRO_STATUS_WRITE_ERROR
          unsafe target.assumingMemoryBound(to: [UInt8].self).pointee
            .append(contentsOf: UnsafeBufferPointer(start: piece, count: Int(count)))
          return 0
        }, target)
    }
    guard status == 0 else { throw failure(status) }
    return bytes
  }

  private func failure(_ status: Int32) -> PictureFault {
    .failed(reason: unsafe library.statusText(status).map { unsafe String(cString: $0) } ?? "status \(status)")
  }
}

extension PangoCairo {
  /// A picture as a PNG file.
  func png(of pixels: Pixels) throws(PictureFault) -> [UInt8] { try CairoSurface(self, pixels).png() }
}
