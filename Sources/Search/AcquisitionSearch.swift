import AviaryKernels

/// Looks for the place in a space where a function of its features is greatest: random places and such near good ones, of
/// which the best are followed upwards along each setting, in ever smaller steps.
struct AcquisitionSearch {
  private let space: SearchSpace
  private let features: FeatureEncoding
  /// Coordinates that stay.
  private let fixed: [Double?]
  private let known: Set<[Double]>
  private let score: ([Double]) -> Double
  private static let random = 600
  private static let followed = 6
  private static let mostSteps = 60

  /// - Parameter known: places that were tried: they are not chosen again where there is another.
  init(
    _ space: SearchSpace, _ features: FeatureEncoding, fixed: [Double?], known: [[Double]],
    score: @escaping ([Double]) -> Double
  ) {
    self.space = space
    self.features = features
    self.fixed = fixed
    self.known = Set(known)
    self.score = score
  }

  mutating func maximum(near good: [[Double]], _ random: inout RandomStream) -> [Double] {
    var places = (0..<Self.random).map { _ in snapped(space.parameters.map { _ in random.coordinate() }) }
    for center in good {
      for width in [0.1, 0.03, 0.01, 0.003] {
        for _ in 0..<6 {
          places.append(
            snapped(
              zip(space.parameters, center).map { parameter, center in
                parameter.domain.isOrdered
                  ? center + width * Normal.draw(&random) : random.coordinate() < 0.1 ? random.coordinate() : center
              }))
        }
      }
    }
    let fresh = places.filter { !known.contains($0) }
    var scored = (fresh.isEmpty ? places : fresh).map { (score: score(features.features($0)), place: $0) }
    scored.sort { $0.score > $1.score }
    var best = scored[0]
    for start in scored.prefix(Self.followed) {
      let end = followed(start)
      if end.score > best.score { best = end }
    }
    return best.place
  }

  private func snapped(_ coordinates: [Double]) -> [Double] {
    space.parameters.indices.map { space.parameters[$0].domain.snapped(fixed[$0] ?? coordinates[$0]) }
  }

  /// Goes up along one setting after the other.
  private func followed(_ start: (score: Double, place: [Double])) -> (score: Double, place: [Double]) {
    var (best, step) = (start, 0.05)
    for _ in 0..<Self.mostSteps where step > 1e-5 {
      var improved = false
      for (place, parameter) in space.parameters.enumerated() where fixed[place] == nil {
        for candidate in moves(parameter, best.place[place], step) {
          var coordinates = best.place
          coordinates[place] = parameter.domain.snapped(candidate)
          guard coordinates[place] != best.place[place], !known.contains(coordinates) else { continue }
          let value = score(features.features(coordinates))
          if value > best.score {
            (best, improved) = ((value, coordinates), true)
            break
          }
        }
      }
      step *= improved ? 1.3 : 0.4
    }
    return best
  }

  private func moves(_ parameter: SearchParameter, _ coordinate: Double, _ step: Double) -> [Double] {
    let count = parameter.domain.count
    guard parameter.domain.isOrdered else {
      // Every other choice, as long as steps are large.
      return step > 0.02 ? (0..<(count ?? 1)).map { (Double($0) + 0.5) / Double(count ?? 1) } : []
    }
    let length = max(step, count.map { 1 / Double($0) } ?? 0)
    return [coordinate + length, coordinate - length]
  }
}
