import AviaryDiagnostics
import AviaryKernels

/// Rows of a table, one for each index: indices [N…] and a table of [V, D] → [N…, D]; PyTorch's `embedding`.
///
/// - Parameter padding: the index that pads sequences; its row gets no gradient (PyTorch's `padding_idx`).
public func embedding(_ indices: IntTensor, weight: Tensor, padding: Int? = nil) -> Tensor {
  ensure(
    weight.rank == 2 && weight.count > 0, "embedding: a table of shape \(weight.shape) has no rows to look up")
  if let wrong = indices.scalars.first(where: { $0 < 0 || $0 >= weight.shape[0] }) {
    stopProgram("embedding: the index \(wrong) is not one of the \(weight.shape[0]) rows of \(weight.shape)")
  }
  ensure(
    padding.map { (0..<weight.shape[0]).contains($0) } ?? true,
    "embedding: the padding \(padding ?? 0) is not one of the \(weight.shape[0]) rows of \(weight.shape)")
  let shape = indices.shape + [weight.shape[1]]
  return operation {
    let y = weight.plainBuffer.rows(indices.scalars, width: weight.shape[1])
    return recorded(Tensor(y.reshaped(to: shape), shape: shape), from: weight) { dy, cotangents in
      let gradient = dy.plainBuffer.gathered(intoRows: indices.scalars, of: weight.shape)
      guard let padding else { return cotangents.add(Tensor(gradient, shape: weight.shape), to: weight) }
      let mask = Tensor((0..<weight.shape[0]).map { $0 == padding ? 0 : 1 }, shape: [weight.shape[0], 1])
      cotangents.add(Tensor(gradient, shape: weight.shape) * mask, to: weight)
    }
  }
}
