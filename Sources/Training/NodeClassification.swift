import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A graph prepared for classifying its nodes: everything that stays the same from step to step is computed once.
///
/// All of the graph is one batch: a node's logits depend on its neighbours, whichever part they belong to.
public struct NodeClassification: Sendable {
  /// One part of the split.
  public enum Part: String, Sendable, CaseIterable {
    /// Which nodes.
    case training, validation, test
  }

  /// The graph.
  public let dataset: GraphDataset
  /// [nodes, features], as the network gets them.
  public let features: SparseMatrix
  /// [nodes, nodes], as the network's `propagation` makes it.
  public let adjacency: SparseMatrix
  /// Picks the rows of a part's nodes.
  private let selections: [Part: SparseMatrix]
  private let labels: [Part: IntTensor]

  /// - Parameters:
  ///   - normalizingFeatures: whether each node's features are divided by their sum, as Kipf & Welling do.
  ///   - propagation: that of the network.
  public init(
    _ dataset: GraphDataset, normalizingFeatures: Bool = true, propagation: GraphPropagation = .normalized
  ) {
    self.dataset = dataset
    features = normalizingFeatures ? dataset.features.rowNormalized() : dataset.features
    adjacency = propagation(dataset.adjacency)
    var selections: [Part: SparseMatrix] = [:]
    var labels: [Part: IntTensor] = [:]
    for part in Part.allCases {
      let nodes = Self.nodes(of: part, in: dataset.split)
      selections[part] = SparseMatrix(selecting: nodes, of: dataset.nodes)
      labels[part] = IntTensor(nodes.map { dataset.labels.scalars[$0] })
    }
    self.selections = selections
    self.labels = labels
  }

  private static func nodes(of part: Part, in split: GraphSplit) -> [Int] {
    switch part {
    case .training: split.training
    case .validation: split.validation
    case .test: split.test
    }
  }

  /// Refuses a network that classifies whole graphs, or nodes with other features.
  public func check(_ model: some NodeClassifier) throws(ConfigurationFault) {
    if model.classifiesGraphs {
      throw .outOfRange(name: "readout", value: "of whole graphs", allowed: "none to classify the nodes of a graph")
    }
    try model.configuration.validate(input: [dataset.features.columns])
  }

  /// The logits of all nodes: [nodes, classes].
  public func logits(_ model: some NodeClassifier) -> Tensor {
    model(.sparse(features), adjacency: adjacency, graphs: nil)
  }

  /// The probability of each class for every node, [nodes × classes].
  public func probabilities(_ model: some NodeClassifier) -> [Float] {
    inference { softmax(logits(model)).scalars }
  }

  /// What the head of the network is given: [nodes, F].
  public func embeddings(_ model: some NodeClassifier) -> NodeFeatures {
    inference { model.embeddings(.sparse(features), adjacency: adjacency, graphs: nil) }
  }

  /// The rows of a part's nodes: [nodes, classes] → [nodes of the part, classes].
  public func rows(of part: Part, in logits: Tensor) -> Tensor {
    matmul(selections[part] ?? SparseMatrix(selecting: [], of: dataset.nodes), logits)
  }

  /// The classes of a part's nodes.
  public func labels(of part: Part) -> IntTensor { labels[part] ?? IntTensor([]) }

  /// The mean cross entropy over a part's nodes.
  public func loss(_ logits: Tensor, on part: Part) -> Tensor {
    crossEntropy(rows(of: part, in: logits), labels: labels(of: part))
  }

  /// How many of a part's nodes have their largest logit at their class.
  public func correct(_ logits: Tensor, on part: Part) -> Int {
    zip(rows(of: part, in: logits).argmax(), labels(of: part).scalars).count { $0 == Int($1) }
  }

  /// How the model does on a part.
  ///
  /// - Parameter decision: which class is predicted of the probabilities: that of the network's checkpoint.
  public func metrics(
    _ model: some NodeClassifier, on part: Part, decision: ClassDecision
  ) -> ClassificationMetrics {
    metrics(model, on: [part], decision: decision)
  }

  /// How the model does on parts taken together.
  ///
  /// - Parameters:
  ///   - keepsProbabilities: whether `probabilities` of the metrics are wanted, too.
  ///   - topK: how many of the most probable classes `topAccuracy` looks through.
  ///   - decision: which class is predicted of the probabilities: that of the network's checkpoint.
  public func metrics(
    _ model: some NodeClassifier, on parts: [Part], keepsProbabilities: Bool = false, topK: Int? = nil,
    decision: ClassDecision
  ) -> ClassificationMetrics {
    let classes = dataset.classNames ?? (0..<dataset.classes).map { "\($0)" }
    var metrics = ClassificationMetrics(
      classes: classes, keepsProbabilities: keepsProbabilities, topK: topK, decision: decision)
    let logits = inference { self.logits(model) }
    for part in parts {
      metrics.add(logits: inference { rows(of: part, in: logits) }, labels: labels(of: part).scalars)
    }
    return metrics
  }
}
