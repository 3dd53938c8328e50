import CKernels

extension Buffer {
  /// The rows of this row-major table that `indices` name; every index is one of its rows.
  package func rows(_ indices: [Int32], width: Int) -> Buffer {
    let y = Buffer(.plain([indices.count, width]))
    kernel("embedding", y.layout, floats: 2 * y.count) {
      unsafe ak_embed(floats, indices, y.floats, indices.count, width)
    }
    return y
  }

  /// The pullback of `rows`, this buffer being the gradient: a table in which each row is the sum of what came from it.
  package func gathered(intoRows indices: [Int32], of table: [Int]) -> Buffer {
    let gradient = Buffer.filled(0, shape: table)
    kernel("embedding, gradient", gradient.layout, floats: 3 * self.count) {
      unsafe ak_embed_backward(floats, indices, gradient.floats, indices.count, table[1])
    }
    return gradient
  }
}
