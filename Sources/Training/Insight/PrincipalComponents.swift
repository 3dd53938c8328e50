import AviaryDiagnostics
import AviaryTensors

/// The directions in which rows differ most, and the rows' coordinates along them (scikit-learn's `PCA`).
public struct PrincipalComponents: Sendable {
  /// [K, F], of length one and at right angles to each other, the direction of the largest variance first. The largest
  /// coordinate of each is positive, so that the same rows give the same picture.
  public let components: [[Float]]
  /// The share of the rows' whole variance along each.
  public let shares: [Double]
  /// [N, K]
  public let coordinates: [[Float]]

  /// - Parameters:
  ///   - rows: [N, F], finite.
  ///   - count: K, at most F.
  public init(of rows: Tensor, count: Int = 2) {
    ensure(
      rows.rank == 2 && rows.shape[0] > 0 && (1...max(rows.shape[1], 1)).contains(count),
      "PrincipalComponents: \(count) of rows of shape \(rows.shape)")
    let width = rows.shape[1]
    let centered = inference { rows - rows.mean(over: [0], keepingAxes: true) }
    let total = Double(inference { centered.squared().sum() }.scalar)
    // Subspace iteration with a few directions more than are wanted, among which the first converge quickly.
    let directions = min(count + 6, width, max(rows.shape[0], 1))
    var random = RandomStream(seed: 0, purpose: "principal components")
    var basis = Self.orthonormal((0..<directions).map { _ in (0..<width).map { _ in random.normal() } })
    var lengths = [Double](repeating: 0, count: directions)
    for _ in 0..<Self.mostSteps {
      let flat = basis.joined().map { Float($0) }
      let image = inference { () -> [Float] in
        let vectors = Tensor(flat, shape: [basis.count, width])
        return matmul(matmul(centered, vectors.transposed()).transposed(), centered).scalars
      }
      let images = (0..<basis.count).map { image[$0 * width..<($0 + 1) * width].map { Double($0) } }
      let found = zip(images, basis).map { zip($0, $1).reduce(0) { $0 + $1.0 * $1.1 } }
      basis = Self.orthonormal(images)
      let moved = zip(found, lengths).prefix(count).map { abs($0 - $1) }.max() ?? 0
      lengths = found
      if moved <= 1e-7 * max(found[0], .leastNormalMagnitude) { break }
    }
    let order = lengths.indices.sorted { lengths[$0] > lengths[$1] }.prefix(count)
    var chosen = order.map { basis[$0] }
    while chosen.count < count { chosen.append(Array(repeating: 0, count: width)) }
    for index in chosen.indices {
      let largest = chosen[index].max { abs($0) < abs($1) } ?? 0
      if largest < 0 { chosen[index] = chosen[index].map { -$0 } }
    }
    components = chosen.map { $0.map { Float($0) } }
    let flat = components.joined().map { $0 }
    let places = inference {
      matmul(centered, Tensor(flat, shape: [count, width]).transposed()).scalars
    }
    coordinates = (0..<rows.shape[0]).map { row in Array(places[row * count..<(row + 1) * count]) }
    shares = (0..<count).map { component in
      let variance = stride(from: component, to: places.count, by: count).reduce(0) {
        $0 + Double(places[$1]) * Double(places[$1])
      }
      return total > 0 ? variance / total : 0
    }
  }

  private static let mostSteps = 200

  /// Gram and Schmidt, twice for rounding; directions that depend on the others become zero.
  private static func orthonormal(_ vectors: [[Double]]) -> [[Double]] {
    var result: [[Double]] = []
    for vector in vectors {
      var rest = vector
      let scale = rest.map(abs).max() ?? 0
      if scale > 0 { rest = rest.map { $0 / scale } }
      for _ in 0..<2 {
        for known in result {
          let share = zip(rest, known).reduce(0) { $0 + $1.0 * $1.1 }
          for index in rest.indices { rest[index] -= share * known[index] }
        }
      }
      let length = rest.reduce(0) { $0 + $1 * $1 }.squareRoot()
      result.append(length > 1e-9 ? rest.map { $0 / length } : Array(repeating: 0, count: rest.count))
    }
    return result
  }
}
