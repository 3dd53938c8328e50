import AviaryPlatform

/// How what several networks say of an item becomes one answer.
public enum EnsembleRule: String, CaseIterable, Sendable {
  /// The mean of the probabilities; of numbers, of the estimates.
  case mean
  /// The probabilities of the mean of the logits, which is the normalized geometric mean of the probabilities.
  case logits
  /// Each network votes for the class that it predicts. Of classes with equally many votes the first one wins, as with
  /// scikit-learn's `VotingClassifier`.
  case vote
  /// The mean of the probabilities or estimates with weights that were fitted to labelled data: see `EnsembleWeights`.
  case weighted
}

/// What one network says of the class of an item.
public struct MemberAnswer: Equatable, Sendable {
  /// Of each class.
  public let probabilities: [Double]
  /// The logarithms of the probabilities, or the means of those of several views of the item; not normalized.
  public let logits: [Double]

  /// - Parameter logits: of each class.
  public init(logits: some Collection<some BinaryFloatingPoint>) {
    let largest = logits.max().map { Double($0) } ?? 0
    let distances = logits.map { Double($0) - largest }
    let powers = distances.map { exp($0) }
    let sum = powers.reduce(0, +)
    probabilities = powers.map { $0 / sum }
    let logarithm = log(sum)
    self.logits = distances.map { $0 - logarithm }
  }

  /// - Parameter probabilities: of each class.
  public init(probabilities: [Double]) {
    self.probabilities = probabilities
    logits = probabilities.map { log(max($0, Double(Float.leastNonzeroMagnitude))) }
  }

  /// What a network says of several views of an item, taken together.
  ///
  /// - Precondition: there is a view.
  public init(averaging views: [MemberAnswer]) {
    func mean(_ values: (MemberAnswer) -> [Double]) -> [Double] {
      views[0].probabilities.indices.map { place in
        views.reduce(0) { $0 + values($1)[place] } / Double(views.count)
      }
    }
    self.init(mean(\.probabilities), mean(\.logits))
  }

  private init(_ probabilities: [Double], _ logits: [Double]) {
    (self.probabilities, self.logits) = (probabilities, logits)
  }

  /// The same with the classes in another order.
  ///
  /// - Parameter order: for each class of the new order its place in the old one.
  public func reordered(_ order: [Int]) -> MemberAnswer {
    MemberAnswer(order.map { probabilities[$0] }, order.map { logits[$0] })
  }

  /// Whether all numbers are.
  public var isFinite: Bool { probabilities.allSatisfy(\.isFinite) }
}

extension EnsembleRule {
  /// The probability of each class.
  ///
  /// - Parameters:
  ///   - answers: of each network, with the classes in one order.
  ///   - weights: of each network, which sum to 1.
  ///   - decisions: which class each network predicts, with the classes in the same order.
  public func probabilities(
    _ answers: [MemberAnswer], weights: [Double], decisions: [ClassDecision]
  ) -> [Double] {
    let classes = answers[0].probabilities.count
    var sums = Array(repeating: 0.0, count: classes)
    for ((answer, weight), decision) in zip(zip(answers, weights), decisions) {
      switch self {
      case .mean, .weighted: for place in sums.indices { sums[place] += weight * answer.probabilities[place] }
      case .logits: for place in sums.indices { sums[place] += weight * answer.logits[place] }
      case .vote: sums[decision.predicted(answer.probabilities)] += weight
      }
    }
    guard self == .logits else { return sums }
    let largest = sums.max() ?? 0
    let powers = sums.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Which class all networks predict together, of `probabilities(_:weights:decisions:)`.
  ///
  /// Thresholds that all networks have in common hold for their mean, too. Where they differ, or only some networks have any,
  /// none are right for the mean, and the most probable class is predicted. Votes are counted: each network has applied its own.
  ///
  /// - Parameters:
  ///   - members: of each network, with the classes in one order.
  ///   - weights: of each network. One without any has no say.
  public func decision(of members: [ClassDecision], weights: [Double]) -> ClassDecision {
    let heard = zip(members, weights).filter { $1 > 0 }.map { $0.0 }
    guard self != .vote, let first = heard.first, heard.allSatisfy(first.agrees) else { return .mostProbable }
    return first
  }

  /// The place of the largest value, the first of equal ones. Sums of weights are equal up to rounding.
  public static func first(_ values: [Double]) -> Int {
    var best = 0
    for place in values.indices where values[place] > values[best] + 1e-12 { best = place }
    return best
  }
}
