// The hashes by which TensorFlow gives words without a place in a vocabulary one of a few numbers.

/// What a word's bytes are hashed by.
enum StringHash: Codable, Equatable, Sendable {
  /// Pike and Alakuijala, FarmHash, 2014: `Fingerprint64`.
  case farm
  /// Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012: SipHash-2-4 with a key of two numbers.
  case sip(UInt64, UInt64)

  /// One of so many numbers, from 0 on.
  func bucket(of bytes: [UInt8], among count: Int) -> Int {
    let hash =
      switch self {
      case .farm: FarmHash(bytes).value
      case .sip(let first, let second): sipHash(bytes, key: (first, second))
      }
    return Int(hash % UInt64(max(1, count)))
  }
}

private func rotated(_ x: UInt64, right count: UInt64) -> UInt64 { x >> count | x << (64 - count) }

private func rotated(_ x: UInt64, left count: UInt64) -> UInt64 { x << count | x >> (64 - count) }

/// Two rounds for each eight bytes, four at the end; the last eight hold the length.
private func sipHash(_ bytes: [UInt8], key: (UInt64, UInt64)) -> UInt64 {
  var (a, b) = (key.0 ^ 0x736f_6d65_7073_6575, key.1 ^ 0x646f_7261_6e64_6f6d)
  var (c, d) = (key.0 ^ 0x6c79_6765_6e65_7261, key.1 ^ 0x7465_6462_7974_6573)
  func rounds(_ count: Int) {
    for _ in 0..<count {
      a &+= b
      b = rotated(b, left: 13) ^ a
      a = rotated(a, left: 32)
      c &+= d
      d = rotated(d, left: 16) ^ c
      a &+= d
      d = rotated(d, left: 21) ^ a
      c &+= b
      b = rotated(b, left: 17) ^ c
      c = rotated(c, left: 32)
    }
  }
  func take(_ word: UInt64) {
    d ^= word
    rounds(2)
    a ^= word
  }
  let whole = bytes.count / 8 * 8
  for start in stride(from: 0, to: whole, by: 8) { take(littleEndian(bytes[start..<start + 8])) }
  take(littleEndian(bytes[whole...]) | UInt64(truncatingIfNeeded: bytes.count) << 56)
  c ^= 0xff
  rounds(4)
  return a ^ b ^ c ^ d
}

private func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
  bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
}

/// FarmHash's fingerprint, which stays the same for ever.
private struct FarmHash {
  private static let k0: UInt64 = 0xc3a5_c85c_97cb_3127
  private static let k1: UInt64 = 0xb492_b66f_be98_f273
  private static let k2: UInt64 = 0x9ae1_6a3b_2f90_404f

  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func word(_ place: Int) -> UInt64 { littleEndian(bytes[place..<place + 8]) }
  private func half(_ place: Int) -> UInt64 { littleEndian(bytes[place..<place + 4]) }
  private static func mixed(_ x: UInt64) -> UInt64 { x ^ x >> 47 }

  private static func joined(_ u: UInt64, _ v: UInt64, _ factor: UInt64) -> UInt64 {
    mixed((v ^ mixed((u ^ v) &* factor)) &* factor) &* factor
  }

  /// From 32 bytes, and two numbers.
  private func weak(_ place: Int, _ a: UInt64, _ b: UInt64) -> (UInt64, UInt64) {
    let first = a &+ word(place)
    let second = first &+ word(place + 8) &+ word(place + 16)
    let turned = rotated(b &+ first &+ word(place + 24), right: 21)
    return (second &+ word(place + 24), turned &+ rotated(second, right: 44) &+ first)
  }

  var value: UInt64 {
    switch bytes.count {
    case 0: Self.k2
    case 1..<4: tiny
    case 4..<8: Self.joined(UInt64(bytes.count) &+ half(0) << 3, half(bytes.count - 4), factor)
    case 8...16: short
    case 17...32: medium
    case 33...64: long
    default: blocks
    }
  }

