import AviaryDiagnostics
import AviaryPlatform
import AviaryTensors

func logarithm(_ x: Double) -> Double { log(x) }

func checkSquare(_ x: Tensor, _ operation: String) {
  ensure(
    x.rank >= 2 && x.shape[x.rank - 1] == x.shape[x.rank - 2], "\(operation): \(x.shape) is not a square matrix")
}

func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int] {
  let rank = max(a.count, b.count)
  func padded(_ shape: [Int]) -> [Int] { Array(repeating: 1, count: rank - shape.count) + shape }
  return zip(padded(a), padded(b)).map { x, y in
    ensure(x == y || x == 1 || y == 1, "the batches \(a) and \(b) do not go together")
    return x == 1 ? y : x
  }
}

extension Tensor {
  /// Matrices in the shape of another tensor.
  init(_ matrices: [Matrix], like x: Tensor) {
    self.init(matrices, batch: x.batch, rows: x.shape[x.rank - 2], columns: x.shape[x.rank - 1])
  }
}

/// Several results of one operation, and one pullback of the gradients of all of them.
func recorded(
  _ results: [Tensor], from x: Tensor, function: String = #function, pullback: @escaping ([Tensor]) -> Tensor
) -> [Tensor] {
  let shapes = results.map(\.shape)
  func parts(_ packed: Tensor) -> [Tensor] {
    var start = 0
    return shapes.map { shape in
      let count = shape.reduce(1, *)
      defer { start += count }
      return packed.slice(axis: 0, from: start, to: start + count).reshaped(to: shape)
    }
  }
  let packed = Compute.run { untraced { concatenated(results.map { $0.reshaped(to: [$0.count]) }, axis: 0) } }
  return parts(recordedResult(packed, from: x, function: function) { [pullback(parts($0))] })
}
