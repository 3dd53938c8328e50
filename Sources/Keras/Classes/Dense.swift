// Dense and Embedding.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

struct KerasDense: KerasUnaryClass {
  static let key = "dense"
  static let classes = ["Dense", "TimeDistributedDense"]
  static let hasActivation = true
  var units: Int
  var bias: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    return Self(units: try source.count("units", "output_dim"), bias: try source.bias)
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    _ = try input.knownChannels()
    try require("units", units)
    return KerasShape(channels: units, positions: input.positions)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Linear(input.channels ?? 1, units, bias: bias, axis: 1, initializer: .xavierUniform, biasInitializer: .zeros)
  }

  var parts: [KerasPart] { KerasFamily.dense.parts(bias: bias) }
  var effect: KerasEffect { .mixes }
  var keepsMask: Bool { true }
  func withOutputs(_ count: Int) -> Self? { Self(units: count, bias: bias) }
}

struct KerasEmbedding: KerasUnaryClass {
  static let key = "embedding"
  static let classes = ["Embedding"]
  var symbols: Int
  var width: Int
  /// Whether a token becomes a row; nil where a row of tokens becomes a sequence.
  var isSingle: Bool?

  static var takesScalars: Bool { true }

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    if try source.flag("mask_zero", default: false) { try graph.maskOutput(by: KerasNotEqual(number: 0), for: source) }
    graph.order = .channelsLast
    return Self(
      symbols: try source.count("input_dim"), width: try source.count("output_dim"),
      isSingle: graph.current.first?.isScalar ?? false ? true : nil)
  }

  /// Tokens are rows, and become [D, T].
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("input_dim", symbols, in: 1...(1 << 24))
    try require("output_dim", width)
    try require(input.positions.isEmpty, "tokens are rows, not an input of shape \(input)")
    guard isSingle == true else { return KerasShape(channels: width, positions: [input.channels]) }
    try require(input.channels == 1, "one token is given, not an input of shape \(input)")
    return KerasShape(channels: width, positions: [])
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Looked(
      embedding: Embedding(symbols, width, axis: 1, initializer: .uniform(bound: 0.05)), isSingle: isSingle == true)
  }

  /// Whether a token has a row.
  func has(_ token: Float) -> Bool { Embedding.row(of: token, among: symbols) != nil }

  var parts: [KerasPart] { KerasFamily.embedding.parts() }
  var effect: KerasEffect { .mixes }

  private struct Looked: UnaryLayer {
    let embedding: Embedding
    let isSingle: Bool

    var children: [Child] { embedding.children }

    func forward(_ x: Tensor) -> Tensor {
      let y = embedding.rowsOrNaN(x)
      return isSingle ? y.reshaped(to: [y.shape[0], y.shape[1]]) : y
    }
  }
}
