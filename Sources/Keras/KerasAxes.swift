// The order of axes: which axis of Keras's shapes is that of the channels.

import AviaryCheckpoints
import AviaryLayers

extension KerasGraphBuilder {
  /// Changes which axis of Keras's shapes is taken for the channels: numbers stay in place, and the meaning of axes changes.
  mutating func turn(to wanted: Order, for source: KerasLayerDescription) throws(KerasModelFault) {
    let given = current
    var turned: [Value] = []
    for value in given {
      current = [value]
      if value.order != wanted {
        let rank = value.shape.all.count
        current[0].order = wanted
        if rank > 1 {
          let axes = Array(0..<rank)
          let permuted = wanted == .channelsFirst ? Array(axes.dropFirst()) + [0] : [rank - 1] + Array(axes.dropLast())
          try append(source.unplaced("\(source.name)_axes"), KerasPermute(order: permuted), .linear)
          current[0].mask = value.mask
        }
      }
      turned.append(current[0])
    }
    current = turned
  }

  /// Gives all inputs the same order of axes, Keras's own if they differ.
  mutating func alignOrders(for source: KerasLayerDescription) throws(KerasModelFault) {
    guard Set(current.filter { $0.shape.all.count > 1 }.map(\.order)).count > 1 else { return }
    try turn(to: .channelsLast, for: source)
  }

  /// Which of [C, …] an axis of Keras's shape is, the batch counted; nil for the batch, or where there is no such axis.
  func axis(_ kerasAxis: Int) -> Int? {
    let rank = shape.all.count
    let place = (kerasAxis < 0 ? kerasAxis + rank + 1 : kerasAxis) - 1
    guard (0..<rank).contains(place) else { return nil }
    let isFirst = current.first { $0.shape.all.count > 1 }?.order == .channelsFirst
    return isFirst ? place : place == rank - 1 ? 0 : place + 1
  }

  /// Brings the channels where a layer with windows has them.
  ///
  /// - Returns: its number of axes, which the class names.
  mutating func positions(of source: KerasLayerDescription) throws(KerasModelFault) -> Int {
    let isFirst = ["channels_first", "th"].contains(try source.word("data_format", "dim_ordering"))
    try turn(to: isFirst ? .channelsFirst : .channelsLast, for: source)
    let axes = source.kind.compactMap(\.wholeNumberValue).first ?? 0
    guard shape.positions.count == axes else {
      throw source.unsupported("an input of shape \(shape) does not have \(axes) axes of positions")
    }
    return axes
  }
}
