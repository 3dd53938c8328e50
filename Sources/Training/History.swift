/// The result of one epoch: a row of `history.csv`.
public struct HistoryRow: Codable, Equatable, Sendable {
  /// Counted from 1.
  public var epoch: Int
  /// The means over the epoch's batches, each at its own step.
  public var training: Scores
  /// nil where nothing was held back for validation.
  public var validation: Scores?
  /// That of the epoch's last step.
  public var learningRate: Double
  /// With validation, over all sessions that the epoch was learned in.
  public var seconds: Double
  /// While learning, without validation and saving; nil where no time passed.
  public var itemsPerSecond: Double?

  static let columns =
    "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,images_per_second"

  /// Scores of validation that follow these columns where a run has them.
  static let further: [Monitor] = [.macroF1, .balancedAccuracy, .weightedF1, .matthewsCorrelation, .cohensKappa, .topK]

  /// The name of a further column.
  static func column(_ score: Monitor) -> String { "validation_" + score.rawValue.replacing("-", with: "_") }

  /// The row as CSV, in the order of `columns` and of the further scores; what is absent is an empty field.
  func csv(_ further: [Monitor]) -> String {
    let numbers =
      [training.loss, training.accuracy, validation?.loss, validation?.accuracy, learningRate, seconds, itemsPerSecond]
      + further.map { validation?[$0] }
    return "\(epoch)," + numbers.map { $0.map { "\(significant($0, 6))" } ?? "" }.joined(separator: ",")
  }
}

/// `value` with this many significant decimal digits.
public func significant(_ value: Double, _ digits: Int) -> Double {
  guard value != 0, value.isFinite else { return value }
  // The scale is a power of ten, applied by division where it is a fraction, so that 0.1 stays 0.1.
  var magnitude = 0
  var rest = value.magnitude
  while rest >= 10 { (rest, magnitude) = (rest / 10, magnitude + 1) }
  while rest < 1 { (rest, magnitude) = (rest * 10, magnitude - 1) }
  let places = digits - 1 - magnitude
  let scale = (0..<places.magnitude).reduce(1.0) { product, _ in product * 10 }
  guard scale.isFinite else { return value }
  return places >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
}
