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
  public var layerNames: [String: String]
  /// Applied to layer names before they are looked up.
  public var renames: [RenamingRule]
  /// Nil for the order in the file's configuration or, without one, the order that fits the network, TensorFlow's first.
  public var kernelOrder: KernelOrder?
  /// Whether to rotate kernels by 180°: Theano convolves, all others correlate. Nil for true if the file names Theano as its
  /// backend.
  public var flipKernels: Bool?
  public var allowances: Set<Allowance>
  /// Whether to match layers by their order and shapes instead of their names.
  public var byStructure: Bool
  /// Whether the network's GRUs may reset the state before the product, as Keras does with `reset_after=False`.
  public var allowsResetBefore: Bool
  /// The number of channels of the feature maps that a Flatten before a dense layer turns into rows, by the layer's name; nil
  /// to derive them from the convolutions before it.
  public var flattenedChannels: [String: Int]?
  /// The value of all elements of cells that the file has no array for.
  public var constants: [String: Float]

  public init(
    layerNames: [String: String] = [:], renames: [RenamingRule] = [], kernelOrder: KernelOrder? = nil,
    flipKernels: Bool? = nil, allowing allowances: Set<Allowance> = [], byStructure: Bool = false,
    allowsResetBefore: Bool = false, flattenedChannels: [String: Int]? = nil, constants: [String: Float] = [:]
  ) {
    self.layerNames = layerNames
    self.renames = renames
    self.kernelOrder = kernelOrder
    self.flipKernels = flipKernels
    self.allowances = allowances
    self.byStructure = byStructure
    self.allowsResetBefore = allowsResetBefore
    self.flattenedChannels = flattenedChannels
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
      for (cell, array) in entry.arrays {
        guard unordered.add(array, at: cell) else {
          throw .kerasLayer(path: path, layer: entry.layer, reason: "another layer has already filled '\(cell)'")
        }
      }
      settings.merge(entry.settings) { first, _ in first }
    }
    for cell in cells where unordered[cell.path] == nil {
      guard let value = mapping.constants[cell.path] else { continue }
      unordered.set(
        StoredArray([Float](repeating: value, count: cell.shape.reduce(1, *)), shape: cell.shape), at: cell.path)
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
