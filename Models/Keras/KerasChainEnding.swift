// How a chain of layers ends: which activation makes its outputs, and what these are.

import AviaryLayers

/// What a layer does to the numbers of the one before, as far as the end of a chain depends on it.
private enum EndingEffect {
  /// They stay what they are in predictions.
  case passes
  /// They stay what they are, and lie otherwise.
  case rearranges
  /// Means over positions: of probabilities these are probabilities.
  case averages
  /// It is itself an activation.
  case activates
  /// Each becomes another.
  case computes
  /// They become sums of all of them, so that nothing before is the end.
  case mixes

  init(_ operation: ChainOperation) {
    switch operation {
    case .dropout, .channelDropout, .identity: self = .passes
    case .flatten, .reshape, .transpose: self = .rearranges
    case .globalPool(.average, _), .pool(.average, _): self = .averages
    case .leakyRelu, .elu, .relu, .prelu: self = .activates
    case .globalPool, .pool, .scaling, .repeatVector, .zeroPadding, .cropping, .upSampling, .batchNormalization,
      .layerNormalization:
      self = .computes
    case .dense, .convolution, .transposedConvolution, .depthwiseConvolution, .separableConvolution, .embedding,
      .recurrent, .bidirectional:
      self = .mixes
    }
  }
}

extension KerasChain.Configuration {
  /// The end of a chain.
  struct Ending {
    /// The last layer that does more than pass numbers on.
    var place: Int
    /// What it ends with; linear where it has none.
    var activation: ChainActivation
    var output: Output
    /// Whether the outputs are probabilities that no softmax at the end has made, so that scores are their logarithms.
    var isMixture = false
  }

  public var output: Output { ending.output }

  /// The activation at the end, where nothing that computes comes after it.
  var finalActivation: ChainActivation { ending.activation }

  var ending: Ending {
    guard let shapes = try? shapes(from: shape), let last = shapes.last else {
      return Ending(place: layers.count - 1, activation: .linear, output: .values)
    }
    /// - isKnown: whether what the activation makes of numbers is what comes out.
    func ending(
      _ place: Int, _ activation: ChainActivation, isMixture: Bool = false, isKnown: Bool = true
    ) -> Ending {
      let output: Output =
        switch (activation, last.channels ?? 1) {
        case _ where !last.positions.isEmpty || !isKnown: .values
        case (.softmax, 2...): .classes
        // Means of logarithms are no logarithms of anything.
        case (.logSoftmax, 2...) where !isMixture: .classes
        case (.sigmoid, 1): .probability
        case (.linear, 2...): .classes
        default: .values
        }
      return Ending(place: place, activation: activation, output: output, isMixture: isMixture)
    }
    /// Whether what the layer puts out has channels alone, which no later layer can mix with positions.
    func isRow(_ place: Int) -> Bool { ChainShape.product(shapes[place + 1].positions) == 1 }

    // The last layer that computes something, and whether all of these take means of channels that stay in their places.
    var computing: Int?
    var isMean = true
    for place in layers.indices.reversed() {
      let activation = layers[place].activation
      guard activation == .linear else {
        guard let computing else {
          // Each position has a distribution of its own; together they are none.
          return ending(place, activation, isKnown: ![.softmax, .logSoftmax].contains(activation) || isRow(place))
        }
        guard [.softmax, .sigmoid, .logSoftmax].contains(activation) else { return ending(computing, .linear) }
        return ending(computing, activation, isMixture: true, isKnown: isMean && isRow(computing))
      }
      switch EndingEffect(layers[place].operation) {
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

  /// The head with as many outputs, whose softmax is not computed; a head that has no width, or whose width later layers
  /// depend on, is followed by one.
  private mutating func setClasses(_ count: Int) {
    guard let head else { return }
    var changed = self
    switch layers[head].operation {
    case .dense(_, let bias): changed.layers[head].operation = .dense(units: count, bias: bias)
    case .convolution(_, let window, 1, let bias):
      changed.layers[head].operation = .convolution(filters: count, window: window, groups: 1, bias: bias)
    default: return appendHead(count)
    }
    let end = ending.place
    for place in head..<layers.count {
      if [.softmax, .logSoftmax, .sigmoid].contains(layers[place].activation) || place == end {
        changed.layers[place].activation = .linear
      }
      // A row of another length.
      if case .reshape(let shape) = layers[place].operation, shape.count == 1 {
        changed.layers[place].operation = .flatten(channelsLast: true, reordered: false)
      }
    }
    changed.layers[layers.count - 1].activation = .softmax
    guard let shape = changed.outputShape, shape.positions.isEmpty, shape.channels == count else {
      return appendHead(count)
    }
    self = changed
  }

  private mutating func appendHead(_ count: Int) {
    let name = layers.contains { $0.name == "head" } ? "head_\(layers.count)" : "head"
    if outputShape?.positions.isEmpty == false {
      layers.append(ChainLayer("\(name)_pool", "", .globalPool(kind: .average, keepsPositions: false)))
    }
    let dense = layers.count { $0.place == "dense" || $0.place.hasPrefix("dense_") }
    layers.append(
      ChainLayer(name, dense == 0 ? "dense" : "dense_\(dense)", .dense(units: count, bias: true), .softmax))
  }
}
