/// How the layers of a Keras file become the cells of a network.
public struct KerasMapping: Sendable {
  /// The order of a convolution kernel's axes in the file.
  public enum KernelOrder: String, Sendable, CaseIterable {
    /// (height, width, in, out)
    case tensorflow = "tf"
    /// (out, in, height, width)
    case theano = "th"
  }

  /// The network's path for the name of a Keras layer. A layer that is not in it keeps its name, with dots for slashes.
  public var layerNames: [String: String]
  /// Applied to the names of layers before they are looked up.
  public var renames: [RenamingRule]
  /// `nil`: what the file's configuration says, else whichever fits the network, TensorFlow's first.
  public var kernelOrder: KernelOrder?
  /// Turn kernels by 180°: Theano convolves, everybody else correlates. `nil`: if the file names Theano as its backend.
  public var flipKernels: Bool?
  public var allowances: Set<Allowance>
  /// Whether layers are told by their order and shapes, where their names mean nothing.
  public var byStructure: Bool
  /// Whether the network has GRUs that reset before the product, as Keras has with `reset_after=False`.
  public var allowsResetBefore: Bool
  /// The number of channels of the feature maps that a Flatten before a layer has made rows of, by the layer's name; nil
  /// for what the convolutions before it say.
  public var flattenedChannels: [String: Int]?
  /// One number for all elements of cells that the file has nothing for.
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
  /// A Keras file's weights under the network's names and in its layouts, and how they fit it. Where the file describes its
  /// model, the epsilon and the momentum of norms come with them, as settings.
  ///
  /// Within a layer arrays are told by the ends of their names (kernel, gamma, moving_mean …), by the layer's class and
  /// the order in which it makes them, or else by rank and order. `self` must have been read from a Keras file.
  ///
  /// - Parameter path: the file's name, for faults.
  public func mapped(
    onto cells: [CellDescription], headPath: String?, by mapping: KerasMapping, path: String
  ) throws(CheckpointFault) -> (checkpoint: Checkpoint, report: LoadReport) {
    guard let model = kerasModel else {
      throw .unsupported(path: path, what: "mapping a \(format.rawValue) file by Keras's layers is not supported")
    }
    var unordered = Checkpoint()
    var settings: [String: Double] = [:]
    for entry in try model.convertedLayers(onto: cells, by: mapping, path: path) {
      for converted in entry.arrays {
        guard unordered.add(converted.array, at: converted.path) else {
          throw .kerasLayer(
            path: path, layer: entry.layer, reason: "'\(converted.path)' is filled by another layer already")
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
    // What described the Keras model does not describe this one.
    for name in ["model_config", "training_config", "optimizer_config", "config.json", "metadata.json"] {
      result.metadata.extra[name] = nil
    }
    result.metadata.headAbsent = match.report.headAbsent
    return (result, match.report)
  }
}
