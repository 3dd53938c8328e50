import AviaryDiagnostics
import AviaryPlatform

/// How well the probabilities of classes meet the truth: log loss, Brier score, ranks, calibration, and areas under curves.
///
/// The first four are sums, in constant memory. Curves need every probability, of which eight bytes each are kept, up to
/// `most` of them; beyond that the curves and the temperature are nil, and `undefined` says so.
public struct ClassProbabilities: Equatable, Sendable {
  /// The most numbers that are kept, examples times classes: 512 MiB.
  public static let most = 1 << 26

  /// The number of classes.
  public let classes: Int
  /// The number of examples.
  public private(set) var count = 0
  /// Reliability by confidence.
  public private(set) var reliability = Reliability()
  private var logSum = 0.0
  private var squares = 0.0
  /// How many examples have their class at each place of the order of probabilities.
  private var ranks: [Int]
  private var support: [Int]
  private let limit: Int
  private(set) var labels: [Int32] = []
  /// Row-major [examples, classes]; empty beyond the limit.
  private(set) var kept: [Double] = []

  /// An empty score of `classes` classes, which keeps at most `limit` probabilities.
  public init(classes: Int, keeping limit: Int = Self.most) {
    ensure(classes > 0, "ClassProbabilities: no classes")
    self.classes = classes
    self.limit = limit
    ranks = Array(repeating: 0, count: classes)
    support = Array(repeating: 0, count: classes)
  }

  /// Whether curves and the temperature can be had.
  public var isComplete: Bool { kept.count == count * classes }

  /// Counts one example.
  public mutating func add(_ probabilities: [Double], label: Int) {
    ensure(
      probabilities.count == classes && probabilities.indices.contains(label),
      "ClassProbabilities: \(probabilities.count) probabilities and label \(label), but there are \(classes) classes")
    let own = probabilities[label]
    // scikit-learn's bound, so that one certain mistake does not make everything infinite.
    logSum -= log(min(max(own, .ulpOfOne), 1 - .ulpOfOne))
    var (predicted, before) = (0, 0)
    for (index, probability) in probabilities.enumerated() {
      let distance = probability - (index == label ? 1 : 0)
      squares += distance * distance
      if probability > probabilities[predicted] { predicted = index }
      // Of equal ones the later class comes first, as in scikit-learn.
      if probability > own || (probability == own && index > label) { before += 1 }
    }
    ranks[before] += 1
    support[label] += 1
    reliability.add(confidence: probabilities[predicted], isRight: predicted == label)
    if isComplete {
      if kept.count + classes <= limit {
        kept += probabilities
        labels.append(Int32(label))
      } else {
        (kept, labels) = ([], [])
      }
    }
    count += 1
  }

  /// Counts one example whose probabilities are the softmax of `logits`, computed in Double.
  mutating func add(logits: some Collection<Float>, label: Int) {
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    add(powers.map { $0 / sum }, label: label)
  }

  /// The mean of the negative logarithms of the probabilities of the true classes, each at least 2⁻⁵²; nil without examples.
  public var logLoss: Double? { count == 0 ? nil : logSum / Double(count) }

  /// The mean squared distance of the probabilities from the truth: summed over the classes, or of one class where there
  /// are two; nil without examples.
  public var brierScore: Double? { count == 0 ? nil : squares / Double(count) / (classes <= 2 ? 2 : 1) }

  /// The share of examples whose class is among the `k` most probable ones; nil without examples.
  public func topAccuracy(_ k: Int) -> Double? {
    count == 0 ? nil : Double(ranks.prefix(max(0, k)).reduce(0, +)) / Double(count)
  }

  /// The true class and the probabilities of an example, by the order in which they were counted; nil where they are not kept.
  public func example(_ index: Int) -> (label: Int, probabilities: [Double])? {
    guard isComplete, labels.indices.contains(index) else { return nil }
    return (Int(labels[index]), Array(kept[index * classes..<(index + 1) * classes]))
  }

