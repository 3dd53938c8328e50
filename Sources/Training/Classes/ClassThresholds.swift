import AviaryCheckpoints
import AviaryTensors

/// How probable each class has to be to be predicted: of an example, the class whose probability is the largest multiple of
/// its threshold. With two classes that sum to 1 it is the usual rule, that a class is predicted above its threshold.
///
/// `ClassDecision` applies them.
public struct ClassThresholds: Codable, Equatable, Sendable {
  /// The name under which checkpoints keep them, as JSON, beside what else is known.
  public static let key = "thresholds"

  /// One for each class; they sum to 1.
  public private(set) var values: [Double]
  /// The score that they were chosen by.
  public let criterion: Monitor
  /// That score of the examples that they were chosen on.
  public let score: Double
  /// The same score where the most probable class is predicted, without thresholds.
  public let plainScore: Double

  /// Chooses thresholds by which examples score best: one class after the other, as long as something gets better. With two
  /// classes nothing better exists.
  ///
  /// - Parameters:
  ///   - probabilities: row-major [examples, classes].
  ///   - labels: of the examples.
  /// - Returns: nil without examples or where the score is not one of counted classes.
  public init?(choosingBy criterion: Monitor, _ probabilities: [Double], labels: [Int32], classes: Int) {
    guard criterion.isThresholdCriterion, classes > 1, !labels.isEmpty, probabilities.count == classes * labels.count,
      probabilities.allSatisfy(\.isFinite)
    else { return nil }
    var values = Array(repeating: 1.0, count: classes)
    func row(_ index: Int) -> ArraySlice<Double> { probabilities[index * classes..<(index + 1) * classes] }
    var predicted = labels.indices.map { Self.predicted(row($0), values) }
    var tally = ClassTally(classes: classes)
    for (label, class_) in zip(labels, predicted) { tally.add(label: Int(label), predicted: class_) }
    guard let plain = tally.score(criterion) else { return nil }
    var best = plain
    for _ in 0..<Self.rounds {
      let before = best
      for place in (classes == 2 ? 1 : 0)..<classes {
        // The threshold below which each example is of the class, and the class that it is of above.
        let limits = labels.indices.map { index -> (limit: Double, other: Int) in
          let row = row(index)
          let other = Self.predicted(row, values, without: place)
          let rival = row[row.startIndex + other] / values[other]
          return (rival > 0 ? row[row.startIndex + place] / rival : .infinity, other)
        }
        var moved = tally
        for (index, label) in labels.enumerated() {
          moved.move(label: Int(label), from: predicted[index], to: limits[index].other)
        }
        let order = labels.indices.sorted { limits[$0].limit > limits[$1].limit }
        var choice: Double?
        // Above all limits nothing is of the class.
        if let first = order.first, limits[first].limit < Self.largest, let score = moved.score(criterion),
          score > best + 1e-12
        {
          (best, choice) = (score, max(2 * limits[first].limit, Self.smallest))
        }
        for (position, index) in order.enumerated() {
          moved.move(label: Int(labels[index]), from: limits[index].other, to: place)
          let next = position + 1 < order.count ? limits[order[position + 1]].limit : 0
          let limit = min(limits[index].limit, Self.largest)
          guard limit > next, limit > Self.smallest, let score = moved.score(criterion), score > best + 1e-12 else {
            continue
          }
          // Half-way between the last example that is of the class and the first that is not.
          (best, choice) = (score, max((limit * max(next, Self.smallest)).squareRoot(), Self.smallest))
        }
        guard let choice else { continue }
        values[place] = choice
        predicted = labels.indices.map { Self.predicted(row($0), values) }
        tally = ClassTally(classes: classes)
        for (label, class_) in zip(labels, predicted) { tally.add(label: Int(label), predicted: class_) }
        best = tally.score(criterion) ?? best
      }
      if best <= before { break }
    }
    let sum = values.reduce(0, +)
    self.values = values.map { $0 / sum }
    self.criterion = criterion
    (score, plainScore) = (best, plain)
  }

  /// How often each class is gone over.
  private static let rounds = 10
  /// Bounds of a threshold, relative to those of the other classes.
  private static let smallest = 1e-9
  private static let largest = 1e9

  /// Whether they are of this many classes, and can be used.
  func suits(_ classes: Int) -> Bool { values.count == classes && values.allSatisfy { $0 > 0 && $0.isFinite } }

  /// The class that is predicted of probabilities.
  public func predicted(_ probabilities: [Double]) -> Int { Self.predicted(probabilities[...], values) }

  /// The same of their logarithms, or of logits, which differ from these by one number.
  func predicted(logarithms: ArraySlice<Float>) -> Int {
    var (best, found) = (-Double.infinity, 0)
    for (place, value) in zip(logarithms, values).enumerated() {
      let distance = Double(value.0) - logarithm(value.1)
      if distance > best { (best, found) = (distance, place) }
    }
    return found
  }

  /// Those of the same classes in another order: for each class of it, its place in the old one.
  func reordered(_ order: [Int]) -> ClassThresholds {
    var other = self
    other.values = order.map { values[$0] }
    return other
  }

  private static func predicted(_ row: ArraySlice<Double>, _ values: [Double], without left: Int? = nil) -> Int {
    var (best, found) = (-Double.infinity, left == 0 ? 1 : 0)
    for (place, probability) in row.enumerated() where place != left {
      if probability / values[place] > best { (best, found) = (probability / values[place], place) }
    }
    return found
  }

  /// A line that says what they are.
  public func described(_ classes: [String]) -> String {
    let list = zip(classes, values).prefix(8).map { "\($0) \(significant($1, 3))" }.joined(separator: ", ")
    return "\(list)\(classes.count > 8 ? ", …" : "")"
  }
}

extension ClassThresholds {
  /// As checkpoints keep it.
  var text: String { get throws { try JSONValue(encoding: self).serialized } }
}

extension Checkpoint.Metadata {
  /// The thresholds of the classes; nil where the file has none that go with its classes.
  public var thresholds: ClassThresholds? {
    guard let text = extra[ClassThresholds.key], let value = try? JSONValue(parsing: text),
      let found = try? value.decoded(as: ClassThresholds.self), let classes, found.suits(classes.count)
    else { return nil }
    return found
  }
}

extension ClassProbabilities {
  /// Thresholds chosen on these examples; nil where their probabilities are not kept.
  public func thresholds(by criterion: Monitor) -> ClassThresholds? {
    guard isComplete else { return nil }
    return ClassThresholds(choosingBy: criterion, kept, labels: labels, classes: classes)
  }
}
