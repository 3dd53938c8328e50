// The weights of a network in Keras 3's layouts, for `model.load_weights` of the same model in Keras.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels

extension Checkpoint {
  /// Writes Keras 3's `.weights.h5`, which `load_weights` of a model with the same layers reads.
  ///
  /// - Throws: `CheckpointFault` if the checkpoint is not of a Keras model: Keras has no counterpart of other networks'
  ///   layers.
  public func writeKerasWeights(to path: String) throws {
    guard let architecture = metadata.architecture, KerasNetwork.entries.contains(where: { $0.name == architecture })
    else {
      let what = metadata.architecture.map { "a \($0)" } ?? "a file that names no network"
      throw CheckpointFault.unsupported(
        path: path,
        what:
          "Keras weights can be written for a network from a Keras file, not for \(what), which Keras does not have; use .h5 or .safetensors"
      )
    }
    let model = try Registry.standard.architecture(named: architecture).build(configuration: metadata.configuration)
    guard let network = model as? KerasNetwork else { stopProgram("\(architecture) did not become a Keras network") }
    let match = try match(cells: model.cellDescriptions, headPath: nil, path: path)
    try KerasWeightsWriter.write(network.configuration.kerasLayers(match.arrays), to: path)
  }
}

extension KerasNetwork.Configuration {
  /// The layers that Keras has, with their arrays in its layouts.
  fileprivate func kerasLayers(_ arrays: [String: StoredArray]) throws(ConfigurationFault) -> [KerasWeightsWriter.Layer]
  {
    let plan = try plan(from: shapes)
    var result: [KerasWeightsWriter.Layer] = []
    for (index, layer) in layers.enumerated() where !layer.place.isEmpty {
      let weights = KerasWeights(
        layer: layer, cells: arrays, flattened: layer.operation is KerasDense ? flattened(before: index, plan) : nil,
        positions: plan.inputShapes(of: index)[0].positions.count)
      let groups = layer.operation.exported(weights).map { (path: layer.group(of: $0.group), arrays: $0.arrays) }
      var stored = KerasWeightsWriter.Layer(place: layer.place, name: layer.name, groups: groups)
      if let weights = (layer.operation as? any KerasIndexingClass)?.idfWeights {
        // A TextVectorization stores them with the lookup that it has, too.
        let groups = layer.operation is KerasTextVectorization ? ["", "_lookup_layer/"] : [""]
        stored.named = groups.map { ($0 + "vars/idf_weights", StoredArray(weights, shape: [weights.count])) }
      }
      result.append(stored)
    }
    return result
  }

  /// The channels of the feature maps that became a row before a dense layer, where its weights were reordered for that.
  func flattened(before index: Int, _ plan: KerasPlan) -> Int? {
    var place: Int? = plan.makers[plan.inputs[index][0]]
    while let current = place, plan.inputs[current].count == 1 {
      let operation = layers[current].operation
      if let flatten = operation as? KerasFlatten {
        return flatten.reordered ? plan.inputShapes(of: current)[0].channels : nil
      }
      guard operation.isElementwise else { return nil }
      place = plan.makers[plan.inputs[current][0]]
    }
    return nil
  }
}

extension KerasLayer {
  /// Where Keras stores a subgroup of the layer's arrays: what TimeDistributed wraps has a group of its own.
  fileprivate func group(of subgroup: String) -> String {
    guard place.split(separator: "/").last?.hasPrefix("time_distributed") ?? false else { return subgroup }
    return subgroup.isEmpty ? "layer" : "layer/" + subgroup
  }
}

/// One layer's cells for export. All of them are present, with the shapes of the layer.
struct KerasWeights {
  fileprivate let layer: KerasLayer
  fileprivate let cells: [String: StoredArray]
  /// The channels of the feature maps that a Flatten before the layer turns into rows; Keras has channels last.
  fileprivate let flattened: Int?
  /// How many axes of positions the input has.
  fileprivate let positions: Int

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
