import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// The same elements, in row-major order, under another shape. One size may be −1 and is inferred.
  public func reshaped(to shape: [Int]) -> Tensor {
    var shape = shape
    if let open = shape.firstIndex(of: -1) {
      let others = shape.reduce(1, *) * -1
      ensure(others > 0 && count % others == 0, "reshaped: \(self.shape) does not fill \(shape)")
      shape[open] = count / others
    }
    ensure(
      shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == count, "reshaped: \(self.shape) does not fill \(shape)")
    if shape == self.shape { return self }
    return operation {
      recorded(
        Tensor(plainBuffer.reshaped(to: shape), shape: shape), as: .init("reshaped", "to", .integers(shape)), from: self
      ) { [x = operand] dy, cotangents in
        cotangents.add(Tensor(dy.plainBuffer.reshaped(to: x.shape), shape: x.shape), to: x)
      }
    }
  }

  /// The axes from one through another joined into one: [N, C, H, W] → [N, C·H·W]. Negative axes count from the last.
  public func flattened(from axis: Int = 1, through last: Int = -1) -> Tensor {
    // Without an axis to join there is a new one of size 1.
    if axis == rank { return unsqueezed(axis: -1) }
    let (first, end) = (resolvedAxis(axis, "flattened"), resolvedAxis(last, "flattened") + 1)
    ensure(first < end, "flattened: axis \(axis) of \(shape) comes after axis \(last)")
    return reshaped(to: shape.prefix(first) + [shape[first..<end].reduce(1, *)] + shape.dropFirst(end))
  }

  /// The axes in another order: axis i of the result is axis `order[i]` of this tensor.
  public func transposed(_ order: [Int]) -> Tensor {
    let order = order.map { $0 < 0 ? $0 + rank : $0 }
    ensure(order.sorted() == Array(shape.indices), "transposed: \(order) is not an order of the axes of \(shape)")
    var inverse = order
    for (new, old) in order.enumerated() { inverse[old] = new }
    func description() -> OperationDescription { .init("transposed", "order", .integers(order)) }
    return operation {
      let pullback: Pullback = { [x = operand] dy, cotangents in cotangents.add(dy.transposed(inverse), to: x) }
      if order.last == rank - 1, let rows = rowsOfTable {
        let indices = rows.indices.transposed(order.dropLast())
        let moved = LookedUpRows(table: rows.table, indices: indices, padding: rows.padding)
        return .lookedUp(moved, as: description(), from: self, pullback: pullback)
      }
      let y = Tensor(plainBuffer.transposed(order, shape: shape), shape: order.map { shape[$0] })
      return recorded(y, as: description(), from: self, pullback: pullback)
    }
  }
}

/// Tensors joined along an axis; their shapes may differ along that axis only.
public func concatenated(_ parts: [Tensor], axis: Int) -> Tensor {
  guard let first = parts.first else { stopProgram("concatenated: the list of tensors is empty") }
  let axis = axis < 0 ? axis + first.rank : axis
  ensure(first.shape.indices.contains(axis), "concatenated: \(first.shape) has no axis \(axis)")
  var shape = first.shape
  shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
  for part in parts {
    var same = part.shape
    ensure(same.count == shape.count, "concatenated: \(part.shape) does not go with \(first.shape)")
    same[axis] = shape[axis]
    ensure(same == shape, "concatenated: \(part.shape) does not go with \(first.shape) along axis \(axis)")
  }
  // oneDNN does not accept empty parts, which add nothing.
  let parts = parts.filter { $0.count > 0 }
  guard let first = parts.first else { return Tensor(zeros: shape) }
  if parts.count == 1 { return first }
  if parts.count > Buffer.mostParts {
    return composed(.init("concatenated", "axis", .integer(axis)), from: parts) {
      let head = concatenated(Array(parts.prefix(Buffer.mostParts)), axis: axis)
      return concatenated([head] + parts.dropFirst(Buffer.mostParts), axis: axis)
    }
  }
  return operation {
    let y = joined(parts, axis: axis, shape: shape)
    return recorded(y, as: .init("concatenated", "axis", .integer(axis)), fromAll: parts) {
      [parts = parts.map(\.operand)] dy, cotangents in
      var start = 0
      for part in parts {
        if cotangents.wants(part) {
          let piece = dy.buffer.slice(axis: axis, start: start, shape: part.shape, of: shape)
          cotangents.add(Tensor(piece, shape: part.shape), to: part)
        }
        start += part.shape[axis]
      }
    }
  }
}

/// Rounded where all parts are. In inference, channels of images are copied into one buffer only when something needs them so.
private func joined(_ parts: [Tensor], axis: Int, shape: [Int]) -> Tensor {
  let isTracked = parts.contains(where: \.isTracked)
  if Compute.precision != .float32, !isTracked {
    let rounded = parts.map(\.elements)
    if rounded.allSatisfy(\.layout.isOfBFloat16) {
      return Tensor(rounded: .concatenated(rounded, axis: axis, shape: shape), shape: shape)
    }
  }
  if axis == 1, shape.count == 4, !isTracked {
    let buffers = parts.flatMap { part in
      if case .joinedChannels(let channels)? = part.deferred { channels.parts } else { [part.buffer] }
    }
    if let channels = JoinedChannels(JoinedChannels.alike(buffers), shape: shape) {
      return Tensor(.joinedChannels(channels), shape: shape)
    }
  }
  return Tensor(.concatenated(parts.map(\.buffer), axis: axis, shape: shape), shape: shape)
}
