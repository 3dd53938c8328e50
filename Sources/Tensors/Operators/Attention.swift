import AviaryDiagnostics
import AviaryKernels

/// Attention (Vaswani et al., 2017): softmax(query · keyᵀ · scale + mask) · value, [N…, L, E], [N…, S, E] and [N…, S, V] →
/// [N…, L, V]; PyTorch's `scaled_dot_product_attention`.
///
/// The weights [N…, L, S] are never in memory as a whole, forward or backward, unless they are dropped out or the mask has a
/// gradient. The row of a query that sees no key is zero, as PyTorch's.
///
/// - Parameters:
///   - mask: added to the scaled products, of a shape that broadcasts to [N…, L, S]; −∞ hides a key from a query.
///   - causal: whether query i sees the keys 0...i alone.
///   - scale: 1 / √E where none is given.
///   - dropout: the share of the weights that is dropped in training mode.
///   - path: the path of the layer; see `dropout`.
public func scaledDotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Float? = nil,
  dropout: Float = 0, path: String = ""
) -> Tensor {
  ensure(
    query.rank >= 2 && key.rank >= 2 && value.rank >= 2 && query.shape[query.rank - 1] == key.shape[key.rank - 1]
      && key.shape[key.rank - 2] == value.shape[value.rank - 2],
    "attention: query \(query.shape), key \(key.shape) and value \(value.shape) do not go together")
  ensure((0...1).contains(dropout), "attention: the dropout \(dropout) is not a probability")
  func leading(_ x: Tensor) -> [Int] { Array(x.shape.dropLast(2)) }
  let batch = Tensor.broadcastShape(Tensor.broadcastShape(leading(query), leading(key)), leading(value))
  let (rows, columns, width) = (query.shape[query.rank - 2], key.shape[key.rank - 2], query.shape[query.rank - 1])
  let products = batch + [rows, columns]
  ensure(
    mask.map { Tensor.broadcastShape($0.shape, products) == products } ?? true,
    "attention: mask \(mask?.shape ?? []) does not broadcast to \(products)")
  let scale = scale ?? 1 / Float(max(1, width)).squareRoot()
  let result = batch + [rows, value.shape[value.rank - 1]]
  if result.contains(0) || columns == 0 { return emptyResult(result, from: query, key, value, mask) }
  func whole(_ x: Tensor) -> Tensor { x.expanded(to: batch + x.shape.suffix(2)) }
  let (query, key, value) = (whole(query), whole(key), whole(value))
  return operation {
    let pass = Pass.current.onComputeThread
    let drops = dropout > 0 && pass.mode == .training && pass.drops && pass.drawing != nil
    func description() -> OperationDescription {
      .init("scaledDotProductAttention", .attention(scale: scale, causal: causal))
    }
    func byWeights() -> Tensor {
      attentionByWeights(query, key, value, mask: mask, causal: causal, scale: scale, dropout: dropout, path: path)
    }
    if drops { return byWeights() }
    if mask?.isTracked ?? false { return composed(description(), from: [query, key, value, mask], body: byWeights) }
    let attention = Attention(
      batch: batch.reduce(1, *), rows: rows, columns: columns, width: width, valueWidth: result[result.count - 1],
      scale: scale, causal: causal,
      mask: mask.map { Attention.Mask($0.plainBuffer, shape: $0.shape, result: products) })
    let saved = attention.forward(query.plainBuffer, key.plainBuffer, value.plainBuffer)
    let y = Tensor(saved.y.reshaped(to: result), shape: result)
    return recorded(y, as: description(), from: query, key, value, mask) { dy, cotangents in
      let gradients = attention.backward(
        dy.plainBuffer, query: query.plainBuffer, key: key.plainBuffer, value: value.plainBuffer, saved: saved,
        toQuery: cotangents.wants(query), toKeyAndValue: cotangents.wants(key) || cotangents.wants(value))
      for (gradient, x) in zip([gradients.query, gradients.key, gradients.value], [query, key, value]) {
        if let gradient { cotangents.add(Tensor(gradient.reshaped(to: x.shape), shape: x.shape), to: x) }
      }
    }
  }
}

/// The same with a mask that says which keys each query sees, of a shape that broadcasts to [N…, L, S].
public func scaledDotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, seeing mask: Mask, causal: Bool = false, scale: Float? = nil,
  dropout: Float = 0, path: String = ""
) -> Tensor {
  scaledDotProductAttention(
    query, key, value, mask: mask.additive, causal: causal, scale: scale, dropout: dropout, path: path)
}

extension Mask {
  /// What is added to the scaled products of attention: 0 where the mask is true, and −∞ where it is not.
  public var additive: Tensor { Tensor(zeros: shape).replacing(with: -.infinity, where: .!self) }
}

/// The attention with all its weights in memory.
private func attentionByWeights(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, causal: Bool, scale: Float, dropout rate: Float,
  path: String
) -> Tensor {
  var scores = matmul(query * scale, key.transposed())
  if let mask { scores = scores + mask }
  if causal {
    let (rows, columns) = (query.shape[query.rank - 2], key.shape[key.rank - 2])
    let hidden = (0..<rows * columns).map { $0 % columns > $0 / columns }
    scores = scores.replacing(with: -.infinity, where: Mask(hidden, shape: [rows, columns]))
  }
  // A softmax of nothing has no gradient either.
  let blind = mask == nil ? nil : scores.detached().max(over: [-1], keepingAxes: true) .== -.infinity
  guard let blind, blind.trueCount > 0 else {
    return matmul(dropout(softmax(scores), rate: rate, path: path), value)
  }
  let weights = softmax(scores.replacing(with: 0, where: blind)).replacing(with: 0, where: blind)
  return matmul(dropout(weights, rate: rate, path: path), value)
}
