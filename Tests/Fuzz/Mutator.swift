/// Damages bytes as accidents and attackers do, the same way for the same seed.
struct Mutator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678 }

  /// SplitMix64 (Steele, Lea and Flood, 2014).
  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number below `bound`, which is at least 1.
  mutating func number(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Numbers at which sizes, counts and offsets go wrong.
  private static let limits: [UInt64] = [
    0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
    0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_fff0, 1 << 40,
  ]

  /// One to six changes to a file; `others` are files that a piece may be taken from.
  mutating func mutated(_ bytes: [UInt8], others: [[UInt8]]) -> [UInt8] {
    var result = bytes
    for _ in 0...number(below: 6) {
      guard !result.isEmpty else { return result }
      change(&result, others)
    }
    return result
  }

  private mutating func change(_ bytes: inout [UInt8], _ others: [[UInt8]]) {
    let at = number(below: bytes.count)
    switch number(below: 13) {
    case 0, 1: bytes[at] ^= 1 << UInt8(number(below: 8))
    case 2: bytes[at] = UInt8(truncatingIfNeeded: next())
    case 3, 4: put(Self.limits[number(below: Self.limits.count)], width: 1 << number(below: 4), at, &bytes)
    case 5:
      // A number that is there, a little larger or smaller.
      let width = 1 << number(below: 4)
      guard at + width <= bytes.count else { return }
      let value = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
      put(value &+ UInt64(number(below: 9)) &- 4, width: width, at, &bytes)
    case 6: put(UInt64(number(below: bytes.count)), width: 1 << number(below: 4), at, &bytes)
    case 7: bytes.removeSubrange(at..<min(bytes.count, at + 1 + number(below: 32)))
    case 8: bytes.insert(contentsOf: (0...number(below: 16)).map { _ in UInt8(truncatingIfNeeded: next()) }, at: at)
    case 9: overwrite(&bytes, at, with: bytes, from: number(below: bytes.count))
    case 10:
      guard let other = others.isEmpty ? nil : others[number(below: others.count)], !other.isEmpty else { return }
      overwrite(&bytes, at, with: other, from: number(below: other.count))
    case 11:
      // Digits and brackets, which texts within files are made of.
      let alphabet = Array("0123456789-+eE.,:[]{}\"\\nulltrue ".utf8)
      bytes[at] = alphabet[number(below: alphabet.count)]
    default: if number(below: 4) == 0 { bytes.removeSubrange(at...) }
    }
  }

  private func put(_ value: UInt64, width: Int, _ at: Int, _ bytes: inout [UInt8]) {
    for place in 0..<width where at + place < bytes.count {
      bytes[at + place] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place))
    }
  }

  private mutating func overwrite(_ bytes: inout [UInt8], _ at: Int, with other: [UInt8], from start: Int) {
    for place in 0...number(below: 64) where at + place < bytes.count && start + place < other.count {
      bytes[at + place] = other[start + place]
    }
  }
}
