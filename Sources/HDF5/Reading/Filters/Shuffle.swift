import AviaryArchives

/// The shuffle filter: all first bytes of the elements, then all second bytes … (specification VI, filter 2).
enum Shuffle {
  static func undo(_ bytes: ByteRegion, elementSize: Int) throws(Flaw) -> ByteRegion {
    guard elementSize > 0 else { throw .damage("the shuffle filter has no element size") }
    return undone(bytes, elementSize: elementSize)
  }

  static func undone(_ bytes: ByteRegion, elementSize: Int) -> ByteRegion {
    let count = bytes.count / elementSize
    if elementSize == 1 || count < 2 { return bytes }
    return ByteRegion(zeroed: bytes.count) { target in
      bytes.withUInt8s { source in
        for byte in 0..<elementSize {
          let plane = byte * count
          var at = byte
          for index in plane..<plane + count {
            target[at] = source[index]
            at += elementSize
          }
        }
        // Bytes that do not fill an element are unchanged at the end.
        let whole = count * elementSize
        target.copy(bytes.count - whole, of: source, from: whole, to: whole)
      }
    }
  }
}
