/// How often predictions of each confidence are right: the bars of a reliability diagram. A prediction's confidence is the
/// probability of its class; the bins have equal widths, and a confidence at an edge belongs below it.
public struct Reliability: Equatable, Sendable {
  /// The predictions of one range of confidence.
  public struct Bin: Equatable, Sendable {
    /// The confidences lie above this, except in the first bin, which includes it.
    public let lower: Double
    /// The largest probability in it.
    public let upper: Double
    /// How many there are.
    public fileprivate(set) var count = 0
    fileprivate var confidences = 0.0
    fileprivate var right = 0

    /// Nil without predictions.
    public var meanConfidence: Double? { count == 0 ? nil : confidences / Double(count) }
    /// The share of right ones; nil without predictions.
    public var accuracy: Double? { count == 0 ? nil : Double(right) / Double(count) }
  }

  /// The bins, from the least probability.
  public private(set) var bins: [Bin]
  private var count = 0

  /// - Parameter bins: their number; Guo et al. (2017) take 15.
  public init(bins count: Int = 15) {
    let width = 1 / Double(max(1, count))
    bins = (0..<max(1, count)).map {
      Bin(lower: Double($0) * width, upper: $0 == count - 1 ? 1 : Double($0 + 1) * width)
    }
  }

  /// Counts one prediction.
  public mutating func add(confidence: Double, isRight: Bool) {
    let index = bins.firstIndex { confidence <= $0.upper } ?? bins.count - 1
    bins[index].count += 1
    bins[index].confidences += confidence
    bins[index].right += isRight ? 1 : 0
    count += 1
  }

  /// The expected calibration error: the mean distance of confidence and accuracy, weighted by the number of predictions;
  /// nil without any.
  public var expectedCalibrationError: Double? {
    guard count > 0 else { return nil }
    return bins.reduce(0) { $0 + ($1.confidences - Double($1.right)).magnitude } / Double(count)
  }
}
