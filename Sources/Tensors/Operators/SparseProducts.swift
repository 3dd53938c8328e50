import AviaryDiagnostics
import AviaryKernels

// Products with sparse matrices. Their elements get no gradient, so that neither a graph nor its features ever become
// dense, in either direction.

/// a·x: a sparse [R, C] by [C, N] → [R, N].
public func matmul(_ a: SparseMatrix, _ x: Tensor) -> Tensor {
  ensure(
    x.rank == 2 && x.shape[0] == a.columns, "matmul: a sparse matrix \(a.shape) does not go with \(x.shape)")
  return operation {
    recorded(
      Tensor(a.product(x.plainBuffer, width: x.shape[1]), shape: [a.rows, x.shape[1]]),
      as: .init("sparseMatmul", .sparse(a.pattern)), from: a.elements, x
    ) { [x = x.operand] dy, cotangents in
      let dx = a.transposed.product(dy.plainBuffer, width: x.shape[1])
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}

/// x·Wᵀ: a sparse [N, I] by [O, I] → [N, O].
///
/// The gradient with respect to the weight is (xᵀ·dy)ᵀ, in which x stays sparse too.
public func linear(_ x: SparseMatrix, weight: Tensor) -> Tensor {
  ensure(
    weight.rank == 2 && x.columns == weight.shape[1],
    "linear: a sparse input \(x.shape) does not go with weight \(weight.shape)")
  let (outputs, inputs) = (weight.shape[0], weight.shape[1])
  return operation {
    let turned = weight.plainBuffer.transposed([1, 0], shape: weight.shape)
    let y = Tensor(x.product(turned, width: outputs), shape: [x.rows, outputs])
    return recorded(y, as: .init("sparseLinear", .sparse(x.pattern)), from: x.elements, weight) { dy, cotangents in
      let dw = x.transposed.product(dy.plainBuffer, width: outputs).transposed([1, 0], shape: [inputs, outputs])
      cotangents.add(Tensor(dw, shape: weight.shape), to: weight)
    }
  }
}

/// Dropout of the elements that are kept, as `dropout` does it with those of a tensor: what is zero stays zero.
public func dropout(_ x: SparseMatrix, rate: Float, path: String = "") -> SparseMatrix {
  SparseMatrix(x.pattern, elements: dropout(x.elements, rate: rate, path: path).detached())
}

extension SparseMatrix {
  /// The product with a row-major x of [columns, width].
  fileprivate func product(_ x: Buffer, width: Int) -> Buffer {
    elements.plainBuffer.product(pattern.compressed, x, width: width)
  }
}
