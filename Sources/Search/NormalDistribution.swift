import AviaryKernels
import AviaryPlatform

/// The standard normal distribution.
enum Normal {
  static func density(_ z: Double) -> Double { exp(logDensity(z)) }
  static func logDensity(_ z: Double) -> Double { -0.5 * z * z - 0.918_938_533_204_672_7 }
  /// The share below z.
  static func share(below z: Double) -> Double { 0.5 * erfc(-z * 0.707_106_781_186_547_6) }

  /// A number of mean 0 and deviation 1 (Box and Muller, 1958).
  static func draw(_ random: inout RandomStream) -> Double {
    let radius = (-2 * log(1 - random.coordinate())).squareRoot()
    return radius * cos(2 * .pi * random.coordinate())
  }
}

/// How much a minimum is expected to sink.
public enum ExpectedImprovement {
  /// E[max(0, best − f)] of a normal f.
  public static func value(mean: Double, deviation: Double, best: Double) -> Double {
    guard deviation > 0 else { return max(0, best - mean) }
    let z = (best - mean) / deviation
    return deviation * (z * Normal.share(below: z) + Normal.density(z))
  }

  /// Its logarithm, which tells points apart where the value itself is zero in doubles (Ament et al., 2023).
  public static func logarithm(mean: Double, deviation: Double, best: Double) -> Double {
    guard deviation > 0 else { return best > mean ? log(best - mean) : -.infinity }
    let z = (best - mean) / deviation
    if z > -6 { return log(deviation) + log(z * Normal.share(below: z) + Normal.density(z)) }
    // φ(z) + z·Φ(z) far below the mean, from the expansion of Φ.
    let square = 1 / (z * z)
    return log(deviation) + Normal.logDensity(z) + log(square * (1 - 3 * square + 15 * square * square))
  }
}
