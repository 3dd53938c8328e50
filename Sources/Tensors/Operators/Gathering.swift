import AviaryDiagnostics
import AviaryKernels

// Elements picked and put down by their positions along an axis. A negative position counts from the last.

extension Tensor {
  /// The slices at some positions along an axis, a position more than once perhaps; PyTorch's `index_select`.
  public func selected(at positions: IntTensor, axis: Int = 0) -> Tensor {
    let axis = resolvedAxis(axis, "selected")
    let rows = slices(positions, axis: axis, "selected")
    var selected = shape
    selected[axis] = positions.scalars.count
    return taking(rows: rows, width: AxisView(shape, axis: axis).inner, shape: selected)
  }

  /// The sum of this tensor and slices of `values`, the slice at i added at `positions[i]` along an axis; PyTorch's
  /// `index_add`.
  public func adding(_ values: Tensor, at positions: IntTensor, axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "adding")
    let rows = slices(positions, axis: axis, "adding")
    var expected = shape
    expected[axis] = positions.scalars.count
    ensure(values.shape == expected, "adding: values of \(values.shape) are not the \(expected) that \(shape) takes")
    return self + values.placing(rows: rows, width: AxisView(shape, axis: axis).inner, shape: shape)
  }

  /// The elements at positions along an axis: y[i, j] = x[p[i, j], j] along axis 0; PyTorch's `gather`.
  ///
  /// The positions have the rank of this tensor, and along other axes not more than its size.
  public func gathered(at positions: IntTensor, axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "gathered")
    let places = elements(positions, axis: axis, "gathered")
    return taking(rows: places, width: 1, shape: positions.shape)
  }

  /// The same with NumPy's broadcasting of the other axes; PyTorch's `take_along_dim`.
  public func taken(along axis: Int, at positions: IntTensor) -> Tensor {
    let axis = resolvedAxis(axis, "taken")
    ensure(positions.shape.count == rank, "taken: positions of \(positions.shape) do not have the rank of \(shape)")
    var (own, other) = (shape, positions.shape)
    (own[axis], other[axis]) = (1, 1)
    var common = Tensor.broadcastShape(own, other)
    common[axis] = shape[axis]
    let source = expanded(to: common)
    common[axis] = positions.shape[axis]
    return source.gathered(at: positions.expanded(to: common), axis: axis)
  }

  /// This tensor with elements of `values` at positions along an axis: y[p[i, j], j] = v[i, j] along axis 0; PyTorch's
  /// `scatter`. Of several values for one place the last counts.
  public func scattering(_ values: Tensor, at positions: IntTensor, axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "scattering")
    let places = elements(positions, axis: axis, "scattering")
    ensure(
      values.shape == positions.shape,
      "scattering: values of \(values.shape) do not go with positions of \(positions.shape)")
    // The row that each place takes; of those that it does not take no gradient is asked for.
    var winners: [Int32: Int32] = [:]
    for (row, place) in places.enumerated() { winners[place] = Int32(row) }
    let (targets, rows) = (winners.keys.sorted(), winners.sorted { $0.key < $1.key }.map(\.value))
    let taken = values.taking(rows: rows, width: 1, shape: [rows.count])
    var isTarget = [Bool](repeating: false, count: count)
    for target in targets { isTarget[Int(target)] = true }
    return replacing(
      with: taken.placing(rows: targets, width: 1, shape: shape), where: Mask(isTarget, shape: shape))
  }

  /// The sum of this tensor and of elements of `values`, each added at its position along an axis; PyTorch's
  /// `scatter_add`.
  public func scatterAdding(_ values: Tensor, at positions: IntTensor, axis: Int) -> Tensor {
    let axis = resolvedAxis(axis, "scatterAdding")
    let places = elements(positions, axis: axis, "scatterAdding")
    ensure(
      values.shape == positions.shape,
      "scatterAdding: values of \(values.shape) do not go with positions of \(positions.shape)")
    return self + values.placing(rows: places, width: 1, shape: shape)
  }

  /// The rows of `inner` elements that slices along an axis consist of.
  private func slices(_ positions: IntTensor, axis: Int, _ operation: String) -> [Int32] {
    ensure(positions.shape.count == 1, "\(operation): positions of \(positions.shape) are not a vector")
    let view = AxisView(shape, axis: axis)
    let places = positions.scalars.map { resolved($0, axis: axis, operation) }
    return (0..<view.outer).flatMap { group in places.map { Int32(group * view.size) + $0 } }
  }

  /// The places of single elements, one for each of the positions.
  private func elements(_ positions: IntTensor, axis: Int, _ operation: String) -> [Int32] {
    ensure(
      positions.shape.count == rank
        && shape.indices.allSatisfy { $0 == axis || positions.shape[$0] <= shape[$0] },
      "\(operation): positions of \(positions.shape) do not go with \(shape) along axis \(axis)")
    let (strides, own) = (rowMajorStrides(shape), rowMajorStrides(positions.shape))
    return positions.scalars.enumerated().map { number, position in
      var place = Int(resolved(position, axis: axis, operation)) * strides[axis]
      for other in shape.indices where other != axis {
        place += number / own[other] % positions.shape[other] * strides[other]
      }
      return Int32(place)
    }
  }

  private func resolved(_ position: Int32, axis: Int, _ operation: String) -> Int32 {
    let place = position < 0 ? position + Int32(shape[axis]) : position
    ensure(
      place >= 0 && place < shape[axis], "\(operation): \(shape) has no position \(position) along axis \(axis)")
    return place
  }
}

/// Ones at the labels and zeros elsewhere: labels [N…] → [N…, classes]; PyTorch's `one_hot`, in floats.
public func oneHot(_ labels: IntTensor, classes: Int) -> Tensor {
  if let wrong = labels.scalars.first(where: { $0 < 0 || $0 >= classes }) {
    stopProgram("oneHot: the label \(wrong) is not one of the \(classes) classes")
  }
  return operation {
    let y = Buffer.filled(1, shape: [labels.scalars.count]).placed(labels.scalars, columns: classes)
    return Tensor(y.reshaped(to: labels.shape + [classes]), shape: labels.shape + [classes])
  }
}
