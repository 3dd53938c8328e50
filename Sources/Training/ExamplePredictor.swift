import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// What a network makes of the rows of a table, of windows of a time series, or of texts: whatever a preparation makes of a
/// table.
public struct ExamplePredictor<Preparation: TablePreparation> {
  public typealias Inputs = Preparation.Inputs

  public let preprocessing: Preparation
  private let mostAtOnce: Int?
  private let forward: (Inputs.Batch) -> Tensor

  /// - Parameters:
  ///   - mostAtOnce: how many inputs are given to the network at once; nil for the inputs' own limit.
  ///   - forward: the network.
  public init(
    _ preprocessing: Preparation, mostAtOnce: Int? = nil, forward: @escaping (_ inputs: Inputs.Batch) -> Tensor
  ) {
    self.preprocessing = preprocessing
    self.mostAtOnce = mostAtOnce
    self.forward = forward
  }

  public init(_ model: some UnaryLayer, _ preprocessing: Preparation) where Inputs.Batch == Tensor {
    self.init(preprocessing) { model($0) }
  }

  /// The probability of each class for every input.
  public func probabilities(_ inputs: Inputs) -> [[Float]] { outputs(inputs) { softmax($0) } }

  /// The number estimated for every input, in the units of the table.
  public func estimates(_ inputs: Inputs) -> [Double] { values(inputs).map { $0[0] } }

  /// All outputs for every input, in the units of the table.
  public func values(_ inputs: Inputs) -> [[Double]] {
    outputs(inputs) { $0 }.map { $0.map { preprocessing.restored($0) } }
  }

  private func outputs(_ inputs: Inputs, _ finish: (Tensor) -> Tensor) -> [[Float]] {
    var rows: [[Float]] = []
    let size = mostAtOnce ?? inputs.mostAtOnce
    for start in stride(from: 0, to: inputs.count, by: size) {
      let places = start..<min(inputs.count, start + size)
      let values = inference { finish(forward(inputs.batch(Array(places)))) }
      let width = values.count / places.count
      let scalars = values.scalars
      for row in places.indices {
        let first = (row - start) * width
        rows.append(Array(scalars[first..<first + width]))
      }
    }
    return rows
  }

  /// How well classes are predicted.
  public func classification(_ examples: Examples<Inputs>) -> ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: preprocessing.classes ?? [])
    for (label, logarithms) in zip(examples.labels, outputs(examples.inputs) { logSoftmax($0) }) {
      let best = logarithms.indices.max { (logarithms[$0], $1) < (logarithms[$1], $0) } ?? 0
      metrics.add(label: Int(label), predicted: best, loss: -Double(logarithms[Int(label)]))
    }
    return metrics
  }

  /// How well numbers are estimated, in the table's own units.
  public func regression(_ examples: Examples<Inputs>) -> RegressionMetrics {
    var metrics = RegressionMetrics()
    for (target, estimate) in zip(examples.targets, values(examples.inputs).joined()) {
      metrics.add(target: preprocessing.restored(target), estimate: estimate)
    }
    return metrics
  }

  /// The same for each of the numbers of an example by itself, and for all of them together.
  public func regressionByStep(
    _ examples: Examples<Inputs>
  ) -> (steps: [RegressionMetrics], all: RegressionMetrics) {
    let width = examples.targetWidth
    var all = RegressionMetrics()
    var steps = Array(repeating: RegressionMetrics(), count: width)
    for (place, estimates) in values(examples.inputs).enumerated() {
      for (step, estimate) in estimates.prefix(width).enumerated() {
        let target = preprocessing.restored(examples.targets[place * width + step])
        steps[step].add(target: target, estimate: estimate)
        all.add(target: target, estimate: estimate)
      }
    }
    return (steps, all)
  }
}

extension ExamplePredictor where Preparation == SeriesPreprocessing {
  /// The value that follows the end of the rows; nil where they are fewer than a window.
  public func next(after rows: SeriesRows) -> Double? { valuesNext(after: rows)?.first }

  /// The same of a network with several outputs.
  public func valuesNext(after rows: SeriesRows) -> [Double]? {
    rows.last.map { window in inference { forward(window).scalars.map { preprocessing.restored($0) } } }
  }

  /// The probability of each class, of a network that classifies the end of the rows.
  public func probabilitiesNext(after rows: SeriesRows) -> [Float]? {
    rows.last.map { window in inference { softmax(forward(window)).scalars } }
  }
}

extension ExamplePredictor where Preparation == TextColumnPreprocessing {
  /// - Precondition: the network has the preparation's numbers of symbols and classes.
  public init(_ model: any SequenceReader, _ preprocessing: TextColumnPreprocessing) {
    ensure(
      model.symbols == preprocessing.symbols && model.configuration.outputs == preprocessing.target.classes.count,
      "ExamplePredictor: a network for other symbols or classes")
    self.init(preprocessing, mostAtOnce: Self.textsAtOnce) { model(tokens: $0.tokens, lengths: $0.lengths) }
  }

  static var textsAtOnce: Int { 128 }
}
