/// Reads the fields of one block of metadata in sequence, little-endian, and never past its end.
struct FieldReader: Sendable {
  /// What all readers of a block share: they are copied often, and copy one reference only.
  private final class Block: Sendable {
    let bytes: [UInt8]
    let position: Int
    let what: String
    let sizeOfOffsets: Int
    let sizeOfLengths: Int

    init(_ bytes: [UInt8], _ position: Int, _ what: String, _ sizeOfOffsets: Int, _ sizeOfLengths: Int) {
      self.bytes = bytes
      self.position = position
      self.what = what
      self.sizeOfOffsets = sizeOfOffsets
      self.sizeOfLengths = sizeOfLengths
    }

    func renamed(_ what: String) -> Block { Block(bytes, position, what, sizeOfOffsets, sizeOfLengths) }
  }

  private let block: Block
  private(set) var offset: Int
  let end: Int

  init(_ bytes: [UInt8], position: Int, what: String, sizeOfOffsets: Int, sizeOfLengths: Int) {
    self.init(Block(bytes, position, what, sizeOfOffsets, sizeOfLengths), 0, bytes.count)
  }

  private init(_ block: Block, _ offset: Int, _ end: Int) {
    self.block = block
    self.offset = offset
    self.end = end
  }

  var bytes: [UInt8] { block.bytes }
  /// The offset of `bytes` in the file.
  var position: Int { block.position }
  /// A description of the block, for flaws.
  var what: String { block.what }
  var sizeOfOffsets: Int { block.sizeOfOffsets }
  var sizeOfLengths: Int { block.sizeOfLengths }

  var remaining: Int { end - offset }

  private func require(_ count: Int) throws(Flaw) {
    guard count >= 0, count <= end - offset else { throw .damage("\(what) is cut short") }
  }

  /// An unsigned number of `size` bytes, at most eight.
  mutating func unsigned(_ size: Int) throws(Flaw) -> UInt64 {
    try require(size)
    var value: UInt64 = 0
    let bytes = block.bytes
    for index in 0..<size { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    offset += size
    return value
  }

  /// An unsigned number of `size` bytes that an `Int` can hold.
  mutating func number(_ size: Int) throws(Flaw) -> Int {
    guard let value = Int(exactly: try unsigned(size)) else { throw .damage("\(what) has a number out of range") }
    return value
  }

  mutating func byte() throws(Flaw) -> Int {
    try require(1)
    defer { offset += 1 }
    return Int(block.bytes[offset])
  }

  mutating func uint16() throws(Flaw) -> Int { Int(try unsigned(2)) }
  mutating func uint32() throws(Flaw) -> Int { Int(try unsigned(4)) }

  /// A length, as wide as the superblock says.
  mutating func length() throws(Flaw) -> Int { try number(sizeOfLengths) }

  /// An address, as wide as the superblock says; `nil` where it is undefined: all ones.
  mutating func address() throws(Flaw) -> UInt64? {
    let value = try unsigned(sizeOfOffsets)
    return value == .max >> UInt64(64 - 8 * sizeOfOffsets) ? nil : value
  }

  mutating func skip(_ count: Int) throws(Flaw) {
    try require(count)
    offset += count
  }

  /// Skips to the next multiple of eight, counted from `start`.
  mutating func align(from start: Int) throws(Flaw) {
    try skip((8 - (offset - start) % 8) % 8)
  }

  mutating func take(_ count: Int) throws(Flaw) -> [UInt8] {
    try require(count)
    defer { offset += count }
    return Array(bytes[offset..<offset + count])
  }

  /// The next `count` bytes as a block of their own, not copied.
  mutating func block(_ count: Int, what: String? = nil) throws(Flaw) -> FieldReader {
    try require(count)
    defer { offset += count }
    return FieldReader(what.map(block.renamed) ?? block, offset, offset + count)
  }

  /// Text of `count` bytes; bytes that are not UTF-8 become the replacement character.
  mutating func text(_ count: Int) throws(Flaw) -> String {
    try require(count)
    defer { offset += count }
    return String(decoding: bytes[offset..<offset + count], as: UTF8.self)
  }

  /// Text up to a zero byte, which is consumed.
  mutating func zeroTerminatedText() throws(Flaw) -> String {
    guard let zero = bytes[offset..<end].firstIndex(of: 0) else { throw .damage("\(what) has a name without an end") }
    let text = String(decoding: bytes[offset..<zero], as: UTF8.self)
    offset = zero + 1
    return text
  }

  mutating func signature(_ expected: StaticString) throws(Flaw) {
    let found = try text(4)
    guard found == expected.description else { throw .damage("\(what) does not begin with \(expected)") }
  }

  mutating func version(_ expected: Int) throws(Flaw) {
    let found = try byte()
    guard found == expected else { throw .damage("\(what) has version \(found)") }
  }

  /// Reads a checksum and compares it with that of the bytes from `start` on.
  mutating func checksum(from start: Int) throws(Flaw) {
    try require(4)
    let computed = Lookup3.hash(bytes[start..<offset])
    guard try uint32() == Int(computed) else { throw .damage("the checksum of \(what) does not match its bytes") }
  }
}
