import AviaryDiagnostics
import AviaryKernels

/// Layer normalisation (Ba et al., 2016) over the last axes: [N…, shape…] → [N…, shape…]; PyTorch's `layer_norm`.
///
/// (x − mean) / √(variance + ε) · scale + shift, with mean and (biased) variance over the last axes.
///
/// - Parameters:
///   - shape: the sizes of the normalised axes.
///   - scale, shift: of that shape.
public func layerNormalization(
  _ x: Tensor, over shape: [Int], scale: Tensor? = nil, shift: Tensor? = nil, epsilon: Float = 1e-5
) -> Tensor {
  ensure(
    !shape.isEmpty && x.shape.suffix(shape.count) == shape[...] && (scale.map { $0.shape == shape } ?? true)
      && (shift.map { $0.shape == shape } ?? true),
    "layer normalisation: input \(x.shape) does not go with the axes \(shape), scale \(scale?.shape ?? []) and shift "
      + "\(shift?.shape ?? [])")
  ensure(!shape.contains(0), "layer normalisation: no elements along the axes \(shape) of \(x.shape)")
  if x.count == 0 { return emptyResult(x.shape, from: x, scale, shift) }
  let count = shape.reduce(1, *)
  return rowNormalization(
    x, RowNormalization(rows: x.count / count, groups: 1, channels: count, run: 1, epsilon: epsilon), scale: scale,
    shift: shift)
}

/// Group normalisation (Wu & He, 2018): [N, C, …] → [N, C, …], each group of channels of each image normalised separately; PyTorch's `group_norm`.
///
/// - Parameters:
///   - groups: 1 normalises all channels together, C each one separately (instance normalisation).
///   - scale, shift: [C].
public func groupNormalization(
  _ x: Tensor, groups: Int, scale: Tensor? = nil, shift: Tensor? = nil, epsilon: Float = 1e-5
) -> Tensor {
  ensure(
    x.rank >= 2 && groups >= 1 && x.shape[1] % groups == 0 && (scale.map { $0.shape == [x.shape[1]] } ?? true)
      && (shift.map { $0.shape == [x.shape[1]] } ?? true),
    "group normalisation: input \(x.shape) does not go with \(groups) groups, scale \(scale?.shape ?? []) and shift "
      + "\(shift?.shape ?? [])")
  if x.count == 0 { return emptyResult(x.shape, from: x, scale, shift) }
  let normalization = RowNormalization(
    rows: x.shape[0] * groups, groups: groups, channels: x.shape[1] / groups, run: x.shape.dropFirst(2).reduce(1, *),
    epsilon: epsilon)
  return rowNormalization(x, normalization, scale: scale, shift: shift)
}

private func rowNormalization(
  _ x: Tensor, _ normalization: RowNormalization, scale: Tensor?, shift: Tensor?
) -> Tensor {
  operation {
    let (y, statistics) = normalization.forward(
      x.plainBuffer, scale: scale?.plainBuffer, shift: shift?.plainBuffer)
    return recorded(Tensor(y, shape: x.shape), from: x, scale, shift) { dy, cotangents in
      let (gradient, input) = (dy.plainBuffer, x.plainBuffer)
      if cotangents.wants(x) {
        let dx = normalization.backward(gradient, x: input, scale: scale?.plainBuffer, statistics: statistics)
        cotangents.add(Tensor(dx, shape: x.shape), to: x)
      }
      guard [scale, shift].contains(where: { $0.map(cotangents.wants) ?? false }) else { return }
      let (dScale, dShift) = normalization.backwardAffine(gradient, x: input, statistics: statistics)
      if let scale { cotangents.add(Tensor(dScale.reshaped(to: scale.shape), shape: scale.shape), to: scale) }
      if let shift { cotangents.add(Tensor(dShift.reshaped(to: shift.shape), shape: shift.shape), to: shift) }
    }
  }
}

/// Local response normalisation (Krizhevsky et al., 2012) across neighbouring channels: [N, C, …] → [N, C, …]; PyTorch's
/// `local_response_norm`.
///
/// x / (k + α / size · Σ x²)^β, the sum over the channels c − size / 2 ... c + (size − 1) / 2. The paper's α is not
/// divided by the size: its 1e-4 at size 5 is 5e-4 here.
public func localResponseNormalization(
  _ x: Tensor, size: Int, alpha: Float = 1e-4, beta: Float = 0.75, k: Float = 1
) -> Tensor {
  ensure(
    x.rank >= 2 && size >= 1 && k > 0 && alpha >= 0,
    "local response normalisation: input \(x.shape) does not go with size \(size), alpha \(alpha) and k \(k)")
  if x.count == 0 { return emptyResult(x.shape, from: x) }
  let normalization = ResponseNormalization(
    images: x.shape[0], channels: x.shape[1], positions: x.shape.dropFirst(2).reduce(1, *), size: size, alpha: alpha,
    beta: beta, k: k)
  return operation {
    let (y, base) = normalization.forward(x.plainBuffer)
    return recorded(Tensor(y, shape: x.shape), from: x) { dy, cotangents in
      let dx = normalization.backward(dy.plainBuffer, x: x.plainBuffer, base: base)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}
