import AviaryDiagnostics
import AviaryTensors

/// h((1 + ε)·x + A·x): each node gets what two linear maps make of the sum of its neighbours and, weighted, of itself (Xu et
/// al., "How Powerful are Graph Neural Networks?", 2019). PyTorch Geometric's `GINConv` with its `MLP`: batch normalisation
/// and an activation stand between the maps.
public struct GraphIsomorphismConvolution: Layer {
  /// [1], under the name `eps`.
  private let epsilon: Epsilon
  private let lins: [Linear]
  private let norm: BatchNorm
  private let activation: Activation

  /// - Parameters:
  ///   - epsilon: where ε begins.
  ///   - learnsEpsilon: whether ε is a parameter; otherwise it stays.
  public init(
    _ inputs: Int, _ outputs: Int, activation: Activation = .relu, epsilon: Float = 0, learnsEpsilon: Bool = false
  ) {
    self.epsilon =
      learnsEpsilon
      ? .learned(Parameter(shape: [1], initializer: .constant(epsilon)))
      : .kept(Buffer(startingAt: Tensor([epsilon], shape: [1])))
    lins = [Linear(inputs, outputs), Linear(outputs, outputs)]
    norm = BatchNorm(outputs)
    self.activation = activation
  }

  public var children: [Child] {
    [Child("eps", epsilon.cell)] + Child.counted("nn.lins", lins) + [Child("nn.norms.0.module", norm)]
  }

  /// [nodes, I] → [nodes, O].
  ///
  /// - Parameter adjacency: [nodes, nodes], of ones: `GraphPropagation.sum`.
  public func callAsFunction(_ x: NodeFeatures, adjacency: SparseMatrix) -> Tensor {
    let weight = lins[0].weight
    let nodes = x.shape.first ?? 0
    ensure(
      x.shape.count == 2 && x.shape[1] == weight.shape[1] && adjacency.shape == [nodes, nodes],
      """
      \(weight.layerPath): GraphIsomorphismConvolution: features \(x.shape) and adjacency \
      \(adjacency.shape) do not go with weight \(weight.shape)
      """)
    guard Observation.isActive else { return propagated(x, adjacency) }
    return Observation.observe(self) { propagated(x, adjacency) }
  }

  /// The first map comes before the sum, which is the same, so that sparse features never become dense.
  private func propagated(_ x: NodeFeatures, _ adjacency: SparseMatrix) -> Tensor {
    let mapped =
      switch x {
      case .sparse(let matrix): linear(matrix, weight: lins[0].weight.tensor)
      case .dense(let tensor): linear(tensor, weight: lins[0].weight.tensor)
      }
    let sum = matmul(adjacency, mapped) + mapped * (epsilon.tensor + 1)
    let biased = lins[0].bias.map { sum + $0.tensor } ?? sum
    return lins[1](activation(norm(biased)))
  }
}

extension GraphIsomorphismConvolution {
  private enum Epsilon {
    case learned(Parameter)
    case kept(Buffer)

    var cell: any Cell {
      switch self {
      case .learned(let cell): cell
      case .kept(let cell): cell
      }
    }

    var tensor: Tensor {
      switch self {
      case .learned(let cell): cell.tensor
      case .kept(let cell): cell.tensor
      }
    }
  }
}
