// A chain of layers from Keras's description: every layer checked against the shape that reaches it.

import AviaryCheckpoints
import AviaryLayers

extension KerasLayerDescription {
  /// The same as something that Keras does not have.
  fileprivate func unplaced(_ name: String) -> KerasLayerDescription {
    KerasLayerDescription(kind: kind, name: name, configuration: configuration)
  }
}

/// What has been built of a chain so far.
struct KerasChainBuilder {
  /// Where Keras's shapes have the channels: `(H, W, C)` or `(C, H, W)`. Here they are always first.
  enum Order { case channelsLast, channelsFirst }

  let path: String
  /// Of Keras: 1, 2 or 3.
  let version: Int
  private(set) var layers: [ChainLayer] = []
  /// The network's path for each of Keras's layers with weights.
  private(set) var paths: [String: String] = [:]
  /// Numbers for the cells that Keras leaves out: normalisations without scale or shift.
  private(set) var constants: [String: Float] = [:]
  /// What works otherwise than in Keras, in words.
  var notes: [String] = []
  private(set) var shape: ChainShape
  var order: Order
  /// The embedding whose zeros later layers would skip.
  var masksSteps: String?
  private let input: ChainShape
  private var names: Set<String> = []

  /// - Parameter shape: what goes in, in Keras's order.
  init(shape: [Int?], order: Order, version: Int, path: String) {
    let first = order == .channelsFirst || shape.count == 1
    self.shape =
      first
      ? ChainShape(channels: shape[0], positions: Array(shape.dropFirst()))
      : ChainShape(channels: shape[shape.count - 1], positions: Array(shape.dropLast()))
    self.order = order
    input = self.shape
    self.version = version
    self.path = path
  }

  var configuration: KerasChain.Configuration { .init(input: input.all, layers: layers) }

  /// Adds a layer of the chain for one of Keras's.
  mutating func add(
    _ source: KerasLayerDescription, _ operation: ChainOperation, _ activation: ChainActivation = .linear
  ) throws(KerasModelFault) {
    let isSoftmax = activation == .softmax || activation == .logSoftmax
    if isSoftmax, order == .channelsFirst, operation.hasWeights {
      // Keras takes it over the last axis, which is none of channels here.
      try append(source, operation, .linear)
      try turn(to: .channelsLast, for: source)
      return try append(source.unplaced(source.name), .identity, activation)
    }
    if isSoftmax { try turn(to: .channelsLast, for: source) }
    try append(source, operation, activation)
  }

  private mutating func append(
    _ source: KerasLayerDescription, _ operation: ChainOperation, _ activation: ChainActivation
  ) throws(KerasModelFault) {
    let layer = ChainLayer(path(for: source.name), source.place, operation, activation)
    do throws(ConfigurationFault) {
      shape = try layer.output(of: shape)
    } catch {
      let reason = if case .layer(_, let reason) = error { reason } else { "\(error)" }
      throw .unsupported(path: path, layer: source.name, kind: source.kind, reason: reason)
    }
    layers.append(layer)
    if operation.hasWeights {
      guard paths.updateValue(layer.name, forKey: source.name) == nil else {
        throw .unsupported(
          path: path, layer: source.name, kind: source.kind,
          reason: "another layer has the same name, or it is used twice")
      }
    }
    switch operation {
    case .batchNormalization(_, _, let scale, let center), .layerNormalization(_, let scale, let center):
      if !scale { constants["\(layer.name).weight"] = 1 }
      if !center { constants["\(layer.name).bias"] = 0 }
    default: break
    }
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

  /// Reads Keras's shape with the channels elsewhere: numbers stay in their places, and axes mean something else.
  mutating func turn(to wanted: Order, for source: KerasLayerDescription) throws(KerasModelFault) {
    guard order != wanted else { return }
    order = wanted
    let rank = shape.all.count
    guard rank > 1 else { return }
    let axes = Array(0..<rank)
    let turned = wanted == .channelsFirst ? Array(axes.dropFirst()) + [0] : [rank - 1] + Array(axes.dropLast())
    try append(source.unplaced("\(source.name)_axes"), .transpose(order: turned), .linear)
  }

  /// Where a Flatten in Keras's order is followed by a dense layer, lets that have its rows in the order of channels first
  /// instead.
  ///
  /// - Returns: how many channels there are to each position, by the path of the dense layer.
  mutating func reorderFlattened() throws(KerasModelFault) -> [String: Int] {
    var channels: [String: Int] = [:]
    guard let shapes = try? configuration.shapes(from: input) else { return [:] }
    for index in layers.indices {
      guard case .flatten(channelsLast: true, _) = layers[index].operation else { continue }
      let before = shapes[index]
      let isMixed = (before.channels ?? 2) > 1 && (ChainShape.product(before.positions) ?? 2) > 1
      if !isMixed {
        layers[index].operation = .flatten(channelsLast: false, reordered: false)
      } else if let count = before.channels, followsConvolution(index), let dense = consumer(after: index) {
        layers[index].operation = .flatten(channelsLast: false, reordered: true)
        channels[layers[dense].name] = count
      }
    }
    return channels
  }

  /// Whether a row is of feature maps: the last layer before it that mixes channels is a convolution. Of other things, such
  /// as pictures that a dense layer takes, weights keep the order of the pixels.
  private func followsConvolution(_ index: Int) -> Bool {
    for layer in layers[..<index].reversed() {
      switch layer.operation {
      case .convolution, .transposedConvolution, .depthwiseConvolution, .separableConvolution: return true
      case .dense, .recurrent, .bidirectional, .embedding, .reshape, .transpose, .repeatVector: return false
      default: continue
      }
    }
    return false
  }

  /// The dense layer that a row reaches element by element.
  private func consumer(after index: Int) -> Int? {
    for place in (index + 1)..<max(layers.count, index + 1) {
      let layer = layers[place]
      switch layer.operation {
      case .dense: return place
      case .dropout, .identity, .scaling, .leakyRelu, .elu, .relu:
        if layer.activation == .softmax || layer.activation == .logSoftmax { return nil }
      default: return nil
      }
    }
    return nil
  }
}
