import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// The positions `start..<end` along an axis. A negative axis counts from the last.
  public func slice(axis: Int, from start: Int, to end: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    ensure(
      shape.indices.contains(axis) && 0 <= start && start <= end && end <= shape[axis],
      "slice: \(shape) has no part \(start)..<\(end) along axis \(axis)")
    if start == 0, end == shape[axis] { return self }
    var part = shape
    part[axis] = end - start
    return operation {
      let y = Tensor(buffer.slice(axis: axis, start: start, shape: part, of: shape), shape: part)
      return recorded(y, as: .init("slice", .slice(axis: axis, from: start, to: end)), from: self) {
        [x = operand] dy, cotangents in
        cotangents.add(part: dy, at: start, axis: axis, to: x)
      }
    }
  }

  /// One position along an axis, which is dropped: the slice of [N, T, F] at t along axis 1 is [N, F].
  public func slice(axis: Int, at position: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    var rest = shape
    let part = slice(axis: axis, from: position, to: position + 1)
    rest.remove(at: axis)
    return part.reshaped(to: rest)
  }

  /// Consecutive parts of the given sizes along an axis. The sizes must add up to the axis.
  public func split(sizes: [Int], axis: Int) -> [Tensor] {
    let axis = axis < 0 ? axis + rank : axis
    ensure(
      shape.indices.contains(axis) && sizes.reduce(0, +) == shape[axis],
      "split: \(shape) has no parts of the sizes \(sizes) along axis \(axis)")
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return slice(axis: axis, from: start, to: start + size)
    }
  }

  /// Consecutive parts of one size along an axis; the last is smaller if the size does not divide the axis. PyTorch's `split`.
  public func split(size: Int, axis: Int) -> [Tensor] {
    let axis = axis < 0 ? axis + rank : axis
    ensure(
      size > 0 && shape.indices.contains(axis), "split: \(shape) has no parts of the size \(size) along axis \(axis)")
    let whole = shape[axis]
    return split(sizes: stride(from: 0, to: whole, by: size).map { Swift.min(size, whole - $0) }, axis: axis)
  }
}

extension Tensor {
  /// Zero padding along an axis, before and after. A negative axis counts from the last.
  public func padded(axis: Int, before: Int, after: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    ensure(
      shape.indices.contains(axis) && before >= 0 && after >= 0,
      "padded: \(shape) cannot be padded by \(before) and \(after) zeros along axis \(axis)")
    func zeros(_ count: Int) -> [Tensor] {
      var part = shape
      part[axis] = count
      return count == 0 ? [] : [Tensor(zeros: part)]
    }
    let parts = zeros(before) + [self] + zeros(after)
    if parts.count == 1 { return self }
    return composed(
      .init("padded", ["axis": .integer(axis), "before": .integer(before), "after": .integer(after)]), from: [self]
    ) { concatenated(parts, axis: axis) }
  }

  /// Every position along an axis repeated `count` times: nearest-neighbor upsampling. A negative axis counts from the last.
  public func repeated(_ count: Int, axis: Int) -> Tensor {
    let axis = axis < 0 ? axis + rank : axis
    ensure(
      shape.indices.contains(axis) && count > 0,
      "repeated: \(shape) cannot be repeated \(count) times along axis \(axis)")
    if count == 1 { return self }
    var (apart, ones, joined) = (shape, Array(repeating: 1, count: rank + 1), shape)
    apart.insert(1, at: axis + 1)
    ones[axis + 1] = count
    joined[axis] *= count
    return composed(
      .init("repeated", ["count": .integer(count), "axis": .integer(axis)]), from: [self]
    ) { (reshaped(to: apart) * Tensor(ones: ones)).reshaped(to: joined) }
  }

  /// The positions along an axis from the last to the first. A negative axis counts from the last.
  public func reversed(axis: Int) -> Tensor { reversed(axes: [axis]) }
}

/// Tensors of one shape joined along a new axis: T tensors of [N, F] along axis 1 → [N, T, F].
public func stacked(_ parts: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = parts.first else { stopProgram("stacked: the list of tensors is empty") }
  let axis = axis < 0 ? axis + first.rank + 1 : axis
  ensure(
    (0...first.rank).contains(axis) && parts.allSatisfy { $0.shape == first.shape },
    "stacked: \(parts.map(\.shape)) do not go together along axis \(axis)")
  var shape = first.shape
  shape.insert(1, at: axis)
  return composed(.init("stacked", "axis", .integer(axis)), from: parts) {
    concatenated(parts.map { $0.reshaped(to: shape) }, axis: axis)
  }
}
