// GCN: each layer mixes what a node knows with what its neighbours know.
//
// Kipf & Welling, "Semi-Supervised Classification with Graph Convolutional Networks", 2017 (arXiv:1609.02907), with any
// number of layers. Paths are those of the usual PyTorch Geometric models: conv1, conv2, …. For whole graphs a readout
// follows the convolutions, and linear maps make the logits: `lin`, or `lin1`, `lin2`, … where there are several. Left out:
// Chebyshev filters of higher order, edge features.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A graph convolutional network: features [nodes, F] and a normalised adjacency → logits [nodes, classes], or with a
/// readout [graphs, classes].
public struct GCN: NodeClassifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ClassifierConfiguration {
    /// How many features a node has.
    public var features: Int
    /// The width of each hidden layer.
    public var hidden: [Int]
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int
    /// How often a layer's input is dropped in training.
    public var dropout: Float
    /// What follows each hidden layer.
    public var activation: Activation
    /// What makes one row of a whole graph; nil classifies nodes.
    public var readout: GraphReadout?
    /// The widths of the hidden layers between the readout and the logits; nil for none.
    public var head: [Int]?
    /// How often the input of the last layer of the head is dropped in training; nil for as often as the others'.
    public var headDropout: Float?
    /// Whether the activation follows the last convolution before a readout, too; nil for yes.
    public var activatesLast: Bool?

    /// A configuration of these values.
    public init(
      features: Int = 1433, hidden: [Int] = [16], classes: Int = 7, dropout: Float = 0.5,
      activation: Activation = .relu, readout: GraphReadout? = nil, head: [Int]? = nil, headDropout: Float? = nil,
      activatesLast: Bool? = nil
    ) {
      self.features = features
      self.hidden = hidden
      self.classes = classes
      self.dropout = dropout
      self.activation = activation
      self.readout = readout
      self.head = head
      self.headDropout = headDropout
      self.activatesLast = activatesLast
    }

    /// The paper's network for Cora: 23,063 parameters.
    public static let gcn = Configuration()
    /// Three convolutions, the mean over the nodes and two linear maps, as PyTorch Geometric's benchmarks have them: for
    /// MUTAG's seven features 13,122 parameters.
    public static let graph = Configuration(
      features: 7, hidden: [64, 64, 64], classes: 2, dropout: 0, readout: .mean, head: [64], headDropout: 0.5,
      activatesLast: true)
    /// Three narrow layers, for tests.
    public static let toy = Configuration(features: 12, hidden: [8, 6], classes: 4)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("features", features, in: 1...10_000_000)
      try require("hidden layers", hidden.count, in: (readout == nil ? 0 : 1)...64)
      for width in hidden { try require("hidden", width, in: 1...65_536) }
      try require("classes", classes, in: 1...1_000_000)
      try requireRate("dropout", dropout)
      try require("layers of the head", head?.count ?? 0, in: 0...(readout == nil ? 0 : 16))
      for width in head ?? [] { try require("head", width, in: 1...65_536) }
      if let headDropout { try requireRate("headDropout", headDropout) }
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
      let maps = shapes.count(from: 1) { "lin\($0).weight" }
      let rows = (1...max(1, maps)).compactMap { shapes.outputs(of: "lin\($0).weight") }
      if maps > 0, let last = rows.last, rows.count == maps {
        (hidden, head, classes) = (widths, Array(rows.dropLast()), last)
      } else if let rows = shapes.outputs(of: "lin.weight") {
        (hidden, head, classes) = (widths, head.map { _ in [Int]() }, rows)
      } else if readout == nil {
        (hidden, classes) = (Array(widths.dropLast()), last)
        return
      } else {
        hidden = widths
      }
      if readout == nil {
        readout = .mean
        shapes.assume("readout")
      }
    }

    /// PyTorch Geometric's own models count `convs.0` from the first convolution on, its benchmarks from the second, after
    /// `conv1`.
    public static func ownNames(for paths: [String]) -> [(foreign: String, own: String)] {
      let first = paths.contains { $0.hasPrefix("conv1.") } ? 2 : 1
      let count = (0..<64).first { number in !paths.contains { $0.hasPrefix("convs.\(number).") } } ?? 64
      return (0..<count).map { ("convs.\($0)", "conv\($0 + first)") }
    }
  }

  public let configuration: Configuration
  private let convolutions: [GraphConvolution]
  /// The linear maps of a network for whole graphs, the last of which makes the logits; none for nodes.
  private let head: [Linear]
  private let dropout: Dropout
  private let headDropout: Dropout?

  /// The last convolution, or the last linear map after the readout.
  public var headPath: String { head.isEmpty ? "conv\(convolutions.count)" : mapName(head.count) }

  public var classifiesGraphs: Bool { !head.isEmpty }

  private func mapName(_ number: Int) -> String { head.count == 1 ? "lin" : "lin\(number)" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let isForNodes = configuration.readout == nil
    let widths = [configuration.features] + configuration.hidden
    convolutions = zip(widths, widths.dropFirst() + (isForNodes ? [configuration.classes] : [])).map {
      GraphConvolution($0, $1)
    }
    let rows = [widths[widths.count - 1]] + (configuration.head ?? [])
    head = isForNodes ? [] : zip(rows, rows.dropFirst() + [configuration.classes]).map { Linear($0, $1) }
    dropout = Dropout(configuration.dropout)
    headDropout = isForNodes ? nil : configuration.headDropout.map { Dropout($0) }
  }

  /// The convolutions under the names that checkpoints have, counted from 1.
  public var children: [Child] {
    convolutions.enumerated().map { Child("conv\($0 + 1)", $1) }
      + head.enumerated().map { Child(mapName($0 + 1), $1) } + [Child("dropout", dropout)]
      + (headDropout.map { [Child("head_dropout", $0)] } ?? [])
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
    let x = embeddings(features, adjacency: adjacency, graphs: graphs)
    guard let last = head.last else {
      return convolutions[convolutions.count - 1](dropout(x), adjacency: adjacency)
    }
    guard case .dense(let rows) = x else { stopProgram("GCN: the network has no convolutions") }
    return last((headDropout ?? dropout)(rows))
  }

  public func embeddings(
    _ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex? = nil
  ) -> NodeFeatures {
    ensure(
      graphs == nil || classifiesGraphs, "GCN: without a readout the logits are those of nodes, not of graphs")
    var x = features
    for (index, convolution) in convolutions.prefix(configuration.hidden.count).enumerated() {
      let y = convolution(dropout(x), adjacency: adjacency)
      let isPlain = classifiesGraphs && configuration.activatesLast == false && index == convolutions.count - 1
      x = .dense(isPlain ? y : configuration.activation(y))
    }
    guard let readout = configuration.readout, case .dense(let nodes) = x else { return x }
    var rows = readout(nodes, graphs ?? GraphIndex(nodes: nodes.shape[0]))
    for map in head.dropLast() { rows = configuration.activation(map(rows)) }
    return .dense(rows)
  }
}

extension Architecture {
  static let graphNetworks = [
    Architecture(
      "gcn", "graph convolutional network (Kipf & Welling, 2017)", GCN.self, .gcn, input: [1433], kinds: [.graphs]),
    Architecture(
      "gcn-graph", "graph convolutional network for whole graphs, with a readout", GCN.self, .graph, input: [7],
      kinds: [.graphs]),
    Architecture(
      "gcn-toy", "a graph convolutional network of three narrow layers, for tests", GCN.self, .toy, input: [12],
      kinds: [.graphs]),
  ]
}
