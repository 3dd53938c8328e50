import AviaryDiagnostics
import AviaryKernels

extension Tensor {
  /// The elements along an axis in order, and their original positions. Equal elements keep their order; NaN counts as the
  /// largest. PyTorch's `sort(stable=True)`.
  public func sorted(axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: IntTensor) {
    let indices = argsort(axis: axis, descending: descending)
    return (gathered(at: indices, axis: axis), indices)
  }

  /// The positions of the elements along an axis in order: see `sorted`.
  public func argsort(axis: Int = -1, descending: Bool = false) -> IntTensor {
    let view = AxisView(shape, axis: resolvedAxis(axis, "argsort"))
    var indices = [Int32](repeating: 0, count: count)
    var line = [(value: Float, position: Int32)](repeating: (0, 0), count: view.size)
    operation {
      noteReading(self)
      plainBuffer.reading { x in
        view.forEachLine { start, _ in
          for position in 0..<view.size { line[position] = (x[start + position * view.inner], Int32(position)) }
          line.sort { a, b in
            let (first, second) = descending ? (b.value, a.value) : (a.value, b.value)
            if first < second || (second.isNaN && !first.isNaN) { return true }
            if second < first || (first.isNaN && !second.isNaN) { return false }
            return a.position < b.position
          }
          for position in 0..<view.size { indices[start + position * view.inner] = line[position].position }
        }
      }
    }
    return IntTensor(indices, shape: shape)
  }

  /// The `count` largest elements along an axis, or the smallest, in order, and their original positions; of equal elements
  /// the first. PyTorch's `topk`.
  public func top(_ count: Int, axis: Int = -1, largest: Bool = true) -> (values: Tensor, indices: IntTensor) {
    let place = resolvedAxis(axis, "top")
    ensure((0...shape[place]).contains(count), "top: \(shape) has no \(count) elements along axis \(axis)")
    let order = argsort(axis: place, descending: largest)
    let view = AxisView(shape, axis: place)
    var kept = shape
    kept[place] = count
    var indices: [Int32] = []
    indices.reserveCapacity(kept.reduce(1, *))
    for group in 0..<view.outer {
      let start = group * view.size * view.inner
      indices += order.scalars[start..<start + count * view.inner]
    }
    let positions = IntTensor(indices, shape: kept)
    return (gathered(at: positions, axis: place), positions)
  }

  /// The distinct elements in ascending order, the index of each element among them, and their counts; every NaN is distinct.
  /// No gradient flows. PyTorch's `unique(return_inverse=True, return_counts=True)`.
  public func unique() -> (values: Tensor, inverse: IntTensor, counts: IntTensor) {
    let order = reshaped(to: [count]).argsort().scalars
    let elements = scalars
    var (values, counts): ([Float], [Int32]) = ([], [])
    var inverse = [Int32](repeating: 0, count: count)
    for place in order {
      let element = elements[Int(place)]
      if values.last != element {
        values.append(element)
        counts.append(0)
      }
      counts[counts.count - 1] += 1
      inverse[Int(place)] = Int32(values.count - 1)
    }
    return (Tensor(values, shape: [values.count]), IntTensor(inverse, shape: shape), IntTensor(counts))
  }
}
