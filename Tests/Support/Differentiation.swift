import AviaryTensors

/// Which road the operands of an operator take, and when its result is computed.
public enum Road: String, Sendable, CaseIterable {
  /// The result is computed only when the loss is.
  case deferred
  /// The elements of the result are read at once.
  case forced
  /// Operands of [N, C, …] arrive from a convolution that changes nothing, in whatever layout it likes, and the result
  /// leaves through another.
  case blocked
}

/// The result of an operator on the operands named, and the gradients of Σ y·dy with respect to them.
///
/// - Parameter upstream: dy; ones where it is nil.
public func differentiated(
  _ operands: [String: Tensor], upstream: Tensor? = nil, mode: Mode = .training, noise: Noise? = nil,
  road: Road = .deferred, _ operation: ([String: Tensor]) -> Tensor
) -> (y: Tensor, gradients: [String: Tensor]) {
  let variables = operands.mapValues(Variable.init)
  let (_, gradients, y) = valueWithGradients(of: Array(variables.values), mode: mode, noise: noise) {
    var known = variables.mapValues(\.tracked)
    if road == .blocked { known["x"] = known["x"].map(throughConvolution) }
    var y = operation(known)
    if road == .blocked { y = throughConvolution(y) }
    if road == .forced { _ = y.scalars }
    let loss = upstream.map { (y * $0).sum() } ?? y.sum()
    return (loss, y.detached())
  }
  return (y, variables.compactMapValues { gradients[$0] })
}

/// The same elements as a convolution leaves them: by a 1×1 identity.
public func throughConvolution(_ x: Tensor) -> Tensor {
  guard (3...5).contains(x.rank), !x.shape.contains(0) else { return x }
  let channels = x.shape[1]
  let identity = (0..<channels * channels).map { $0 / channels == $0 % channels ? Float(1) : 0 }
  let axes = x.rank - 2
  return convolution(
    x, weight: Tensor(identity, shape: [channels, channels] + Array(repeating: 1, count: axes)),
    stride: Array(repeating: 1, count: axes), padding: Array(repeating: 0, count: axes),
    dilation: Array(repeating: 1, count: axes))
}
