// What the attentions of Keras take: query, value and key, and the masks that come with them.

import AviaryTensors

/// Which inputs an attention has, after its query, value and key.
struct KerasAttentionInputs: Codable, Equatable, Sendable {
  var hasKey = false
  var hasQueryMask = false
  var hasValueMask = false
  /// Nil for no, as in older files.
  var hasKeyMask: Bool?
  var isCausal = false

  /// Takes the inputs of an attention from those of the call, and the masks that come with them.
  ///
  /// - Parameter masksKey: whether a key's own mask counts, too.
  init(
    of source: KerasLayerDescription, _ graph: inout KerasGraphBuilder, masksKey: Bool
  ) throws(KerasModelFault) {
    if source.call.keyword("return_attention_scores")?.isAbsent == false {
      throw source.unsupported("return_attention_scores=True is not supported")
    }
    isCausal =
      if let given = try source.callFlag("use_causal_mask") { given } else { try source.flag("causal", default: false) }
    let given = graph.current + graph.take("query") + graph.take("value") + graph.take("key")
    graph.give(given)
    try graph.turn(to: .channelsLast, for: source)
    let turned = graph.current
    guard (2...3).contains(turned.count) else {
      throw source.unsupported("it has \(turned.count) inputs; it takes a query, a value and perhaps a key")
    }
    hasKey = turned.count == 3
    // The masks of the inputs come with them.
    var masks = turned.map { KerasGraphBuilder.mask(of: $0) }
    let named = graph.takeList("mask")
    if !named.isEmpty {
      guard !masksKey, named.count == turned.count || named.count == 2 else {
        throw source.unsupported("it is given \(named.count) masks for \(turned.count) inputs, which is not supported")
      }
      masks = named
    }
    var all = turned
    all[0].mask = source.version.masksLists || masksKey ? masks[0]?.source : nil
    if masksKey {
      // Versions that take masks away take that of the query itself, whatever the call names.
      let query = graph.take("query_mask").first
      if !source.version.attentionTakesMasksAway { masks[0] = query ?? masks[0] }
      masks[1] = graph.take("value_mask").first ?? masks[1]
      if hasKey { masks[2] = graph.take("key_mask").first ?? masks[2] }
    }
    hasQueryMask = masks[0] != nil
    hasValueMask = masks[1] != nil
    // Of a key that is the value there is one mask.
    let own = masksKey && hasKey && masks[2]?.source != masks[1]?.source ? masks[2] : nil
    if own != nil { hasKeyMask = true }
    graph.give(all + [masks[0], masks[1], own].compactMap { $0 })
    if masksKey, source.version.attentionTakesMasksAway {
      for value in given { graph.changeMask(of: value, to: nil) }
    }
  }

  /// Checks the shapes of all inputs.
  ///
  /// - Returns: those of query, value and key.
  func checked(_ inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    let count = 2 + [hasKey, hasQueryMask, hasValueMask, hasKeyMask == true].count { $0 }
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
    let (steps, others) = (sequences[0].shape[1], sequences[1].shape[1])
    // Those of the value and of the key.
    let stepMask = masks.reduce(Tensor?.none) { all, mask in all.map { $0 * mask } ?? mask }
    var counted = stepMask.map { $0.reshaped(to: [$0.shape[0], 1, others]) }
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
