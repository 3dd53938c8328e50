import AviaryCheckpoints
import AviaryTensors

/// Which class is predicted of the probabilities of all: the only place that decides it. A checkpoint has its own,
/// `Checkpoint.Metadata.decision`, and whatever names or counts predicted classes asks for one.
public struct ClassDecision: Equatable, Sendable {
  /// By which the classes are predicted; nil for the most probable one. Those of another number of classes count as none.
  public let thresholds: ClassThresholds?

  /// The most probable class, the first of equal ones.
  public static let mostProbable = ClassDecision(nil)

  /// - Parameter thresholds: nil for the most probable class.
  public init(_ thresholds: ClassThresholds?) { self.thresholds = thresholds }

  /// The class that is predicted, of the probability of each.
  public func predicted(_ probabilities: [Double]) -> Int {
    thresholds(of: probabilities.count)?.predicted(probabilities) ?? EnsembleRule.first(probabilities)
  }

  /// The class that is predicted, of the probability of each.
  public func predicted(_ probabilities: [Float]) -> Int { predicted(probabilities.map(Double.init)) }

  /// The class that is predicted of each row, [N, classes].
  public func predicted(logits: Tensor) -> [Int] {
    guard let thresholds = thresholds(of: logits.shape.last ?? 0) else { return inference { logits.argmax() } }
    let (scalars, width) = (logits.scalars, thresholds.values.count)
    return stride(from: 0, to: scalars.count, by: width).map { start in
      thresholds.predicted(logarithms: scalars[start..<start + width])
    }
  }

  /// All classes: the one that is predicted, and then those that would be if the ones before them were not there.
  public func order(_ probabilities: [Double]) -> [Int] {
    guard !probabilities.isEmpty else { return [] }
    let thresholds = thresholds(of: probabilities.count)
    let values = thresholds.map { zip(probabilities, $0.values).map { $0 / $1 } } ?? probabilities
    let first = predicted(probabilities)
    return [first]
      + values.indices.filter { $0 != first }.sorted { (values[$0], $1) > (values[$1], $0) }
  }

  /// All classes: the one that is predicted, and then those that would be if the ones before them were not there.
  public func order(_ probabilities: [Float]) -> [Int] { order(probabilities.map(Double.init)) }

  /// The same of classes in another order.
  ///
  /// - Parameter order: for each class of the new order its place in the old one.
  public func reordered(_ order: [Int]) -> ClassDecision {
    ClassDecision(thresholds(of: order.count)?.reordered(order))
  }

  /// Whether both predict the same of all probabilities.
  public func agrees(with other: ClassDecision) -> Bool { thresholds?.values == other.thresholds?.values }

  private func thresholds(of classes: Int) -> ClassThresholds? {
    thresholds?.values.count == classes ? thresholds : nil
  }
}

extension Checkpoint.Metadata {
  /// Which class is predicted: by the thresholds that the training chose, or else the most probable one.
  public var decision: ClassDecision { ClassDecision(thresholds) }
}
