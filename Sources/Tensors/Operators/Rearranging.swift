import AviaryDiagnostics
import AviaryKernels

// Moves that reorder or repeat elements.

extension Tensor {
  /// The tensor without the given axes, which have size 1; by default without all axes of size 1.
  public func squeezed(axes: [Int]? = nil) -> Tensor {
    let dropped = axes.map { resolvedAxes($0, "squeezed") } ?? shape.indices.filter { shape[$0] == 1 }
    ensure(dropped.allSatisfy { shape[$0] == 1 }, "squeezed: the axes \(dropped) of \(shape) are not all of size 1")
    return reshaped(to: shape.indices.filter { !dropped.contains($0) }.map { shape[$0] })
  }

  /// The tensor with a new axis of size 1: [N, F] at 1 → [N, 1, F], at −1 → [N, F, 1].
  public func unsqueezed(axis: Int) -> Tensor {
    var expanded = shape
    let position = axis < 0 ? axis + rank + 1 : axis
    ensure((0...rank).contains(position), "unsqueezed: \(shape) has no place \(axis) for a new axis")
    expanded.insert(1, at: position)
    return reshaped(to: expanded)
  }

  /// Repeated along axes of size 1, and along new axes in front, to the shape given. A size of −1 keeps the axis as it is.
  /// PyTorch's `expand` and `broadcast_to`.
  public func expanded(to shape: [Int]) -> Tensor {
    let missing = shape.count - rank
    ensure(missing >= 0, "expanded: \(self.shape) does not expand to \(shape)")
    let own = Array(repeating: 1, count: missing) + self.shape
    let target = zip(shape, own).map { $0 == -1 ? $1 : $0 }
    ensure(
      zip(own, target).allSatisfy { $0 == $1 || $0 == 1 } && !shape.prefix(missing).contains(-1),
      "expanded: \(self.shape) does not expand to \(shape)")
    if target == self.shape { return self }
    if target.contains(0) { return emptyResult(target, from: self) }
    return operation {
      let strides = Buffer.strides(of: self.shape, along: target).map(Int.init)
      let y = StridedPart(start: 0, strides: strides, shape: target).read(plainBuffer)
      return recorded(Tensor(y, shape: target), as: .init("expanded", "to", .integers(target)), from: self) {
        [x = operand] dy, cotangents in
        cotangents.add(dy.summed(to: x.shape), to: x)
      }
    }
  }

