import AviaryArchives

/// LZF, h5py's own fast compression (filter 32000): runs of literals, and copies of earlier bytes.
enum LZF {
  /// `size`: bytes that were compressed; nil where that is unknown, and `most` is the limit.
  static func decompressed(_ bytes: ByteRegion, size: Int?, most: Int) throws(Flaw) -> ByteRegion {
    let room = size ?? most
    guard room <= most else { throw .damage("a chunk unpacks to more than its size") }
    var made = 0
    let whole = try ByteRegion(zeroed: room) { (target) throws(Flaw) in
      try bytes.withUInt8s { (source) throws(Flaw) in
        let damage = Flaw.damage("a chunk's compressed bytes are damaged")
        var at = 0
        while at < source.count {
          let control = Int(source[at])
          at += 1
          if control < 32 {
            let length = control + 1
            guard length <= source.count - at, length <= room - made else { throw damage }
            target.copy(length, of: source, from: at, to: made)
            at += length
            made += length
            continue
          }
          var length = control >> 5 + 2
          if control >> 5 == 7 {
            guard at < source.count else { throw damage }
            length += Int(source[at])
            at += 1
          }
          guard at < source.count else { throw damage }
          let distance = (control & 0x1f) << 8 + Int(source[at]) + 1
          at += 1
          guard distance <= made, length <= room - made else { throw damage }
          // The copy may overlap what it makes.
          for index in made..<made + length { target[index] = target[index - distance] }
          made += length
        }
      }
    }
    guard made == size ?? made, let content = whole.part(0..<made) else {
      throw .damage("a chunk unpacks to \(made) bytes instead of \(room)")
    }
    return content
  }
}
