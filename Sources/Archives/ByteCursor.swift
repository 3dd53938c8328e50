/// Reads little-endian fields in sequence and never past the end.
struct ByteCursor {
  let region: ByteRegion
  var offset: Int
  /// The file, for faults.
  let path: String
  /// What is being read, for faults.
  var part: String

  init(_ region: ByteRegion, offset: Int = 0, path: String, part: String) {
    self.region = region
    self.offset = offset
    self.path = path
    self.part = part
  }

  var remaining: Int { max(0, region.count - offset) }

  func require(_ count: Int) throws(ArchiveFault) {
    guard offset >= 0, count >= 0, count <= remaining else {
      throw .truncated(path: path, part: part, needed: count, available: remaining)
    }
  }

  mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(ArchiveFault) -> Value {
    try require(MemoryLayout<Value>.size)
    defer { offset += MemoryLayout<Value>.size }
    return unsafe region.withPointer(from: offset, count: MemoryLayout<Value>.size) {
      unsafe Value(littleEndian: $0.loadUnaligned(as: Value.self))
    }
  }

  mutating func bytes(_ count: Int) throws(ArchiveFault) -> [UInt8] {
    try require(count)
    defer { offset += count }
    return unsafe region.withPointer(from: offset, count: count) { unsafe [UInt8]($0) }
  }

  /// UTF-8 text; bytes that are not UTF-8 become the replacement character.
  mutating func text(_ count: Int) throws(ArchiveFault) -> String {
    String(decoding: try bytes(count), as: UTF8.self)
  }

  /// The bytes up to the next line feed, which is skipped.
  mutating func line() throws(ArchiveFault) -> [UInt8] {
    let start = offset
    var (found, place): (Int?, Int) = (nil, start)
    while found == nil, place < region.count {
      let step = min(4096, region.count - place)
      found = unsafe region.withPointer(from: place, count: step) { unsafe $0.firstIndex(of: 0x0a) }.map { place + $0 }
      place += step
    }
    guard let end = found else {
      throw .truncated(path: path, part: part, needed: remaining + 1, available: remaining)
    }
    defer { offset = end + 1 }
    return try bytes(end - start)
  }
}
