import AviaryDiagnostics
import CImageCodecs

/// A picture that something is cut out of: in memory, or a JPEG file of which no more than the part is decoded.
enum PictureSource: Sendable {
  case decoded(DecodedImage)
  case jpeg(JPEGPicture)

  /// The file at a path.
  init(contentsOf path: String) throws(ImageDecodingFault) {
    self = try Self.source(try readBytes(path: path), path: path)
  }

  /// The bytes of a file; `name` stands in messages.
  init(_ bytes: [UInt8], named name: String) throws(ImageDecodingFault) {
    self = try Self.source(bytes, path: name)
  }

  private static func source(_ bytes: [UInt8], path: String) throws(ImageDecodingFault) -> PictureSource {
    if ImageFormat(bytes) == .jpeg, let picture = JPEGPicture(bytes, path: path) { return .jpeg(picture) }
    return .decoded(try DecodedImage(decoding: bytes, named: path))
  }

  var width: Int {
    switch self {
    case .decoded(let image): image.width
    case .jpeg(let picture): picture.width
    }
  }

  var height: Int {
    switch self {
    case .decoded(let image): image.height
    case .jpeg(let picture): picture.height
    }
  }

  /// The part of the picture in `box`, at another size, close to `DecodedImage.resized` and equal to it where the part
  /// is less than twice as large as what becomes of it.
  ///
  /// - Precondition: the box lies within the picture and is not empty.
  func resized(
    width: Int, height: Int, from box: CropBox, by interpolation: Preprocessing.Interpolation = .bilinear
  ) throws(ImageDecodingFault) -> DecodedImage {
    switch self {
    case .decoded(let image): image.resized(width: width, height: height, from: box, by: interpolation)
    case .jpeg(let picture): try picture.resized(width: width, height: height, from: box, by: interpolation)
    }
  }
}

/// A JPEG file whose header is read and whose pixels are not.
struct JPEGPicture: Sendable {
  /// As a viewer shows it.
  let width: Int
  let height: Int
  private let bytes: [UInt8]
  private let path: String
  private let orientation: Int

  /// Nil where the whole has to be decoded to see what is wrong with the file.
  init?(_ bytes: [UInt8], path: String) {
    let size = unsafe bytes.withUnsafeBufferPointer { input in
      unsafe aviary_jpeg_region_size(input.baseAddress, input.count)
    }
    guard size.status == 0, size.width > 0, size.height > 0,
      Int(size.width) <= DecodedImage.maximumPixels / Int(size.height)
    else { return nil }
    let metadata = JPEGSegments(bytes)
    orientation = Orientation.find(exif: metadata.exif, xmp: metadata.xmp)
    let isTurned = (5...8).contains(orientation)
    (width, height) = isTurned ? (Int(size.height), Int(size.width)) : (Int(size.width), Int(size.height))
    self.bytes = bytes
    self.path = path
  }

  /// The part in `box` at another size. Where it is at least twice, four or eight times as wide and as high as the
  /// result, a half, a quarter or an eighth of the picture is what is decoded.
  func resized(
    width: Int, height: Int, from box: CropBox, by interpolation: Preprocessing.Interpolation
  ) throws(ImageDecodingFault) -> DecodedImage {
    ensure(
      box.lies(inWidth: self.width, height: self.height),
      "resize: \(box) of a \(self.width)x\(self.height) image to \(width)x\(height)")
    let reduction = [8, 4, 2].first { box.width >= $0 * width && box.height >= $0 * height } ?? 1
    guard let (region, part) = region(ImagePart(box), reduction: reduction) else {
      let whole = try DecodedImage(decoding: bytes, named: path)
      guard whole.width == self.width, whole.height == self.height else {
        throw .damaged(path: path, format: "JPEG", reason: "its size changed between two readings of the header")
      }
      return whole.resized(width: width, height: height, from: box, by: interpolation)
    }
    return region.resized(width: width, height: height, from: part, by: interpolation)
  }

  /// The pixels that a part of the picture touches, and where among them it lies; nil where the file is at fault.
  private func region(_ part: ImagePart, reduction: Int) -> (image: DecodedImage, part: ImagePart)? {
    // What lies where as the file has it, before it is turned.
    let undone = orientation == 6 ? 8 : orientation == 8 ? 6 : orientation
    let stored = part.oriented(undone, width: width, height: height).divided(by: Double(reduction))
    let isTurned = (5...8).contains(orientation)
    let (storedWidth, storedHeight) = isTurned ? (height, width) : (width, height)
    let box = stored.pixels(
      inWidth: (storedWidth + reduction - 1) / reduction, height: (storedHeight + reduction - 1) / reduction)
    var region = aviary_image_region(
      x: Int32(box.x), y: Int32(box.y), width: Int32(box.width), height: Int32(box.height))
    let rowPixels = min(box.width + Int(AVIARY_JPEG_MARGIN), (storedWidth + reduction - 1) / reduction)
    var isDecoded = false
    let pixels = unsafe [UInt8](unsafeUninitializedCapacity: 3 * rowPixels * box.height) { output, count in
      let report = unsafe bytes.withUnsafeBufferPointer { input in
        unsafe aviary_jpeg_decode_region(
          input.baseAddress, input.count, Int32(reduction), &region, Int32(rowPixels), output.baseAddress)
      }
      isDecoded = report.status == 0
      // After a failure the pixels may be unwritten and must not be read.
      count = isDecoded ? 3 * Int(region.width) * box.height : 0
    }
    guard isDecoded else { return nil }
    let image = DecodedImage(width: Int(region.width), height: box.height, pixels: pixels)
    let within = ImagePart(
      x: stored.x - Double(region.x), y: stored.y - Double(box.y), width: stored.width, height: stored.height)
    return (
      image.oriented(orientation), within.oriented(orientation, width: image.width, height: image.height)
    )
  }
}
