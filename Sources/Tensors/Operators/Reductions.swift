import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// The sum over the axes given, or over all axes; `keepingAxes` leaves them with size 1.
  public func sum(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    let result = keepingAxes ? kept : dropped
    return operation {
      let y = plainBuffer.summed(from: shape, to: kept).reshaped(to: result)
      return recorded(Tensor(y, shape: result), from: self) { [x = operand] dy, cotangents in
        // Adding zeros of the operand's shape repeats the gradient along the axes that were summed over.
        cotangents.add(dy.reshaped(to: kept) + Tensor(zeros: x.shape), to: x)
      }
    }
  }

  /// The mean over the axes given, or over all axes; `keepingAxes` leaves them with size 1. The mean of no elements is NaN.
  public func mean(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    // The mean over all positions of feature maps is a pooling, which takes them in the layout they have.
    if let axes, (3...5).contains(rank), count > 0, resolvedAxes(axes, "mean") == Array(2..<rank) {
      let pooled = averagePool(self, kernel: Array(shape.dropFirst(2)), stride: Array(repeating: 1, count: rank - 2))
      return keepingAxes ? pooled : pooled.reshaped(to: dropped)
    }
    let count = zip(shape, kept).reduce(1) { $1.0 == $1.1 ? $0 : $0 * $1.0 }
    return sum(over: axes, keepingAxes: keepingAxes) / Float(count)
  }

  private func reducedShapes(_ axes: [Int]?) -> (kept: [Int], dropped: [Int]) {
    let axes = resolvedAxes(axes, "reduction")
    let kept = shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    return (kept, shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
  }

  /// For every row of [N, K] the column of the largest element, the first of equal ones. For other axes see
  /// `argmax(axis:)`.
  public func argmax() -> [Int] {
    ensure(rank == 2 && shape[1] > 0, "argmax: \(shape) is not a matrix with columns")
    return argmax(axis: 1).scalars.map(Int.init)
  }
}