  private var factor: UInt64 { Self.k2 &+ UInt64(bytes.count) &* 2 }

  private var tiny: UInt64 {
    let (first, middle, last) = (bytes[0], bytes[bytes.count / 2], bytes[bytes.count - 1])
    let y = UInt64(first) | UInt64(middle) << 8
    let z = UInt64(bytes.count) + UInt64(last) << 2
    return Self.mixed((y &* Self.k2) ^ (z &* Self.k0)) &* Self.k2
  }

  private var short: UInt64 {
    let a = word(0) &+ Self.k2
    let b = word(bytes.count - 8)
    return Self.joined(
      rotated(b, right: 37) &* factor &+ a, (rotated(a, right: 25) &+ b) &* factor, factor)
  }

  private var medium: UInt64 {
    let (a, b) = (word(0) &* Self.k1, word(8))
    let (c, d) = (word(bytes.count - 8) &* factor, word(bytes.count - 16) &* Self.k2)
    return Self.joined(
      rotated(a &+ b, right: 43) &+ rotated(c, right: 30) &+ d, a &+ rotated(b &+ Self.k2, right: 18) &+ c, factor)
  }

  private var long: UInt64 {
    let count = bytes.count
    let (a, b) = (word(0) &* Self.k2, word(8))
    let (c, d) = (word(count - 8) &* factor, word(count - 16) &* Self.k2)
    let y = rotated(a &+ b, right: 43) &+ rotated(c, right: 30) &+ d
    let z = Self.joined(y, a &+ rotated(b &+ Self.k2, right: 18) &+ c, factor)
    let (e, f) = (word(16) &* factor, word(24))
    let (g, h) = ((y &+ word(count - 32)) &* factor, (z &+ word(count - 24)) &* factor)
    return Self.joined(
      rotated(e &+ f, right: 43) &+ rotated(g, right: 30) &+ h, e &+ rotated(f &+ a, right: 18) &+ g, factor)
  }

  private var blocks: UInt64 {
    let seed: UInt64 = 81
    var x = seed &* Self.k2 &+ word(0)
    var y = seed &* Self.k1 &+ 113
    var z = Self.mixed(y &* Self.k2 &+ 113) &* Self.k2
    var (v, w): ((UInt64, UInt64), (UInt64, UInt64)) = ((0, 0), (0, 0))
    let end = (bytes.count - 1) / 64 * 64
    let rest = (bytes.count - 1) & 63
    for place in stride(from: 0, to: end, by: 64) {
      x = rotated(x &+ y &+ v.0 &+ word(place + 8), right: 37) &* Self.k1
      y = rotated(y &+ v.1 &+ word(place + 48), right: 42) &* Self.k1
      x ^= w.1
      y = y &+ v.0 &+ word(place + 40)
      z = rotated(z &+ w.0, right: 33) &* Self.k1
      v = weak(place, v.1 &* Self.k1, x &+ w.0)
      w = weak(place + 32, z &+ w.1, y &+ word(place + 16))
      swap(&z, &x)
    }
    let factor = Self.k1 &+ (z & 0xff) << 1
    let place = end + rest - 63
    w.0 &+= UInt64(rest)
    v.0 &+= w.0
    w.0 &+= v.0
    x = rotated(x &+ y &+ v.0 &+ word(place + 8), right: 37) &* factor
    y = rotated(y &+ v.1 &+ word(place + 48), right: 42) &* factor
    x ^= w.1 &* 9
    y = y &+ v.0 &* 9 &+ word(place + 40)
    z = rotated(z &+ w.0, right: 33) &* factor
    v = weak(place, v.1 &* factor, x &+ w.0)
    w = weak(place + 32, z &+ w.1, y &+ word(place + 16))
    swap(&z, &x)
    return Self.joined(
      Self.joined(v.0, w.0, factor) &+ Self.mixed(y) &* Self.k0 &+ z, Self.joined(v.1, w.1, factor) &+ x, factor)
  }
}
