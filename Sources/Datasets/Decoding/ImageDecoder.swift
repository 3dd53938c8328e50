extension DecodedImage {
  /// Decodes a JPEG, PNG or WebP file, recognised by its content.
  ///
  /// The pixels are those of Pillow 13.0.0's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")`: the EXIF
  /// orientation is applied, alpha is dropped, grey, palette, CMYK and YCCK become RGB. Two things differ: grey of 16
  /// bits is scaled to 8 (Pillow clips it to white), and broken EXIF data are ignored.
  public init(contentsOf path: String) throws(ImageDecodingFault) {
    self = try Self.decode(try readBytes(path: path), path: path, limit: Self.maximumPixels)
  }

  /// Decodes the bytes of a JPEG, PNG or WebP file; `name` stands in messages.
  ///
  /// - Parameter limit: the most pixels that are decoded. The memory taken meanwhile is at most about 16 bytes for each.
  public init(
    decoding bytes: [UInt8], named name: String, pixelLimit limit: Int = DecodedImage.maximumPixels
  ) throws(ImageDecodingFault) {
    self = try Self.decode(bytes, path: name, limit: min(limit, Self.maximumPixels))
  }

  /// The number of pixels that decoding a file would make, from its first bytes.
  public static func pixelCount(of bytes: [UInt8], named name: String) throws(ImageDecodingFault) -> Int {
    let (width, height) = try storedSize(of: bytes, named: name)
    return width * height
  }

  /// The size of a picture as its file stores it, before orientation, from its first bytes.
  static func storedSize(
    of bytes: [UInt8], named name: String
  ) throws(ImageDecodingFault) -> (width: Int, height: Int) {
    guard let format = ImageFormat(bytes) else { throw .notAnImage(path: name) }
    let codec: Codec
    switch format {
    case .jpeg: codec = .jpeg
    case .png: codec = .png
    case .webp:
      guard let container = WebPContainer(bytes) else { throw .truncated(path: name, format: format.rawValue) }
      // Sides of an animation's canvas have 24 bits.
      if let canvas = container.animation?.canvas { return (canvas.width, canvas.height) }
      codec = .webp
    default: throw .unsupported(path: name, format: format.rawValue)
    }
    return try codec.size(of: bytes[...], path: name)
  }

  /// The EXIF orientation of a picture, 1 to 8.
  static func orientation(of bytes: [UInt8]) -> Int {
    switch ImageFormat(bytes) {
    case .jpeg:
      let metadata = JPEGSegments(bytes)
      return Orientation.find(exif: metadata.exif, xmp: metadata.xmp)
    case .png:
      let metadata = PNGChunks(bytes)
      return Orientation.find(exif: metadata.exif, xmp: metadata.xmp)
    case .webp:
      let container = WebPContainer(bytes)
      return Orientation.find(exif: container?.exif, xmp: container?.xmp)
    default: return 1
    }
  }

  private static func decode(
    _ bytes: [UInt8], path: String, limit: Int
  ) throws(ImageDecodingFault) -> DecodedImage {
    guard let format = ImageFormat(bytes) else { throw .notAnImage(path: path) }
    switch format {
    case .jpeg:
      let metadata = JPEGSegments(bytes)
      return try Codec.jpeg.decode(bytes[...], path: path, limit: limit)
        .oriented(Orientation.find(exif: metadata.exif, xmp: metadata.xmp))
    case .png:
      let metadata = PNGChunks(bytes)
      switch metadata.fault {
      case nil: break
      case .truncated: throw .truncated(path: path, format: format.rawValue)
      case .checksum(let chunk):
        throw .damaged(path: path, format: format.rawValue, reason: "the checksum of its \(chunk) chunk is wrong")
      }
      return try Codec.png.decode(bytes[...], path: path, limit: limit)
        .oriented(Orientation.find(exif: metadata.exif, xmp: metadata.xmp))
    case .webp:
      guard let container = WebPContainer(bytes) else { throw .truncated(path: path, format: format.rawValue) }
      return try decodeWebP(bytes, container, path: path, limit: limit)
        .oriented(Orientation.find(exif: container.exif, xmp: container.xmp))
    default: throw .unsupported(path: path, format: format.rawValue)
    }
  }

  /// A still picture, or the first frame of an animation on a black canvas.
  private static func decodeWebP(
    _ bytes: [UInt8], _ container: WebPContainer, path: String, limit: Int
  ) throws(ImageDecodingFault) -> DecodedImage {
    guard let animation = container.animation else {
      return try Codec.webp.decode(bytes[...], path: path, limit: limit)
    }
    let canvas = animation.canvas
    guard canvas.width <= limit / canvas.height else {
      throw .tooLarge(path: path, width: canvas.width, height: canvas.height, limit: limit)
    }
    let frame = try Codec.webp.decode(animation.frame, path: path, limit: limit)
    guard animation.origin.x + frame.width <= canvas.width, animation.origin.y + frame.height <= canvas.height else {
      throw .damaged(path: path, format: "WebP", reason: "a frame reaches beyond the canvas")
    }
    return frame.cropped(
      to: CropBox(
        x: -animation.origin.x, y: -animation.origin.y, width: canvas.width, height: canvas.height))
  }
}
