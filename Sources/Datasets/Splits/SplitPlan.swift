import AviaryDiagnostics
import AviaryKernels

/// What says which examples belong together and stay on one side of every split: all photographs of one animal, all rows of
/// one patient.
public enum Grouping: Codable, Equatable, Sendable {
  /// The values of a column of a table.
  case column(String)
  /// What a regular expression finds in the names of image files: see `GroupPattern`.
  case pattern(String)
}

/// How examples are divided into parts. The same plan divides the same examples in the same way.
public struct SplitPlan: Codable, Equatable, Sendable {
  /// One fold of a cross-validation: what it holds out is the test part.
  public struct FoldPlace: Codable, Equatable, Sendable {
    /// The number of folds.
    public var folds: Int
    /// Which of them, from 0.
    public var fold: Int
    /// Which division into folds, from 0, where it is repeated.
    public var repetition: Int

    /// One of `folds`, counted from 0.
    public init(folds: Int, fold: Int, repetition: Int = 0) {
      self.folds = folds
      self.fold = fold
      self.repetition = repetition
    }
  }

  /// The share that is held out for validation, 0 for none; in a fold, of what the fold trains on.
  public var validation: Double
  /// The share that is held out for the test, 0 for none; a fold holds out its own.
  public var test: Double
  /// What every draw is keyed by.
  public var seed: UInt64
  /// What belongs together and stays on one side of every split; nil where each example stands by itself.
  public var grouping: Grouping?
  /// Whether each class has its share in every part, where there are classes.
  public var isStratified = true
  /// Whether the examples stand in the order of time: parts follow each other, and folds train on what is before them.
  public var isInOrder = false
  /// The fold that the parts are of; nil for parts by their shares.
  public var fold: FoldPlace?
  /// Which bootstrap sample the training examples are, from 0: as many as there are, drawn with replacement. nil for the
  /// examples themselves.
  public var sample: Int?

  /// Shares of each class, drawn by a seed.
  public init(validation: Double = 0.1, test: Double = 0, seed: UInt64 = 0) {
    self.validation = validation
    self.test = test
    self.seed = seed
  }
}

extension DataSplit {
  /// Divides examples by a plan.
  ///
  /// - Parameters:
  ///   - labels: the class of each example, a position in `classes`; nil where there are no classes.
  ///   - classes: the classes' names, which key the draws.
  ///   - groups: the group of each example, where the plan has groups.
  public init(
    count: Int, labels: [Int]? = nil, classes: [String] = [], groups: [Int]? = nil, by plan: SplitPlan
  ) throws(SplitFault) {
    let labels = plan.isStratified ? labels : nil
    ensure(
      labels?.count ?? count == count && groups?.count ?? count == count, "DataSplit: labels or groups are missing")
    let examples = PlannedExamples(labels: labels, classes: labels == nil ? [""] : classes, groups: groups, plan: plan)
    let all = Array(0..<count)
    if let place = plan.fold {
      try Self.check(plan.validation, 0)
      let folds = try examples.folds(count, place)
      ensure(folds.all.indices.contains(place.fold), "DataSplit: fold \(place.fold) of \(folds.all.count)")
      let fold = folds.all[place.fold]
      let (training, validation) = try examples.holdingOut(plan.validation, of: fold.training, "validation split")
      self.init(training: training, validation: validation, test: fold.held)
      let used = Set(fold.training + fold.held)
      leftOut = all.filter { !used.contains($0) }
    } else if plan.isInOrder {
      try Self.check(plan.validation, plan.test)
      self.init(inOrder: count, validation: plan.validation, test: plan.test)
    } else if groups != nil {
      try Self.check(plan.validation, plan.test)
      let (rest, test) = try examples.holdingOut(plan.test, of: all, "test split")
      // The share is one of all examples.
      let share = rest.isEmpty ? 0 : min(plan.validation * Double(count) / Double(rest.count), 1)
      let (training, validation) = try examples.holdingOut(share, of: rest, "validation split")
      self.init(training: training, validation: validation, test: test)
    } else {
      try self.init(
        labels: labels ?? Array(repeating: 0, count: count), classes: examples.classes, validation: plan.validation,
        test: plan.test, seed: plan.seed)
    }
    if let sample = plan.sample {
      let drawn = examples.sample(of: training, sample)
      let known = Set(drawn)
      outOfBag = training.filter { !known.contains($0) }
      training = drawn
    }
  }
}

