import AviaryDatasets

/// Several runs with the same options in one folder, each on other parts of the data.
public enum MemberOptions: Equatable, Sendable {
  /// A cross-validation: a run for each fold, and all of it again with other folds.
  case folds(Int, repetitions: Int = 1)
  /// A run for each bootstrap sample of the training items.
  case bootstrap(Int)

  var isFolds: Bool { if case .folds = self { true } else { false } }

  /// How many times all folds are made; 1 of bootstrap samples.
  public var repetitions: Int { if case .folds(_, let repetitions) = self { repetitions } else { 1 } }

  /// How many runs there are.
  public var count: Int {
    switch self {
    case .folds(let folds, let repetitions): folds * repetitions
    case .bootstrap(let members): members
    }
  }

  /// The name of a run's folder: `fold-1`, `member-1`; with repetitions they are counted on.
  public func name(_ number: Int) -> String { (isFolds ? "fold-" : "member-") + "\(number + 1)" }

  /// The options of one of the runs, counted from 0.
  public func options(_ number: Int, of all: TrainingOptions) -> TrainingOptions {
    var options = all
    options.members = nil
    switch self {
    case .folds(let folds, _):
      options.parts.fold = SplitPlan.FoldPlace(folds: folds, fold: number % folds, repetition: number / folds)
    case .bootstrap:
      // All share what is held out, and each begins with weights of its own.
      options.parts.seed = all.parts.seed ?? all.seed
      options.seed = all.seed &+ UInt64(number)
      options.parts.sample = number
    }
    return options
  }

  func validate() throws(TrainingFault) {
    let most = PartOptions.most
    switch self {
    case .folds(let folds, let repetitions):
      try TrainingFault.check("number of folds", folds, (2...most).contains(folds), "2 to \(most)")
      try TrainingFault.check("repeats", repetitions, (1...most).contains(repetitions), "1 to \(most)")
      try TrainingFault.check("number of runs", count, count <= most, "at most \(most)")
    case .bootstrap(let members):
      try TrainingFault.check("number of members", members, (2...most).contains(members), "2 to \(most)")
    }
  }
}

extension MemberOptions: Codable {
  private enum CodingKeys: String, CodingKey { case folds, repetitions, bootstrap }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let members = try container.decodeIfPresent(Int.self, forKey: .bootstrap) {
      self = .bootstrap(members)
    } else {
      self = .folds(
        try container.decode(Int.self, forKey: .folds),
        repetitions: try container.decodeIfPresent(Int.self, forKey: .repetitions) ?? 1)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .folds(let folds, let repetitions):
      try container.encode(folds, forKey: .folds)
      try container.encode(repetitions, forKey: .repetitions)
    case .bootstrap(let members): try container.encode(members, forKey: .bootstrap)
    }
  }
}
