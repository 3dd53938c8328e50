import AviaryArchives

/// The n-bit filter (filter 5): the significant bits of every number, without gaps.
enum NBit {
  /// The layout of the bits of an element.
  private indirect enum Element {
    /// All bytes unchanged.
    case verbatim(size: Int)
    case number(size: Int, isBig: Bool, precision: Int, offset: Int)
    case array(Element, size: Int, baseSize: Int)
    case compound([(offset: Int, element: Element)])
  }

  private static let depthLimit = DatatypeMessage.depthLimit

  static func decompressed(_ bytes: ByteRegion, _ parameters: [UInt32], most: Int) throws(Flaw) -> ByteRegion {
    guard parameters.count >= 5 else { throw .damage("the nbit filter lacks parameters") }
    // Where every bit is significant, nothing was packed.
    if parameters[1] != 0 { return bytes }
    var rest = parameters[3...]
    let (element, size) = try element(&rest, depth: 0)
    guard let total = Int(parameters[2]).times(size), total <= most else {
      throw .damage("a chunk unpacks to more than its size")
    }
    return try ByteRegion(zeroed: total) { (target) throws(Flaw) in
      try bytes.withUInt8s { (source) throws(Flaw) in
        var bits = BitReader()
        for start in stride(from: 0, to: total, by: size) {
          try unpack(element, at: start, &target, &bits, source)
        }
      }
    }
  }

  /// Parses the description of an element, nested no deeper than a datatype.
  private static func element(
    _ rest: inout ArraySlice<UInt32>, depth: Int
  ) throws(Flaw) -> (element: Element, size: Int) {
    guard depth < depthLimit else { throw .tooMany("datatypes within one another", limit: depthLimit) }
    let kind = try next(&rest)
    let size = try next(&rest)
    guard size > 0 else { throw .damage("the nbit filter describes nothing") }
    switch kind {
    case 1:
      let order = try next(&rest)
      let precision = try next(&rest)
      let offset = try next(&rest)
      guard order < 2, precision > 0, precision + offset <= size * 8, size <= 8 else {
        throw .damage("the nbit filter describes impossible numbers")
      }
      return (.number(size: size, isBig: order == 1, precision: precision, offset: offset), size)
    case 2:
      let (base, baseSize) = try element(&rest, depth: depth + 1)
      guard size % baseSize == 0 else { throw .damage("the nbit filter describes an impossible array") }
      return (.array(base, size: size, baseSize: baseSize), size)
    case 3:
      let count = try next(&rest)
      guard count <= rest.count else { throw .damage("the nbit filter lacks parameters") }
      var members: [(offset: Int, element: Element)] = []
      var used = 0
      for _ in 0..<count {
        let offset = try next(&rest)
        let (member, memberSize) = try element(&rest, depth: depth + 1)
        used += memberSize
        guard offset + memberSize <= size, used <= size else {
          throw .damage("the nbit filter describes an impossible compound")
        }
        members.append((offset, member))
      }
      return (.compound(members), size)
    case 4: return (.verbatim(size: size), size)
    default: throw .damage("the nbit filter describes an element of kind \(kind)")
    }
  }

  private static func next(_ rest: inout ArraySlice<UInt32>) throws(Flaw) -> Int {
    guard let first = rest.popFirst() else { throw .damage("the nbit filter lacks parameters") }
    return Int(first)
  }

  private static func unpack(
    _ element: Element, at start: Int, _ target: inout MutableSpan<UInt8>, _ bits: inout BitReader,
    _ source: Span<UInt8>
  ) throws(Flaw) {
    switch element {
    case .verbatim(let size):
      for index in 0..<size {
        target[start + index] = UInt8(truncatingIfNeeded: try bits.bits(8, of: source))
      }
    case .number(let size, let isBig, let precision, let offset):
      var value = try bits.bits(precision, of: source) << UInt64(offset)
      for index in 0..<size {
        target[isBig ? start + size - 1 - index : start + index] = UInt8(truncatingIfNeeded: value)
        value >>= 8
      }
    case .array(let base, let size, let baseSize):
      for place in stride(from: start, to: start + size, by: baseSize) {
        try unpack(base, at: place, &target, &bits, source)
      }
    case .compound(let members):
      for (offset, member) in members { try unpack(member, at: start + offset, &target, &bits, source) }
    }
  }
}
