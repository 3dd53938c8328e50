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
  func description() -> OperationDescription {
    guard let padding else { return .init("embedding", "indices", .indices(indices)) }
    return .init("embedding", ["indices": .indices(indices), "padding": .integer(padding)])
  }
  return operation {
    let rows = LookedUpRows(table: weight, indices: indices, padding: padding)
    return .lookedUp(rows, as: description(), from: weight) { dy, cotangents in
      rows.add(dy.plainBuffer, of: indices.scalars, to: &cotangents)
    }
  }
}
