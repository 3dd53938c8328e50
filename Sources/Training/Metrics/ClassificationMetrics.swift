import AviaryDiagnostics
import AviaryPlatform
import AviaryTensors

/// How well predictions meet the truth, counted over a set of examples.
public struct ClassificationMetrics: Equatable, Sendable {
  /// The names of the classes, in the order of their numbers.
  public let classes: [String]
  private var confused: ConfusionCounts
  /// How often each class was there, was predicted, and was both.
  private(set) var tally: ClassTally
  /// The sum of the examples' losses.
  public private(set) var lossSum = 0.0
  /// The number of examples.
  public private(set) var count = 0

  /// What the probabilities say beyond the classes that were predicted; nil where they are not asked for.
  public private(set) var probabilities: ClassProbabilities?

  /// How many of the most probable classes are looked through in `topAccuracy`; nil for none.
  public let topK: Int?
  /// How many examples have come with probabilities or logits, and how many of these have their class among the most probable.
  private var ranked = 0
  private var amongTop = 0
  /// Which class is predicted of examples that come with probabilities or logits; nil where none of them do.
  public let decision: ClassDecision?

  /// For examples whose predicted classes are known.
  public init(classes: [String]) { self.init(classes, false, nil, nil) }

  /// For examples that come with probabilities or logits.
  ///
  /// - Parameters:
  ///   - keepsProbabilities: whether examples that come with logits also count in `probabilities`.
  ///   - decision: which class is predicted: that of the network's checkpoint.
  public init(
    classes: [String], keepsProbabilities: Bool = false, topK: Int? = nil, decision: ClassDecision
  ) {
    self.init(classes, keepsProbabilities, topK, decision)
  }

  private init(_ classes: [String], _ keepsProbabilities: Bool, _ topK: Int?, _ decision: ClassDecision?) {
    self.classes = classes
    self.topK = topK
    self.decision = decision
    if keepsProbabilities, !classes.isEmpty { probabilities = ClassProbabilities(classes: classes.count) }
    confused = ConfusionCounts(classes: classes.count)
    tally = ClassTally(classes: classes.count)
  }

  /// Counts one example. Both classes are numbers in `0..<classes.count`.
  public mutating func add(label: Int, predicted: Int, loss: Double) {
    ensure(
      classes.indices.contains(label) && classes.indices.contains(predicted),
      "ClassificationMetrics: label \(label), prediction \(predicted), but there are \(classes.count) classes")
    confused.add(label: label, predicted: predicted)
    tally.add(label: label, predicted: predicted)
    lossSum += loss
    count += 1
  }

  /// Counts a batch: logits [N, classes] and the N classes.
  mutating func add(logits: Tensor, labels: [Int32]) {
    let predicted = requiredDecision.predicted(logits: logits)
    let logarithms = inference { logSoftmax(logits).scalars }
    let scalars = probabilities == nil ? [] : logits.scalars
    for (row, label) in labels.enumerated() {
      let own = logarithms[row * classes.count..<(row + 1) * classes.count]
      add(label: Int(label), predicted: predicted[row], loss: -Double(own[own.startIndex + Int(label)]))
      rank(Int(label), in: own)
      probabilities?.add(logits: scalars[row * classes.count..<(row + 1) * classes.count], label: Int(label))
    }
  }

  /// Counts one example by the probability of each class. Its loss is scikit-learn's log loss.
  public mutating func add(probabilities shares: [Double], label: Int) {
    add(probabilities: shares, label: label, predicted: requiredDecision.predicted(shares))
  }

  /// The same of an example whose predicted class is known.
  public mutating func add(probabilities shares: [Double], label: Int, predicted: Int) {
    let own = max(shares[label], .ulpOfOne)
    add(label: label, predicted: predicted, loss: own.isNaN ? .nan : -log(own))
    rank(label, in: shares[...])
    probabilities?.add(shares, label: label)
  }

  /// Looks for the class of an example among the most probable ones.
  private mutating func rank(_ label: Int, in scores: ArraySlice<some BinaryFloatingPoint>) {
    guard let topK else { return }
    ranked += 1
    if AviaryTraining.rank(of: label, in: scores) < topK { amongTop += 1 }
  }

