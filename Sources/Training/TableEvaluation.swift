import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// How well numbers are estimated, in the units of the table.
public struct RegressionMetrics: Equatable, Sendable {
  public private(set) var count = 0
  private var squares = 0.0
  private var magnitudes = 0.0
  /// Of the targets, by Welford's method: sums of squares would cancel for targets far from zero.
  private var mean = 0.0
  private var scatter = 0.0

  public init() {}

  public mutating func add(target: Double, estimate: Double) {
    let error = estimate - target
    count += 1
    squares += error * error
    magnitudes += error.magnitude
    let distance = target - mean
    mean += distance / Double(count)
    scatter += distance * (target - mean)
  }

  /// Nil without examples, as are the others.
  public var meanSquaredError: Double? { count == 0 ? nil : squares / Double(count) }
  public var rootMeanSquaredError: Double? { meanSquaredError.map { $0.squareRoot() } }
  public var meanAbsoluteError: Double? { count == 0 ? nil : magnitudes / Double(count) }
  /// The share of the targets' variance that the estimates explain, R²; nil where all targets are the same.
  public var explainedVariance: Double? {
    scatter > 0 ? 1 - squares / scatter : nil
  }
}

/// What a network makes of the rows of a table.
public struct TablePredictor<Model: Classifier> {
  private let model: Model
  public let preprocessing: TablePreprocessing
  private static var rowsAtOnce: Int { 1024 }

  public init(_ model: Model, _ preprocessing: TablePreprocessing) {
    self.model = model
    self.preprocessing = preprocessing
  }

  /// The probability of each class for every row.
  public func probabilities(_ features: TableFeatures) -> [[Float]] {
    outputs(features) { softmax($0) }
  }

  /// The number estimated for every row, in the units of the table.
  public func estimates(_ features: TableFeatures) -> [Double] {
    outputs(features) { $0 }.map { preprocessing.restored($0[0]) }
  }

  private func outputs(_ features: TableFeatures, _ finish: (Tensor) -> Tensor) -> [[Float]] {
    var rows: [[Float]] = []
    for start in stride(from: 0, to: features.count, by: Self.rowsAtOnce) {
      let places = start..<min(features.count, start + Self.rowsAtOnce)
      let values = inference { finish(model(features.tensor(places))) }
      let width = values.shape[1]
      let scalars = values.scalars
      for row in places.indices {
        let first = (row - start) * width
        rows.append(Array(scalars[first..<first + width]))
      }
    }
    return rows
  }

  /// How well the classes of rows are told.
  public func classification(_ part: TablePart) -> ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: preprocessing.target.classes)
    for (row, logarithms) in zip(part.labels, outputs(part.features) { logSoftmax($0) }) {
      let best = logarithms.indices.max { (logarithms[$0], $1) < (logarithms[$1], $0) } ?? 0
      metrics.add(label: Int(row), predicted: best, loss: -Double(logarithms[Int(row)]))
    }
    return metrics
  }

  /// How well the numbers of rows are estimated.
  public func regression(_ part: TablePart) -> RegressionMetrics {
    var metrics = RegressionMetrics()
    for (target, estimate) in zip(part.targets, estimates(part.features)) {
      metrics.add(target: preprocessing.restored(target), estimate: estimate)
    }
    return metrics
  }
}
