// GIN: sums over neighbours tell more graphs apart than means do.
//
// Xu, Hu, Leskovec & Jegelka, "How Powerful are Graph Neural Networks?", 2019 (arXiv:1810.00826): each layer adds up what a
// node and its neighbours are and gives the sum to two linear maps with batch normalisation between them; a readout and two
// more maps make the logits. Paths are those of PyTorch Geometric's example for MUTAG: convs.0.nn.lins.0, …, mlp.lins.0.
// Left out: readouts of every layer together, which the paper also has, the classification of single nodes, edge features.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A graph isomorphism network: features [nodes, F] and an adjacency → logits [graphs, classes].
public struct GIN: NodeClassifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ClassifierConfiguration {
    /// How many features a node has.
    public var features: Int
    /// The width of each convolution: of both its linear maps.
    public var hidden: [Int]
    /// The widths of the hidden layers between the readout and the logits.
    public var head: [Int]
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int
    /// How often what follows a hidden layer of the head is dropped in training.
    public var dropout: Float
    /// The activation between layers.
    public var activation: Activation
    /// What makes one row of a graph.
    public var readout: GraphReadout
    /// How much more a node counts than its neighbours: 1 + ε times as much.
    public var epsilon: Float
    /// Whether the convolutions learn their ε.
    public var learnsEpsilon: Bool

    /// A configuration of these values.
    public init(
      features: Int, hidden: [Int], head: [Int], classes: Int, dropout: Float = 0.5, activation: Activation = .relu,
      readout: GraphReadout = .sum, epsilon: Float = 0, learnsEpsilon: Bool = false
    ) {
      self.features = features
      self.hidden = hidden
      self.head = head
      self.classes = classes
      self.dropout = dropout
      self.activation = activation
      self.readout = readout
      self.epsilon = epsilon
      self.learnsEpsilon = learnsEpsilon
    }

    /// PyTorch Geometric's network for MUTAG: 11,202 parameters.
    public static let gin = Configuration(features: 7, hidden: [32, 32, 32, 32, 32], head: [32], classes: 2)
    /// Two narrow convolutions, for tests.
    public static let toy = Configuration(features: 5, hidden: [6, 4], head: [3], classes: 2)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("features", features, in: 1...10_000_000)
      try require("hidden layers", hidden.count, in: 1...64)
      for width in hidden { try require("hidden", width, in: 1...65_536) }
      try require("layers of the head", head.count, in: 0...16)
      for width in head { try require("head", width, in: 1...65_536) }
      try require("classes", classes, in: 1...1_000_000)
      try requireRate("dropout", dropout)
      guard epsilon.isFinite else {
        throw .outOfRange(name: "epsilon", value: "\(epsilon)", allowed: "a finite number")
      }
      guard let input else { return }
      guard input == [features] else {
        throw .wrongInput(architecture: "gin", input: input, expected: "graphs whose nodes have \(features) features")
      }
    }

    public mutating func fit(input: [Int]) { features = input.first ?? features }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      let count = shapes.count { "convs.\($0).nn.lins.1.weight" }
      let widths = (0..<count).compactMap { shapes.outputs(of: "convs.\($0).nn.lins.1.weight") }
      guard let first = shapes.inputs(of: "convs.0.nn.lins.0.weight"), count > 0, widths.count == count else { return }
      (features, hidden) = (first, widths)
      let maps = shapes.count { "mlp.lins.\($0).weight" }
      let rows = (0..<maps).compactMap { shapes.outputs(of: "mlp.lins.\($0).weight") }
      if let last = rows.last, rows.count == maps { (head, classes) = (Array(rows.dropLast()), last) }
    }
  }

  public let configuration: Configuration
  private let convolutions: [GraphIsomorphismConvolution]
  /// The last one makes the logits.
  private let head: [Linear]
  private let dropout: Dropout

  public var headPath: String { "mlp.lins.\(head.count - 1)" }
  public var classifiesGraphs: Bool { true }
  public var propagation: GraphPropagation { .sum }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let widths = [configuration.features] + configuration.hidden
    convolutions = zip(widths, widths.dropFirst()).map {
      GraphIsomorphismConvolution(
        $0, $1, activation: configuration.activation, epsilon: configuration.epsilon,
        learnsEpsilon: configuration.learnsEpsilon)
    }
    let rows = [widths[widths.count - 1]] + configuration.head
    head = zip(rows, rows.dropFirst() + [configuration.classes]).map { Linear($0, $1) }
    dropout = Dropout(configuration.dropout)
  }

  public var children: [Child] {
    Child.counted("convs", convolutions) + Child.counted("mlp.lins", head) + [Child("dropout", dropout)]
  }

  /// The logits.
  ///
  /// - Parameters:
  ///   - features: [nodes, F], sparse or dense.
  ///   - adjacency: [nodes, nodes], of ones.
  ///   - graphs: which graph each node belongs to; nil for a single graph.
  public func callAsFunction(
    _ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex? = nil
  ) -> Tensor {
    guard case .dense(let rows) = embeddings(features, adjacency: adjacency, graphs: graphs) else {
      stopProgram("GIN: the network has no convolutions")
    }
    return head[head.count - 1](rows)
  }

  /// Dropout belongs to the hidden layers of the head, so that their results come with it in training.
  public func embeddings(
    _ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex? = nil
  ) -> NodeFeatures {
    var x = features
    for convolution in convolutions {
      x = .dense(configuration.activation(convolution(x, adjacency: adjacency)))
    }
    guard case .dense(let nodes) = x else { return x }
    var rows = configuration.readout(nodes, graphs ?? GraphIndex(nodes: nodes.shape[0]))
    for map in head.dropLast() { rows = dropout(configuration.activation(map(rows))) }
    return .dense(rows)
  }
}

extension Architecture {
  static let graphIsomorphismNetworks = [
    Architecture(
      "gin", "graph isomorphism network for whole graphs (Xu et al., 2019)", GIN.self, .gin, input: [7],
      kinds: [.graphs]),
    Architecture(
      "gin-toy", "a graph isomorphism network of two narrow convolutions, for tests", GIN.self, .toy, input: [5],
      kinds: [.graphs]),
  ]
}
