// How a network ends: its head, which activation makes its outputs, and what they are.

import AviaryLayers

extension KerasNetwork.Configuration {
  /// How a network ends.
  struct Ending {
    /// The last layer that does more than pass numbers on, as an index; nil where it is none of the spine.
    var place: Int?
    /// Its activation; linear if there is none.
    var activation: KerasFunction
    var output: Output
    /// Whether the outputs are probabilities that do not come from a softmax at the end, so that scores are their logarithms.
    var isMixture = false
    /// The layers from the head on, in order.
    var head: [Int] = []
    /// The value that the first of these takes.
    var features = 0
    var headPath = ""
    /// How many numbers the network puts out for one input, where that is known.
    var shape = KerasShape(channels: 1, positions: [])
  }

  /// What the outputs mean.
  public var output: Output { known.output }

  /// Whether the outputs are taken for scores of classes although they may be anything: several numbers of a linear layer.
  public var assumesScores: Bool { output == .classes && finalActivation == .linear }

  /// The activation at the end, if no layer computes anything after it.
  var finalActivation: KerasFunction { known.activation }

  var known: Ending {
    (try? plan(from: shapes)).map(ending) ?? Ending(place: nil, activation: .linear, output: .values)
  }

  func ending(of plan: KerasPlan) -> Ending {
    let spine = plan.spine
    var result = lastActivation(of: plan, spine)
    let result0 = plan.results[0]
    result.shape = plan.shapes[result0]
    // The head is the last layer with weights, if they are its own.
    let last = spine.lastIndex { layers[$0].hasWeights }
    if let last, !isShared(spine[last]) {
      result.head = Array(spine[last...])
      result.headPath = layers[spine[last]].name
    } else {
      result.head = last.map { Array(spine[($0 + 1)...]) } ?? spine
      result.headPath = spareHead
    }
    result.features = result.head.first.map { plan.inputs[$0][0] } ?? result0
    return result
  }

  private func isShared(_ place: Int) -> Bool {
    layers[place].shares != nil || layers.contains { $0.shares == layers[place].name }
  }

  /// A name for a head that is not there yet.
  private var spareHead: String { layers.contains { $0.name == "head" } ? "head_\(layers.count)" : "head" }

  private func lastActivation(of plan: KerasPlan, _ spine: [Int]) -> Ending {
    let last = plan.shapes[plan.results[0]]
    /// - isKnown: whether the outputs are those of the activation.
    func ending(
      _ place: Int?, _ activation: KerasFunction, isMixture: Bool = false, isKnown: Bool = true
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
    func isRow(_ place: Int) -> Bool {
      KerasShape.product(plan.shapes[plan.outputs[place].lowerBound].positions) == 1
    }

    // The last layer that computes something, and whether all such layers take means of channels that stay in place.
    var computing: Int?
    var isMean = true
    for place in spine.reversed() {
      let activation = layers[place].activation
      guard activation == .linear else {
        guard let computing else {
          // Each position has a distribution of its own; together they are not one.
          return ending(place, activation, isKnown: !activation.isOverChannels || isRow(place))
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
    return ending(computing ?? spine.first, .linear)
  }

  public var outputs: Int {
    get {
      let known = known
      guard let count = known.shape.count else { return 1 }
      return known.output == .probability ? 2 : count
    }
    set { setClasses(newValue) }
  }

  /// Gives the head another number of outputs, whose softmax is not computed; a head without a width of its own, or whose
  /// width later layers depend on, is followed by a new one. A single output is a number, on which no activation is computed.
  /// Of several outputs the first is kept, and what only the others need is left out.
  private mutating func setClasses(_ count: Int) {
    keepFirstResult()
    // A row has no positions.
    channelsFirst = nil
    let end = known
    guard let head = end.head.first, layers[head].name == end.headPath,
      let operation = layers[head].operation.withOutputs(count)
    else { return appendHead(count) }
    var changed = self
    // A layer that bends the number after the head cannot be taken away; a new head follows it.
    if count == 1, end.head.dropFirst().contains(where: { layers[$0].operation.effect == .activates }) {
      return appendHead(count)
    }
    changed.layers[head].operation = operation
    for place in end.head {
      let activation = layers[place].activation
      if count == 1 || activation.isSoftmax || activation == .sigmoid || place == end.place {
        changed.layers[place].activation = .linear
      }
      // A row of another length.
      if (layers[place].operation as? KerasReshape)?.shape.count == 1 {
        changed.layers[place].operation = KerasFlatten(channelsLast: true, reordered: false)
      }
    }
    changed.layers[end.head[end.head.count - 1]].activation = Self.final(count)
    let shape = changed.known.shape
    guard (try? changed.plan(from: changed.shapes)) != nil, shape.positions.isEmpty, shape.channels == count else {
      return appendHead(count)
    }
    self = changed
  }

  /// Puts out the first result alone.
  private mutating func keepFirstResult() {
    guard let results, results.count > 1, let plan = try? plan(from: shapes) else { return }
    self.results = [results[0]]
    var needed: Set<Int> = [plan.results[0]]
    var kept: [KerasLayer] = []
    for place in layers.indices.reversed() where plan.outputs[place].contains(where: { needed.contains($0) }) {
      needed.formUnion(plan.inputs[place])
      if let owner = plan.owners[place] { needed.insert(plan.outputs[owner].lowerBound) }
      kept.append(layers[place])
    }
    // Those that say where their inputs come from can do without their neighbours.
    if kept.allSatisfy({ $0.inputs != nil }) { layers = kept.reversed() }
  }

  private mutating func appendHead(_ count: Int) {
    let name = spareHead
    var input = isChain ? nil : results?.prefix(1).map { $0 }
    if known.shape.positions.isEmpty == false {
      let pool = "\(name)_pool"
      layers.append(KerasLayer(pool, "", KerasGlobalPool(kind: .average, keepsPositions: false), inputs: input))
      if input != nil { input = [KerasReference(pool)] }
    }
    let dense = layers.count { $0.place == "dense" || $0.place.hasPrefix("dense_") }
    layers.append(
      KerasLayer(
        name, dense == 0 ? "dense" : "dense_\(dense)", KerasDense(units: count, bias: true), Self.final(count),
        inputs: input))
    if results != nil { results = [KerasReference(name)] }
  }

  /// The activation behind so many outputs: scores of classes, or one number of any size and sign.
  private static func final(_ count: Int) -> KerasFunction { count == 1 ? .linear : .softmax }
}
