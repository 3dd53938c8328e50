import AviaryDiagnostics
import AviaryPlatform

extension RandomStream {
  /// A number in (0, 1) with 53 random bits.
  private mutating func unit() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }

  /// A normal number of mean 0 and deviation 1 (Box & Muller, 1958).
  public mutating func normal() -> Double {
    let radius = (-2 * log(unit())).squareRoot()
    return radius * cos(2 * Double.pi * unit())
  }

  /// The logarithm of a number of the gamma distribution of scale 1 (Marsaglia & Tsang, 2000). A small shape gives
  /// numbers too small for a Double, whose logarithms are not.
  private mutating func logarithmOfGamma(shape: Double) -> Double {
    if shape < 1 { return logarithmOfGamma(shape: shape + 1) + log(unit()) / shape }
    let d = shape - 1 / 3.0
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if log(unit()) < x * x / 2 + d - d * v + d * log(v) { return log(d * v) }
    }
  }

  /// A number of the beta distribution, in [0, 1].
  public mutating func beta(_ a: Double, _ b: Double) -> Double {
    ensure(a > 0 && b > 0 && a.isFinite && b.isFinite, "beta: the shapes \(a) and \(b) are not positive")
    let x = logarithmOfGamma(shape: a)
    return 1 / (1 + exp(logarithmOfGamma(shape: b) - x))
  }
}
