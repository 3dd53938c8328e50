import AviaryDiagnostics
import AviaryPlatform

/// How an integral over 0...1 becomes a sum: where it is looked at, and with which weights.
public enum Quadrature: String, CaseIterable, Sendable {
  /// The zeros of Legendre's polynomials: the fewest steps for what is smooth.
  case gaussLegendre
  /// Rectangles from the left, right or middle of each step, and trapezoids.
  case riemannLeft, riemannRight, riemannMiddle, riemannTrapezoid

  /// The most points: the time that Legendre's take grows with the square of their number, and with it rounding takes over.
  public static let mostPoints = 10_000

  /// Points in 0...1 with weights.
  ///
  /// Captum's, its trapezoid included, whose weights sum up to 1 − 1/n.
  /// - Parameter count: at least 1, for Riemann's sums at least 2.
  func points(_ count: Int) -> [(place: Double, weight: Double)] {
    ensure(count >= 1, "Quadrature: \(count) steps")
    let n = Double(count)
    let places = (0..<count).map { Double($0) }
    switch self {
    case .gaussLegendre: return Self.gaussLegendre(count)
    case .riemannLeft: return places.map { ($0 / n, 1 / n) }
    case .riemannRight: return places.map { (($0 + 1) / n, 1 / n) }
    case .riemannMiddle: return places.map { (($0 + 0.5) / n, 1 / n) }
    case .riemannTrapezoid:
      return places.map { ($0 / max(n - 1, 1), ($0 == 0 || $0 == n - 1 ? 0.5 : 1) / n) }
    }
  }

  /// The zeros of the polynomial of degree n by Newton's method, in ascending order. Those above the middle mirror those below.
  private static func gaussLegendre(_ count: Int) -> [(place: Double, weight: Double)] {
    let lower = (1...(count + 1) / 2).map { number in
      var x = -cos(Double.pi * (Double(number) - 0.25) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<100 {
        // P_n by the recurrence of three terms, and its derivative.
        var (before, value) = (1.0, x)
        for degree in stride(from: 2, through: count, by: 1) {
          let d = Double(degree)
          (before, value) = (value, ((2 * d - 1) * x * value - (d - 1) * before) / d)
        }
        slope = Double(count) * (x * value - before) / (x * x - 1)
        let step = value / slope
        x -= step
        if step.magnitude < 1e-16 { break }
      }
      return (place: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope))
    }
    return lower + lower.prefix(count / 2).reversed().map { (place: 1 - $0.place, weight: $0.weight) }
  }
}
