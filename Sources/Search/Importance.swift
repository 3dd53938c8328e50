import AviaryPlatform

/// How much each setting matters for being among the best trials: PED-ANOVA (Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently
/// Quantifying Hyperparameter Importance in Arbitrary Subspaces", 2023).
///
/// The values of a setting in the best fifth of the trials are compared with those in all trials, as densities over 50 places:
/// the more they differ (by Pearson's divergence), the more the setting matters. A setting that applies only sometimes is
/// compared among the trials that have it, and counts by their share.
public enum Importance {
  /// The share of each setting, greatest first; they sum to 1. Empty where there are fewer than four finished trials, or
  /// nothing tells them apart.
  public static func shares(_ space: SearchSpace, _ history: [Observation]) -> [(name: String, share: Double)] {
    let finished = history.compactMap { observation in observation.value.map { (observation.values, $0) } }
    guard finished.count >= 4 else { return [] }
    let raw = space.parameters.map { parameter in
      (name: parameter.name, share: divergence(parameter, finished))
    }
    let sum = raw.reduce(0) { $0 + $1.share }
    guard sum > 0 else { return [] }
    return raw.map { ($0.name, $0.share / sum) }.sorted { ($1.share, $0.name) < ($0.share, $1.name) }
  }

  private static func divergence(_ parameter: SearchParameter, _ trials: [([String: String], Double)]) -> Double {
    let present = trials.compactMap { values, value in
      values[parameter.name].flatMap { parameter.domain.coordinate(of: $0) }.map { (coordinate: $0, value: value) }
    }
    guard present.count >= 4, Set(present.map(\.coordinate)).count > 1 else { return 0 }
    let count = max(2, (present.count + 4) / 5)
    // With all that are as good as the last of them.
    let bound = present.map(\.value).sorted()[count - 1]
    let best = present.filter { $0.value <= bound }
    let all = density(present.map(\.coordinate), parameter.domain)
    let top = density(best.map(\.coordinate), parameter.domain)
    let divergence = zip(top, all).reduce(0) { $0 + $1.1 * ($1.0 / $1.1 - 1) * ($1.0 / $1.1 - 1) }
    return divergence * Double(present.count) / Double(trials.count)
  }

  /// The share of each place, all above 0: a kernel around each value, and an even one.
  private static func density(_ coordinates: [Double], _ domain: SearchDomain) -> [Double] {
    let places = min(domain.count ?? 50, 50)
    let count = Double(coordinates.count)
    var shares = [Double](repeating: 1 / Double(places), count: places)
    if domain.isOrdered {
      let mean = coordinates.reduce(0) { $0 + $1 / count }
      let deviation = (coordinates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      // Scott's rule.
      let width = max(1.06 * deviation * pow(count, -0.2), 1 / Double(places))
      for coordinate in coordinates {
        let kernel = (0..<places).map { place -> Double in
          Normal.density(((Double(place) + 0.5) / Double(places) - coordinate) / width)
        }
        let sum = max(kernel.reduce(0, +), 1e-300)
        for place in shares.indices { shares[place] += kernel[place] / sum }
      }
    } else {
      for coordinate in coordinates { shares[min(Int(coordinate * Double(places)), places - 1)] += 1 }
    }
    return shares.map { $0 / (count + 1) }
  }
}
