import AviaryArchives

/// The scale-offset filter (filter 6): differences from the smallest number, packed into few bits; floating-point numbers
/// are first scaled by a power of ten ("D-scaling") and rounded.
struct ScaleOffset {
  private let scale: Int
  private let count: Int
  private let isFloat: Bool
  private let size: Int
  private let isBig: Bool
  /// The bits of the fill value, which is packed as all ones.
  private let fill: UInt64?
  private var bitCount = 0
  private var least: UInt64 = 0

  static func decompressed(_ bytes: ByteRegion, _ parameters: [UInt32], most: Int) throws(Flaw) -> ByteRegion {
    var filter = try ScaleOffset(parameters)
    guard let total = filter.count.times(filter.size), total <= most else {
      throw .damage("a chunk unpacks to more than its size")
    }
    try filter.readHead(bytes)
    guard let packed = bytes.part(from: 21, count: bytes.count - 21) else { throw damage }
    return try filter.unpacked(packed, total)
  }

  private static let damage = Flaw.damage("a chunk's packed numbers are damaged")

  private init(_ parameters: [UInt32]) throws(Flaw) {
    guard parameters.count >= 8 else { throw .damage("the scale-offset filter lacks parameters") }
    isFloat = parameters[3] == 1
    size = Int(parameters[4])
    if isFloat, parameters[0] == 1 { throw .unsupported("compression by scale-offset with E-scaling") }
    let sizes = isFloat ? [4, 8] : [1, 2, 4, 8]
    guard parameters[3] < 2, parameters[0] == (isFloat ? 0 : 2), sizes.contains(size) else {
      throw .damage("the scale-offset filter has impossible parameters")
    }
    scale = Int(Int32(bitPattern: parameters[1]))
    guard !isFloat || abs(scale) <= 400 else { throw .damage("the scale-offset filter scales by 10^\(scale)") }
    count = Int(parameters[2])
    isBig = parameters[6] == 1
    if parameters[7] == 1 {
      guard parameters.count >= (size > 4 ? 10 : 9) else { throw .damage("the scale-offset filter lacks a fill value") }
      fill = UInt64(parameters[8]) | (size > 4 ? UInt64(parameters[9]) << 32 : 0)
    } else {
      fill = nil
    }
  }

  /// Reads the number of bits and the smallest number.
  private mutating func readHead(_ bytes: ByteRegion) throws(Flaw) {
    guard let head = bytes.part(from: 0, count: 21)?.array() else { throw Self.damage }
    bitCount = head[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard bitCount <= size * 8 else { throw Self.damage }
    let width = min(8, Int(head[4]))
    least = head[5..<5 + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func unpacked(_ packed: ByteRegion, _ total: Int) throws(Flaw) -> ByteRegion {
    try ByteRegion(zeroed: total) { (target) throws(Flaw) in
      try packed.withUInt8s { (source) throws(Flaw) in
        var bits = BitReader()
        let isWhole = bitCount == size * 8
        let ones: UInt64 = bitCount == 64 ? .max : 1 << UInt64(bitCount) - 1
        let divisor = isFloat ? power(of: 10, scale) : 1
        for index in 0..<count {
          var value: UInt64
          if isWhole {
            // The numbers unpacked, in the byte order of the machine that wrote them.
            value = 0
            for byte in 0..<size { value |= try bits.bits(8, of: source) << UInt64(8 * byte) }
          } else {
            value = try bits.bits(bitCount, of: source)
            if let fill, value == ones { value = fill } else { value = restored(value, divisor) }
          }
          for byte in 0..<size {
            target[index * size + (isBig ? size - 1 - byte : byte)] = UInt8(truncatingIfNeeded: value)
            value >>= 8
          }
        }
      }
    }
  }

  private func restored(_ value: UInt64, _ divisor: Double) -> UInt64 {
    guard isFloat else { return value &+ least }
    if size == 8 {
      return (Double(Int64(bitPattern: value)) / divisor + Double(bitPattern: least)).bitPattern
    }
    let number = Float(Int32(truncatingIfNeeded: value)) / Float(divisor)
    return UInt64((number + Float(bitPattern: UInt32(truncatingIfNeeded: least))).bitPattern)
  }

  private func power(of base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    for _ in 0..<abs(exponent) { result *= base }
    return exponent < 0 ? 1 / result : result
  }
}
