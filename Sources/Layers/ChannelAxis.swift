import AviaryTensors

// Channels elsewhere than a layer wants them. Layers of feature maps take [N, C, …]; those that work on vectors, such as
// `Linear`, take [N, …, C]. Where one has a parameter `axis`, it takes its channels there.

extension Tensor {
  /// An axis in another place; the others keep their order. Negative ones count from the last.
  func movingAxis(_ axis: Int, to place: Int) -> Tensor {
    let (axis, place) = (axis < 0 ? axis + rank : axis, place < 0 ? place + rank : place)
    if axis == place { return self }
    var order = Array(0..<rank)
    order.insert(order.remove(at: axis), at: place)
    return transposed(order)
  }

  /// Whether an axis, which may count from the last, is there and this long.
  func hasExtent(_ extent: Int, along axis: Int) -> Bool {
    let axis = axis < 0 ? axis + rank : axis
    return shape.indices.contains(axis) && shape[axis] == extent
  }

  /// [N, C, …] → [N, …, C]
  package func channelsLast() -> Tensor { rank <= 2 ? self : movingAxis(1, to: -1) }

  /// [N, …, C] → [N, C, …]
  package func channelsFirst() -> Tensor { rank <= 2 ? self : movingAxis(-1, to: 1) }
}

/// Runs `body` on x with its channels in another place, and moves those of the result back.
///
/// - Parameters:
///   - axis: where the channels of x are; -1 for the last.
///   - place: where `body` takes them, in the same way.
func withChannels(_ axis: Int, at place: Int, of x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
  axis == place ? body(x) : body(x.movingAxis(axis, to: place)).movingAxis(place, to: axis)
}
