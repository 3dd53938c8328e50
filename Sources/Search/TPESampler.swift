import AviaryKernels
import AviaryPlatform

/// The tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011), with kernels
/// over all settings together (Falkner et al., "BOHB", 2018).
///
/// The trials are divided into a few good ones and the others; of values drawn from the density of the good ones, those are
/// suggested that are the likeliest among the good relative to the others. A trial that is running counts among the others,
/// so that processes beside each other try different values. Of trials that were stopped early, the longest come first.
public struct TPESampler: SettingSampler {
  private let space: SearchSpace
  private let seed: UInt64
  /// The trials before the first that depends on values; they are spread over the space.
  public var startup = 10
  /// How many values are drawn for a suggestion.
  public var candidates = 64

  /// A sampler whose suggestions depend on the seed and the trials alone.
  public init(_ space: SearchSpace, seed: UInt64) {
    self.space = space
    self.seed = seed
  }

  /// The likeliest of `candidates` values among the good trials relative to the others; before `startup` trials are over,
  /// values far from those that were tried.
  public func suggest(
    trial number: Int, keeping given: [String: String], after history: [Observation]
  ) -> [String: String] {
    let done = history.filter { $0.outcome != .running }
    guard done.count >= startup else {
      var random = RandomStream(seed: seed, purpose: "search, spread", step: UInt64(number))
      return Spread(space).values(keeping: given, apartFrom: history, &random)
    }
    let (good, others) = densities(history)
    var random = RandomStream(seed: seed, purpose: "search, tpe", step: UInt64(number))
    let fixed = space.coordinates(of: given)
    var best: (score: Double, coordinates: [Double])?
    for _ in 0..<candidates {
      let drawn = zip(fixed, good.draw(&random)).enumerated().map { place, pair in
        space.parameters[place].domain.snapped(pair.0 ?? pair.1)
      }
      let active = space.activity(at: drawn)
      let score = good.logDensity(at: drawn, active) - others.logDensity(at: drawn, active)
      if best.map({ score > $0.score }) ?? true { best = (score, drawn) }
    }
    return space.values(at: best?.coordinates ?? space.parameters.map { _ in 0.5 }, keeping: given)
  }

  /// The density of the good trials, and of the others.
  func densities(_ history: [Observation]) -> (good: ParzenEstimator, others: ParzenEstimator) {
    let ranked = Self.ranked(history)
    let count = min(Int((0.1 * Double(ranked.count)).rounded(.up)), 25)
    let good = Set(ranked.prefix(count))
    func estimator(_ isGood: Bool) -> ParzenEstimator {
      ParzenEstimator(
        history.indices.filter { good.contains($0) == isGood }.map { space.coordinates(of: history[$0].values) }, space)
    }
    return (estimator(true), estimator(false))
  }

  /// The positions of the trials that are over, the best first.
  static func ranked(_ history: [Observation]) -> [Int] {
    /// Finished before stopped before failed; the longer before the shorter; then by value.
    func key(_ outcome: Observation.Outcome) -> (Int, Int, Double) {
      switch outcome {
      case .finished(let value): value.isFinite ? (0, 0, value) : (2, 0, 0)
      case .pruned(let epoch, let value): (1, -epoch, value.isFinite ? value : .infinity)
      case .failed: (2, 0, 0)
      case .running: (3, 0, 0)
      }
    }
    return history.indices.filter { history[$0].outcome != .running }
      .sorted { first, second in
        let (a, b) = (key(history[first].outcome), key(history[second].outcome))
        return a == b ? first < second : a < b
      }
  }
}
