// Rows that Flatten makes of feature maps: their order in Keras is another than here.

import AviaryLayers

extension KerasGraphBuilder {
  /// Replaces each Flatten in Keras's order that a dense layer follows by one with channels first; the rows of the dense
  /// layer's weights have to be reordered.
  ///
  /// - Returns: the number of channels at each position, by the path of the dense layer.
  mutating func reorderFlattened() -> [String: Int] {
    var channels: [String: Int] = [:]
    let configuration = configuration
    guard let plan = try? configuration.plan(from: configuration.shapes) else { return [:] }
    var users: [Int: [Int]] = [:]
    for (place, inputs) in plan.inputs.enumerated() {
      for value in inputs { users[value, default: []].append(place) }
    }
    let results = Set(plan.results)
    /// The only layer that takes the output of another.
    func follower(of place: Int) -> Int? {
      let value = plan.outputs[place].lowerBound
      guard let all = users[value], all.count == 1, !results.contains(value) else { return nil }
      return all[0]
    }
    for index in layers.indices {
      guard let flatten = layers[index].operation as? KerasFlatten, flatten.channelsLast else { continue }
      let before = plan.inputShapes(of: index)[0]
      let isMixed = (before.channels ?? 2) > 1 && (KerasShape.product(before.positions) ?? 2) > 1
      if !isMixed {
        layers[index].operation = KerasFlatten(channelsLast: false, reordered: false)
      } else if let count = before.channels, followsConvolution(index, plan), let dense = consumer(follower, index),
        layers[dense].shares == nil, !layers.contains(where: { $0.shares == layers[dense].name })
      {
        layers[index].operation = KerasFlatten(channelsLast: false, reordered: true)
        channels[layers[dense].name] = count
      }
    }
    return channels
  }

  /// Whether a row consists of feature maps: the last layer before it that mixes channels is a convolution. For other rows,
  /// such as images that a dense layer takes, weights keep the order of the pixels.
  private func followsConvolution(_ index: Int, _ plan: KerasPlan) -> Bool {
    var place: Int? = plan.makers[plan.inputs[index][0]]
    while let current = place {
      if let known = layers[current].operation.makesFeatureMaps { return known }
      place = plan.inputs[current].count == 1 ? plan.makers[plan.inputs[current][0]] : nil
    }
    return false
  }

  /// The dense layer that a row reaches element by element, and no other layer.
  private func consumer(_ follower: (Int) -> Int?, _ index: Int) -> Int? {
    var place = follower(index)
    while let current = place {
      if layers[current].operation is KerasDense { return current }
      guard layers[current].operation.isElementwise, !layers[current].activation.isOverChannels else { return nil }
      place = follower(current)
    }
    return nil
  }
}
