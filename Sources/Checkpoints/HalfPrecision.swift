/// Conversions between Float32 and the two 16-bit formats, on bit patterns: Swift's own Float16 does not exist on
/// every platform, and without special instructions it converts by a function call each.
enum HalfPrecision {
  /// IEEE 754 binary16 to Float32, exactly.
  @inline(__always)
  static func float(half: UInt16) -> Float {
    let magnitude = UInt32(half & 0x7fff) << 13
    let sign = UInt32(half & 0x8000) << 16
    // Exponent and mantissa in place, the bias corrected by a multiplication that also normalises subnormal numbers.
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    // Infinities and NaNs keep an exponent of all ones.
    let special: UInt32 = magnitude >= 0x0f80_0000 ? 0x7f80_0000 : 0
    return Float(bitPattern: scaled | special | sign)
  }

  @inline(__always)
  static func float(bfloat: UInt16) -> Float {
    Float(bitPattern: UInt32(bfloat) << 16)
  }

  /// Float32 to binary16, to nearest, ties to even; what is too large becomes infinity.
  @inline(__always)
  static func half(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7fff_ffff
    if magnitude >= 0x7f80_0000 {  // infinity; NaN, kept quiet with the upper bits of its payload
      return sign | 0x7c00 | (magnitude > 0x7f80_0000 ? 0x200 | UInt16((magnitude >> 13) & 0x1ff) : 0)
    }
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }  // 65,520 and above round to infinity
    if magnitude < 0x3880_0000 {  // below 2⁻¹⁴: subnormal; adding 0.5 lets the processor round to multiples of 2⁻²⁴
      let rounded = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- Float(0.5).bitPattern)
    }
    let odd = (magnitude >> 13) & 1
    let rounded = magnitude &+ 0xfff &+ odd &- 0x3800_0000
    return sign | UInt16(truncatingIfNeeded: rounded >> 13)
  }

  /// Float32 to bfloat16, to nearest, ties to even.
  @inline(__always)
  static func bfloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7fff_ffff > 0x7f80_0000 { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
  }
}
