import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// What a network makes of the rows of a table, of windows of a time series, or of texts: whatever a preparation makes of a
/// table.
public struct ExamplePredictor<Preparation: TablePreparation> {
  /// What the network is given.
  public typealias Inputs = Preparation.Inputs

  /// How data become the network's input.
  public let preprocessing: Preparation
  private let mostAtOnce: Int?
  private let isChannelsFirst: Bool
  private let forward: (Inputs.Batch) -> Tensor

  /// - Parameters:
  ///   - mostAtOnce: how many inputs are given to the network at once; nil for the inputs' own limit.
  ///   - isChannelsFirst: whether the numbers at positions are wanted in the order of the outputs, [F, …], and not […, F].
  ///   - forward: the network.
  public init(
    _ preprocessing: Preparation, mostAtOnce: Int? = nil, isChannelsFirst: Bool = false,
    forward: @escaping (_ inputs: Inputs.Batch) -> Tensor
  ) {
    self.preprocessing = preprocessing
    self.mostAtOnce = mostAtOnce
    self.isChannelsFirst = isChannelsFirst
    self.forward = forward
  }

  /// A network with its preparation.
  public init(_ model: some UnaryLayer, _ preprocessing: Preparation) where Inputs.Batch == Tensor {
    self.init(preprocessing, isChannelsFirst: (model as? any Classifier)?.hasChannelsFirst ?? false) { model($0) }
  }

  /// The number estimated for every input, in the units of the table.
  public func estimates(_ inputs: Inputs) -> [Double] { values(inputs).map { $0[0] } }

  /// All outputs for every input, in the units of the table.
  public func values(_ inputs: Inputs) -> [[Double]] { numbers(inputs).map(\.values) }

  /// The same with their shape.
  public func numbers(_ inputs: Inputs) -> [OutputNumbers] {
    var rows: [OutputNumbers] = []
    forEachBatch(inputs) { _, outputs in
      rows += OutputNumbers.each(of: outputs, isChannelsFirst: isChannelsFirst) { preprocessing.restored($0) }
    }
    return rows
  }

  /// The probability of each class for every input.
  public func probabilities(_ inputs: Inputs) -> [[Float]] {
    var rows: [[Float]] = []
    forEachBatch(inputs) { places, outputs in
      let values = inference { softmax(outputs) }
      let width = values.count / places.count
      let scalars = values.scalars
      for row in places.indices {
        let first = (row - places.lowerBound) * width
        rows.append(Array(scalars[first..<first + width]))
      }
    }
    return rows
  }

  private func forEachBatch(_ inputs: Inputs, _ body: (_ places: Range<Int>, _ outputs: Tensor) -> Void) {
    let size = mostAtOnce ?? inputs.mostAtOnce
    for start in stride(from: 0, to: inputs.count, by: size) {
      let places = start..<min(inputs.count, start + size)
      body(places, inference { forward(inputs.batch(Array(places))) })
    }
  }

  /// How well classes are predicted.
  ///
  /// - Parameters:
  ///   - keepsProbabilities: whether `probabilities` of the metrics are wanted, too.
  ///   - decision: which class is predicted of the probabilities: that of the network's checkpoint.
  public func classification(
    _ examples: Examples<Inputs>, keepsProbabilities: Bool = false, decision: ClassDecision
  ) -> ClassificationMetrics {
    var metrics = ClassificationMetrics(
      classes: preprocessing.classes ?? [], keepsProbabilities: keepsProbabilities, decision: decision)
    forEachBatch(examples.inputs) { places, logits in
      metrics.add(logits: logits, labels: Array(examples.labels[places]))
    }
    return metrics
  }

  /// How well numbers are estimated, in the table's own units.
  ///
  /// - Parameter keepsPairs: whether the median and the pairs themselves are wanted, too.
  public func regression(_ examples: Examples<Inputs>, keepsPairs: Bool = false) -> RegressionMetrics {
    var metrics = RegressionMetrics(keepsPairs: keepsPairs)
    for (target, estimate) in zip(examples.targets, values(examples.inputs).joined()) {
      metrics.add(target: preprocessing.restored(target), estimate: estimate)
    }
    return metrics
  }

  /// The same for each of the numbers of an example by itself, and for all of them together.
  ///
  /// - Parameter keepsPairs: as in `regression`, of all together.
  public func regressionByStep(
    _ examples: Examples<Inputs>, keepsPairs: Bool = false
  ) -> (steps: [RegressionMetrics], all: RegressionMetrics) {
    let width = examples.targetWidth
    var all = RegressionMetrics(keepsPairs: keepsPairs)
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
  public func valuesNext(after rows: SeriesRows) -> [Double]? { numbersNext(after: rows)?.values }

  /// The same with their shape.
  public func numbersNext(after rows: SeriesRows) -> OutputNumbers? {
    rows.last.map { window in
      OutputNumbers.each(of: inference { forward(window) }, isChannelsFirst: isChannelsFirst) {
        preprocessing.restored($0)
      }[0]
    }
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
