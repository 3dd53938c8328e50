import AviaryDiagnostics
import AviaryKernels

/// Which examples of a list are for training, which for validation and which for the test: positions in the
/// list, in its order. The same seed gives the same parts.
public struct DataSplit: Equatable, Sendable {
  /// Places of what is for training.
  public var training: [Int]
  /// Places of what chooses the best epoch.
  public var validation: [Int]
  /// Places of what is scored once, at the end.
  public var test: [Int]
  /// Those that a bootstrap sample of the training examples did not draw; empty where none was drawn.
  public var outOfBag: [Int] = []
  /// Those that belong to no part, such as what comes after a fold of a time series.
  public var leftOut: [Int] = []

  /// Parts that are known.
  public init(training: [Int], validation: [Int], test: [Int]) {
    self.training = training
    self.validation = validation
    self.test = test
  }

  /// Holds out fractions of each class. A class of two or more examples keeps at least one for training, and gives one
  /// to each part that has a fraction as long as it has one to spare.
  ///
  /// - Parameters:
  ///   - labels: the class of each example, a position in `classes`.
  ///   - classes: the classes' names, which key the draw: a class that is added does not change the others' parts.
  ///   - validation: the share of all examples that is held out for validation, 0 for none.
  ///   - test: the share held out for the test, 0 for none.
  public init(
    labels: [Int], classes: [String], validation: Double, test: Double = 0, seed: UInt64
  ) throws(SplitFault) {
    ensure(labels.allSatisfy(classes.indices.contains), "DataSplit: a label without a class")
    try Self.check(validation, test)
    var members = Array(repeating: [Int](), count: classes.count)
    for (position, label) in labels.enumerated() { members[label].append(position) }
    var part = Array(repeating: Part.training, count: labels.count)
    for (label, members) in members.enumerated() {
      var rest = members
      for (name, fraction, chosen) in [("test split", test, Part.test), ("validation split", validation, .validation)] {
        guard fraction > 0, rest.count > 1 else { continue }
        var random = RandomStream(seed: seed, purpose: name, path: classes[label])
        let wanted = Int((Double(members.count) * fraction).rounded())
        let count = min(max(wanted, 1), rest.count - 1)
        for place in random.permutation(rest.count).prefix(count) { part[rest[place]] = chosen }
        rest = rest.filter { part[$0] == .training }
      }
    }
    self.init(part)
    guard !training.isEmpty, validation == 0 || !self.validation.isEmpty, test == 0 || !self.test.isEmpty else {
      throw .tooFew(count: labels.count, validation: validation, test: test)
    }
  }

  /// Holds out fractions of all examples alike.
  public init(count: Int, validation: Double, test: Double = 0, seed: UInt64) throws(SplitFault) {
    try self.init(
      labels: Array(repeating: 0, count: count), classes: [""], validation: validation, test: test, seed: seed)
  }

  /// Holds out the ends of a list in its order, as of a time series: the last share is the test, the one before it is for
  /// validation. Each that is asked for has at least one example, and training may have none.
  public init(inOrder count: Int, validation: Double, test: Double) {
    func held(_ share: Double) -> Int { share > 0 ? max(1, Int((Double(count) * share).rounded())) : 0 }
    let testStart = max(0, count - held(test))
    let validationStart = max(0, testStart - held(validation))
    training = Array(0..<validationStart)
    self.validation = Array(validationStart..<testStart)
    self.test = Array(testStart..<count)
  }

  private enum Part { case training, validation, test }

  private init(_ part: [Part]) {
    training = part.indices.filter { part[$0] == .training }
    validation = part.indices.filter { part[$0] == .validation }
    test = part.indices.filter { part[$0] == .test }
  }

  static func check(_ validation: Double, _ test: Double) throws(SplitFault) {
    guard validation >= 0, validation < 1 else { throw .badFraction(name: "validation", value: validation) }
    guard test >= 0, test < 1 else { throw .badFraction(name: "test", value: test) }
    guard validation + test < 1 else {
      throw .badFraction(name: "validation and test together", value: validation + test)
    }
  }
}

/// Why a list cannot be split.
public enum SplitFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// A share is below 0, or leaves nothing to learn from.
  case badFraction(name: String, value: Double)
  /// A part would be left without an example.
  case tooFew(count: Int, validation: Double, test: Double)
  /// There are fewer than two folds.
  case tooFewFolds(Int)
  /// There are more folds than examples, groups, or examples of any class.
  case tooManyFolds(folds: Int, items: String, count: Int)
  /// All examples are of one group, so that none can be held out.
  case oneGroup(count: Int)
  /// A pattern for groups is no regular expression.
  case badPattern(String)
  /// A pattern finds no group in the names of files.
  case noGroup(item: String, count: Int, pattern: String)

  public var description: String {
    switch self {
    case .badFraction(let name, let value): "the share for \(name) is \(value); it must be at least 0 and below 1"
    case .tooFew(let count, let validation, let test):
      "\(count) examples are too few to hold out \(validation) of them for validation and \(test) for the test; "
        + "add examples"
    case .tooFewFolds(let folds): "\(folds) folds leave nothing to hold out; use at least 2"
    case .tooManyFolds(let folds, let items, let count): "\(folds) folds need as many \(items), and there are \(count)"
    case .oneGroup(let count):
      "all \(count) examples are of one group, so that none can be held out; group them by something else"
    case .badPattern(let pattern): "'\(pattern)' is not a valid regular expression"
    case .noGroup(let item, let count, let pattern):
      "\(item): '\(pattern)' finds no group in its name"
        + (count > 1 ? ", nor in \(count - 1) others" : "") + "; rename the files or change the pattern"
    }
  }
}
