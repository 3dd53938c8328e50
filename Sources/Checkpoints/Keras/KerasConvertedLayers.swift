// A Keras file's layers on their way to a network's: by name, or by order and shapes.

extension KerasModel {
  typealias ConvertedLayer = (layer: String, arrays: [KerasConvertedArray], settings: [String: Double])

  /// The arrays of every layer under the paths of the network's cells.
  func convertedLayers(
    onto cells: [CellDescription], by mapping: KerasMapping, path: String
  ) throws(CheckpointFault) -> [ConvertedLayer] {
    let wanted = Dictionary(cells.map { ($0.path, $0.shape) }, uniquingKeysWith: { first, _ in first })
    let filled = layers.filter { !$0.weights.isEmpty }
    let channels = mapping.flattenedChannels ?? flattenedChannels(mapping)
    func conversion(_ layer: Layer, to target: String) -> KerasLayerConversion {
      KerasLayerConversion(
        layer: layer, target: target, model: self, mapping: mapping, flattened: channels[layer.name], path: path)
    }
    var result: [ConvertedLayer] = []
    guard mapping.byStructure else {
      for layer in filled {
        let name = mapping.renames.reduce(layer.name) { $1.apply(to: $0) }
        let target = mapping.layerNames[name] ?? String(name.map { $0 == "/" ? "." : $0 })
        let arrays = try conversion(layer, to: target).arrays { wanted[$0] }
        result.append((layer.name, arrays, layer.settings(at: target)))
      }
      return result
    }
    // One layer of the file for each of the network's, by order and shapes; where the file has no order, the first that
    // has the shapes.
    var left = filled[...]
    for target in StructureMatching.layers(of: cells) {
      var found: Int?
      var refusal: CheckpointFault?
      for index in left.indices {
        do throws(CheckpointFault) {
          let arrays = try conversion(left[index], to: target.path).arrays { wanted[$0] }
          if Set(arrays.map(\.path)) == target.cells, arrays.allSatisfy({ wanted[$0.path] == $0.array.shape }) {
            result.append((left[index].name, arrays, left[index].settings(at: target.path)))
            found = index
          }
        } catch { refusal = refusal ?? error }
        if found != nil || isOrdered { break }
      }
      guard let found else {
        if let refusal { throw refusal }
        let shapes = target.cells.sorted().map { "\($0) \(wanted[$0] ?? [])" }.joined(separator: ", ")
        let next = left.first.map { "the file's next layer is '\($0.name)'" } ?? "the file has no further layer"
        throw .structure(path: path, reason: "nothing fits '\(target.path)' (\(shapes)); \(next)")
      }
      left = (left[..<found] + left[(found + 1)...])
    }
    if let first = left.first {
      throw .structure(
        path: path, reason: "the file has \(left.count) more layers than the network, from '\(first.name)' on")
    }
    return result
  }

  /// For each dense layer how many channels the feature maps before it have: what the last convolution put out, unless a
  /// layer that has no positions came since, or the file counts channels first.
  private func flattenedChannels(_ mapping: KerasMapping) -> [String: Int] {
    var found: [String: Int] = [:]
    var channels: Int?
    for layer in layers where !layer.weights.isEmpty {
      let parts = layer.parts(of: layer.weights) ?? []
      let isTheano = mapping.kernelOrder.map { $0 == .theano } ?? (layer.dataFormat == "th")
      let isFirst = isTheano || layer.dataFormat == "channels_first"
      for (part, weight) in zip(parts, layer.weights) {
        let shape = weight.array.shape
        switch (part, shape.count) {
        case (.kernel, 3...5), (.pointwiseKernel, 3...5):
          let isTransposed = layer.kind.map { $0.lowercased().contains("transpose") } ?? false
          channels = isFirst ? nil : shape[shape.count - (isTransposed ? 2 : 1)]
        case (.depthwiseKernel, 3...5):
          let (product, overflow) = shape[shape.count - 1].multipliedReportingOverflow(by: shape[shape.count - 2])
          channels = isFirst || overflow ? nil : product
        case (.kernel, 2) where !parts.contains(.recurrentKernel):
          if let count = channels, count > 1, shape[0] > count, shape[0] % count == 0 { found[layer.name] = count }
          channels = nil
        case (.kernel, _), (.recurrentKernel, _), (.embedding, _), (.gate, _): channels = nil
        default: break
        }
      }
    }
    return found
  }
}

extension KerasModel.Layer {
  /// The numbers that say how a norm works, as its file tells them and as a network here has them; none of other layers.
  fileprivate func settings(at target: String) -> [String: Double] {
    let (kind, configuration) = inner
    guard let family = kind.flatMap(KerasFamily.init(kind:)), [.batchNormalization, .normalization].contains(family)
    else { return [:] }
    var settings: [String: Double] = [:]
    if let epsilon = configuration?["epsilon"]?.double { settings[target + ".epsilon"] = epsilon }
    if family == .batchNormalization, let kept = configuration?["momentum"]?.double {
      // Keras counts the share of the old. The shortest digits that give the same Float: 0.01, not 0.010000000000000009.
      let share = Float(1 - kept)
      settings[target + ".momentum"] = Double("\(share)") ?? Double(share)
    }
    return settings
  }
}
