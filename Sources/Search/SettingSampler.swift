import AviaryKernels

/// What is tried next. A suggestion depends on nothing but the space, the seed, the trial's number and the trials before, so
/// that a search that was stopped goes on as if it had not been.
public protocol SettingSampler: Sendable {
  /// Values of the settings that apply, for the trial with this number.
  ///
  /// - Parameters:
  ///   - number: the trial's number, from 0.
  ///   - given: values that are fixed already.
  ///   - history: all other trials, in the order of their numbers.
  func suggest(trial number: Int, keeping given: [String: String], after history: [Observation]) -> [String: String]
}

extension SettingSampler {
  /// Values of all settings that apply, none of which is fixed already.
  public func suggest(trial number: Int, after history: [Observation]) -> [String: String] {
    suggest(trial: number, keeping: [:], after: history)
  }
}

/// How values are chosen.
public enum SearchMethod: String, CaseIterable, Codable, Sendable {
  /// All combinations, one after the other.
  case grid
  /// Values drawn evenly: `RandomSampler`.
  case random
  /// The tree-structured Parzen estimator: `TPESampler`.
  case tpe
  /// Gaussian processes and expected improvement: `GaussianProcessSampler`.
  case gp
  /// Random values, of which asynchronous successive halving stops most early: `SuccessiveHalving`.
  case asha

  /// The sampler of a method.
  ///
  /// - Throws: `SearchFault.endless` or `.tooManyPoints` where a grid cannot be counted out.
  public func sampler(_ space: SearchSpace, seed: UInt64) throws(SearchFault) -> any SettingSampler {
    switch self {
    case .grid: try GridSampler(space)
    case .random, .asha: RandomSampler(space, seed: seed)
    case .tpe: TPESampler(space, seed: seed)
    case .gp: GaussianProcessSampler(space, seed: seed)
    }
  }
}

/// Values drawn evenly, each independent of all others.
public struct RandomSampler: SettingSampler {
  private let space: SearchSpace
  private let seed: UInt64

  /// A sampler whose suggestions depend on the seed and the trial's number alone.
  public init(_ space: SearchSpace, seed: UInt64) {
    self.space = space
    self.seed = seed
  }

  /// Values drawn evenly over each domain (of a logarithmic one, over its logarithms).
  public func suggest(
    trial number: Int, keeping given: [String: String], after history: [Observation]
  ) -> [String: String] {
    var random = RandomStream(seed: seed, purpose: "search, random", step: UInt64(number))
    return space.values(at: space.parameters.map { _ in random.coordinate() }, keeping: given)
  }
}

extension RandomStream {
  /// A number in [0, 1) with 53 random bits.
  mutating func coordinate() -> Double { Double(next() >> 11) * 0x1p-53 }
}
