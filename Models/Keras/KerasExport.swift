// The weights of a chain as Keras 3 has them, for `model.load_weights` of the same chain in Keras.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

extension Checkpoint {
  /// Writes Keras 3's `.weights.h5`, which `load_weights` of the same layers takes.
  ///
  /// - Throws: `CheckpointFault` where the checkpoint is not of a keras-chain: the layers of other networks have no
  ///   counterpart whose order Keras would know.
  public func writeKerasWeights(to path: String) throws {
    guard metadata.architecture == KerasChain.architecture else {
      let what = metadata.architecture.map { "a \($0)" } ?? "a file that names no network"
      throw CheckpointFault.unsupported(
        path: path,
        what:
          "Keras weights are written of a keras-chain, not of \(what), which Keras does not have; use .h5 or .safetensors"
      )
    }
    let architecture = try Registry.zoo.architecture(named: KerasChain.architecture)
    let model = try architecture.build(configuration: metadata.configuration)
    guard let chain = model as? KerasChain else { stopProgram("keras-chain is no chain") }
    let match = try match(cells: model.cellDescriptions, headPath: nil, path: path)
    try KerasWeightsWriter.write(chain.configuration.kerasLayers(match.arrays), to: path)
  }
}

extension KerasChain.Configuration {
  /// The layers that Keras has, with their arrays in its layouts.
  fileprivate func kerasLayers(_ arrays: [String: StoredArray]) throws(ConfigurationFault) -> [KerasWeightsWriter.Layer]
  {
    let shapes = try shapes(from: shape)
    var channels: Int?
    var result: [KerasWeightsWriter.Layer] = []
    for (index, layer) in layers.enumerated() {
      if case .flatten(_, true) = layer.operation { channels = shapes[index].channels }
      guard !layer.place.isEmpty else { continue }
      let export = KerasLayerExport(
        layer: layer, arrays: arrays, flattened: channels, positions: shapes[index].positions.count)
      result.append(.init(place: layer.place, name: layer.name, groups: export.groups()))
      if case .dense = layer.operation { channels = nil }
    }
    return result
  }
}

/// One layer's arrays on their way to Keras. All of them are there, in the shapes of the cells.
private struct KerasLayerExport {
  let layer: ChainLayer
  let arrays: [String: StoredArray]
  /// The channels of the maps that a Flatten before has made rows of, channels first, where Keras has them last.
  let flattened: Int?
  /// How many axes of positions the input has.
  let positions: Int

  func array(_ name: String) -> StoredArray? { arrays["\(layer.name).\(name)"] }

  func groups() -> [(path: String, arrays: [StoredArray])] {
    let isTimeDistributed = layer.place.split(separator: "/").last?.hasPrefix("time_distributed") ?? false
    switch layer.operation {
    case .recurrent(let cell): return [("cell", recurrent(cell, "_l0"))]
    case .bidirectional(let cell, _):
      return [
        ("forward_layer/cell", recurrent(cell, "_l0")), ("backward_layer/cell", recurrent(cell, "_l0_reverse")),
      ]
    default:
      let own = plain().compactMap { $0 }
      return own.isEmpty ? [] : [(isTimeDistributed ? "layer" : "", own)]
    }
  }

  private func plain() -> [StoredArray?] {
    switch layer.operation {
    case .dense: [array("weight").map(dense), array("bias")]
    case .convolution, .transposedConvolution: [array("weight").map(kernel), array("bias")]
    case .depthwiseConvolution(let multiplier, _, _):
      [array("weight").flatMap { depthwise($0, multiplier) }, array("bias")]
    case .separableConvolution(_, let multiplier, _, _):
      [
        array("depthwise.weight").flatMap { depthwise($0, multiplier) }, array("pointwise.weight").map(kernel),
        array("pointwise.bias"),
      ]
    case .batchNormalization(_, _, let scale, let center):
      [scale ? array("weight") : nil, center ? array("bias") : nil, array("running_mean"), array("running_var")]
    case .layerNormalization(_, let scale, let center):
      [scale ? array("weight") : nil, center ? array("bias") : nil]
    case .embedding: [array("weight")]
    case .prelu: [array("weight").map(slopes)]
    default: []
    }
  }

  /// (out, in) to (in, out), rows in Keras's order.
  private func dense(_ array: StoredArray) -> StoredArray {
    let (outputs, inputs) = (array.shape[0], array.shape[1])
    guard let channels = flattened, channels > 0, inputs % channels == 0,
      let apart = array.reshaped(to: [outputs, channels, inputs / channels])
    else { return array.permuted([1, 0]) }
    let turned = apart.permuted([2, 1, 0])
    return turned.reshaped(to: [inputs, outputs]) ?? turned
  }

  /// (out, in, k…) to (k…, in, out); of a transposed convolution (in, out, k…) to (k…, out, in).
  private func kernel(_ array: StoredArray) -> StoredArray {
    array.permuted(Array(2..<array.shape.count) + [1, 0])
  }

  /// (in · multiplier, 1, k…) to (k…, in, multiplier)
  private func depthwise(_ array: StoredArray, _ multiplier: Int) -> StoredArray? {
    let window = Array(array.shape.dropFirst(2))
    let apart = array.reshaped(to: [array.shape[0] / max(1, multiplier), multiplier] + window)
    return apart?.permuted(Array(2..<window.count + 2) + [0, 1])
  }

  /// (C, …) to (…, C)
  private func slopes(_ array: StoredArray) -> StoredArray {
    let turned = array.permuted(Array(1..<array.shape.count) + [0])
    guard array.shape.count == 1, positions > 0 else { return turned }
    return turned.reshaped(to: Array(repeating: 1, count: positions) + turned.shape) ?? turned
  }

  private func recurrent(_ cell: ChainRecurrent, _ suffix: String) -> [StoredArray] {
    func matrix(_ name: String) -> StoredArray? {
      array(name + suffix).flatMap { reordered($0, cell) }?.permuted([1, 0])
    }
    let first = array("bias_ih" + suffix).flatMap { reordered($0, cell) }
    let second = array("bias_hh" + suffix).flatMap { reordered($0, cell) }
    var bias: StoredArray?
    if let first, let second, let a = first.floats(), let b = second.floats() {
      // Two biases are kept apart where a gate works between them.
      bias =
        cell.kind == .gru && cell.resetsAfter
        ? StoredArray(a + b, shape: [2, a.count]) : StoredArray(zip(a, b).map { $0 + $1 }, shape: [a.count])
      bias = bias?.cast(to: first.dtype)
    }
    return [matrix("weight_ih"), matrix("weight_hh"), bias].compactMap { $0 }
  }

  /// PyTorch's r, z, n to Keras's z, r, h.
  private func reordered(_ array: StoredArray, _ cell: ChainRecurrent) -> StoredArray? {
    guard cell.kind == .gru else { return array }
    guard let blocks = array.blocks(3) else { return nil }
    return StoredArray.joined([blocks[1], blocks[0], blocks[2]])
  }
}
