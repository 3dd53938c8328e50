/// The metadata segments of a JPEG file, up to its first scan.
struct JPEGSegments {
  private(set) var exif: ArraySlice<UInt8>?
  private(set) var xmp: ArraySlice<UInt8>?

  init(_ bytes: [UInt8]) {
    let reader = ByteReader(bytes[...])
    let xmpName = "http://ns.adobe.com/xap/1.0/\0"
    var at = 2
    while let first = reader.number(at, width: 1), let marker = reader.number(at + 1, width: 1) {
      guard first == 0xff, marker != 0xff, marker != 0 else {
        at += 1
        continue
      }
      if marker == 0xda { break }
      if (0xd0...0xd9).contains(marker) || marker == 0x01 {
        at += 2
        continue
      }
      guard let length = reader.number(at + 2, width: 2), length >= 2,
        let body = reader.slice(at + 4, length - 2)
      else { break }
      if marker == 0xe1 {
        let segment = ByteReader(body)
        if segment.has("Exif\0\0", at: 0) {
          // EXIF longer than one segment goes on in the next.
          exif = exif.map { $0 + body.dropFirst(6) } ?? body.dropFirst(6)
        } else if segment.has(xmpName, at: 0) {
          xmp = body.dropFirst(xmpName.utf8.count)
        }
      }
      at += 2 + length
    }
  }
}
