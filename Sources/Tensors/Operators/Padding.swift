import AviaryDiagnostics

/// What padding is made of.
public enum PaddingMode: Sendable, Equatable {
  /// This number.
  case constant(Float)
  /// The elements mirrored at the first and the last, which are not repeated. Less than the size of the axis.
  case reflect
  /// The first and the last element.
  case replicate
  /// The elements from the other end of the axis. At most its size.
  case circular
}

extension Tensor {
  /// The tensor padded along its last axes: one pair of `amounts` for each, from the outer to the inner. PyTorch's `pad` takes
  /// the pairs in the opposite order.
  public func padded(_ amounts: [(before: Int, after: Int)], mode: PaddingMode = .constant(0)) -> Tensor {
    ensure(
      amounts.count <= rank && amounts.allSatisfy { $0.before >= 0 && $0.after >= 0 },
      "padded: \(shape) cannot be padded by \(amounts.map { [$0.before, $0.after] })")
    let first = rank - amounts.count
    return amounts.enumerated().reduce(self) { $0.padded(axis: first + $1.offset, $1.element, mode) }
  }

  private func padded(axis: Int, _ amount: (before: Int, after: Int), _ mode: PaddingMode) -> Tensor {
    let size = shape[axis]
    let (before, after) = amount
    if before == 0 && after == 0 { return self }
    let positions: [Int]
    switch mode {
    case .constant(let value):
      func part(_ count: Int) -> Tensor {
        var part = shape
        part[axis] = count
        return Tensor(repeating: value, shape: part)
      }
      return concatenated([part(before), self, part(after)], axis: axis)
    case .reflect:
      ensure(Swift.max(before, after) < size, "padded: \(shape) has too few elements along axis \(axis) to be mirrored")
      positions = (-before..<size + after).map { $0 < 0 ? -$0 : $0 >= size ? 2 * (size - 1) - $0 : $0 }
    case .replicate:
      ensure(size > 0, "padded: \(shape) has no element along axis \(axis) to be repeated")
      positions = (-before..<size + after).map { Swift.min(Swift.max($0, 0), size - 1) }
    case .circular:
      ensure(Swift.max(before, after) <= size, "padded: \(shape) has too few elements along axis \(axis) to go round")
      positions = (-before..<size + after).map { ($0 + size) % size }
    }
    return selected(at: IntTensor(positions.map { Int32($0) }), axis: axis)
  }
}
