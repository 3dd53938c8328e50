// What the attentions of Keras take: query, value and key, and the masks that come with them.

import AviaryTensors

/// Which inputs an attention has, after its query, value and key.
struct KerasAttentionInputs: Codable, Equatable, Sendable {
  var hasKey = false
  var hasQueryMask = false
  var hasValueMask = false
  var isCausal = false

  /// Takes the inputs of an attention from those of the call, and the masks that come with them.
  init(
    of source: KerasLayerDescription, _ graph: inout KerasGraphBuilder, masksQuery: Bool
  ) throws(KerasModelFault) {
    if source.call.keyword("return_attention_scores")?.isAbsent == false {
      throw source.unsupported("return_attention_scores=True is not supported")
    }
    isCausal =
      source.call.keyword("use_causal_mask")?.constant?.boolean ?? source.flag("causal", default: false)
    // The masks of the inputs come with them.
    if graph.current.contains(where: { $0.mask != nil }) { _ = graph.take("mask") }
    let given = graph.current + graph.take("query") + graph.take("value") + graph.take("key")
    graph.give(given)
    try graph.turn(to: .channelsLast, for: source)
    let turned = graph.current
    guard (2...3).contains(turned.count) else {
      throw source.unsupported("it has \(turned.count) inputs; it takes a query, a value and perhaps a key")
    }
    hasKey = turned.count == 3
    var all = turned
    if masksQuery, turned[0].mask != nil, let mask = graph.takeMask() {
      hasQueryMask = true
      all.append(mask)
    }
    graph.give([turned[1]])
    if let mask = graph.takeMask() {
      hasValueMask = true
      all.append(mask)
    }
    graph.give(all)
  }

  /// Checks the shapes of all inputs.
  ///
  /// - Returns: those of query, value and key.
  func checked(_ inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    let count = 2 + [hasKey, hasQueryMask, hasValueMask].count { $0 }
    try require(inputs.count == count, "it has \(inputs.count) inputs; it takes \(count)")
    let sequences = inputs[0..<(hasKey ? 3 : 2)]
    for sequence in sequences {
      _ = try sequence.knownChannels()
      try require(sequence.positions.count == 1, "it takes sequences, not an input of shape \(sequence)")
    }
    let (steps, other) = (inputs[1].positions[0], sequences.last?.positions[0] ?? nil)
    try require(steps == other || steps == nil || other == nil, "its value and key have different lengths")
    for (index, mask) in inputs.dropFirst(sequences.count).enumerated() {
      let length = inputs[index == 0 && hasQueryMask ? 0 : 1].positions[0]
      let fits = mask.positions.isEmpty && (mask.channels == length || mask.channels == nil || length == nil)
      try require(fits, "a mask of shape \(mask) does not go with its input")
    }
    return hasKey ? Array(sequences) : Array(sequences) + [inputs[1]]
  }

  /// Query, value and key as [N, T, C], and what is added to the scores [N, T, S] of steps that are left out.
  ///
  /// - Parameter penalty: a large negative number.
  func arranged(
    _ inputs: [Tensor], penalty: Float
  ) -> (query: Tensor, value: Tensor, key: Tensor, penalty: Tensor?, queryMask: Tensor?) {
    let sequences = inputs[0..<(hasKey ? 3 : 2)].map { $0.transposed([0, 2, 1]) }
    var masks = inputs.dropFirst(sequences.count)
    let queryMask = hasQueryMask ? masks.popFirst() : nil
    let valueMask = masks.first
    let (steps, others) = (sequences[0].shape[1], sequences[1].shape[1])
    var counted = valueMask.map { $0.reshaped(to: [$0.shape[0], 1, others]) }
    if isCausal {
      var triangle = [Float](repeating: 0, count: steps * others)
      for row in 0..<steps { for column in 0..<min(row + 1, others) { triangle[row * others + column] = 1 } }
      let causal = Tensor(triangle, shape: [1, steps, others])
      counted = counted.map { $0 * causal } ?? causal
    }
    return (
      sequences[0], sequences[1], sequences[sequences.count - 1], counted.map { ($0 - 1) * penalty }, queryMask
    )
  }
}
