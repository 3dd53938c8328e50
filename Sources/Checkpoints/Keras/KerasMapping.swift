import AviaryDiagnostics

/// How the layers of a Keras file map to the cells of a network.
public struct KerasMapping: Sendable {
  /// The order of a convolution kernel's axes in the file.
  public enum KernelOrder: String, Sendable, CaseIterable {
    /// (height, width, in, out)
    case tensorflow = "tf"
    /// (out, in, height, width)
    case theano = "th"
  }

  /// The network's path for each Keras layer by name. Other layers keep their names, with dots for slashes.
  public var layerNames: ExactDictionary<String>
  /// The network's path for each Keras layer by its place, which no two layers share, unlike names. Looked up first, where
  /// no names are to be changed.
  public var layerPlaces = ExactDictionary<String>()
  /// Applied to layer names before they are looked up.
  public var renames: [RenamingRule]
  /// Nil for the order in the file's configuration or, without one, the order that fits the network, TensorFlow's first.
  public var kernelOrder: KernelOrder?
  /// Whether to rotate kernels by 180°: Theano convolves, all others correlate. Nil for true if the file names Theano as its
  /// backend.
  public var flipKernels: Bool?
  /// Differences that are accepted.
  public var allowances: Set<Allowance>
  /// Whether to match layers by their order and shapes instead of their names.
  public var byStructure: Bool
  /// Whether the network's GRUs may reset the state before the product, as Keras does with `reset_after=False`.
  public var allowsResetBefore: Bool
  /// What is known about the network's layers, by their paths, whatever the file calls the layers whose weights they get.
  /// Nil for what the file says about its own layers.
  public var targets: [String: Target]?
  /// The value of all elements of cells that the file has no array for.
  public var constants: [String: Float]

  /// A layer of the network, as its Keras original is described.
  public struct Target: Sendable {
    /// The class of the layer, `Dense` for instance.
    public var kind: String
    /// Its configuration, as Keras writes it.
    public var configuration: JSONValue
    /// The number of channels of the feature maps that a Flatten before a dense layer turns into rows, if there is one.
    public var flattenedChannels: Int?

    /// A layer of this class and configuration.
    public init(kind: String, configuration: JSONValue, flattenedChannels: Int? = nil) {
      self.kind = kind
      self.configuration = configuration
      self.flattenedChannels = flattenedChannels
    }
  }

  /// A mapping by these rules.
  public init(
    layerNames: [String: String] = [:], renames: [RenamingRule] = [], kernelOrder: KernelOrder? = nil,
    flipKernels: Bool? = nil, allowing allowances: Set<Allowance> = [], byStructure: Bool = false,
    allowsResetBefore: Bool = false, targets: [String: Target]? = nil, constants: [String: Float] = [:]
  ) {
    self.layerNames = ExactDictionary(layerNames.map { ($0.key, $0.value) })
    self.renames = renames
    self.kernelOrder = kernelOrder
    self.flipKernels = flipKernels
    self.allowances = allowances
    self.byStructure = byStructure
    self.allowsResetBefore = allowsResetBefore
    self.targets = targets
    self.constants = constants
  }
}

extension Checkpoint {
  /// A Keras file's weights under the network's names and in its layouts, and a report of how they fit it. If the file
  /// describes its model, the epsilon and momentum of its normalisations are settings of the result.
  ///
  /// Arrays of a layer are identified by the ends of their names (kernel, gamma, moving_mean …), by the layer's class and
  /// their order, or else by rank and order. The checkpoint must have been read from a Keras file.
  ///
  /// - Parameter path: the file's name, for faults.
  public func mapped(
    onto cells: [CellDescription], headPath: String?, by mapping: KerasMapping, path: String
  ) throws(CheckpointFault) -> (checkpoint: Checkpoint, report: LoadReport) {
    guard let model = kerasModel else {
      throw .unsupported(
        path: path, what: "the layers of a \(format.rawValue) file cannot be mapped as those of a Keras file")
    }
    var unordered = Checkpoint()
    var settings: [String: Double] = [:]
    for entry in try model.convertedLayers(onto: cells, by: mapping, path: path) {
      for converted in entry.arrays {
        guard unordered.add(converted.array, at: converted.path) else {
          throw .kerasLayer(
            path: path, layer: entry.layer, reason: "another layer has already filled '\(converted.path)'")
        }
        unordered.conversions += converted.conversions
      }
      settings.merge(entry.settings) { first, _ in first }
    }
    for cell in cells where unordered[cell.path] == nil {
      guard let value = mapping.constants[cell.path] else { continue }
      unordered.set(
        StoredArray([Float](repeating: value, count: cell.shape.reduce(1, *)), shape: cell.shape), at: cell.path)
      unordered.conversions.append(.filled(path: cell.path, value: value))
    }
    let match = try unordered.match(cells: cells, headPath: headPath, allowing: mapping.allowances, path: path)
    var result = Checkpoint()
    for cell in cells {
      if let array = match.arrays[cell.path] { result.set(array, at: cell.path) }
    }
    result.metadata = metadata
    result.metadata.settings = settings
    // The Keras model's description does not describe this network.
    for name in ["model_config", "training_config", "optimizer_config", "config.json", "metadata.json"] {
      result.metadata.extra[name] = nil
    }
    result.metadata.headAbsent = match.report.headAbsent
    return (result, match.report)
  }
}

extension KerasModel {
  typealias ConvertedLayer = (layer: String, arrays: [KerasConvertedArray], settings: [String: Double])