  /// One class against the rest; nil where too much would have had to be kept.
  public func curve(of label: Int) -> ScoreCurve? {
    guard isComplete else { return nil }
    return ScoreCurve(
      labels.indices.map { (score: kept[$0 * classes + label], isPositive: Int(labels[$0]) == label) })
  }

  /// The areas under the curves of all classes.
  public func areas() -> ClassAreas {
    // One curve at a time: a curve is as large as the examples are many.
    ClassAreas(of: (0..<classes).map { label in curve(of: label).map(ClassAreas.Single.init) ?? .init() }, support)
  }

  /// What is undefined for these examples, and why: a line for each quantity.
  ///
  /// - Parameters:
  ///   - names: of the classes.
  ///   - scaling: what `temperatureScaling()` returned.
  public func undefined(_ names: [String], _ scaling: TemperatureScaling.Outcome) -> [String] {
    guard isComplete else {
      return [
        "areas, thresholds and temperature: \(count) examples of \(classes) classes are more than \(limit) probabilities"
      ]
    }
    var lines: [String] = []
    let absent = support.indices.filter { support[$0] == 0 }.map { "'\(names[$0])'" }
    if support.count(where: { $0 > 0 }) == 1 {
      lines.append("ROC areas: all examples are of one class")
    } else if !absent.isEmpty, classes > 2 {
      lines.append(
        "ROC area and average precision of \(absent.prefix(5).joined(separator: ", "))"
          + "\(absent.count > 5 ? " and \(absent.count - 5) more" : ""), and their macro averages: no examples")
    }
    switch scaling {
    case .fitted, .incomplete: break
    case .allRight: lines.append("temperature: every prediction is right, so that none is too confident")
    case .worthless: lines.append("temperature: the probabilities say nothing about the classes")
    }
    return lines
  }
}

/// The areas under the curves of each class against the rest, and their means.
public struct ClassAreas: Equatable, Sendable {
  /// Those of one class.
  public struct Single: Equatable, Sendable {
    /// The area under the receiver operating characteristic; nil where it is undefined.
    public var roc: Double?
    /// The average precision; nil where it is undefined.
    public var averagePrecision: Double?
    /// The threshold with the highest F1 score, and that score.
    public var threshold: Double?
    /// The F1 score at the best threshold; nil where it is undefined.
    public var f1: Double?

    init() {}

    init(_ curve: ScoreCurve) {
      roc = curve.rocArea
      averagePrecision = curve.averagePrecision
      (threshold, f1) = (curve.bestThreshold?.threshold, curve.bestThreshold?.f1)
    }
  }

  /// Of each class.
  public let classes: [Single]
  /// Of two classes, the second's; of more, the mean over all; nil where one is undefined.
  public let roc: Double?
  /// The average precision; nil where it is undefined.
  public let averagePrecision: Double?
  /// Weighted by the number of examples; nil for two classes.
  public let weightedROC: Double?
  /// The mean over classes by their examples; nil where it is undefined.
  public let weightedAveragePrecision: Double?

  init(of classes: [Single], _ support: [Int]) {
    self.classes = classes
    func mean(_ value: (Single) -> Double?) -> Double? {
      if classes.count == 2 { return value(classes[1]) }
      let values = classes.compactMap(value)
      return values.count == classes.count ? values.reduce(0, +) / Double(values.count) : nil
    }
    func weighted(_ value: (Single) -> Double?) -> Double? {
      guard classes.count > 2 else { return nil }
      var (sum, total) = (0.0, 0)
      for (single, count) in zip(classes, support) where count > 0 {
        guard let value = value(single) else { return nil }
        sum += value * Double(count)
        total += count
      }
      return total > 0 ? sum / Double(total) : nil
    }
    (roc, averagePrecision) = (mean(\.roc), mean(\.averagePrecision))
    (weightedROC, weightedAveragePrecision) = (weighted(\.roc), weighted(\.averagePrecision))
  }
}
