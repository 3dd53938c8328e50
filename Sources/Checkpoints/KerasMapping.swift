import AviaryArchives
import AviaryTensors

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

  public init(
    layerNames: [String: String] = [:], renames: [RenamingRule] = [], kernelOrder: KernelOrder? = nil,
    flipKernels: Bool? = nil, allowing allowances: Set<Allowance> = []
  ) {
    self.layerNames = layerNames
    self.renames = renames
    self.kernelOrder = kernelOrder
    self.flipKernels = flipKernels
    self.allowances = allowances
  }
}

extension Checkpoint {
  /// A Keras file's weights under the network's names and in its layouts, and how they fit it.
  ///
  /// Within a layer arrays are told by the ends of their names (kernel, gamma, moving_mean …); Keras 1 leaves the
  /// naming to the backend, so failing that by rank and order. `self` must have been read from a Keras HDF5 file.
  ///
  /// - Parameter path: the file's name, for faults.
  public func mapped(
    onto cells: [CellDescription], headPath: String?, by mapping: KerasMapping, path: String
  ) throws(CheckpointFault) -> (checkpoint: Checkpoint, report: LoadReport) {
    guard let model = kerasModel else {
      throw .unsupported(path: path, what: "mapping a \(format.rawValue) file by Keras's layers is not supported")
    }
    let wanted = Dictionary(cells.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    var unordered = Checkpoint()
    for layer in model.layers where !layer.weights.isEmpty {
      let name = mapping.renames.reduce(layer.name) { $1.apply(to: $0) }
      let target = mapping.layerNames[name] ?? String(name.map { $0 == "/" ? "." : $0 })
      let convert = KerasLayerConversion(layer: layer, target: target, model: model, mapping: mapping, path: path)
      for (cell, array) in try convert.arrays(wanted) {
        guard unordered.add(array, at: cell) else {
          throw .kerasLayer(path: path, layer: layer.name, reason: "'\(cell)' is filled by another layer already")
        }
      }
    }
    let match = try unordered.match(cells: cells, headPath: headPath, allowing: mapping.allowances, path: path)
    var result = Checkpoint()
    for cell in cells {
      if let array = match.arrays[cell.path] { result.set(array, at: cell.path) }
    }
    result.metadata = metadata
    // What described the Keras model does not describe this one.
    for name in ["model_config", "training_config", "optimizer_config"] { result.metadata.extra[name] = nil }
    result.metadata.headAbsent = match.report.headAbsent
    return (result, match.report)
  }
}

/// One layer's arrays on their way.
private struct KerasLayerConversion {
  let layer: KerasModel.Layer
  /// Path of the layer in the network.
  let target: String
  let model: KerasModel
  let mapping: KerasMapping
  let path: String

  /// What an array is to its layer.
  private enum Part {
    case kernel, depthwiseKernel, embedding, bias, scale, mean, variance
  }

  func arrays(_ cells: [String: CellDescription]) throws(CheckpointFault) -> [(String, StoredArray)] {
    let parts = try parts()
    var result: [(String, StoredArray)] = []
    for (weight, part) in zip(layer.weights, parts) {
      let name = "\(target).\(Self.cellName(part))"
      result.append((name, try converted(weight, part, cells[name]?.shape)))
    }
    return result
  }

  private static func cellName(_ part: Part) -> String {
    switch part {
    case .kernel, .depthwiseKernel, .embedding, .scale: "weight"
    case .bias: "bias"
    case .mean: "running_mean"
    case .variance: "running_var"
    }
  }

  /// By name where all names are known and differ, else by rank and order.
  private func parts() throws(CheckpointFault) -> [Part] {
    let named = layer.weights.map { Self.part(named: $0.name) }
    let names = named.compactMap { $0 }.map(Self.cellName)
    if names.count == named.count, Set(names).count == names.count { return named.compactMap { $0 } }
    let ranks = layer.weights.map(\.array.shape.count)
    switch (ranks.count, ranks.first ?? 0, ranks.last ?? 0) {
    case (4, 1, 1) where Set(ranks) == [1]: return [.scale, .bias, .mean, .variance]
    case (1, 2..., _): return [.kernel]
    case (2, 2..., 1): return [.kernel, .bias]
    default:
      let list = layer.weights.map { "\($0.name) \($0.array.shape)" }.joined(separator: ", ")
      let kind = layer.kind.map { "a \($0)" } ?? "a layer"
      throw .kerasLayer(path: path, layer: layer.name, reason: "\(kind) with the arrays \(list) is not supported")
    }
  }

  private static func part(named name: String) -> Part? {
    var last = name.split(separator: "/").last ?? ""
    if let colon = last.lastIndex(of: ":"), last[last.index(after: colon)...].allSatisfy(\.isNumber) {
      last = last[..<colon]
    }
    // Recurrent and separable layers have more arrays than one cell of a name: `nil`.
    let known: [(String, Part?)] = [
      ("depthwise_kernel", .depthwiseKernel), ("recurrent_kernel", nil), ("pointwise_kernel", nil),
      ("kernel", .kernel), ("embeddings", .embedding), ("bias", .bias), ("gamma", .scale), ("beta", .bias),
      ("moving_mean", .mean), ("moving_variance", .variance), ("running_mean", .mean), ("running_std", .variance),
      ("W", .kernel), ("b", .bias),
    ]
    for (end, part) in known where last == end || last.hasSuffix("_" + end) { return part }
    return nil
  }

  private func converted(
    _ weight: KerasModel.Weight, _ part: Part, _ shape: [Int]?
  ) throws(CheckpointFault) -> StoredArray {
    let array = weight.array
    switch (part, array.shape.count) {
    case (.kernel, 2): return array.permuted([1, 0])
    case (.kernel, 3...5): return kernel(array, shape)
    case (.depthwiseKernel, 4):
      // (height, width, in, multiplier) to (in · multiplier, 1, height, width)
      let turned = array.permuted([2, 3, 0, 1], flipping: flips ? [0, 1] : [])
      let extents = turned.shape
      return turned.reshaped(to: [extents[0] * extents[1], 1, extents[2], extents[3]]) ?? turned
    case (.embedding, 2), (_, 1): return array
    default:
      throw .kerasLayer(
        path: path, layer: layer.name, reason: "array '\(weight.name)' of shape \(array.shape) is not supported")
    }
  }

  private var flips: Bool { mapping.flipKernels ?? (model.backend == "theano") }

  /// A convolution's kernel to (out, in, …): its spatial axes are all but two.
  private func kernel(_ array: StoredArray, _ shape: [Int]?) -> StoredArray {
    let rank = array.shape.count
    let spatial = rank - 2
    let fromTensorFlow = [rank - 1, rank - 2] + Array(0..<spatial)
    func fits(_ order: [Int]) -> Bool { order.map { array.shape[$0] } == shape }
    let order: KerasMapping.KernelOrder
    if let given = mapping.kernelOrder {
      order = given
    } else if layer.dataFormat == "th" {
      order = .theano
    } else {
      order = !fits(fromTensorFlow) && fits(Array(0..<rank)) ? .theano : .tensorflow
    }
    return switch order {
    case .tensorflow: array.permuted(fromTensorFlow, flipping: flips ? Array(0..<spatial) : [])
    case .theano: array.permuted(Array(0..<rank), flipping: flips ? Array(2..<rank) : [])
    }
  }
}
