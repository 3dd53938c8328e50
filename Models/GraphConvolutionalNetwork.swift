// GCN: each layer mixes what a node knows with what its neighbours know.
//
// Kipf & Welling, "Semi-Supervised Classification with Graph Convolutional Networks", 2017 (arXiv:1609.02907), with any
// number of layers. Paths are those of the usual PyTorch Geometric model: conv1, conv2, …. For whole graphs a readout
// follows the convolutions, and a linear map makes the logits. Left out: Chebyshev filters of higher order, edge
// features.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A graph convolutional network: features [nodes, F] and a normalised adjacency → logits [nodes, classes], or with a
/// readout [graphs, classes].
public struct GCN: NodeClassifier {
  public struct Configuration: ClassifierConfiguration {
    /// How many features a node has.
    public var features: Int
    /// The width of each hidden layer.
    public var hidden: [Int]
    public var classes: Int
    /// How often a layer's input is dropped in training.
    public var dropout: Float
    /// What follows each hidden layer.
    public var activation: Activation
    /// What makes one row of a whole graph; nil classifies nodes.
    public var readout: GraphReadout?

    public init(
      features: Int = 1433, hidden: [Int] = [16], classes: Int = 7, dropout: Float = 0.5,
      activation: Activation = .relu, readout: GraphReadout? = nil
    ) {
      self.features = features
      self.hidden = hidden
      self.classes = classes
      self.dropout = dropout
      self.activation = activation
      self.readout = readout
    }

    /// The paper's network for Cora: 23,063 parameters.
    public static let gcn = Configuration()
    /// Three narrow layers, for tests.
    public static let toy = Configuration(features: 12, hidden: [8, 6], classes: 4)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("features", features, in: 1...10_000_000)
      try require("hidden layers", hidden.count, in: (readout == nil ? 0 : 1)...64)
      for width in hidden { try require("hidden", width, in: 1...65_536) }
      try require("classes", classes, in: 1...1_000_000)
      try requireRate("dropout", dropout)
      guard let input else { return }
      guard input == [features] else {
        throw .wrongInput(architecture: "gcn", input: input, expected: "graphs whose nodes have \(features) features")
      }
    }

    public mutating func fit(input: [Int]) { features = input.first ?? features }

    /// Which readout stands before a linear head has no shape.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      let count = shapes.count(from: 1) { "conv\($0).lin.weight" }
      let widths = (1...max(1, count)).compactMap { shapes.outputs(of: "conv\($0).lin.weight") }
      guard let first = shapes.inputs(of: "conv1.lin.weight"), let last = widths.last, widths.count == count else {
        return
      }
      features = first
      if let rows = shapes.outputs(of: "lin.weight") {
        (hidden, classes) = (widths, rows)
        if readout == nil {
          readout = .mean
          shapes.assume("readout")
        }
      } else {
        (hidden, classes) = (Array(widths.dropLast()), last)
        readout = nil
      }
    }
  }

  public let configuration: Configuration
  private let convolutions: [GraphConvolution]
  /// The head of a network for whole graphs.
  private let lin: Linear?
  private let dropout: Dropout

  /// The last convolution, or what follows the readout.
  public var headPath: String { lin == nil ? "conv\(convolutions.count)" : "lin" }

  public var classifiesGraphs: Bool { lin != nil }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let isForNodes = configuration.readout == nil
    let widths = [configuration.features] + configuration.hidden
    convolutions = zip(widths, widths.dropFirst() + (isForNodes ? [configuration.classes] : [])).map {
      GraphConvolution($0, $1)
    }
    lin = isForNodes ? nil : Linear(widths[widths.count - 1], configuration.classes)
    dropout = Dropout(configuration.dropout)
  }

  /// The convolutions under the names that checkpoints have, counted from 1.
  public var children: [Child] {
    convolutions.enumerated().map { Child("conv\($0 + 1)", $1) } + (lin.map { [Child("lin", $0)] } ?? [])
      + [Child("dropout", dropout)]
  }

  /// The logits.
  ///
  /// - Parameters:
  ///   - features: [nodes, F], sparse or dense.
  ///   - adjacency: [nodes, nodes], normalised: `symmetricallyNormalized(addingSelfLoops: true)`.
  ///   - graphs: which graph each node belongs to, for a network with a readout; nil for a single graph.
  public func callAsFunction(
    _ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex? = nil
  ) -> Tensor {
    ensure(graphs == nil || lin != nil, "GCN: without a readout the logits are those of nodes, not of graphs")
    var x = features
    for (index, convolution) in convolutions.enumerated() {
      let y = convolution(dropout(x), adjacency: adjacency)
      x = .dense(index < configuration.hidden.count ? configuration.activation(y) : y)
    }
    guard case .dense(let nodes) = x else { stopProgram("GCN: the network has no convolutions") }
    guard let lin, let readout = configuration.readout else { return nodes }
    return lin(dropout(readout(nodes, graphs ?? GraphIndex(nodes: nodes.shape[0]))))
  }
}

extension Architecture {
  static let graphNetworks = [
    Architecture(
      "gcn", "graph convolutional network (Kipf & Welling, 2017)", GCN.self, .gcn, input: [1433], kinds: [.graphs]),
    Architecture(
      "gcn-toy", "a graph convolutional network of three narrow layers, for tests", GCN.self, .toy, input: [12],
      kinds: [.graphs]),
  ]
}
