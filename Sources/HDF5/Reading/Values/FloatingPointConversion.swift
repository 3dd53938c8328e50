/// Reads floating-point numbers of any layout.
struct FloatingPointConversion {
  private let type: Datatype.FloatingPoint

  init(_ type: Datatype.FloatingPoint) { self.type = type }

  func double(_ bytes: ArraySlice<UInt8>) -> Double {
    if type.isIEEE || type.isBFloat16 {
      var pattern: UInt64 = 0
      if type.order == .little {
        for byte in bytes.reversed() { pattern = pattern << 8 | UInt64(byte) }
      } else {
        for byte in bytes { pattern = pattern << 8 | UInt64(byte) }
      }
      switch type.size {
      case 8: return Double(bitPattern: pattern)
      case 4: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern)))
      case _ where type.isBFloat16: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: pattern) << 16))
      default: break
      }
    }
    return assembled(bytes)
  }

  private func assembled(_ bytes: ArraySlice<UInt8>) -> Double {
    let exponent = Int(bits(bytes, type.exponentLocation, type.exponentSize))
    // The upper 64 bits of the mantissa, aligned to the left, and whether any bit below is set.
    let taken = min(64, type.mantissaSize)
    let below = type.mantissaSize - taken
    let mantissa = bits(bytes, type.mantissaLocation + below, taken) << UInt64(64 - taken)
    let rest = anyBit(bytes, type.mantissaLocation, below)
    let isNegative = bits(bytes, type.signLocation, 1) == 1
    let value: Double
    if exponent == (1 << type.exponentSize) - 1 {
      // Without an implied bit the mantissa holds the leading one, even of infinity.
      let fraction = type.isLeadingBitImplied ? mantissa : mantissa << 1
      value = fraction == 0 && !rest ? .infinity : .nan
    } else if mantissa == 0 && !rest && (exponent == 0 || !type.isLeadingBitImplied) {
      value = 0
    } else {
      value = scaled(mantissa, rest, exponent)
    }
    return isNegative ? -value : value
  }

  /// mantissa · 2^exponent, rounded once to the nearest double, ties to even.
  private func scaled(_ mantissa: UInt64, _ rest: Bool, _ exponent: Int) -> Double {
    // As value = significand · 2^power with 64 significant bits at most.
    var significand = mantissa
    var power: Int
    var sticky = rest
    if type.isLeadingBitImplied && exponent != 0 {
      sticky = sticky || significand & 1 == 1
      significand = significand >> 1 | 1 << 63
      power = exponent - type.exponentBias - 63
    } else {
      // A subnormal number has the smallest exponent; an explicit leading bit counts as one unit.
      let unit = type.isLeadingBitImplied ? 64 : 63
      power = max(exponent, 1) - type.exponentBias - unit
      let shift = significand.leadingZeroBitCount
      if significand == 0 { return 0 }
      significand <<= UInt64(shift)
      power -= shift
    }
    // 53 bits make a double; fewer where it is subnormal, down to none.
    let highest = power + 63
    if highest > 1023 { return .infinity }
    let kept = highest >= -1022 ? 53 : 53 - (-1022 - highest)
    if kept < 0 { return 0 }
    let dropped = UInt64(64 - kept)
    let half: UInt64 = 1 << (dropped - 1)
    let low = dropped == 64 ? significand : significand & (1 << dropped - 1)
    var whole = dropped == 64 ? 0 : significand >> dropped
    let isAbove = low > half || low == half && sticky
    if isAbove || low == half && whole & 1 == 1 { whole += 1 }
    return Double(sign: .plus, exponent: power + Int(dropped), significand: Double(whole))
  }

  /// `count` bits, at most 64, from bit `start`, counted from the lowest of the whole number.
  private func bits(_ bytes: ArraySlice<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count where bit(bytes, start + index) { value |= 1 << UInt64(index) }
    return value
  }

  private func anyBit(_ bytes: ArraySlice<UInt8>, _ start: Int, _ count: Int) -> Bool {
    for index in start..<start + count where bit(bytes, index) { return true }
    return false
  }

  private func bit(_ bytes: ArraySlice<UInt8>, _ index: Int) -> Bool {
    let byte = index / 8
    let place = type.order == .little ? bytes.startIndex + byte : bytes.endIndex - 1 - byte
    return bytes[place] >> UInt8(index % 8) & 1 == 1
  }
}