  /// The arrays of every layer, under the paths of the network's cells.
  func convertedLayers(
    onto cells: [CellDescription], by mapping: KerasMapping, path: String
  ) throws(CheckpointFault) -> [ConvertedLayer] {
    let wanted = Dictionary(cells.map { ($0.path, $0.shape) }, uniquingKeysWith: { first, _ in first })
    let filled = layers.filter { !$0.weights.isEmpty }
    // The order of layers that the file does not have in order is the network's.
    let own = mapping.targets == nil && isOrdered ? flattenedChannels(filled, mapping) : [:]
    let derived = mapping.targets == nil && !isOrdered ? Self.flattenedChannels(of: cells) : [:]
    func conversion(_ index: Int, to target: String) -> KerasLayerConversion {
      let known = mapping.targets?[target]
      return KerasLayerConversion(
        layer: known.map { filled[index].described(as: $0) } ?? filled[index], target: target, model: self,
        mapping: mapping, flattened: known?.flattenedChannels ?? own[index] ?? derived[target], path: path)
    }
    var result: [ConvertedLayer] = []
    guard mapping.byStructure else {
      for (index, layer) in filled.enumerated() {
        let name = mapping.renames.reduce(layer.name) { $1.apply(to: $0) }
        let place = mapping.renames.isEmpty ? layer.place.flatMap { mapping.layerPlaces[$0] } : nil
        let target = place ?? mapping.layerNames[name] ?? String(name.map { $0 == "/" ? "." : $0 })
        let arrays = try conversion(index, to: target).arrays { wanted[$0] }
        result.append((layer.name, arrays, layer.settings(at: target)))
      }
      return result
    }
    // One layer of the file for each of the network's, by order and shapes; if the file has no order, the first with the
    // right shapes.
    var left = Array(filled.indices)
    for target in StructureMatching.layers(of: cells) {
      var place: Int?
      var refusal: CheckpointFault?
      for (candidate, index) in left.enumerated() {
        do throws(CheckpointFault) {
          let arrays = try conversion(index, to: target.path).arrays { wanted[$0] }
          if Set(arrays.map(\.path)) == target.cells, arrays.allSatisfy({ wanted[$0.path] == $0.array.shape }) {
            result.append((filled[index].name, arrays, filled[index].settings(at: target.path)))
            place = candidate
          }
        } catch { refusal = refusal ?? error }
        if place != nil || isOrdered { break }
      }
      guard let place else {
        if let refusal { throw refusal }
        let shapes = target.cells.sorted().map { "\($0) \(wanted[$0] ?? [])" }.joined(separator: ", ")
        let next = left.first.map { "the file's next layer is '\(filled[$0].name)'" } ?? "the file has no further layer"
        throw .structure(path: path, reason: "nothing fits '\(target.path)' (\(shapes)); \(next)")
      }
      left.remove(at: place)
    }
    if let first = left.first {
      throw .structure(
        path: path, reason: "the file has \(left.count) more layers than the network, from '\(filled[first].name)' on")
    }
    return result
  }

  /// The number of channels of the feature maps before each dense layer, by its place among `filled`: the outputs of the
  /// last convolution, unless a layer without positions comes between them, or rows have channels first.
  private func flattenedChannels(_ filled: [Layer], _ mapping: KerasMapping) -> [Int: Int] {
    var found: [Int: Int] = [:]
    var channels: Int?
    // Told that channels are first, a Flatten brings them to the end before it makes rows.
    let flattensLast = KerasLayers.entries(of: configuration).contains {
      $0.kind == "Flatten" && $0.configuration["data_format"]?.text == "channels_first"
    }
    for (index, layer) in filled.enumerated() {
      let parts = layer.parts(of: layer.weights) ?? []
      let isTheano = mapping.kernelOrder.map { $0 == .theano } ?? (layer.dataFormat == "th")
      let isFirst = isTheano || (layer.dataFormat == "channels_first" && !flattensLast)
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
          if let count = channels, count > 1, shape[0] > count, shape[0] % count == 0 { found[index] = count }
          channels = nil
        case (.kernel, _), (.recurrentKernel, _), (.embedding, _), (.gate, _): channels = nil
        default: break
        }
      }
    }
    return found
  }

  /// The same by the paths of a network's layers, from the shapes of its cells.
  private static func flattenedChannels(of cells: [CellDescription]) -> [String: Int] {
    var found: [String: Int] = [:]
    var channels: Int?
    for cell in cells where cell.role == .parameter && cell.shape.count > 1 {
      if cell.shape.count == 2 {
        let inputs = cell.shape[1]
        if let count = channels, count > 1, inputs > count, inputs % count == 0, cell.path.hasSuffix(".weight") {
          found[String(cell.path.dropLast(".weight".count))] = count
        }
        channels = nil
      } else {
        channels = cell.shape[0]
      }
    }
    return found
  }
}

extension KerasModel.Layer {
  /// The same arrays as those of a layer that is described elsewhere.
  fileprivate func described(as target: KerasMapping.Target) -> KerasModel.Layer {
    .init(name: name, kind: target.kind, configuration: target.configuration, weights: weights, place: place)
  }

  /// The epsilon and momentum of a normalisation, as settings of a network here; none for other layers.
  fileprivate func settings(at target: String) -> [String: Double] {
    let (kind, configuration) = inner
    guard let family = kind.flatMap(KerasFamily.init(kind:)), [.batchNormalization, .normalization].contains(family)
    else { return [:] }
    var settings: [String: Double] = [:]
    if let epsilon = configuration?["epsilon"]?.double { settings[target + ".epsilon"] = epsilon }
    if family == .batchNormalization, let kept = configuration?["momentum"]?.double {
      // Keras's momentum is the share of the old statistics. The shortest digits that give the same Float: 0.01, not 0.010000000000000009.
      let share = Float(1 - kept)
      settings[target + ".momentum"] = Double("\(share)") ?? Double(share)
    }
    return settings
  }
}
