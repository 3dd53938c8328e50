import AviaryKernels
import AviaryPlatform

/// Bayesian optimization: a Gaussian process of all trials, and the values from which it expects the most improvement (Jones
/// et al., "Efficient Global Optimization", 1998).
///
/// The first trials are spread over the space. A trial that is running counts with the value that the process expects of it,
/// so that processes beside each other try different values; one that failed counts as the worst that was finished.
public struct GaussianProcessSampler: SettingSampler {
  private let space: SearchSpace
  private let seed: UInt64
  /// The trials before the first that the process chooses.
  public var startup = 10

  /// A sampler whose suggestions depend on the seed and the trials alone.
  public init(_ space: SearchSpace, seed: UInt64) {
    self.space = space
    self.seed = seed
  }

  /// The values from which the process expects the most improvement over the best trial; before `startup` trials are over,
  /// values far from those that were tried.
  public func suggest(
    trial number: Int, keeping given: [String: String], after history: [Observation]
  ) -> [String: String] {
    var random = RandomStream(seed: seed, purpose: "search, gp", step: UInt64(number))
    let features = FeatureEncoding(space)
    let fixed = space.coordinates(of: given)
    let tried = history.map { observation in
      space.coordinates(of: observation.values).map { $0 ?? 0.5 }
    }
    let values = history.compactMap(\.value)
    let over = history.filter { $0.outcome != .running }
    guard over.count >= startup, values.count > 1, let worst = values.max() else {
      return Spread(space).values(keeping: given, apartFrom: history, &random)
    }
    // What was stopped early did not look better than the worst that was not.
    var (inputs, targets, waiting): ([[Double]], [Double], [[Double]]) = ([], [], [])
    for (observation, coordinates) in zip(history, tried) {
      let input = features.features(coordinates)
      switch observation.outcome {
      case .finished(let value): (inputs, targets) = (inputs + [input], targets + [value.isFinite ? value : worst])
      case .pruned(_, let value):
        (inputs, targets) = (inputs + [input], targets + [value.isFinite ? min(value, worst) : worst])
      case .failed: (inputs, targets) = (inputs + [input], targets + [worst])
      case .running: waiting.append(input)
      }
    }
    let standardized = Self.standardized(targets)
    var process = GaussianProcess.fitted(inputs: inputs, targets: standardized)
    if !waiting.isEmpty {
      process = GaussianProcess(
        inputs: inputs + waiting, targets: standardized + waiting.map { process.posterior(at: $0).mean },
        process.hyperparameters)
    }
    // The least that the process expects where it has been, which noise does not pull down.
    let best = inputs.map { process.posterior(at: $0).mean }.min() ?? 0
    let order = zip(standardized, inputs.indices).sorted { $0 < $1 }.prefix(3).map(\.1)
    let done = zip(history, tried).filter { $0.0.outcome != .running }.map(\.1)
    var search = AcquisitionSearch(space, features, fixed: fixed, known: tried) { input in
      let (mean, variance) = process.posterior(at: input)
      return ExpectedImprovement.logarithm(mean: mean, deviation: variance.squareRoot(), best: best)
    }
    return space.values(at: search.maximum(near: order.map { done[$0] }, &random), keeping: given)
  }

  /// Of mean 0 and deviation 1.
  static func standardized(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0) { $0 + $1 / Double(values.count) }
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / Double(values.count) }
    return values.map { variance > 0 ? ($0 - mean) / variance.squareRoot() : 0 }
  }
}
