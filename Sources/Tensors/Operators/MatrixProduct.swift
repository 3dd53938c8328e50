import AviaryDiagnostics
import AviaryKernels

/// The product of matrices, or of batches of matrices whose batch axes broadcast: [N…, M, K] by [N…, K, P] → [N…, M, P];
/// PyTorch's `matmul`. A vector on the left is a row, one on the right a column, and the result is without its axis.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
  if a.rank == 1 || b.rank == 1 {
    let product = matmul(a.rank == 1 ? a.unsqueezed(axis: 0) : a, b.rank == 1 ? b.unsqueezed(axis: 1) : b)
    let rows = b.rank == 1 ? product.squeezed(axes: [-1]) : product
    return a.rank == 1 ? rows.squeezed(axes: [b.rank == 1 ? -1 : -2]) : rows
  }
  ensure(
    a.rank >= 2 && b.rank >= 2 && a.shape[a.rank - 1] == b.shape[b.rank - 2],
    "matmul: \(a.shape) does not go with \(b.shape)")
  if a.count == 0 || b.count == 0 {
    let batch = Tensor.broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
    return emptyResult(batch + [a.shape[a.rank - 2], b.shape[b.rank - 1]], from: a, b)
  }
  // One matrix for all rows of the other operand is one large product.
  if b.rank == 2, a.rank > 2 {
    return composed(.init("matmul"), from: [a, b]) {
      let rows = a.reshaped(to: [-1, a.shape[a.rank - 1]])
      return matmul(rows, b).reshaped(to: a.shape.dropLast() + [b.shape[1]])
    }
  }
  let batch = Tensor.broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
  let shape = batch + [a.shape[a.rank - 2], b.shape[b.rank - 1]]
  let (first, second) = (padded(a.shape, to: shape.count), padded(b.shape, to: shape.count))
  return operation {
    let precision = Compute.precision
    let product = MatrixProduct(first: first, second: second, result: shape, precision: precision)
    let y = Tensor(product(a.plainBuffer, b.plainBuffer), shape: shape)
    return recorded(y, as: .init("matmul"), from: a, b) { dy, cotangents in
      let gradient = dy.plainBuffer
      if cotangents.wants(a) {
        let whole = batch + first.suffix(2)
        let product = MatrixProduct(
          first: shape, second: second, result: whole, transposingSecond: true, precision: precision)
        cotangents.add(Tensor(product(gradient, b.plainBuffer), shape: whole).summed(to: a.shape), to: a)
      }
      if cotangents.wants(b) {
        let whole = batch + second.suffix(2)
        let product = MatrixProduct(
          first: first, second: shape, result: whole, transposingFirst: true, precision: precision)
        cotangents.add(Tensor(product(a.plainBuffer, gradient), shape: whole).summed(to: b.shape), to: b)
      }
    }
  }
}

/// The shape with axes of size 1 before it.
private func padded(_ shape: [Int], to rank: Int) -> [Int] {
  Array(repeating: 1, count: rank - shape.count) + shape
}
