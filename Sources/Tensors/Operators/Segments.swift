import AviaryDiagnostics
import AviaryKernels

// Reductions over groups of rows: `segments[r]`, in 0..<count, is the group of row r. The rows of a group need not be
// adjacent. A group without rows gives zeros.

/// The sum of each group's rows: [N, F] → [count, F].
public func segmentSum(_ x: Tensor, segments: IntTensor, count: Int) -> Tensor {
  checkSegments(x, segments, count)
  return matmul(membership(segments, count), x)
}

/// The mean of each group's rows: [N, F] → [count, F].
public func segmentMean(_ x: Tensor, segments: IntTensor, count: Int) -> Tensor {
  checkSegments(x, segments, count)
  return matmul(membership(segments, count).rowNormalized(), x)
}

/// The largest elements of each group's rows, column by column: [N, F] → [count, F]. The gradient goes to the first row
/// with the maximum.
public func segmentMax(_ x: Tensor, segments: IntTensor, count: Int) -> Tensor {
  checkSegments(x, segments, count)
  let (rows, width) = (x.shape[0], x.shape[1])
  return operation {
    let (y, winners) = x.plainBuffer.groupMaximum(segments.scalars, width: width, groupCount: count)
    return recorded(Tensor(y, shape: [count, width]), from: x) { [x = x.operand] dy, cotangents in
      let dx = dy.plainBuffer.groupMaximumBackward(winners, rows: rows, width: width, groupCount: count)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}

/// [count, N] with ones where a row belongs to a group.
private func membership(_ segments: IntTensor, _ count: Int) -> SparseMatrix {
  SparseMatrix(
    rows: count, columns: segments.scalars.count,
    segments.scalars.enumerated().map { SparseMatrix.Triplet(Int($0.element), $0.offset) })
}

private func checkSegments(_ x: Tensor, _ segments: IntTensor, _ count: Int) {
  ensure(
    x.rank == 2 && segments.shape == [x.shape[0]] && count >= 0,
    "segments: \(x.shape) does not go with segments \(segments.shape) and \(count) groups")
  if let wrong = segments.scalars.first(where: { $0 < 0 || Int($0) >= count }) {
    stopProgram("segments: \(wrong) is not one of the \(count) groups")
  }
}
