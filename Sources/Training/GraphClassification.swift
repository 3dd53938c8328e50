import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A collection of graphs prepared for a network that classifies whole graphs.
///
/// ```swift
/// let collection = try GraphCollection(path: "MUTAG")
/// let data = try GraphClassification(collection, NodeEncoding(fitting: collection), propagation: model.propagation)
/// print(data.probabilities(model)[0])
/// ```
public struct GraphClassification: Sendable {
  /// The graphs.
  public let collection: GraphCollection
  /// How nodes become features.
  public let encoding: NodeEncoding
  /// All graphs.
  public let examples: GraphExamples
  private let features: SparseMatrix

  /// - Parameters:
  ///   - encoding: how the network's features of nodes are made.
  ///   - propagation: that of the network.
  public init(
    _ collection: GraphCollection, _ encoding: NodeEncoding, propagation: GraphPropagation
  ) throws(GraphDataFault) {
    self.init(collection, encoding, features: try encoding.features(of: collection), propagation: propagation)
  }

  init(
    _ collection: GraphCollection, _ encoding: NodeEncoding, features: SparseMatrix, propagation: GraphPropagation
  ) {
    self.collection = collection
    self.encoding = encoding
    self.features = features
    examples = GraphExamples(collection, features: features, propagation: propagation)
  }

  /// Refuses a network that classifies nodes, or takes other features.
  public func check(_ model: some NodeClassifier) throws(ConfigurationFault) {
    guard model.classifiesGraphs else {
      throw .outOfRange(name: "readout", value: "none", allowed: "mean, sum or max to classify whole graphs")
    }
    try model.configuration.validate(input: [encoding.columns])
  }

  /// The probability of each class for every graph.
  ///
  /// - Parameter graphs: numbers of graphs, from 0; nil for all.
  public func probabilities(_ model: some NodeClassifier, of graphs: [Int]? = nil) -> [[Float]] {
    rows(of: graphs) { softmax(model($0.features, adjacency: $0.adjacency, graphs: $0.graphs)) }
  }

  /// What the head of the network is given, for every graph.
  public func embeddings(_ model: some NodeClassifier, of graphs: [Int]? = nil) -> [[Float]] {
    rows(of: graphs) { batch in
      switch model.embeddings(batch.features, adjacency: batch.adjacency, graphs: batch.graphs) {
      case .dense(let tensor): tensor
      case .sparse(let matrix): matrix.dense
      }
    }
  }

  /// How the model does on some of the graphs.
  ///
  /// - Parameters:
  ///   - labels: of all graphs: see `labels(among:)`.
  ///   - keepsProbabilities: whether there are curves, areas and calibration.
  ///   - decision: which class is predicted of the probabilities: that of the network's checkpoint.
  public func metrics(
    _ model: some NodeClassifier, on graphs: [Int]? = nil, labels: [Int32], classes: [String],
    keepsProbabilities: Bool = false, decision: ClassDecision
  ) -> ClassificationMetrics {
    var metrics = ClassificationMetrics(
      classes: classes, keepsProbabilities: keepsProbabilities, decision: decision)
    let chosen = examples.chosen(graphs ?? examples.graphs)
    forEachBatch(of: chosen) { places, batch in
      let logits = inference { model(batch.features, adjacency: batch.adjacency, graphs: batch.graphs) }
      metrics.add(logits: logits, labels: places.map { labels[chosen.graphs[$0]] })
    }
    return metrics
  }

  private func rows(of graphs: [Int]?, _ forward: (GraphExamples.Batch) -> Tensor) -> [[Float]] {
    var rows: [[Float]] = []
    forEachBatch(of: examples.chosen(graphs ?? examples.graphs)) { places, batch in
      let result = inference { forward(batch) }
      let (width, scalars) = (result.shape[1], result.scalars)
      rows += places.indices.map { Array(scalars[$0 * width..<($0 + 1) * width]) }
    }
    return rows
  }

