import AviaryKernels

extension Tensor {
  /// The part from one position to before another along an axis. A negative axis counts from the last.
  public func slice(axis: Int, from start: Int, to end: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    precondition(
      shape.indices.contains(axis) && 0 <= start && start <= end && end <= shape[axis],
      "slice: \(shape) has no part \(start)..<\(end) along axis \(axis)")
    if start == 0, end == shape[axis] { return self }
    var part = shape
    part[axis] = end - start
    return operation {
      let y = Tensor(buffer.slice(axis: axis, start: start, shape: part, of: shape), shape: part)
      return recorded(y, from: self) { dy, cotangents in
        var (before, after) = (shape, shape)
        before[axis] = start
        after[axis] = shape[axis] - end
        cotangents.add(concatenated([Tensor(zeros: before), dy, Tensor(zeros: after)], axis: axis), to: self)
      }
    }
  }

  /// One position along an axis, which is left out: of [N, T, F] the slice at t along axis 1 is [N, F].
  public func slice(axis: Int, at position: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    var rest = shape
    let part = slice(axis: axis, from: position, to: position + 1)
    rest.remove(at: axis)
    return part.reshaped(to: rest)
  }

  /// Parts of the sizes given, one after the other along an axis; together they have to be the whole.
  public func split(sizes: [Int], axis: Int) -> [Tensor] {
    let axis = axis < 0 ? axis + rank : axis
    precondition(
      shape.indices.contains(axis) && sizes.reduce(0, +) == shape[axis],
      "split: \(shape) has no parts of the sizes \(sizes) along axis \(axis)")
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return slice(axis: axis, from: start, to: start + size)
    }
  }

  /// Parts of one size, one after the other along an axis; the last is smaller where the size does not divide the whole.
  /// PyTorch's `split`.
  public func split(size: Int, axis: Int) -> [Tensor] {
    let axis = axis < 0 ? axis + rank : axis
    precondition(
      size > 0 && shape.indices.contains(axis), "split: \(shape) has no parts of the size \(size) along axis \(axis)")
    let whole = shape[axis]
    return split(sizes: stride(from: 0, to: whole, by: size).map { min(size, whole - $0) }, axis: axis)
  }
}

/// Tensors of one shape joined along a new axis: T tensors of [N, F] along axis 1 → [N, T, F].
public func stacked(_ parts: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = parts.first else { preconditionFailure("stacked: there are no tensors") }
  let axis = axis < 0 ? axis + first.rank + 1 : axis
  precondition(
    (0...first.rank).contains(axis) && parts.allSatisfy { $0.shape == first.shape },
    "stacked: \(parts.map(\.shape)) do not go together along axis \(axis)")
  var shape = first.shape
  shape.insert(1, at: axis)
  return concatenated(parts.map { $0.reshaped(to: shape) }, axis: axis)
}
