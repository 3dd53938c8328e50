// Dense and Embedding.

import AviaryCheckpoints
import AviaryLayers

struct KerasDense: KerasLayerClass {
  static let key = "dense"
  static let classes = ["Dense", "TimeDistributedDense"]
  static let hasActivation = true
  var units: Int
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    try chain.turn(to: .channelsLast, for: source)
    return Self(units: try source.count("units", "output_dim"), bias: source.bias)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    _ = try input.knownChannels()
    try require("units", units)
    return ChainShape(channels: units, positions: input.positions)
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    Linear(input.channels ?? 1, units, bias: bias, axis: 1, initializer: .xavierUniform, biasInitializer: .zeros)
  }

  var parts: [KerasPart] { KerasFamily.dense.parts(bias: bias) }
  var effect: KerasEffect { .mixes }
  func withOutputs(_ count: Int) -> Self? { Self(units: count, bias: bias) }
}

struct KerasEmbedding: KerasLayerClass {
  static let key = "embedding"
  static let classes = ["Embedding"]
  var symbols: Int
  var width: Int

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    if source.flag("mask_zero", default: false) { chain.masksSteps = source.name }
    chain.order = .channelsLast
    return Self(symbols: try source.count("input_dim"), width: try source.count("output_dim"))
  }

  /// Tokens are rows, and become [D, T].
  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require("input_dim", symbols, in: 1...(1 << 24))
    try require("output_dim", width)
    try require(input.positions.isEmpty, "tokens are rows, not an input of shape \(input)")
    return ChainShape(channels: width, positions: [input.channels])
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    Embedding(symbols, width, axis: 1, initializer: .uniform(bound: 0.05))
  }

  var parts: [KerasPart] { KerasFamily.embedding.parts() }
  var effect: KerasEffect { .mixes }
}
