import AviaryDiagnostics
import AviaryPlatform
import AviaryTensors

/// How well predictions meet the truth, counted over a set of examples.
public struct ClassificationMetrics: Equatable, Sendable {
  /// The names of the classes, in the order of their numbers.
  public let classes: [String]
  /// [classes][classes]: rows are the true classes, columns the predicted ones.
  public private(set) var confusion: [[Int]]
  /// The sum of the examples' losses.
  public private(set) var lossSum = 0.0
  /// The number of examples.
  public private(set) var count = 0

  /// What the probabilities say beyond the classes that were predicted; nil where they are not asked for.
  public private(set) var probabilities: ClassProbabilities?

  /// How many of the most probable classes are looked through in `topAccuracy`; nil for none.
  public let topK: Int?
  /// How many examples with logits have their class among these.
  private var amongTop = 0
  /// By what the classes of examples with logits are predicted; nil for the largest probability.
  private let thresholds: ClassThresholds?

  /// - Parameters:
  ///   - keepsProbabilities: whether examples that come with logits also count in `probabilities`.
  ///   - thresholds: of these classes.
  public init(
    classes: [String], keepsProbabilities: Bool = false, topK: Int? = nil, thresholds: ClassThresholds? = nil
  ) {
    self.classes = classes
    self.topK = topK
    self.thresholds = thresholds?.values.count == classes.count ? thresholds : nil
    if keepsProbabilities, !classes.isEmpty { probabilities = ClassProbabilities(classes: classes.count) }
    confusion = Array(repeating: Array(repeating: 0, count: classes.count), count: classes.count)
  }

  /// Counts one example. Both classes are numbers in `0..<classes.count`.
  public mutating func add(label: Int, predicted: Int, loss: Double) {
    ensure(
      classes.indices.contains(label) && classes.indices.contains(predicted),
      "ClassificationMetrics: label \(label), prediction \(predicted), but there are \(classes.count) classes")
    confusion[label][predicted] += 1
    lossSum += loss
    count += 1
  }

  /// Counts a batch: logits [N, classes] and the N classes.
  mutating func add(logits: Tensor, labels: [Int32]) {
    let (predicted, logarithms) = inference { (logits.argmax(), logSoftmax(logits).scalars) }
    let scalars = probabilities == nil ? [] : logits.scalars
    for (row, label) in labels.enumerated() {
      let own = logarithms[row * classes.count..<(row + 1) * classes.count]
      let chosen = thresholds?.predicted(logarithms: own) ?? predicted[row]
      add(label: Int(label), predicted: chosen, loss: -Double(own[own.startIndex + Int(label)]))
      if let topK, rank(of: Int(label), in: own) < topK { amongTop += 1 }
      probabilities?.add(logits: scalars[row * classes.count..<(row + 1) * classes.count], label: Int(label))
    }
  }

  /// Counts one example by the probability of each class: predicted is the first of the largest ones, or what thresholds
  /// of the classes say. Its loss is scikit-learn's log loss.
  public mutating func add(probabilities shares: [Double], label: Int) {
    let own = max(shares[label], .ulpOfOne)
    add(
      label: label, predicted: thresholds?.predicted(shares) ?? EnsembleRule.first(shares),
      loss: own.isNaN ? .nan : -log(own))
    probabilities?.add(shares, label: label)
  }

  /// The number of examples whose class was predicted.
  public var correct: Int { classes.indices.reduce(0) { $0 + confusion[$1][$1] } }

  /// The share of examples whose class was predicted; nil without examples.
  public var accuracy: Double? { Self.ratio(correct, count) }

  /// The share of examples whose class is among the `topK` most probable ones; nil where nobody asks, or without examples.
  public var topAccuracy: Double? { topK == nil ? nil : Self.ratio(amongTop, count) }

  /// The mean loss; nil without examples.
  public var meanLoss: Double? { count == 0 ? nil : lossSum / Double(count) }

  /// Of the examples predicted to be of each class, the share that are; nil for a class never predicted.
  public var precision: [Double?] {
    classes.indices.map { c in Self.ratio(confusion[c][c], confusion.reduce(0) { $0 + $1[c] }) }
  }

  /// Of the examples of each class, the share that were predicted so; nil for a class without examples.
  public var recall: [Double?] {
    classes.indices.map { c in Self.ratio(confusion[c][c], confusion[c].reduce(0, +)) }
  }

  /// The mean of the classes' F1 scores, each of which counts alike, over those that were there or predicted (scikit-learn's
  /// `f1_score` with `average="macro"`); nil without examples.
  public var macroF1: Double? { ClassTally(confusion: confusion).macroF1 }

  /// The mean of the classes' recalls, over those that were there (scikit-learn's `balanced_accuracy_score`); nil without
  /// examples.
  public var balancedAccuracy: Double? { ClassTally(confusion: confusion).balancedAccuracy }

  /// What the training loop compares; nil without examples.
  public var scores: Scores? {
    meanLoss.map { loss in
      var scores = Scores(loss: loss, accuracy: accuracy)
      scores.count(ClassTally(confusion: confusion))
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
  }

  /// What JSON cannot say (no examples, a loss that is not finite) becomes null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .images)
    try container.encode(accuracy, forKey: .accuracy)
    try container.encode(meanLoss.flatMap { $0.isFinite ? $0 : nil }, forKey: .loss)
    try container.encode(classes, forKey: .classes)
    try container.encode(precision, forKey: .precision)
    try container.encode(recall, forKey: .recall)
    try container.encode(confusion, forKey: .confusion)
  }
}

/// How many classes are more probable than one of them. Of equal ones the later class comes first, as in scikit-learn.
func rank(of label: Int, in scores: ArraySlice<Float>) -> Int {
  let own = scores[scores.startIndex + label]
  return scores.indices.count { place in
    scores[place] > own || (scores[place] == own && place > scores.startIndex + label)
  }
}
