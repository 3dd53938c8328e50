import AviaryArchives

/// LZF, h5py's own fast compression (filter 32000): runs of literals, and copies of earlier bytes.
enum LZF {
  static func decompressed(_ bytes: ByteRegion, size: Int) throws(Flaw) -> ByteRegion {
    try ByteRegion(zeroed: size) { (target) throws(Flaw) in
      try bytes.withUInt8s { (source) throws(Flaw) in
        let damage = Flaw.damage("a chunk's compressed bytes are damaged")
        var at = 0
        var made = 0
        while at < source.count {
          let control = Int(source[at])
          at += 1
          if control < 32 {
            let length = control + 1
            guard length <= source.count - at, length <= size - made else { throw damage }
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
          guard distance <= made, length <= size - made else { throw damage }
          // The copy may overlap what it makes.
          for index in made..<made + length { target[index] = target[index - distance] }
          made += length
        }
        guard made == size else { throw Flaw.damage("a chunk unpacks to \(made) bytes instead of \(size)") }
      }
    }
  }
}
