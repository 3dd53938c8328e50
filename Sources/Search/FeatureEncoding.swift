import AviaryKernels

/// Coordinates as a process takes them: an unordered choice has an input for each value, and what does not apply is in the
/// middle.
struct FeatureEncoding {
  private let space: SearchSpace
  private let hasConditions: Bool

  init(_ space: SearchSpace) {
    self.space = space
    hasConditions = space.parameters.contains { $0.condition != nil }
  }

  func features(_ coordinates: [Double]) -> [Double] {
    let active = hasConditions ? space.activity(at: coordinates) : []
    var features: [Double] = []
    for (place, parameter) in space.parameters.enumerated() {
      let isActive = active.isEmpty || active[place]
      if parameter.domain.isOrdered {
        features.append(isActive ? coordinates[place] : 0.5)
      } else {
        let count = parameter.domain.count ?? 1
        let chosen = min(Int(coordinates[place] * Double(count)), count - 1)
        // Two values are as far apart as the ends of a range.
        for value in 0..<count { features.append(isActive && value == chosen ? 0.707_106_781_186_547_6 : 0) }
      }
    }
    return features
  }
}

/// Values that are far from those that were tried, for the first trials of a search.
struct Spread {
  private let space: SearchSpace
  private let encoding: FeatureEncoding

  init(_ space: SearchSpace) {
    self.space = space
    encoding = FeatureEncoding(space)
  }

  /// Of random places the one that is farthest from all others.
  func values(
    keeping given: [String: String], apartFrom history: [Observation], _ random: inout RandomStream
  ) -> [String: String] {
    let fixed = space.coordinates(of: given)
    let known = history.map { encoding.features(space.coordinates(of: $0.values).map { $0 ?? 0.5 }) }
    var best: (distance: Double, place: [Double])?
    for _ in 0..<32 {
      let place = zip(space.parameters, fixed).map { parameter, fixed in
        parameter.domain.snapped(fixed ?? random.coordinate())
      }
      let input = encoding.features(place)
      let distance = known.map { Self.distance($0, input) }.min() ?? 0
      if best.map({ distance > $0.distance }) ?? true { best = (distance, place) }
    }
    return space.values(at: best?.place ?? space.parameters.map { _ in 0.5 }, keeping: given)
  }

  /// Squared.
  private static func distance(_ first: [Double], _ second: [Double]) -> Double {
    zip(first, second).reduce(0) { sum, pair in sum + (pair.0 - pair.1) * (pair.0 - pair.1) }
  }
}
