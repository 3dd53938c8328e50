// The weights of a chain in Keras 3's layouts, for `model.load_weights` of the same chain in Keras.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels

extension Checkpoint {
  /// Writes Keras 3's `.weights.h5`, which `load_weights` of a model with the same layers reads.
  ///
  /// - Throws: `CheckpointFault` if the checkpoint is not of a keras-chain: Keras has no counterpart of other networks'
  ///   layers.
  public func writeKerasWeights(to path: String) throws {
    guard metadata.architecture == KerasChain.architecture else {
      let what = metadata.architecture.map { "a \($0)" } ?? "a file that names no network"
      throw CheckpointFault.unsupported(
        path: path,
        what:
          "Keras weights can be written for a keras-chain, not for \(what), which Keras does not have; use .h5 or .safetensors"
      )
    }
    let model = try KerasChain.entry.build(configuration: metadata.configuration)
    guard let chain = model as? KerasChain else { stopProgram("keras-chain did not become a chain") }
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
      if (layer.operation as? KerasFlatten)?.reordered == true { channels = shapes[index].channels }
      guard !layer.place.isEmpty else { continue }
      let weights = KerasWeights(
        layer: layer, cells: arrays, flattened: channels, positions: shapes[index].positions.count)
      let groups = layer.operation.exported(weights).map { (path: $0.group, arrays: $0.arrays) }
      result.append(.init(place: layer.place, name: layer.name, groups: groups))
      if layer.operation is KerasDense { channels = nil }
    }
    return result
  }
}

/// One layer's cells for export. All of them are present, with the shapes of the layer.
struct KerasWeights {
  fileprivate let layer: ChainLayer
  fileprivate let cells: [String: StoredArray]
  /// The channels of the feature maps that a Flatten before the layer turns into rows; Keras has channels last.
  fileprivate let flattened: Int?
  /// How many axes of positions the input has.
  fileprivate let positions: Int

  /// Whether Keras stores the arrays with the wrapped layer.
  var isTimeDistributed: Bool { layer.place.split(separator: "/").last?.hasPrefix("time_distributed") ?? false }

  /// A cell's array, by its path below the layer's.
  func array(_ name: String) -> StoredArray? { cells["\(layer.name).\(name)"] }

  /// Arrays in Keras's layouts.
  ///
  /// - Parameter multiplier: of a depthwise convolution.
  func arrays(of parts: [KerasPart], multiplier: Int = 1) -> [StoredArray] {
    let isSeparable = parts.contains(.pointwiseKernel)
    return parts.compactMap { part in
      array(part.cell(isSeparable: isSeparable)).flatMap {
        part.exported($0, flattened: flattened, multiplier: multiplier, positions: positions)
      }
    }
  }
}