  private var requiredDecision: ClassDecision {
    guard let decision else {
      stopProgram("ClassificationMetrics: probabilities do not say which class is predicted; give a decision")
    }
    return decision
  }

  /// The number of examples whose class was predicted.
  public var correct: Int { tally.correct.reduce(0, +) }

  /// How often a class was predicted for examples of a class.
  public struct ConfusedPair: Equatable, Sendable {
    /// The number of the true class.
    public var label: Int
    /// That of the predicted class.
    public var predicted: Int
    /// How many examples there were.
    public var count: Int

    /// A pair of classes and how often it was met.
    public init(label: Int, predicted: Int, count: Int) {
      self.label = label
      self.predicted = predicted
      self.count = count
    }
  }

  /// The cells of the confusion matrix that are not 0, row after row.
  public var confusedPairs: [ConfusedPair] { confused.pairs }

  /// [classes][classes]: rows are the true classes, columns the predicted ones. It is made when it is asked for, and takes
  /// eight bytes for every pair of classes; `confusedPairs` takes some for those that were met.
  public var confusion: [[Int]] { confused.matrix }

  /// The most classes whose matrix is written to JSON as a whole. Of more, the pairs that were met are.
  public static let mostInMatrix = 1000

  /// The share of examples whose class was predicted; nil without examples.
  public var accuracy: Double? { Self.ratio(correct, count) }

  /// The share of examples whose class is among the `topK` most probable ones; nil where nobody asks, or where no example came
  /// with probabilities or logits.
  public var topAccuracy: Double? { Self.ratio(amongTop, ranked) }

  /// The mean loss; nil without examples.
  public var meanLoss: Double? { count == 0 ? nil : lossSum / Double(count) }

  /// Of the examples predicted to be of each class, the share that are; nil for a class never predicted.
  public var precision: [Double?] {
    zip(tally.correct, tally.predictions).map(Self.ratio)
  }

  /// Of the examples of each class, the share that were predicted so; nil for a class without examples.
  public var recall: [Double?] {
    zip(tally.correct, tally.examples).map(Self.ratio)
  }

  /// The mean of the classes' F1 scores, each of which counts alike, over those that were there or predicted (scikit-learn's
  /// `f1_score` with `average="macro"`); nil without examples.
  public var macroF1: Double? { tally.macroF1 }

  /// The mean of the classes' recalls, over those that were there (scikit-learn's `balanced_accuracy_score`); nil without
  /// examples.
  public var balancedAccuracy: Double? { tally.balancedAccuracy }

  /// What the training loop compares; nil without examples.
  public var scores: Scores? {
    meanLoss.map { loss in
      var scores = Scores(loss: loss, accuracy: accuracy)
      scores.count(tally)
      scores.topK = topAccuracy
      return scores
    }
  }

  private static func ratio(_ part: Int, _ whole: Int) -> Double? {
    whole == 0 ? nil : Double(part) / Double(whole)
  }
}

extension ClassificationMetrics: Encodable {
  private enum CodingKeys: String, CodingKey {
    case images, accuracy, loss, classes, precision, recall, confusion
    case pairs = "confusion_pairs"
  }

  /// What JSON cannot say (no examples, a loss that is not finite) becomes null, and so does the matrix of more classes than
  /// `mostInMatrix`, in whose place its cells that are not 0 are: true class, predicted class, count.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .images)
    try container.encode(accuracy, forKey: .accuracy)
    try container.encode(meanLoss.flatMap { $0.isFinite ? $0 : nil }, forKey: .loss)
    try container.encode(classes, forKey: .classes)
    try container.encode(precision, forKey: .precision)
    try container.encode(recall, forKey: .recall)
    guard classes.count > Self.mostInMatrix else { return try container.encode(confusion, forKey: .confusion) }
    try container.encodeNil(forKey: .confusion)
    try container.encode(confusedPairs.map { [$0.label, $0.predicted, $0.count] }, forKey: .pairs)
  }
}

/// How many classes are more probable than one of them. Of equal ones the later class comes first, as in scikit-learn.
func rank(of label: Int, in scores: ArraySlice<some BinaryFloatingPoint>) -> Int {
  let own = scores[scores.startIndex + label]
  return scores.indices.count { place in
    scores[place] > own || (scores[place] == own && place > scores.startIndex + label)
  }
}