/// Examples that are divided: what is known of each.
private struct PlannedExamples {
  let labels: [Int]?
  /// The classes' names; one, the empty one, where classes do not count.
  let classes: [String]
  let groups: [Int]?
  let plan: SplitPlan

  func folds(_ count: Int, _ place: SplitPlan.FoldPlace) throws(SplitFault) -> Folds {
    if plan.isInOrder { return try Folds(inOrder: count, folds: place.folds) }
    let (folds, seed, repetition) = (place.folds, plan.seed, place.repetition)
    return switch (labels, groups) {
    case (nil, nil): try Folds(count: count, folds: folds, seed: seed, repetition: repetition)
    case (let labels?, nil): try Folds(labels: labels, folds: folds, seed: seed, repetition: repetition)
    case (nil, let groups?): try Folds(groups: groups, folds: folds, seed: seed, repetition: repetition)
    case (let labels?, let groups?):
      try Folds(labels: labels, groups: groups, folds: folds, seed: seed, repetition: repetition)
    }
  }

  /// Divides some of the examples.
  ///
  /// - Parameters:
  ///   - share: of these examples; 0 for none.
  ///   - purpose: keys the draw.
  func holdingOut(
    _ share: Double, of positions: [Int], _ purpose: String
  ) throws(SplitFault) -> (kept: [Int], held: [Int]) {
    guard share > 0 else { return (positions, []) }
    let held: [Int]
    if plan.isInOrder {
      let split = DataSplit(inOrder: positions.count, validation: share, test: 0)
      held = split.validation.map { positions[$0] }
    } else if groups != nil {
      held = try wholeGroups(share, of: positions, purpose)
    } else {
      let split = try DataSplit(
        labels: positions.map { labels?[$0] ?? 0 }, classes: classes, validation: share, seed: plan.seed)
      held = split.validation.map { positions[$0] }
    }
    let chosen = Set(held)
    let kept = positions.filter { !chosen.contains($0) }
    guard !kept.isEmpty, !held.isEmpty else { throw .tooFew(count: positions.count, validation: share, test: 0) }
    return (kept, held)
  }

  /// The members of drawn groups, which together are about a share of the examples, and of each class. At least one group is
  /// held out and one is kept.
  private func wholeGroups(_ share: Double, of positions: [Int], _ purpose: String) throws(SplitFault) -> [Int] {
    let members = Folds.members(positions.map { groups?[$0] ?? 0 }).map { $0.map { positions[$0] } }
    guard members.count > 1 else { throw .oneGroup(count: positions.count) }
    func counts(_ members: [Int]) -> [Double] {
      members.reduce(into: Array(repeating: 0, count: classes.count)) { $0[labels?[$1] ?? 0] += 1 }
    }
    let wanted = counts(positions).map { $0 * share }
    /// How far counts are from what is wanted: the class with few examples counts as much as the one with many.
    func distance(_ counts: [Double]) -> Double {
      zip(counts, wanted).reduce(0) { sum, pair in
        sum + (pair.1 > 0 ? (pair.0 - pair.1) * (pair.0 - pair.1) / pair.1 : 0)
      }
    }
    var random = RandomStream(seed: plan.seed, purpose: purpose, path: "groups")
    let order = random.permutation(members.count)
    var held: [Int] = []
    var sum = Array(repeating: 0.0, count: classes.count)
    for group in order where held.count < members.count - 1 {
      let next = zip(sum, counts(members[group])).map(+)
      if distance(next) < distance(sum) {
        held.append(group)
        sum = next
      }
    }
    if held.isEmpty {
      // Every group is more than is wanted: the one that is least so.
      held = order.min { distance(counts(members[$0])) < distance(counts(members[$1])) }.map { [$0] } ?? []
    }
    return held.flatMap { members[$0] }.sorted()
  }

  /// As many of the positions as there are, drawn with replacement, in their order; whole groups where there are groups.
  func sample(of positions: [Int], _ number: Int) -> [Int] {
    var random = RandomStream(seed: plan.seed, purpose: "bootstrap", step: UInt64(number))
    guard let groups else {
      return positions.map { _ in positions[random.integer(below: positions.count)] }.sorted()
    }
    let members = Folds.members(positions.map { groups[$0] }).map { $0.map { positions[$0] } }
    return members.flatMap { _ in members[random.integer(below: members.count)] }.sorted()
  }
}
