import AviaryDiagnostics
import AviaryKernels

/// K divisions of the same examples, each of which holds out another share of them: the splits of a cross-validation.
///
/// The folds have the sizes of scikit-learn's `KFold`, `StratifiedKFold`, `GroupKFold`, `StratifiedGroupKFold` and
/// `TimeSeriesSplit`; without a seed they are the very same as those of the splitters without `shuffle`, but for groups of
/// one size, whose order scikit-learn leaves open.
///
/// ```swift
/// for fold in try Folds(labels: labels, groups: animals, folds: 5, seed: 1).all {
///   print(fold.training.count, fold.held.count)
/// }
/// ```
public struct Folds: Equatable, Sendable {
  /// One division.
  public struct Fold: Equatable, Sendable {
    /// Positions in the list of examples, in its order.
    public let training: [Int]
    /// Those that are held out, in the same order.
    public let held: [Int]
  }

  /// The divisions, in the order of what they hold out.
  public let all: [Fold]

  /// Holds out each example once. Folds differ by one example at most.
  ///
  /// - Parameter seed: what the draw is keyed by, beside `repetition`; nil holds out examples that follow each other.
  public init(count: Int, folds: Int, seed: UInt64?, repetition: Int = 0) throws(SplitFault) {
    try Self.check(folds, of: count, "examples")
    var order = Array(0..<count)
    if let seed {
      var random = Self.random(seed, repetition)
      order = random.permutation(count)
    }
    var place = Array(repeating: 0, count: count)
    for (rank, position) in order.enumerated() {
      // The first `count % folds` folds have one more.
      let (size, longer) = (count / folds, count % folds)
      let boundary = longer * (size + 1)
      place[position] = rank < boundary ? rank / (size + 1) : longer + (rank - boundary) / size
    }
    self.init(place, folds)
  }

  /// Holds out each example once, and of each class as equal a number in every fold as can be: folds differ by one example
  /// at most, and by one of each class.
  ///
  /// - Parameter labels: the class of each example, any number.
  /// - Throws: also where no class has as many examples as there are folds.
  public init(labels: [Int], folds: Int, seed: UInt64?, repetition: Int = 0) throws(SplitFault) {
    try Self.check(folds, of: labels.count, "examples")
    var members: [[Int]] = []
    var classes: [Int: Int] = [:]
    for (position, label) in labels.enumerated() {
      let number = classes[label] ?? members.count
      if number == members.count {
        classes[label] = number
        members.append([])
      }
      members[number].append(position)
    }
    let most = members.map(\.count).max() ?? 0
    guard folds <= most else { throw .tooManyFolds(folds: folds, items: "examples of any class", count: most) }
    var place = Array(repeating: 0, count: labels.count)
    var dealt = 0
    for (number, positions) in members.enumerated() {
      // Examples sorted by class are dealt to the folds in turn; which of a class goes where is drawn.
      var shares = Array(repeating: 0, count: folds)
      for _ in positions {
        shares[dealt % folds] += 1
        dealt += 1
      }
      var places = shares.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
      if let seed {
        var random = Self.random(seed, repetition, path: "class \(number)")
        places = random.permutation(places.count).map { places[$0] }
      }
      for (position, fold) in zip(positions, places) { place[position] = fold }
    }
    self.init(place, folds)
  }

  /// Holds out each group once, and all of it: no group is in both parts of a fold. The largest groups are dealt first,
  /// each to the smallest fold.
  ///
  /// - Parameter groups: the group of each example, any number.
  public init(groups: [Int], folds: Int, seed: UInt64?, repetition: Int = 0) throws(SplitFault) {
    let members = Self.members(groups)
    try Self.check(folds, of: members.count, "groups")
    let order = Self.sorted(Self.order(members.count, seed, repetition)) { Double(members[$0].count) }
    var sizes = Array(repeating: 0, count: folds)
    var place = Array(repeating: 0, count: groups.count)
    for group in order {
      let fold = sizes.firstIndex(of: sizes.min() ?? 0) ?? 0
      sizes[fold] += members[group].count
      for position in members[group] { place[position] = fold }
    }
    self.init(place, folds)
  }

