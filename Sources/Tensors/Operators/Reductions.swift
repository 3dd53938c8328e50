import AviaryKernels

extension Tensor {
  /// The sum over the axes given, over all where none are; `keepingAxes` leaves them with size 1.
  public func sum(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    let result = keepingAxes ? kept : dropped
    return operation {
      let y = plainBuffer.summed(from: shape, to: kept).reshaped(to: result)
      return recorded(Tensor(y, shape: result), from: self) { dy, cotangents in
        // Adding zeros of the operand's shape repeats the gradient along the axes that were summed over.
        cotangents.add(dy.reshaped(to: kept) + Tensor(zeros: shape), to: self)
      }
    }
  }

  /// The mean over the axes given, over all where none are; `keepingAxes` leaves them with size 1.
  public func mean(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    let (kept, dropped) = reducedShapes(axes)
    // The mean over all positions of feature maps is a pooling, which takes them in the layout they have.
    if let axes, (3...5).contains(rank), axes.sorted() == Array(2..<rank) {
      let pooled = averagePool(self, kernel: Array(shape.dropFirst(2)), stride: Array(repeating: 1, count: rank - 2))
      return keepingAxes ? pooled : pooled.reshaped(to: dropped)
    }
    return sum(over: axes, keepingAxes: keepingAxes) / Float(count / max(1, kept.reduce(1, *)))
  }

  private func reducedShapes(_ axes: [Int]?) -> (kept: [Int], dropped: [Int]) {
    let axes = axes ?? Array(shape.indices)
    precondition(axes.allSatisfy(shape.indices.contains), "\(shape) does not have all of the axes \(axes)")
    let kept = shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    return (kept, shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
  }

  /// For every row of [N, K] the column of the largest element.
  public func argmax() -> [Int] {
    precondition(rank == 2 && shape[1] > 0, "argmax: \(shape) is not a matrix with columns")
    let columns = shape[1]
    let all = scalars
    return (0..<shape[0]).map { row in
      let start = row * columns
      return (start..<start + columns).max { all[$0] < all[$1] }! - start
    }
  }
}

/// The mean cross entropy of logits [N, K] and labels [N]: −mean(log softmax(logits)[n, label n]).
public func crossEntropy(_ logits: Tensor, labels: IntTensor) -> Tensor {
  checkLabels(logits, labels)
  let columns = logits.shape[1]
  let rows = logits.shape[0]
  return operation {
    let logarithms = logits.plainBuffer.softmax(rows: rows, columns: columns, logarithm: true)
    let picked = logarithms.picked(labels.scalars, columns: columns)
    let loss = Tensor(Float(-picked.sum() / Double(rows)))
    return recorded(loss, from: logits) { dy, cotangents in
      let dx = logarithms.crossEntropyBackward(labels.scalars, columns: columns, weight: dy.scalar / Float(rows))
      cotangents.add(Tensor(dx, shape: logits.shape), to: logits)
    }
  }
}

/// The mean negative log likelihood of log probabilities [N, K] and labels [N].
public func negativeLogLikelihood(_ logProbabilities: Tensor, labels: IntTensor) -> Tensor {
  checkLabels(logProbabilities, labels)
  let columns = logProbabilities.shape[1]
  let rows = logProbabilities.shape[0]
  return operation {
    let picked = logProbabilities.plainBuffer.picked(labels.scalars, columns: columns)
    return recorded(Tensor(Float(-picked.sum() / Double(rows))), from: logProbabilities) { dy, cotangents in
      let dx = Buffer.filled(-dy.scalar / Float(rows), shape: [rows]).placed(labels.scalars, columns: columns)
      cotangents.add(Tensor(dx, shape: logProbabilities.shape), to: logProbabilities)
    }
  }
}

private func checkLabels(_ x: Tensor, _ labels: IntTensor) {
  precondition(
    x.rank == 2 && x.shape[0] > 0 && labels.shape == [x.shape[0]],
    "cross entropy: \(x.shape) does not go with labels \(labels.shape)")
  let classes = Int32(x.shape[1])
  if let wrong = labels.scalars.first(where: { $0 < 0 || $0 >= classes }) {
    preconditionFailure("cross entropy: the label \(wrong) is none of the \(classes) classes")
  }
}