  /// Two axes exchanged; by default the last two, which transposes matrices.
  public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    var order = Array(shape.indices)
    order.swapAt(resolvedAxis(first, "transposed"), resolvedAxis(second, "transposed"))
    return transposed(order)
  }

  /// One axis moved to another position; the order of the others stays. PyTorch's `movedim`.
  public func movingAxis(_ axis: Int, to position: Int) -> Tensor {
    var order = Array(shape.indices)
    let moved = order.remove(at: resolvedAxis(axis, "movingAxis"))
    order.insert(moved, at: resolvedAxis(position, "movingAxis"))
    return transposed(order)
  }

  /// One axis split into several: [N, 12] along axis 1 into [3, -1] → [N, 3, 4].
  public func unflattened(axis: Int, into sizes: [Int]) -> Tensor {
    let axis = resolvedAxis(axis, "unflattened")
    let known = sizes.filter { $0 != -1 }.reduce(1, *)
    ensure(
      sizes.count { $0 == -1 } <= 1
        && (sizes.contains(-1) ? known > 0 && shape[axis] % known == 0 : known == shape[axis]),
      "unflattened: axis \(axis) of \(shape) does not come apart into \(sizes)")
    let parts = sizes.map { $0 == -1 ? shape[axis] / known : $0 }
    return reshaped(to: shape.prefix(axis) + parts + shape.dropFirst(axis + 1))
  }

  /// The whole tensor repeated along each axis; `counts` belong to the last axes. PyTorch's `repeat` and `tile`.
  public func tiled(_ counts: [Int]) -> Tensor {
    ensure(counts.allSatisfy { $0 >= 0 }, "tiled: counts of \(counts) are negative")
    let rank = Swift.max(rank, counts.count)
    let sizes = Array(repeating: 1, count: rank - self.rank) + shape
    let counts = Array(repeating: 1, count: rank - counts.count) + counts
    // Each axis that is repeated becomes two, and all before the first of them one.
    let repeatedAxes = counts.indices.filter { counts[$0] != 1 }
    if 2 * repeatedAxes.count + (repeatedAxes.first == 0 ? 0 : 1) > Buffer.mostAxes {
      var (first, others) = (counts.map { _ in 1 }, counts)
      swap(&first[repeatedAxes[0]], &others[repeatedAxes[0]])
      return tiled(others).tiled(first)
    }
    let apart = sizes.flatMap { [1, $0] }
    let repeated = zip(counts, sizes).flatMap { [$0, $1] }
    return mostlyJoined(reshaped(to: apart), apart, repeated).reshaped(to: zip(counts, sizes).map(*))
  }

  /// Expands `apart` to `repeated` with as few axes as will do: those that are not repeated join their neighbors.
  private func mostlyJoined(_ x: Tensor, _ apart: [Int], _ repeated: [Int]) -> Tensor {
    var (own, target): ([Int], [Int]) = ([], [])
    for (size, wanted) in zip(apart, repeated) {
      let isRepeated = size != wanted
      if isRepeated || own.isEmpty || own.last != target.last {
        own.append(size)
        target.append(wanted)
      } else {
        own[own.count - 1] *= size
        target[target.count - 1] *= wanted
      }
    }
    return x.reshaped(to: own).expanded(to: target)
  }

  /// At most `count` parts of equal size along an axis; the last is smaller if the sizes do not divide. PyTorch's `chunk`.
  public func chunked(_ count: Int, axis: Int = 0) -> [Tensor] {
    let axis = resolvedAxis(axis, "chunked")
    ensure(count > 0, "chunked: \(shape) does not come apart into \(count) parts")
    if shape[axis] == 0 { return Array(repeating: self, count: count) }
    return split(size: (shape[axis] + count - 1) / count, axis: axis)
  }

  /// Every element moved by `shift` positions along an axis; elements beyond the end reappear at the beginning.
  public func rolled(by shift: Int, axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "rolled")
    let size = shape[axis]
    if size == 0 { return self }
    let cut = ((-shift % size) + size) % size
    if cut == 0 { return self }
    return concatenated([slice(axis: axis, from: cut, to: size), slice(axis: axis, from: 0, to: cut)], axis: axis)
  }

  /// The positions along each of the axes from the last to the first; PyTorch's `flip`.
  public func reversed(axes: [Int]) -> Tensor {
    let axes = resolvedAxes(axes, "reversed")
    var part = StridedPart(start: 0, strides: rowMajorStrides(shape), shape: shape)
    if count == 0 || axes.allSatisfy({ shape[$0] == 1 }) { return self }
    for axis in axes {
      part.start += (shape[axis] - 1) * part.strides[axis]
      part.strides[axis] *= -1
    }
    return composed(.init("reversed", "axes", .integers(axes)), from: [self]) { strided(part) }
  }

  /// A diagonal of the last two axes: [N…, R, C] → [N…, D]. A positive offset is above the main diagonal.
  public func diagonal(offset: Int = 0) -> Tensor {
    ensure(rank >= 2, "diagonal: \(shape) is not a matrix")
    let (rows, columns) = (shape[rank - 2], shape[rank - 1])
    let length = Swift.max(0, Swift.min(rows + Swift.min(offset, 0), columns - Swift.max(offset, 0)))
    let batch = Array(shape.dropLast(2))
    if length == 0 || count == 0 { return emptyResult(batch + [length], from: self) }
    let strides = rowMajorStrides(shape)
    return strided(
      StridedPart(
        start: offset >= 0 ? offset : -offset * columns, strides: strides.dropLast(2) + [columns + 1],
        shape: batch + [length]))
  }

  /// A matrix with the elements of a vector on a diagonal, and zeros elsewhere.
  public init(diagonal: Tensor, offset: Int = 0) {
    ensure(diagonal.rank == 1, "diagonal: \(diagonal.shape) is not a vector")
    let size = diagonal.count + abs(offset)
    if diagonal.count == 0 {
      self.init(zeros: [size, size])
      return
    }
    let part = StridedPart(
      start: offset >= 0 ? offset : -offset * size, strides: [size + 1], shape: [diagonal.count])
    self = diagonal.placed(part, in: [size, size])
  }

  /// The lower triangle of the last two axes, up to a diagonal, with zeros above; PyTorch's `tril`.
  public func lowerTriangle(diagonal: Int = 0) -> Tensor { keepingTriangle { $1 <= $0 + diagonal } }

  /// The upper triangle of the last two axes, from a diagonal on, with zeros below; PyTorch's `triu`.
  public func upperTriangle(diagonal: Int = 0) -> Tensor { keepingTriangle { $1 >= $0 + diagonal } }

  private func keepingTriangle(_ keeps: (_ row: Int, _ column: Int) -> Bool) -> Tensor {
    ensure(rank >= 2, "a triangle: \(shape) is not a matrix")
    let (rows, columns) = (shape[rank - 2], shape[rank - 1])
    let others = (0..<rows * columns).map { !keeps($0 / columns, $0 % columns) }
    return replacing(with: 0, where: Mask(others, shape: [rows, columns]))
  }
}

/// Coordinate grids of vectors: of [A] and [B] two tensors of [A, B]. `rowsFirst: false` exchanges the first two axes, as
/// `indexing='xy'` does in NumPy.
public func meshgrid(_ vectors: [Tensor], rowsFirst: Bool = true) -> [Tensor] {
  ensure(vectors.allSatisfy { $0.rank == 1 }, "meshgrid: \(vectors.map(\.shape)) are not all vectors")
  let shape = vectors.map(\.count)
  return vectors.enumerated().map { place, vector in
    let along = vectors.indices.map { $0 == place ? vector.count : 1 }
    let grid = vector.reshaped(to: along).expanded(to: shape)
    return rowsFirst || shape.count < 2 ? grid : grid.transposed(0, 1)
  }
}

/// The products of all pairs of elements of two vectors: [A] by [B] → [A, B].
public func outer(_ a: Tensor, _ b: Tensor) -> Tensor {
  ensure(a.rank == 1 && b.rank == 1, "outer: \(a.shape) and \(b.shape) are not vectors")
  return a.unsqueezed(axis: 1) * b
}
