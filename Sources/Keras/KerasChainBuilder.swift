// Builds a chain of layers from Keras's description and checks every layer against the shape of its input.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

/// The chain that has been built so far.
struct KerasChainBuilder {
  /// The order of the axes in Keras: `(H, W, C)` or `(C, H, W)`. Here channels are always first.
  enum Order { case channelsLast, channelsFirst }

  private(set) var layers: [ChainLayer] = []
  /// The network's path for each of Keras's layers with weights.
  private(set) var paths = ExactDictionary<String>()
  /// Keras's description of each layer with weights, by the network's path.
  private(set) var sources: [String: KerasLayerDescription] = [:]
  /// Values of the cells that Keras omits: of normalisations without scale or shift.
  private(set) var constants: [String: Float] = [:]
  /// Differences from Keras, in words.
  var notes: [String] = []
  private(set) var shape: ChainShape
  var order: Order
  /// The embedding whose zeros later layers skip in Keras.
  var masksSteps: String?
  private let input: ChainShape
  private var names: Set<String> = []

  /// - Parameter shape: of the input, in Keras's order.
  init(shape: [Int?], order: Order) {
    let first = order == .channelsFirst || shape.count == 1
    self.shape =
      first
      ? ChainShape(channels: shape[0], positions: Array(shape.dropFirst()))
      : ChainShape(channels: shape[shape.count - 1], positions: Array(shape.dropLast()))
    self.order = order
    input = self.shape
  }

  var configuration: KerasChain.Configuration { .init(input: input.all, layers: layers) }

  /// Adds a layer of the chain for one of Keras's.
  mutating func add(
    _ source: KerasLayerDescription, _ operation: any KerasLayerClass, _ activation: ChainActivation = .linear
  ) throws(KerasModelFault) {
    if activation.isSoftmax, order == .channelsFirst, !operation.parts.isEmpty {
      // Keras takes it over the last axis, which is not the channels here.
      try append(source, operation, .linear)
      try turn(to: .channelsLast, for: source)
      return try append(source.unplaced(source.name), KerasActivation(), activation)
    }
    if activation.isSoftmax { try turn(to: .channelsLast, for: source) }
    try append(source, operation, activation)
  }

  private mutating func append(
    _ source: KerasLayerDescription, _ operation: any KerasLayerClass, _ activation: ChainActivation
  ) throws(KerasModelFault) {
    let layer = ChainLayer(path(for: source.name), source.place, operation, activation)
    do throws(ConfigurationFault) {
      shape = try layer.output(of: shape)
    } catch {
      let reason = if case .layer(_, let reason) = error { reason } else { "\(error)" }
      throw source.unsupported(reason)
    }
    layers.append(layer)
    if layer.hasWeights, paths.updateValue(layer.name, forKey: source.name) != nil {
      throw source.unsupported("another layer has the same name, or it is used twice")
    }
    if layer.hasWeights { sources[layer.name] = source }
    for (cell, value) in operation.constants { constants["\(layer.name).\(cell)"] = value }
  }

  /// Refuses a layer that would have to skip steps.
  func requireNoMask(_ source: KerasLayerDescription) throws(KerasModelFault) {
    guard let embedding = masksSteps else { return }
    throw source.unsupported("'\(embedding)' has mask_zero=True, and skipping of steps is not supported")
  }

  /// A path of its own for a layer: lower case letters, digits and underscores.
  private mutating func path(for name: String) -> String {
    let plain = name.lowercased().unicodeScalars.map { scalar -> Character in
      let isKept = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      return isKept ? Character(scalar) : "_"
    }
    let base = plain.isEmpty ? "layer" : String(plain)
    var candidate = base
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(base)_\(number)"
      number += 1
    }
    return candidate
  }

  /// Changes which axis of Keras's shape is taken for the channels: numbers stay in place, and the meaning of axes changes.
  mutating func turn(to wanted: Order, for source: KerasLayerDescription) throws(KerasModelFault) {
    guard order != wanted else { return }
    order = wanted
    let rank = shape.all.count
    guard rank > 1 else { return }
    let axes = Array(0..<rank)
    let turned = wanted == .channelsFirst ? Array(axes.dropFirst()) + [0] : [rank - 1] + Array(axes.dropLast())
    try append(source.unplaced("\(source.name)_axes"), KerasPermute(order: turned), .linear)
  }

  /// Brings the channels where a layer with windows has them.
  ///
  /// - Returns: its number of axes, which the class names.
  mutating func positions(of source: KerasLayerDescription) throws(KerasModelFault) -> Int {
    let isFirst = ["channels_first", "th"].contains(source.setting("data_format", "dim_ordering")?.text)
    try turn(to: isFirst ? .channelsFirst : .channelsLast, for: source)
    let axes = source.kind.compactMap(\.wholeNumberValue).first ?? 0
    guard shape.positions.count == axes else {
      throw source.unsupported("an input of shape \(shape) does not have \(axes) axes of positions")
    }
    return axes
  }

  /// Replaces each Flatten in Keras's order that a dense layer follows by one with channels first; the rows of the dense
  /// layer's weights have to be reordered.
  ///
  /// - Returns: the number of channels at each position, by the path of the dense layer.
  mutating func reorderFlattened() throws(KerasModelFault) -> [String: Int] {
    var channels: [String: Int] = [:]
    guard let shapes = try? configuration.shapes(from: input) else { return [:] }
    for index in layers.indices {
      guard let flatten = layers[index].operation as? KerasFlatten, flatten.channelsLast else { continue }
      let before = shapes[index]
      let isMixed = (before.channels ?? 2) > 1 && (ChainShape.product(before.positions) ?? 2) > 1
      if !isMixed {
        layers[index].operation = KerasFlatten(channelsLast: false, reordered: false)
      } else if let count = before.channels, followsConvolution(index), let dense = consumer(after: index) {
        layers[index].operation = KerasFlatten(channelsLast: false, reordered: true)
        channels[layers[dense].name] = count
      }
    }
    return channels
  }

  /// Whether a row consists of feature maps: the last layer before it that mixes channels is a convolution. For other rows,
  /// such as images that a dense layer takes, weights keep the order of the pixels.
  private func followsConvolution(_ index: Int) -> Bool {
    layers[..<index].reversed().lazy.compactMap(\.operation.makesFeatureMaps).first ?? false
  }

  /// The dense layer that a row reaches element by element.
  private func consumer(after index: Int) -> Int? {
    for place in layers.indices.dropFirst(index + 1) {
      if layers[place].operation is KerasDense { return place }
      guard layers[place].operation.isElementwise, !layers[place].activation.isSoftmax else { return nil }
    }
    return nil
  }
}
