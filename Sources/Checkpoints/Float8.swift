/// The 8-bit floating-point formats as tables of their 256 values, exact in Float32.
///
/// Micikevicius et al., "FP8 Formats for Deep Learning", 2022; those called fnuz have no negative zero, whose pattern is
/// their only NaN (Noune et al., "8-bit Numerical Formats for Deep Neural Networks", 2022); E8M0 is a power of two without
/// a sign, the scale of the OCP Microscaling formats.
enum Float8 {
  static let e4m3fn = (0..<256).map { value($0, mantissaBits: 3, bias: 7, isNaN: { $0 & 0x7f == 0x7f }) }
  static let e4m3fnuz = (0..<256).map { value($0, mantissaBits: 3, bias: 8, isNaN: { $0 == 0x80 }) }
  static let e5m2fnuz = (0..<256).map { value($0, mantissaBits: 2, bias: 16, isNaN: { $0 == 0x80 }) }
  static let e8m0fnu = (0..<256).map { $0 == 255 ? .nan : Float(sign: .plus, exponent: $0 - 127, significand: 1) }
  /// The upper half of binary16.
  static let e5m2 = (0..<256).map { HalfPrecision.float(half: UInt16($0) << 8) }

  private static func value(_ bits: Int, mantissaBits: Int, bias: Int, isNaN: (Int) -> Bool) -> Float {
    if isNaN(bits) { return .nan }
    let sign: FloatingPointSign = bits & 0x80 == 0 ? .plus : .minus
    let exponent = (bits & 0x7f) >> mantissaBits
    let one = 1 << mantissaBits
    let mantissa = bits & (one - 1)
    // Subnormal numbers have the exponent of the smallest normal ones and no leading one.
    let significand = Float(exponent == 0 ? mantissa : one + mantissa) / Float(one)
    return Float(sign: sign, exponent: max(exponent, 1) - bias, significand: significand)
  }

  /// The values of a type; nil where it is none of these formats.
  static func values(of dtype: Dtype) -> [Float]? {
    switch dtype {
    case .float8E4M3FN: e4m3fn
    case .float8E5M2: e5m2
    case .float8E4M3FNUZ: e4m3fnuz
    case .float8E5M2FNUZ: e5m2fnuz
    case .float8E8M0FNU: e8m0fnu
    default: nil
    }
  }
}
