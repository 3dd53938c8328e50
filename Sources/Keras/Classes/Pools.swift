// Pools over windows, and over all positions.

import AviaryLayers
import AviaryTensors

enum KerasPoolKind: String, Codable, Sendable {
  case max, average

  init(_ source: KerasLayerDescription) { self = source.kind.contains("Max") ? .max : .average }
}

struct KerasPool: KerasUnaryClass {
  static let key = "pool"
  static let classes = ["MaxPooling#", "AveragePooling#"]
  var kind: KerasPoolKind
  var window: KerasWindow

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    Self(kind: KerasPoolKind(source), window: try source.pool(try graph.positions(of: source)))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      window.padding != .causal && window.dilation.allSatisfy { $0 == 1 },
      "a pool has neither causal padding nor dilation")
    return KerasShape(channels: input.channels, positions: try window.positions(of: input))
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
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

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    _ = try graph.positions(of: source)
    let kind = KerasPoolKind(source)
    if let mask = graph.takeMask(for: source), kind == .average { graph.give([graph.current[0], mask]) }
    return Self(kind: kind, keepsPositions: try source.flag("keepdims", default: false))
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    guard let input = inputs.first else { throw ShapeFault("it has no input") }
    try require((1...3).contains(input.positions.count), "an input of shape \(input) has no positions to pool over")
    let fits = inputs.count == 1 || (kind == .average && input.positions.count == 1 && inputs.count == 2)
    try require(fits, "it has \(inputs.count) inputs; it takes one, and the mask of a sequence")
    return [KerasShape(channels: input.channels, positions: keepsPositions ? input.positions.map { _ in 1 } : [])]
  }

  func module(on inputs: [KerasShape]) -> KerasModule {
    if inputs.count > 1 { return .joining(MaskedMean(keepsPositions: keepsPositions)) }
    return .unary(
      kind == .max ? MaxOverPositions(keepingAxes: keepsPositions) : MeanOverPositions(keepingAxes: keepsPositions))
  }

  var effect: KerasEffect { kind == .average ? .averages : .computes }

  /// The mean over the steps that count.
  private struct MaskedMean: JoiningLayer {
    let keepsPositions: Bool
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let mask = inputs[1].reshaped(to: [inputs[1].shape[0], 1, inputs[1].shape[1]])
      let sum = (inputs[0] * mask).sum(over: [2], keepingAxes: keepsPositions)
      return [sum / mask.sum(over: [2], keepingAxes: keepsPositions)]
    }
  }
}
