import AviaryPlatform

extension GaussianProcess {
  /// A process with the hyperparameters that are the likeliest, given the targets and what is usual.
  ///
  /// Usual are lengths that grow with the number of inputs (Hvarfner et al., 2024), a variance around 1 and little noise. The
  /// maximum is found by resilient propagation (Riedmiller and Braun, 1993), always from the same start.
  ///
  /// - Parameters:
  ///   - inputs: with coordinates from 0 to 1.
  ///   - targets: of mean 0 and deviation 1.
  ///   - steps: how many steps towards the maximum are taken.
  public static func fitted(inputs: [[Double]], targets: [Double], steps: Int = 50) -> GaussianProcess {
    let dimensions = inputs.first?.count ?? 0
    let prior = HyperparameterPrior(dimensions: dimensions)
    let squares = Self.squares(inputs)
    var place = prior.start
    var (sizes, former) = ([Double](repeating: 0.2, count: place.count), [Double](repeating: 0, count: place.count))
    var best: (value: Double, process: GaussianProcess)?
    for _ in 0..<steps {
      let process = GaussianProcess(inputs: inputs, targets: targets, prior.hyperparameters(place))
      let value = process.logMarginalLikelihood + prior.logDensity(place)
      if value.isFinite, best.map({ value > $0.value }) ?? true { best = (value, process) }
      let slopes = zip(process.slopes(squares), prior.slopes(place)).map { $0 + $1 }
      for k in place.indices {
        let agreement = slopes[k] * former[k]
        if agreement > 0 { sizes[k] = min(sizes[k] * 1.2, 1) } else if agreement < 0 { sizes[k] *= 0.5 }
        former[k] = agreement < 0 ? 0 : slopes[k]
        if former[k] > 0 { place[k] += sizes[k] } else if former[k] < 0 { place[k] -= sizes[k] }
        place[k] = min(max(place[k], prior.bounds[k].lowerBound), prior.bounds[k].upperBound)
      }
      if sizes.allSatisfy({ $0 < 1e-3 }) { break }
    }
    return best?.process ?? GaussianProcess(inputs: inputs, targets: targets, prior.hyperparameters(prior.start))
  }

  /// The squared differences of all pairs i > j of inputs, along each dimension.
  private static func squares(_ inputs: [[Double]]) -> [Double] {
    var squares: [Double] = []
    for i in inputs.indices {
      for j in 0..<i {
        for d in inputs[i].indices {
          let difference = inputs[i][d] - inputs[j][d]
          squares.append(difference * difference)
        }
      }
    }
    return squares
  }

  /// The slopes of the logarithm of the marginal likelihood along the logarithms of lengths, signal and noise.
  func slopes(_ squares: [Double]) -> [Double] {
    let (inverse, weights) = inverse
    let (count, lengths) = (weights.count, hyperparameters.lengths)
    let dimensions = lengths.count
    let rates = lengths.map { 1 / ($0 * $0) }
    var slopes = [Double](repeating: 0, count: dimensions + 2)
    var pair = 0
    var (signal, noise) = (0.0, 0.0)
    for i in 0..<count {
      let own = weights[i] * weights[i] - inverse[i * count + i]
      signal += 0.5 * own * hyperparameters.signal
      noise += 0.5 * own * hyperparameters.noise
      for j in 0..<i {
        let start = pair * dimensions
        pair += 1
        var square = 0.0
        for d in 0..<dimensions { square += squares[start + d] * rates[d] }
        let distance = (5 * square).squareRoot()
        let decay = hyperparameters.signal * exp(-distance)
        // Each pair stands twice in the matrix.
        let force = weights[i] * weights[j] - inverse[i * count + j]
        signal += force * decay * (1 + distance + 5 * square / 3)
        let common = force * decay * (5.0 / 3) * (1 + distance)
        for d in 0..<dimensions { slopes[d] += common * squares[start + d] * rates[d] }
      }
    }
    slopes[dimensions] = signal
    slopes[dimensions + 1] = noise
    return slopes
  }
}

/// What is usual of hyperparameters, by their logarithms: lengths, signal, noise.
struct HyperparameterPrior {
  let dimensions: Int
  /// The means and deviations of normal distributions.
  private let means: [Double]
  private let deviations: [Double]
  let bounds: [ClosedRange<Double>]

  init(dimensions: Int) {
    self.dimensions = dimensions
    let length = log(0.5) + 0.5 * log(Double(max(1, dimensions)))
    means = [Double](repeating: length, count: dimensions) + [0, log(1e-5)]
    deviations = [Double](repeating: 1, count: dimensions) + [1.5, 3]
    bounds =
      [ClosedRange<Double>](repeating: log(0.02)...log(100), count: dimensions) + [
        log(0.01)...log(1000), log(1e-8)...log(1),
      ]
  }

  var start: [Double] {
    var start = means
    start[dimensions + 1] = log(1e-3)
    return start
  }

  func hyperparameters(_ place: [Double]) -> GaussianProcess.Hyperparameters {
    .init(
      lengths: place.prefix(dimensions).map { exp($0) }, signal: exp(place[dimensions]),
      noise: exp(place[dimensions + 1]))
  }

  func logDensity(_ place: [Double]) -> Double {
    place.indices.reduce(0) { sum, k in
      let z = (place[k] - means[k]) / deviations[k]
      return sum - 0.5 * z * z
    }
  }

  func slopes(_ place: [Double]) -> [Double] {
    place.indices.map { -(place[$0] - means[$0]) / (deviations[$0] * deviations[$0]) }
  }
}
