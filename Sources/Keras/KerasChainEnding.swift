// How a chain of layers ends: which activation makes its outputs, and what they are.

import AviaryLayers

extension KerasChain.Configuration {
  /// How a chain ends.
  struct Ending {
    /// The last layer that does more than pass numbers on, as an index.
    var place: Int
    /// Its activation; linear if there is none.
    var activation: ChainActivation
    var output: Output
    /// Whether the outputs are probabilities that do not come from a softmax at the end, so that scores are their logarithms.
    var isMixture = false
  }

  public var output: Output { ending.output }

  /// Whether the outputs are taken for scores of classes although they may be anything: several numbers of a linear layer.
  public var assumesScores: Bool { output == .classes && finalActivation == .linear }

  /// The activation at the end, if no layer computes anything after it.
  var finalActivation: ChainActivation { ending.activation }

  var ending: Ending {
    guard let shapes = try? shapes(from: shape), let last = shapes.last else {
      return Ending(place: layers.count - 1, activation: .linear, output: .values)
    }
    /// - isKnown: whether the outputs are those of the activation.
    func ending(
      _ place: Int, _ activation: ChainActivation, isMixture: Bool = false, isKnown: Bool = true
    ) -> Ending {
      let output: Output =
        switch (activation, last.channels ?? 1) {
        case _ where !last.positions.isEmpty || !isKnown: .values
        case (.softmax, 2...): .classes
        // Means of logarithms are not logarithms of probabilities.
        case (.logSoftmax, 2...) where !isMixture: .classes
        case (.sigmoid, 1): .probability
        case (.linear, 2...): .classes
        default: .values
        }
      return Ending(place: place, activation: activation, output: output, isMixture: isMixture)
    }
    /// Whether the layer's output has only channels, which no later layer can mix with positions.
    func isRow(_ place: Int) -> Bool { ChainShape.product(shapes[place + 1].positions) == 1 }

    // The last layer that computes something, and whether all such layers take means of channels that stay in place.
    var computing: Int?
    var isMean = true
    for place in layers.indices.reversed() {
      let activation = layers[place].activation
      guard activation == .linear else {
        guard let computing else {
          // Each position has a distribution of its own; together they are not one.
          return ending(place, activation, isKnown: !activation.isSoftmax || isRow(place))
        }
        guard activation.isSoftmax || activation == .sigmoid else { return ending(computing, .linear) }
        return ending(computing, activation, isMixture: true, isKnown: isMean && isRow(computing))
      }
      switch layers[place].operation.effect {
      case .passes: continue
      case .rearranges: if computing != nil { isMean = false }
      case .averages: computing = computing ?? place
      case .activates:
        return ending(computing ?? place, .linear, isKnown: computing != nil)
      case .computes:
        computing = computing ?? place
        isMean = false
      case .mixes: return ending(computing ?? place, .linear)
      }
    }
    return ending(computing ?? 0, .linear)
  }

  public var outputs: Int {
    get {
      guard let count = outputShape?.count else { return 1 }
      return output == .probability ? 2 : count
    }
    set { setClasses(newValue) }
  }

  private var outputShape: ChainShape? { (try? shapes(from: shape))?.last }

  /// Gives the head another number of outputs, whose softmax is not computed; a head without a width of its own, or whose
  /// width later layers depend on, is followed by a new one. A single output is a number, on which no activation is computed.
  private mutating func setClasses(_ count: Int) {
    guard let head else { return }
    var changed = self
    guard let operation = layers[head].operation.withOutputs(count) else { return appendHead(count) }
    // A layer that bends the number after the head cannot be taken away; a new head follows it.
    if count == 1, layers[(head + 1)...].contains(where: { $0.operation.effect == .activates }) {
      return appendHead(count)
    }
    changed.layers[head].operation = operation
    let end = ending.place
    for place in head..<layers.count {
      let activation = layers[place].activation
      if count == 1 || activation.isSoftmax || activation == .sigmoid || place == end {
        changed.layers[place].activation = .linear
      }
      // A row of another length.
      if (layers[place].operation as? KerasReshape)?.shape.count == 1 {
        changed.layers[place].operation = KerasFlatten(channelsLast: true, reordered: false)
      }
    }
    changed.layers[layers.count - 1].activation = Self.final(count)
    guard let shape = changed.outputShape, shape.positions.isEmpty, shape.channels == count else {
      return appendHead(count)
    }
    self = changed
  }

  private mutating func appendHead(_ count: Int) {
    let name = layers.contains { $0.name == "head" } ? "head_\(layers.count)" : "head"
    if outputShape?.positions.isEmpty == false {
      layers.append(ChainLayer("\(name)_pool", "", KerasGlobalPool(kind: .average, keepsPositions: false)))
    }
    let dense = layers.count { $0.place == "dense" || $0.place.hasPrefix("dense_") }
    layers.append(
      ChainLayer(name, dense == 0 ? "dense" : "dense_\(dense)", KerasDense(units: count, bias: true), Self.final(count))
    )
  }

  /// The activation behind so many outputs: scores of classes, or one number of any size and sign.
  private static func final(_ count: Int) -> ChainActivation { count == 1 ? .linear : .softmax }
}
