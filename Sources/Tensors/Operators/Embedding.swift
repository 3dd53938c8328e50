import AviaryKernels

/// Rows of a table, one for each index: indices [N…] and a table of [V, D] → [N…, D]; PyTorch's `embedding`.
public func embedding(_ indices: IntTensor, weight: Tensor) -> Tensor {
  precondition(
    weight.rank == 2 && weight.count > 0, "embedding: a table of shape \(weight.shape) has no rows to look up")
  if let wrong = indices.scalars.first(where: { $0 < 0 || $0 >= weight.shape[0] }) {
    preconditionFailure("embedding: the index \(wrong) is none of the \(weight.shape[0]) rows of \(weight.shape)")
  }
  let shape = indices.shape + [weight.shape[1]]
  return operation {
    let y = weight.plainBuffer.rows(indices.scalars, width: weight.shape[1])
    return recorded(Tensor(y.reshaped(to: shape), shape: shape), from: weight) { dy, cotangents in
      let gradient = dy.plainBuffer.gathered(intoRows: indices.scalars, of: weight.shape)
      cotangents.add(Tensor(gradient, shape: weight.shape), to: weight)
    }
  }
}
