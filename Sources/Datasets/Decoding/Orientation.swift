/// The EXIF orientation of a picture, 1 to 8, where its metadata has one; broken metadata is ignored.
///
/// Only the first directory of the TIFF structure is read (EXIF 2.32, section 4.6.4, tag 0x0112); where it has no
/// orientation, that of the XMP packet counts.
enum Orientation {
  static func find(exif: ArraySlice<UInt8>?, xmp: ArraySlice<UInt8>?) -> Int {
    exif.flatMap(tagValue) ?? xmp.flatMap(xmpValue) ?? 1
  }

  /// The value of tag 0x0112, with or without the prefix `Exif\0\0`.
  private static func tagValue(_ exif: ArraySlice<UInt8>) -> Int? {
    var tiff = exif
    while tiff.starts(with: Array("Exif\0\0".utf8)) { tiff = tiff.dropFirst(6) }
    var reader = ByteReader(tiff)
    if reader.has("II", at: 0) {
      reader.isBigEndian = false
    } else if !reader.has("MM", at: 0) {
      return nil
    }
    guard let magic = reader.number(2, width: 2), magic == 42, let directory = reader.number(4, width: 4),
      let count = reader.number(directory, width: 2)
    else { return nil }
    for entry in 0..<count {
      let at = directory + 2 + 12 * entry
      guard let tag = reader.number(at, width: 2), let type = reader.number(at + 2, width: 2),
        let values = reader.number(at + 4, width: 4)
      else { return nil }
      if tag == 0x0112, values == 1 {
        switch type {
        case 1: return reader.number(at + 8, width: 1)
        case 3: return reader.number(at + 8, width: 2)
        case 4: return reader.number(at + 8, width: 4)
        default: return nil
        }
      }
    }
    return nil
  }

  /// The digit after `tiff:Orientation="` or `tiff:Orientation>`.
  private static func xmpValue(_ xmp: ArraySlice<UInt8>) -> Int? {
    let name = Array("tiff:Orientation".utf8)
    var rest = xmp
    while let start = rest.firstIndex(of: name[0]) {
      rest = rest[start...]
      if rest.starts(with: name) {
        let after = rest.dropFirst(name.count)
        let digit = after.starts(with: [0x3e]) ? after.dropFirst() : after.dropFirst(2)
        let isAssigned = after.starts(with: [0x3e]) || after.starts(with: [0x3d, 0x22])
        if isAssigned, let value = digit.first, (0x30...0x39).contains(value) { return Int(value) - 0x30 }
      }
      rest = rest.dropFirst()
    }
    return nil
  }
}
