/// A reproducible stream of random numbers: Philox4x32-10, keyed by what the numbers are for.
///
/// Two streams with the same seed, purpose, path and step give the same numbers on every machine; streams that differ in
/// any of them are independent. Nothing is shared and nothing advances behind the caller's back, so results do not
/// depend on the order in which streams are used. (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.)
public struct RandomStream: RandomNumberGenerator, Sendable {
  /// The Philox key, for kernels that draw whole arrays from the same stream.
  package let key: UInt64
  package let step: UInt64
  private var block: UInt64 = 0
  private var words: SIMD4<UInt32> = .zero
  private var used = 4

  public init(seed: UInt64, purpose: String, path: String = "", step: UInt64 = 0) {
    // FNV-1a over the names, mixed with the seed: the key depends on every byte of both.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash = (hash ^ 0xff) &* 0x100_0000_01b3
    for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    key = Self.mix(hash ^ Self.mix(seed &+ 0x9e37_79b9_7f4a_7c15))
    self.step = step
  }

  /// The finaliser of SplitMix64.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Ten rounds of Philox4x32 on one counter.
  public static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let a = UInt64(c[0]) &* 0xd251_1f53
      let b = UInt64(c[2]) &* 0xcd9e_8d57
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: a))
      k = SIMD2(k[0] &+ 0x9e37_79b9, k[1] &+ 0xbb67_ae85)
    }
    return c
  }

  private mutating func nextWord() -> UInt32 {
    if used == 4 {
      words = Self.philox(
        counter: SIMD4(
          UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
          UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32)),
        key: SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)))
      block &+= 1
      used = 0
    }
    defer { used += 1 }
    return words[used]
  }

  public mutating func next() -> UInt64 {
    let low = UInt64(nextWord())
    return low | UInt64(nextWord()) << 32
  }

  /// A number in [0, 1) with 24 random bits.
  public mutating func uniform() -> Float {
    Float(nextWord() >> 8) * 0x1p-24
  }

  /// A number in [lower, upper).
  public mutating func uniform(_ lower: Float, _ upper: Float) -> Float {
    lower + (upper - lower) * uniform()
  }

  /// A whole number in 0..<bound.
  public mutating func integer(below bound: Int) -> Int {
    Int.random(in: 0..<bound, using: &self)
  }

  /// The positions 0..<count in random order.
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, integer(below: i + 1))
    }
    return order
  }
}
