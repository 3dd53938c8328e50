/// The RIFF container of a WebP file: metadata, and where the first frame of an animation lies.
struct WebPContainer {
  private(set) var exif: ArraySlice<UInt8>?
  private(set) var xmp: ArraySlice<UInt8>?
  /// The canvas of an animation and its first frame; nil for a still picture.
  private(set) var animation: Animation?

  struct Animation {
    var canvas: (width: Int, height: Int)
    var origin: (x: Int, y: Int)
    /// The frame's bitstream, with its alpha chunk.
    var frame: ArraySlice<UInt8>
  }

  /// - Returns: nil where the file ends before the container does.
  init?(_ bytes: [UInt8]) {
    let file = ByteReader(bytes[...], isBigEndian: false)
    guard let size = file.number(4, width: 4), let body = file.slice(8, size) else { return nil }
    let reader = ByteReader(body, isBigEndian: false)
    var canvas: (width: Int, height: Int)?
    var at = 4
    while let name = reader.slice(at, 4), let length = reader.number(at + 4, width: 4) {
      guard let chunk = reader.slice(at + 8, length) else { return nil }
      let fields = ByteReader(chunk, isBigEndian: false)
      switch String(decoding: name, as: UTF8.self) {
      case "VP8X":
        if let width = fields.number(4, width: 3), let height = fields.number(7, width: 3) {
          canvas = (width + 1, height + 1)
        }
      case "EXIF": exif = exif ?? chunk
      case "XMP ": xmp = xmp ?? chunk
      case "ANMF":
        if animation == nil, let canvas, let x = fields.number(0, width: 3), let y = fields.number(3, width: 3),
          chunk.count > 16
        {
          animation = Animation(canvas: canvas, origin: (2 * x, 2 * y), frame: chunk.dropFirst(16))
        }
      default: break
      }
      at += 8 + length + length % 2
    }
  }
}
