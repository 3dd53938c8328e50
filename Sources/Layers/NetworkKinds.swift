import AviaryDiagnostics
import AviaryTensors

// What networks for other data than images are called with. Training and commands know networks by these protocols.

/// A network that sorts the nodes of a graph, or whole graphs, into classes.
public protocol NodeClassifier: Network {
  /// Whether each answer is of a whole graph, not of a node.
  var classifiesGraphs: Bool { get }
  /// The matrix that the network makes of a graph's adjacency: what its calls are given as `adjacency`.
  var propagation: GraphPropagation { get }

  /// The logits: [nodes, classes], or [graphs, classes].
  ///
  /// - Parameters:
  ///   - features: [nodes, F], sparse or dense.
  ///   - adjacency: [nodes, nodes], prepared by `propagation`.
  ///   - graphs: the graph that each node belongs to, for a network that classifies graphs; nil for a single graph.
  func callAsFunction(_ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex?) -> Tensor
  /// What the head is given, of the same arguments: a row for each node, or for each graph.
  func embeddings(_ features: NodeFeatures, adjacency: SparseMatrix, graphs: GraphIndex?) -> NodeFeatures
}

extension NodeClassifier {
  /// That of graph convolutional networks.
  public var propagation: GraphPropagation { .normalized }

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

/// What a language model carries on from one part of a text to the next.
public protocol LanguageModelState: Sendable {
  /// The same values, through which no gradient flows.
  func detached() -> Self
}

extension RecurrentState: LanguageModelState {}

/// A network that predicts the next token of a text.
public protocol LanguageModel: Network {
  /// What the network remembers from symbol to symbol.
  associatedtype State: LanguageModelState

  /// How many different tokens the model reads. It predicts as many as its head has outputs.
  var symbols: Int { get }

  /// The logits of the token after each one, [N, T] → [N, T, V], and the state at the end, with which the next call goes on.
  ///
  /// - Parameters:
  ///   - tokens: [N, T], each below `symbols`.
  ///   - state: where the call before left off; nil for the beginning of a text.
  func callAsFunction(tokens: IntTensor, state: State?) -> (logits: Tensor, state: State)
}

extension LanguageModel {
  /// The mean negative log likelihood of the targets, in nats a token, and the state at the end.
  ///
  /// - Parameters:
  ///   - tokens: [N, T], as are the targets: the tokens that come one place later.
  ///   - state: where the call before left off. No gradient flows through it.
  public func loss(tokens: IntTensor, targets: IntTensor, state: State? = nil) -> (loss: Tensor, state: State) {
    ensure(
      tokens.shape == targets.shape, "\(Self.self): targets \(targets.shape) do not go with tokens \(tokens.shape)")
    let (logits, last) = self(tokens: tokens, state: state?.detached())
    let rows = logits.reshaped(to: [-1, configuration.outputs])
    return (crossEntropy(rows, labels: IntTensor(targets.scalars)), last.detached())
  }
}

/// A network with one answer for each sequence, of numbers [N, T, I] or of tokens [N, T].
public protocol SequenceReader: Classifier {
  /// How many different tokens there are; nil for a network that reads numbers.
  var symbols: Int? { get }

  /// The answers for sequences of numbers, [N, T, I] → [N, outputs].
  ///
  /// - Parameter lengths: of each sequence, in 1...T; nil where all have T steps.
  func callAsFunction(_ x: Tensor, lengths: [Int]?) -> Tensor
  /// The same for sequences of tokens: [N, T] → [N, outputs].
  func callAsFunction(tokens: IntTensor, lengths: [Int]?) -> Tensor
}

/// A network whose layers can learn from data without labels before training begins.
public protocol Pretrainable: Network {
  /// How often each stage sees the data; 0 where the configuration asks for no pretraining.
  var pretrainingEpochs: Int { get }
  /// What is pretrained, in order: a description each.
  var pretrainingStages: [String] { get }

  /// Fills what can be pretrained; the head stays as it is. Until the end, and where `batches` throws, nothing changes.
  ///
  /// - Parameters:
  ///   - seed: of the first weights, and of what is sampled.
  ///   - batches: the batches [N, F] of an epoch, counted from 0.
  ///   - report: is told the mean error after each epoch of each stage.
  func pretrain<Batches: Sequence>(
    epochs: Int, seed: UInt64, batches: (_ epoch: Int) throws -> Batches,
    report: (_ stage: Int, _ epoch: Int, _ error: Double) -> Void
  ) rethrows where Batches.Element == Tensor
}
