// GCN: each layer mixes what a node knows with what its neighbours know.
//
// Kipf & Welling, "Semi-Supervised Classification with Graph Convolutional Networks", 2017 (arXiv:1609.02907), with any
// number of layers. Paths are those of the usual PyTorch Geometric model: conv1, conv2, …. For whole graphs a readout
// follows the convolutions, and a linear map makes the logits. Left out: Chebyshev filters of higher order, edge
// features.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A graph convolutional network: features [nodes, F] and a normalised adjacency → logits [nodes, classes], or with a
/// readout [graphs, classes].
public struct GCN: Network {
  public struct Configuration: NetworkConfiguration {
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
      try requireCount("features", features, in: 1...10_000_000)
      try requireCount("hidden layers", hidden.count, in: (readout == nil ? 0 : 1)...64)
      for width in hidden { try requireCount("hidden", width, in: 1...65_536) }
      try requireCount("classes", classes, in: 1...1_000_000)
      try requireRate("dropout", dropout)
      guard let input else { return }
      guard input == [features] else {
        throw .wrongInput(architecture: "gcn", input: input, expected: "graphs whose nodes have \(features) features")
      }
    }

    public mutating func fit(input: [Int]) { features = input.first ?? features }
  }

  public let configuration: Configuration
  private let convolutions: [GraphConvolution]
  /// The head of a network for whole graphs.
  private let lin: Linear?
  private let dropout: Dropout

  /// The last convolution, or what follows the readout.
  public var headPath: String { lin == nil ? "conv\(convolutions.count)" : "lin" }

  public init(_ configuration: Configuration) {
    self.init(configuration, sharing: nil)
  }

  /// - Parameter backbone: the network whose convolutions are taken over, but for the head.
  private init(_ configuration: Configuration, sharing backbone: GCN?) {
    self.configuration = configuration
    let isForNodes = configuration.readout == nil
    let widths = [configuration.features] + configuration.hidden
    var convolutions =
      backbone.map { Array($0.convolutions.prefix(configuration.hidden.count)) }
      ?? zip(widths, widths.dropFirst()).map { GraphConvolution($0, $1) }
    let last = widths[widths.count - 1]
    if isForNodes { convolutions.append(GraphConvolution(last, configuration.classes)) }
    self.convolutions = convolutions
    lin = isForNodes ? nil : Linear(last, configuration.classes)
    dropout = backbone?.dropout ?? Dropout(configuration.dropout)
  }

  public func replacingHead(classes: Int, seed: UInt64) -> GCN {
    var configuration = configuration
    configuration.classes = classes
    let model = GCN(configuration, sharing: self)
    model.initializeHead(seed: seed)
    return model
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
    guard case .dense(let nodes) = x else { stopProgram("GCN: there is no convolution") }
    guard let lin, let readout = configuration.readout else { return nodes }
    return lin(dropout(readout(nodes, graphs ?? GraphIndex(nodes: nodes.shape[0]))))
  }

  /// The same for sparse features.
  public func callAsFunction(
    _ features: SparseMatrix, adjacency: SparseMatrix, graphs: GraphIndex? = nil
  ) -> Tensor {
    self(.sparse(features), adjacency: adjacency, graphs: graphs)
  }

  /// The same for dense features.
  public func callAsFunction(_ features: Tensor, adjacency: SparseMatrix, graphs: GraphIndex? = nil) -> Tensor {
    self(.dense(features), adjacency: adjacency, graphs: graphs)
  }
}

extension GCN: CustomReflectable {
  /// What the walk sees: the convolutions under the names that checkpoints have, counted from 1.
  public var customMirror: Mirror {
    var children: [(label: String?, value: Any)] = [("configuration", configuration)]
    for (index, convolution) in convolutions.enumerated() { children.append(("conv\(index + 1)", convolution)) }
    if let lin { children.append(("lin", lin)) }
    children.append(("dropout", dropout))
    return Mirror(self, children: children, displayStyle: .struct)
  }
}
