/// Deterministic numbers for test inputs: SplitMix64 (Steele, Lea and Flood, 2014), apart from the package's own
/// generator so that a fault there cannot hide here.
public struct TestNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// `count` numbers, uniform in [lower, upper).
  public mutating func floats(_ count: Int, from lower: Float = -1, to upper: Float = 1) -> [Float] {
    (0..<count).map { _ in lower + (upper - lower) * Float(next() >> 40) * 0x1p-24 }
  }

  /// `count` numbers of either sign whose magnitude is uniform in [least, most): away from the kink of a relu.
  public mutating func floatsAwayFromZero(_ count: Int, least: Float = 0.1, most: Float = 1) -> [Float] {
    floats(count, from: least, to: most).map { next() & 1 == 0 ? $0 : -$0 }
  }

  /// `count` whole numbers in 0..<bound.
  public mutating func integers(_ count: Int, below bound: Int) -> [Int] {
    (0..<count).map { _ in Int(next() % UInt64(bound)) }
  }
}