  /// Holds out each group once, so that the classes have as equal shares in every fold as whole groups allow. The groups with
  /// the most uneven classes are dealt first, each to the fold where the shares come out most equal.
  public init(
    labels: [Int], groups: [Int], folds: Int, seed: UInt64?, repetition: Int = 0
  ) throws(SplitFault) {
    ensure(labels.count == groups.count, "Folds: \(labels.count) labels and \(groups.count) groups")
    let members = Self.members(groups)
    try Self.check(folds, of: members.count, "groups")
    let names = Array(Set(labels)).sorted()
    let classes = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let counts = members.map { positions in
      positions.reduce(into: Array(repeating: 0.0, count: names.count)) { $0[classes[labels[$1]] ?? 0] += 1 }
    }
    var totals = Array(repeating: 0.0, count: names.count)
    for group in counts { for (label, count) in group.enumerated() { totals[label] += count } }
    let most = Int(totals.max() ?? 0)
    guard folds <= most else { throw .tooManyFolds(folds: folds, items: "examples of any class", count: most) }
    let spread = counts.map(Self.deviation)
    let order = Self.sorted(Self.order(members.count, seed, repetition)) { spread[$0] }
    var balance = FoldBalance(folds: folds, totals: totals)
    var place = Array(repeating: 0, count: groups.count)
    for group in order {
      let fold = balance.add(counts[group])
      for position in members[group] { place[position] = fold }
    }
    guard balance.isFilled else {
      try self.init(groups: groups, folds: folds, seed: seed, repetition: repetition)
      return
    }
    self.init(place, folds)
  }

  /// Holds out examples in the order of time: each fold holds out the next share and trains on all before it. What is left
  /// over by the division is in the first training part.
  public init(inOrder count: Int, folds: Int) throws(SplitFault) {
    try Self.check(folds, of: count - 1, "examples after the first")
    let size = count / (folds + 1)
    all = (0..<folds).map { fold in
      let start = count - (folds - fold) * size
      return Fold(training: Array(0..<start), held: Array(start..<start + size))
    }
  }

  /// - Parameter place: the fold that holds out each example.
  private init(_ place: [Int], _ folds: Int) {
    var held = Array(repeating: [Int](), count: folds)
    for (position, fold) in place.enumerated() { held[fold].append(position) }
    all = held.enumerated().map { fold, held in
      Fold(training: place.indices.filter { place[$0] != fold }, held: held)
    }
  }

  private static func check(_ folds: Int, of count: Int, _ items: String) throws(SplitFault) {
    guard folds >= 2 else { throw .tooFewFolds(folds) }
    guard folds <= count else { throw .tooManyFolds(folds: folds, items: items, count: max(0, count)) }
  }

  private static func random(_ seed: UInt64, _ repetition: Int, path: String = "") -> RandomStream {
    RandomStream(seed: seed, purpose: "folds", path: path, step: UInt64(repetition))
  }

  /// The groups in the order in which equal ones are dealt.
  private static func order(_ count: Int, _ seed: UInt64?, _ repetition: Int) -> [Int] {
    guard let seed else { return Array(0..<count) }
    var stream = random(seed, repetition)
    return stream.permutation(count)
  }

  /// The groups with the highest values first, equal ones in the order they had.
  private static func sorted(_ groups: [Int], by value: (Int) -> Double) -> [Int] {
    let values = groups.map(value)
    let ranks = groups.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
    return ranks.map { groups[$0] }
  }

  /// The positions of each group, sorted by the groups' numbers.
  static func members(_ groups: [Int]) -> [[Int]] {
    var members: [Int: [Int]] = [:]
    for (position, group) in groups.enumerated() { members[group, default: []].append(position) }
    return members.sorted { $0.key < $1.key }.map(\.value)
  }

  /// The standard deviation of all values.
  fileprivate static func deviation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
  }
}

/// The classes in folds while groups are dealt to them.
private struct FoldBalance {
  /// [folds][classes]
  private var counts: [[Double]]
  /// How much the share of each class differs between the folds.
  private var spreads: [Double]
  private let totals: [Double]

  init(folds: Int, totals: [Double]) {
    counts = Array(repeating: Array(repeating: 0, count: totals.count), count: folds)
    spreads = Array(repeating: 0, count: totals.count)
    self.totals = totals
  }

  /// Whether no fold is empty.
  var isFilled: Bool { counts.allSatisfy { $0.contains { $0 > 0 } } }

  /// Adds a group to the fold where the classes' shares then differ least between the folds, among equal ones to the
  /// smallest, and returns the fold.
  mutating func add(_ group: [Double]) -> Int {
    let present = group.indices.filter { group[$0] > 0 }
    var best = (fold: 0, spread: Double.infinity, size: Double.infinity)
    let former = spreads
    for fold in counts.indices {
      for label in present { spreads[label] = spread(of: label, adding: group[label], to: fold) }
      let spread = spreads.reduce(0, +) / Double(totals.count)
      let size = counts[fold].reduce(0, +)
      let isEqual = (spread - best.spread).magnitude <= 1e-8 + 1e-5 * best.spread.magnitude
      if spread < best.spread || (isEqual && size < best.size) { best = (fold, spread, size) }
    }
    spreads = former
    for label in present {
      spreads[label] = spread(of: label, adding: group[label], to: best.fold)
      counts[best.fold][label] += group[label]
    }
    return best.fold
  }

  private func spread(of label: Int, adding count: Double, to chosen: Int) -> Double {
    Folds.deviation(
      counts.indices.map { fold in (counts[fold][label] + (fold == chosen ? count : 0)) / totals[label] })
  }
}
