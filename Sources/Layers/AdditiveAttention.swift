import AviaryDiagnostics
import AviaryTensors

/// Additive attention (Bahdanau et al., 2015): scores v · tanh(W · query + key) of queries [N, L, E] and keys [N, S, E], whose
/// softmax mixes the values [N, S, V] → [N, L, V]. The keys are mapped beforehand, once for all queries.
public struct AdditiveAttention: Layer {
  /// W
  private let query: Linear
  /// v
  private let score: Linear

  /// Attention between states of this width.
  public init(_ width: Int) {
    query = Linear(width, width, bias: false)
    score = Linear(width, 1, bias: false)
  }

  /// - Parameter mask: added to the scores, of a shape that broadcasts to [N, L, S]; −∞ hides a key.
  public func callAsFunction(_ queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor? = nil) -> Tensor {
    ensure(
      queries.rank == 3 && keys.rank == 3 && values.rank == 3 && queries.shape[0] == keys.shape[0]
        && keys.shape.prefix(2) == values.shape.prefix(2),
      "\(score.weight.layerPath): AdditiveAttention: queries \(queries.shape), keys \(keys.shape) and values "
        + "\(values.shape) do not go together")
    let sums = query(queries).unsqueezed(axis: 2) + keys.unsqueezed(axis: 1)
    let scores = score(tanh(sums)).squeezed(axes: [3])
    return matmul(softmax(mask.map { scores + $0 } ?? scores), values)
  }
}
