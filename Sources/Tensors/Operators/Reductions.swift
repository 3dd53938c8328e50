import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// The sum over the axes given, over all where none are; `keepingAxes` leaves them with size 1.
  public func sum(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    let result = keepingAxes ? kept : dropped
    return operation {
      let y = plainBuffer.summed(from: shape, to: kept).reshaped(to: result)
      return recorded(Tensor(y, shape: result), as: description("sum", axes, keepingAxes), from: self) {
        [x = operand] dy, cotangents in
        // Adding zeros of the operand's shape repeats the gradient along the axes that were summed over.
        cotangents.add(dy.reshaped(to: kept) + Tensor(zeros: x.shape), to: x)
      }
    }
  }

  /// The mean over the axes given, over all where none are; `keepingAxes` leaves them with size 1.
  public func mean(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    // The mean over all positions of feature maps is a pooling, which takes them in the layout they have.
    return composed(description("mean", axes, keepingAxes), from: [self]) {
      if let axes, (3...5).contains(rank), axes.sorted() == Array(2..<rank) {
        let pooled = averagePool(self, kernel: Array(shape.dropFirst(2)), stride: Array(repeating: 1, count: rank - 2))
        return keepingAxes ? pooled : pooled.reshaped(to: dropped)
      }
      return sum(over: axes, keepingAxes: keepingAxes) / Float(count / max(1, kept.reduce(1, *)))
    }
  }

  private func description(_ name: String, _ axes: [Int]?, _ keepingAxes: Bool) -> OperationDescription {
    .init(name, .axes(axes ?? Array(shape.indices), keepingAxes: keepingAxes))
  }

  private func reducedShapes(_ axes: [Int]?) -> (kept: [Int], dropped: [Int]) {
    let axes = axes ?? Array(shape.indices)
    ensure(axes.allSatisfy(shape.indices.contains), "\(shape) does not have all of the axes \(axes)")
    let kept = shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    return (kept, shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
  }

  /// For every row of [N, K] the column of the largest element.
  public func argmax() -> [Int] {
    ensure(rank == 2 && shape[1] > 0, "argmax: \(shape) is not a matrix with columns")
    let columns = shape[1]
    let all = scalars
    return (0..<shape[0]).map { row in
      let start = row * columns
      return (start..<start + columns).max { all[$0] < all[$1] }! - start
    }
  }
}