  private func forEachBatch(of examples: GraphExamples, _ body: ([Int], GraphExamples.Batch) -> Void) {
    let size = examples.mostAtOnce
    for start in stride(from: 0, to: examples.count, by: size) {
      let places = Array(start..<min(examples.count, start + size))
      body(places, examples.batch(places))
    }
  }
}

// MARK: - Parts

extension GraphClassification {
  /// Some of the graphs with their classes.
  ///
  /// - Parameter labels: of all graphs.
  func parts(_ division: DataSplit, labels: [Int32]) -> DatasetParts<Examples<GraphExamples>> {
    func part(_ graphs: [Int]) -> Examples<GraphExamples>? {
      graphs.isEmpty ? nil : Examples(examples.chosen(graphs), labels: graphs.map { labels[$0] })
    }
    var parts = DatasetParts(
      training: part(division.training) ?? Examples(examples.chosen([])), validation: part(division.validation),
      test: part(division.test))
    parts.outOfBag = part(division.outOfBag)
    return parts
  }

  /// How the graphs were divided in the training of a network.
  ///
  /// - Parameter metadata: of its checkpoint.
  /// - Returns: nil where these are other graphs, or the checkpoint does not say how they were divided.
  public func division(recorded metadata: Checkpoint.Metadata) -> DataSplit? {
    metadata.split.flatMap { division(recorded: $0, metadata.extra[DataFingerprint.key], metadata) }
  }

  /// Whether a network was fine-tuned from one that was trained on these graphs.
  ///
  /// - Parameter metadata: of its checkpoint.
  public func wereLearnedBefore(_ metadata: Checkpoint.Metadata) -> Bool {
    metadata.formerTrainings.contains { division(recorded: $0.split, $0.data, metadata) != nil }
  }

  private func division(
    recorded split: RecordedSplit, _ fingerprint: String?, _ metadata: Checkpoint.Metadata
  ) -> DataSplit? {
    guard let classes = metadata.classes, let labels = try? collection.labels(among: classes) else { return nil }
    return collection.division(recorded: split, fingerprint, features: features, labels: labels, classes: classes)
  }
}

extension GraphCollection {
  /// The class of each graph among the classes given, by their names.
  ///
  /// - Throws: where the files have no classes, or others.
  public func labels(among classes: [String]) throws(GraphDataFault) -> [Int32] {
    guard let labels else { throw .noLabels(path: path) }
    var places: [Int32] = []
    for name in classNames {
      guard let place = classes.firstIndex(of: name) else {
        throw .unknownClass(path: path, name: name, known: classes)
      }
      places.append(Int32(place))
    }
    return labels.map { places[Int($0)] }
  }

  /// How a recorded division divides the graphs; nil where these are others than those of the fingerprint.
  func division(
    recorded split: RecordedSplit, _ fingerprint: String?, features: SparseMatrix, labels: [Int32], classes: [String]
  ) -> DataSplit? {
    guard let fingerprint, let division = try? split.division(of: labels, classes: classes),
      self.fingerprint(features: features, labels: labels, division).text == fingerprint
    else { return nil }
    return division
  }

  /// Of what a run depends on: graphs, features, classes and parts.
  func fingerprint(features: SparseMatrix, labels: [Int32], _ division: DataSplit) -> DataFingerprint {
    var fingerprint = DataFingerprint()
    fingerprint.add(firstNodes)
    for matrix in [adjacency, features] {
      fingerprint.add(matrix.rowOffsets)
      fingerprint.add(matrix.columnIndices)
      fingerprint.add(matrix.values)
    }
    fingerprint.add(labels)
    for graphs in [division.training, division.validation, division.test] { fingerprint.add(graphs) }
    return fingerprint
  }
}

extension RecordedSplit {
  /// The parts of graphs with these classes, each of which has its share in every part.
  func division(of labels: [Int32], classes: [String]) throws(SplitFault) -> DataSplit {
    try DataSplit(count: labels.count, labels: labels.map(Int.init), classes: classes, by: plan)
  }
}
