import AviaryDiagnostics
import AviaryTensors

/// What is known of each node of a graph: [nodes, features], sparse or dense.
public enum NodeFeatures: Sendable {
  /// Most features are zero.
  case sparse(SparseMatrix)
  /// A tensor [nodes, features].
  case dense(Tensor)

  /// [nodes, features]
  public var shape: [Int] {
    switch self {
    case .sparse(let matrix): matrix.shape
    case .dense(let tensor): tensor.shape
    }
  }
}

/// Â·(x·Wᵀ) + b: each node gets the weighted sum of what its neighbours and itself become by a linear map (Kipf &
/// Welling, 2017). PyTorch Geometric's `GCNConv`, but for the normalisation of the adjacency, which the caller does
/// once.
public struct GraphConvolution: Layer {
  /// Its weight is [O, I].
  private let lin: Linear
  /// [O]
  public let bias: Parameter?

  /// A convolution from `inputs` to `outputs` features per node.
  public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) {
    lin = Linear(inputs, outputs, bias: false, initializer: .xavierUniform)
    self.bias = bias ? Parameter(shape: [outputs], initializer: .zeros) : nil
  }

  /// [O, I]
  public var weight: Parameter { lin.weight }

  private var layerPath: String { weight.path.split(separator: ".").dropLast(2).joined(separator: ".") }

  /// [nodes, I] → [nodes, O].
  ///
  /// - Parameter adjacency: [nodes, nodes], normalised: `symmetricallyNormalized(addingSelfLoops: true)`.
  public func callAsFunction(_ x: NodeFeatures, adjacency: SparseMatrix) -> Tensor {
    let nodes = x.shape.first ?? 0
    ensure(
      x.shape.count == 2 && x.shape[1] == weight.shape[1] && adjacency.shape == [nodes, nodes],
      """
      \(layerPath): GraphConvolution: features \(x.shape) and adjacency \
      \(adjacency.shape) do not go with weight \(weight.shape)
      """)
    guard Observation.isActive else { return propagated(x, adjacency) }
    return Observation.observe(self) { propagated(x, adjacency) }
  }

  private func propagated(_ x: NodeFeatures, _ adjacency: SparseMatrix) -> Tensor {
    let mapped =
      switch x {
      case .sparse(let matrix): linear(matrix, weight: weight.tensor)
      case .dense(let tensor): lin(tensor)
      }
    let y = matmul(adjacency, mapped)
    return bias.map { y + $0.tensor } ?? y
  }

  /// The same for dense features [nodes, I].
  public func callAsFunction(_ x: Tensor, adjacency: SparseMatrix) -> Tensor {
    self(.dense(x), adjacency: adjacency)
  }
}

extension Dropout {
  /// Drops features of nodes; of sparse ones the elements that are kept.
  public func callAsFunction(_ x: NodeFeatures) -> NodeFeatures {
    switch x {
    case .dense(let tensor): .dense(self(tensor))
    case .sparse(let matrix): site.isFrozen ? x : .sparse(dropout(matrix, rate: rate, path: site.path))
    }
  }
}

/// The matrix that a network multiplies the nodes' features by, made of a graph's adjacency. As blocks of a batch do not
/// touch, it may be made of each graph by itself.
public enum GraphPropagation: String, Codable, Sendable, CaseIterable {
  /// D^−½ (A + I) D^−½: a weighted mean over a node and its neighbours (Kipf & Welling, 2017).
  case normalized
  /// A: the sum over a node's neighbours (Xu et al., 2019).
  case sum

  /// - Parameter adjacency: [nodes, nodes], of ones.
  public func callAsFunction(_ adjacency: SparseMatrix) -> SparseMatrix {
    switch self {
    case .normalized: adjacency.symmetricallyNormalized(addingSelfLoops: true)
    case .sum: adjacency
    }
  }
}

/// Which graph each of a batch's nodes belongs to: graphs that are classified as wholes are put into one adjacency,
/// whose blocks do not touch.
public struct GraphIndex: Sendable, Equatable {
  /// For each node the number of its graph, in 0..<count.
  public let graphs: IntTensor
  /// The number of graphs.
  public let count: Int

  /// - Precondition: every number is in 0..<count.
  public init(_ graphs: [Int32], count: Int) {
    ensure(
      graphs.allSatisfy { $0 >= 0 && Int($0) < count }, "GraphIndex: a node has a graph number outside of 0..<\(count)")
    self.graphs = IntTensor(graphs)
    self.count = count
  }

  /// One graph that all nodes belong to.
  public init(nodes: Int) {
    self.init(Array(repeating: 0, count: nodes), count: 1)
  }
}

/// What makes one row of a graph's nodes: [nodes, F] → [graphs, F]. PyTorch Geometric's `global_mean_pool` and its
/// sisters.
public enum GraphReadout: String, Codable, Sendable, CaseIterable, Layer {
  /// The mean, the sum or the maximum over the nodes of a graph.
  case mean, sum, max

  /// [nodes, F] → [graphs, F]
  public func callAsFunction(_ x: Tensor, _ index: GraphIndex) -> Tensor {
    switch self {
    case .mean: segmentMean(x, segments: index.graphs, count: index.count)
    case .sum: segmentSum(x, segments: index.graphs, count: index.count)
    case .max: segmentMax(x, segments: index.graphs, count: index.count)
    }
  }
}
