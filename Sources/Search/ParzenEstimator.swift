import AviaryKernels
import AviaryPlatform

/// A density over a space: a kernel around each of some points, which takes all settings together, and an even one.
///
/// A setting that a point does not have is even in its kernel. Kernels of numbers are normal within [0, 1].
struct ParzenEstimator {
  private let points: [[Double?]]
  private let parameters: [SearchParameter]
  /// Of each point, and of the even kernel at the end.
  private let weights: [Double]
  /// Of each point and parameter: the deviation of the normal kernel; of an unordered choice the share that is even.
  private let widths: [[Double]]
  /// Of each point and parameter: the share of the normal kernel that is within [0, 1].
  private let shares: [[Double]]

  /// - Parameter points: by their coordinates, the earliest first.
  init(_ points: [[Double?]], _ space: SearchSpace) {
    self.points = points
    parameters = space.parameters
    let columns = space.parameters.enumerated().map { place, parameter in
      Self.widths(points.map { $0[place] }, parameter.domain)
    }
    let widths = points.indices.map { index in columns.map { $0[index] } }
    self.widths = widths
    shares = zip(points, widths).map { point, widths in
      zip(point, widths).map { center, width in
        center.map { Normal.share(below: (1 - $0) / width) - Normal.share(below: -$0 / width) } ?? 1
      }
    }
    // What is long ago counts less: all but the last 25 points ramp up to the weight of one.
    let old = max(0, points.count - 25)
    let raw = points.indices.map { $0 < old ? (Double($0) + 1) / Double(old + 1) : 1 } + [1]
    let sum = raw.reduce(0, +)
    weights = raw.map { $0 / sum }
  }

  /// The widths of one setting's kernels: of numbers, half as far as the farther of the two neighbours (Bergstra et al., 2011,
  /// have all of it), but not less than a share that falls with their number.
  private static func widths(_ centers: [Double?], _ domain: SearchDomain) -> [Double] {
    let present = centers.compactMap { $0 }
    let count = Double(present.count)
    guard domain.isOrdered else {
      let choices = Double(domain.count ?? 1)
      return centers.map { _ in choices / (choices + count) }
    }
    let least = max(1 / min(100, 1 + count), domain.count.map { 0.5 / Double($0) } ?? 0)
    let sorted = [0] + present.sorted() + [1]
    return centers.map { center in
      guard let center, let place = sorted.dropFirst().firstIndex(of: center) else { return 1 }
      let farther = max(center - sorted[place - 1], sorted[min(place + 1, sorted.count - 1)] - center)
      return min(max(0.5 * farther, least), 1)
    }
  }

  /// Coordinates drawn from the density.
  func draw(_ random: inout RandomStream) -> [Double] {
    var mark = random.coordinate()
    var chosen = weights.count - 1
    for (index, weight) in weights.enumerated() {
      if mark < weight {
        chosen = index
        break
      }
      mark -= weight
    }
    return parameters.indices.map { place in
      guard let center = points[safe: chosen]?[place] else { return random.coordinate() }
      guard parameters[place].domain.isOrdered else {
        return random.coordinate() < widths[chosen][place] ? random.coordinate() : center
      }
      for _ in 0..<100 {
        let drawn = center + widths[chosen][place] * Normal.draw(&random)
        if drawn >= 0, drawn < 1 { return drawn }
      }
      return center
    }
  }

  /// The logarithm of the density at coordinates, of the settings that apply there.
  func logDensity(at coordinates: [Double], _ active: [Bool]) -> Double {
    var terms: [Double] = []
    for (index, weight) in weights.enumerated() {
      var term = log(weight)
      if index < points.count {
        for place in coordinates.indices where active[place] {
          guard let center = points[index][place] else { continue }
          let width = widths[index][place]
          if parameters[place].domain.isOrdered {
            term += Normal.logDensity((coordinates[place] - center) / width) - log(width * shares[index][place])
          } else {
            // Relative to the even density.
            let choices = Double(parameters[place].domain.count ?? 1)
            let isSame = abs(coordinates[place] - center) < 0.25 / choices
            term += log(width + (isSame ? (1 - width) * choices : 0))
          }
        }
      }
      terms.append(term)
    }
    let largest = terms.max() ?? 0
    return largest + log(terms.reduce(0) { $0 + exp($1 - largest) })
  }
}
