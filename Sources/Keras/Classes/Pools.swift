// Pools over windows, and over all positions.

import AviaryLayers

enum KerasPoolKind: String, Codable, Sendable {
  case max, average

  init(_ source: KerasLayerDescription) { self = source.kind.contains("Max") ? .max : .average }
}

struct KerasPool: KerasLayerClass {
  static let key = "pool"
  static let classes = ["MaxPooling#", "AveragePooling#"]
  var kind: KerasPoolKind
  var window: ChainWindow

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    Self(kind: KerasPoolKind(source), window: try source.pool(try chain.positions(of: source)))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require(
      window.padding != .causal && window.dilation.allSatisfy { $0 == 1 },
      "a pool has neither causal padding nor dilation")
    return ChainShape(channels: input.channels, positions: try window.positions(of: input))
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    func make<Axes: SpatialAxes>(_: Axes.Type) -> any UnaryLayer {
      let padding = window.padding(axes: Axes.count)
      return kind == .max
        ? MaxPool<Axes>(window.kernel, stride: window.stride, padding: padding)
        : AvgPool<Axes>(window.kernel, stride: window.stride, padding: padding, countingPadding: false)
    }
    return make(spatialAxes(window.kernel.count))
  }

  var effect: KerasEffect { kind == .average ? .averages : .computes }
}

struct KerasGlobalPool: KerasLayerClass {
  static let key = "globalPool"
  static let classes = ["GlobalMaxPooling#", "GlobalAveragePooling#"]
  var kind: KerasPoolKind
  var keepsPositions: Bool

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    _ = try chain.positions(of: source)
    let kind = KerasPoolKind(source)
    if kind == .average { try chain.requireNoMask(source) }
    return Self(kind: kind, keepsPositions: source.flag("keepdims", default: false))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    try require((1...3).contains(input.positions.count), "an input of shape \(input) has no positions to pool over")
    return ChainShape(channels: input.channels, positions: keepsPositions ? input.positions.map { _ in 1 } : [])
  }

  func layer(on input: ChainShape) -> any UnaryLayer {
    kind == .max ? MaxOverPositions(keepingAxes: keepsPositions) : MeanOverPositions(keepingAxes: keepsPositions)
  }

  var effect: KerasEffect { kind == .average ? .averages : .computes }
}
