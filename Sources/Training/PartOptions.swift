import AviaryDatasets

/// How a run's data are divided, beside what is held out for validation.
public struct PartOptions: Equatable, Sendable {
  /// What is held out for the test; nil for the data's own test part, or else a share that depends on the kind of data.
  public var test: TrainingOptions.Validation?
  /// What belongs together and stays on one side of every split.
  public var grouping: Grouping?
  /// Whether each class has its share in every part; nil for wherever there are classes.
  public var isStratified: Bool?
  /// Whether the rows of a table stand in the order of time. Those of a time series always do.
  public var isInOrder = false
  /// What the draws of parts are keyed by; nil for the run's seed.
  public var seed: UInt64?
  /// The fold that the run is; nil for an ordinary run. What it holds out is the run's test part.
  public var fold: SplitPlan.FoldPlace?
  /// The bootstrap sample that the run learns from, from 0; nil for the training items themselves.
  public var sample: Int?

  /// The data's own parts, without groups and folds.
  public init() {}

  /// A line where it is said whether classes have their shares, and that decides nothing; nil elsewhere. `reason` says why.
  func remarkOnStrata(_ reason: String) -> String? {
    isStratified.map { "--\($0 ? "" : "no-")stratify changes nothing: \(reason)" }
  }

  /// Whether the run keeps what it predicts of the items that it holds out.
  var keepsPredictions: Bool { fold != nil || sample != nil }

  func validate() throws {
    if let fold {
      try TrainingFault.check("number of folds", fold.folds, (2...Self.most).contains(fold.folds), "2 to \(Self.most)")
      try TrainingFault.check("fold", fold.fold, (0..<fold.folds).contains(fold.fold), "below the number of folds")
      try TrainingFault.check("repetition", fold.repetition, (0...Self.most).contains(fold.repetition), "0 or more")
    }
    if let sample { try TrainingFault.check("sample", sample, (0...Self.most).contains(sample), "0 or more") }
    if case .fraction(let share)? = test {
      try TrainingFault.check("test share", share, share > 0 && share < 1, "between 0 and 1")
    }
    if fold != nil {
      try TrainingFault.check("--test beside --folds", "", test == nil, "left out: each fold is the test of its run")
      try TrainingFault.check("--bootstrap beside --folds", "", sample == nil, "left out")
    }
    if isInOrder {
      try TrainingFault.check("groups of rows in the order of time", "", grouping == nil, "left out")
      try TrainingFault.check("a bootstrap sample of rows in the order of time", "", sample == nil, "left out")
    }
    if case .pattern(let text)? = grouping { _ = try GroupPattern(text) }
  }

  /// The most folds, repetitions and members.
  public static let most = 10_000
}

extension PartOptions: Codable {
  private enum CodingKeys: String, CodingKey {
    case test, grouping, isStratified, isInOrder, seed, fold, sample
  }

  /// What was written before a setting existed has its default.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    test = try container.decodeIfPresent(TrainingOptions.Validation.self, forKey: .test)
    grouping = try container.decodeIfPresent(Grouping.self, forKey: .grouping)
    // Versions up to 0.1 wrote true where nothing was asked for.
    isStratified = try container.decodeIfPresent(Bool.self, forKey: .isStratified) == false ? false : nil
    isInOrder = try container.decodeIfPresent(Bool.self, forKey: .isInOrder) ?? false
    seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
    fold = try container.decodeIfPresent(SplitPlan.FoldPlace.self, forKey: .fold)
    sample = try container.decodeIfPresent(Int.self, forKey: .sample)
  }
}

extension TrainingOptions {
  /// How the items of the data are divided.
  ///
  /// - Parameter test: the share that is held out for the test by default.
  func splitPlan(test usual: Double) -> SplitPlan {
    func share(_ part: Validation?, _ usual: Double) -> Double {
      switch part {
      case nil: usual
      case .fraction(let share): share
      // Files of their own.
      case .folder: 0
      }
    }
    var plan = SplitPlan(
      validation: share(validation, 0.1), test: parts.fold == nil ? share(parts.test, usual) : 0,
      seed: parts.seed ?? seed)
    plan.grouping = parts.grouping
    plan.isStratified = parts.isStratified ?? true
    plan.isInOrder = parts.isInOrder
    (plan.fold, plan.sample) = (parts.fold, parts.sample)
    return plan
  }

  /// The files with the items of these parts; nil where they are held out from among those of the data.
  var partFiles: (validation: String?, test: String?) {
    func file(_ part: Validation?) -> String? { if case .folder(let path)? = part { path } else { nil } }
    return (file(validation), file(parts.test))
  }

  /// Refuses parts that the kind of data does not have.
  func checkParts(_ kind: DataOptions) throws(TrainingFault) {
    /// The option that asks for it, and whether it is possible.
    var wanted: [(option: String, isAsked: Bool, isPossible: Bool)] = []
    var (hasExamples, hasColumns, hasFiles, isInOrder) = (true, false, false, false)
    switch kind {
    case .images: hasFiles = true
    case .table, .textColumn, .translation, .generation, .tags: hasColumns = true
    case .series: isInOrder = true
    case .unlabeled, .text: hasExamples = false
    case .graph: hasExamples = GraphCollection.isPresent(at: data)
    }
    let isGrouped = parts.grouping != nil
    var isColumn = false
    if case .column? = parts.grouping { isColumn = true }
    wanted = [
      ("--folds", parts.fold != nil || members?.isFolds == true, hasExamples),
      ("--bootstrap", parts.sample != nil || members?.isFolds == false, hasExamples && !isInOrder),
      ("--repeats", (members?.repetitions ?? 1) > 1, hasExamples && !isInOrder),
      ("--group", isGrouped && isColumn, hasColumns), ("--group-pattern", isGrouped && !isColumn, hasFiles),
      ("--time-series", parts.isInOrder, hasColumns || isInOrder), ("--test", parts.test != nil, hasExamples),
      ("--stratify", parts.isStratified == true, hasExamples && !isInOrder && !parts.isInOrder),
      ("--no-stratify", parts.isStratified == false, hasExamples),
    ]
    for (option, isAsked, isPossible) in wanted where isAsked && !isPossible {
      throw .noParts(option: option, path: data)
    }
  }
}
