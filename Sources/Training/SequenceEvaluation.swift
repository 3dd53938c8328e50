import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryModels
import AviaryTensors

/// What a network makes of windows of a time series.
public struct SeriesPredictor<Model: Classifier> {
  private let model: Model
  public let preprocessing: SeriesPreprocessing

  public init(_ model: Model, _ preprocessing: SeriesPreprocessing) {
    self.model = model
    self.preprocessing = preprocessing
  }

  /// How well what follows every window is told, in the table's own units.
  public func regression(_ part: SeriesPart) -> RegressionMetrics {
    var metrics = RegressionMetrics()
    for start in stride(from: 0, to: part.count, by: part.windowsAtOnce) {
      let places = Array(start..<min(part.count, start + part.windowsAtOnce))
      let estimates = inference { model(part.inputs(places)).scalars }
      for (target, estimate) in zip(part.targets(places).scalars, estimates) {
        metrics.add(target: preprocessing.restored(target), estimate: preprocessing.restored(estimate))
      }
    }
    return metrics
  }

  /// The value that follows the end of the rows; nil where they are fewer than a window.
  public func next(after rows: SeriesRows) -> Double? {
    rows.last.map { window in preprocessing.restored(inference { model(window).scalars[0] }) }
  }
}

/// What a network makes of texts in a table.
public struct TextPredictor {
  private let model: SequenceClassifier
  public let preprocessing: CharacterPreprocessing
  static let textsAtOnce = 128

  /// - Precondition: the network has as many symbols and classes as the preprocessing.
  public init(_ model: SequenceClassifier, _ preprocessing: CharacterPreprocessing) {
    ensure(
      model.configuration.symbols == preprocessing.symbols
        && model.configuration.outputs == preprocessing.target.classes.count,
      "TextPredictor: a network for other symbols or classes")
    self.model = model
    self.preprocessing = preprocessing
  }

  /// The probability of each class for every text.
  public func probabilities(_ texts: CharacterSequences) -> [[Float]] { outputs(texts) { softmax($0) } }

  private func outputs(_ texts: CharacterSequences, _ finish: (Tensor) -> Tensor) -> [[Float]] {
    var rows: [[Float]] = []
    let width = model.configuration.outputs
    for start in stride(from: 0, to: texts.count, by: Self.textsAtOnce) {
      let (tokens, lengths) = texts.batch(Array(start..<min(texts.count, start + Self.textsAtOnce)))
      let scalars = inference { finish(model(tokens: tokens, lengths: lengths)).scalars }
      for row in lengths.indices { rows.append(Array(scalars[row * width..<(row + 1) * width])) }
    }
    return rows
  }

  /// How well the classes of texts are told.
  public func classification(_ part: CharacterPart) -> ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: preprocessing.target.classes)
    for (label, logarithms) in zip(part.labels, outputs(part.texts) { logSoftmax($0) }) {
      let best = logarithms.indices.max { (logarithms[$0], $1) < (logarithms[$1], $0) } ?? 0
      metrics.add(label: Int(label), predicted: best, loss: -Double(logarithms[Int(label)]))
    }
    return metrics
  }
}
