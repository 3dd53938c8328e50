/// A picture format, recognised by the first bytes of a file and never by its name.
enum ImageFormat: String {
  case jpeg = "JPEG"
  case png = "PNG"
  case webp = "WebP"
  // Recognised so that the refusal can name them.
  case gif = "GIF"
  case bmp = "BMP"
  case tiff = "TIFF"
  case avif = "AVIF"
  case heic = "HEIC"
  case jpegXL = "JPEG XL"
  case jpeg2000 = "JPEG 2000"
  case icon = "Windows icon"
  case photoshop = "Photoshop"
  case pnm = "PNM"
  case svg = "SVG"

  init?(_ bytes: [UInt8]) {
    func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
    func has(_ values: [UInt8]) -> Bool { bytes.starts(with: values) }
    if has([0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else if has([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if has("RIFF"), has("WEBP", at: 8) {
      self = .webp
    } else if has("GIF87a") || has("GIF89a") {
      self = .gif
    } else if has([0x49, 0x49, 0x2a, 0]) || has([0x4d, 0x4d, 0, 0x2a]) {
      self = .tiff
    } else if has("ftypavif", at: 4) || has("ftypavis", at: 4) {
      self = .avif
    } else if has("ftyphei", at: 4) || has("ftyphev", at: 4) || has("ftypmif1", at: 4) {
      self = .heic
    } else if has([0xff, 0x0a]) || has("JXL ", at: 4) {
      self = .jpegXL
    } else if has("jP  ", at: 4) || has([0xff, 0x4f, 0xff, 0x51]) {
      self = .jpeg2000
    } else if has("8BPS") {
      self = .photoshop
    } else if has([0, 0, 1, 0]) {
      self = .icon
    } else if has("BM"), bytes.count >= 26 {
      self = .bmp
    } else if let letter = bytes.dropFirst().first, has("P"), (0x31...0x36).contains(letter), bytes.count > 6 {
      self = .pnm
    } else if has("<svg") {
      self = .svg
    } else {
      return nil
    }
  }
}

extension ImageFormat {
  /// Whether images usually have names like this one.
  static func isUsual(forFile name: String) -> Bool {
    // By bytes: going by characters would be a good part of the time to list a large folder.
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return usualExtensions.contains(name[name.utf8.index(after: dot)...].lowercased())
  }

  private static let usualExtensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif", "jxl", "jp2",
    "j2k",
    "ico", "psd", "ppm", "pgm", "pbm", "pnm", "svg",
  ]
}
