import AviaryLayers

/// What a person knows about a foreign checkpoint that its file does not say.
public struct Adaptation: Sendable {
  /// Applied to names before they are compared with the network's.
  public var renames: [RenamingRule]
  /// The order of kernel axes in a Keras file; nil for what the file says, or what fits.
  public var kernelOrder: KerasMapping.KernelOrder?
  /// Whether kernels are turned by 180°; nil for what the file says.
  public var flipKernels: Bool?
  /// Whether tensors are told by their order and shapes, where names mean nothing.
  public var byStructure: Bool
  /// Differences that are accepted.
  public var allowances: Set<Allowance>

  public init(
    renames: [RenamingRule] = [], kernelOrder: KerasMapping.KernelOrder? = nil, flipKernels: Bool? = nil,
    allowing allowances: Set<Allowance> = [], byStructure: Bool = false
  ) {
    self.renames = renames
    self.kernelOrder = kernelOrder
    self.flipKernels = flipKernels
    self.allowances = allowances
    self.byStructure = byStructure
  }
}

extension Checkpoint {
  /// The checkpoint as one of a network of the zoo: under its paths, in its layouts, with its configuration, and how it
  /// fits. Arrays keep their element types.
  ///
  /// The number of classes is that of the file's head. A checkpoint that names the network already keeps its own
  /// configuration.
  ///
  /// - Parameter path: the file's name, for faults.
  /// - Throws: `CheckpointFault` where the tensors do not fit, `ArchitectureFault` where the file's configuration is none.
  public func adapted(
    to architecture: Architecture, by adaptation: Adaptation = Adaptation(), path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    if metadata.architecture == architecture.name, let configuration = metadata.configuration {
      return try fitted(to: architecture, configuration, adaptation, path)
    }
    var changes = kerasModel == nil ? [] : architecture.keras?.configuration ?? []
    let preset = try architecture.build()
    if let classes = try otherClasses(than: preset, architecture, adaptation, path) {
      changes.append(.init("classes", .number("\(classes)")))
    }
    return try fitted(to: architecture, Self.changing(preset.configurationValue, changes), adaptation, path)
  }

  /// The file's number of classes, where that alone keeps its tensors from fitting the preset; nil where they fit.
  private func otherClasses(
    than preset: any Network, _ architecture: Architecture, _ adaptation: Adaptation, _ path: String
  ) throws(CheckpointFault) -> Int? {
    do {
      _ = try matched(cells: preset.cellDescriptions, headPath: preset.headPath, architecture, adaptation, path)
      return nil
    } catch .mismatch(_, let report) {
      return report.classes(insteadOf: preset.configuration.outputs, headPath: preset.headPath)
    }
  }

  private func fitted(
    to architecture: Architecture, _ configuration: JSONValue, _ adaptation: Adaptation, _ path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    let model = try architecture.build(configuration: configuration)
    let cells = model.cellDescriptions
    var (result, report) = try matched(cells: cells, headPath: model.headPath, architecture, adaptation, path)
    result.format = format
    result.metadata.architecture = architecture.name
    result.metadata.configuration = model.configurationValue
    // Of a Keras file those of the layers that the network has; others are a fault when the checkpoint is loaded.
    let known = model.settings
    let told = kerasModel == nil ? metadata.settings : result.metadata.settings.filter { known[$0.key] != nil }
    result.metadata.settings = known.merging(told) { _, own in own }
    let head = model.headPath + "."
    result.metadata.headAbsent = !result.paths.contains { $0.hasPrefix(head) }
    if let classes = result.metadata.classes, classes.count != model.configuration.outputs {
      result.metadata.classes = nil
    }
    return (result, report)
  }

  private func matched(
    cells: [CellDescription], headPath: String, _ architecture: Architecture, _ adaptation: Adaptation, _ path: String
  ) throws(CheckpointFault) -> (checkpoint: Checkpoint, report: LoadReport) {
    if kerasModel != nil {
      let mapping = KerasMapping(
        layerNames: architecture.keras?.paths ?? [:], renames: adaptation.renames,
        kernelOrder: adaptation.kernelOrder, flipKernels: adaptation.flipKernels, allowing: adaptation.allowances,
        byStructure: adaptation.byStructure)
      return try mapped(onto: cells, headPath: headPath, by: mapping, path: path)
    }
    let renamed = try (format == .hdf5 ? dotted() : self).renamed(by: adaptation.renames)
    let named =
      try adaptation.byStructure
      ? renamed.renamedByStructure(of: cells, path: path) : renamed.joiningGates(of: cells).flattened(for: cells)
    let match = try named.match(cells: cells, headPath: headPath, allowing: adaptation.allowances, path: path)
    var result = Checkpoint()
    result.metadata = metadata
    for cell in cells {
      if let array = match.arrays[cell.path] { result.set(array, at: cell.path) }
    }
    return (result, match.report)
  }

  /// The same with the weights [O, C, kH, kW] of convolutions as [O, C·kH·kW] where the network has a linear layer: one and
  /// the same map where the window is all that is left of the image, as in LeNet's C5. Windows of one element are left as
  /// they are: their convolutions work at every position.
  private func flattened(for cells: [CellDescription]) -> Checkpoint {
    var result = self
    for cell in cells where cell.role == .parameter && cell.shape.count == 2 {
      guard let array = self[cell.path], array.shape.count == 4, array.shape[0] == cell.shape[0],
        array.shape[2] > 1, array.shape.dropFirst().reduce(1, *) == cell.shape[1],
        let flat = array.reshaped(to: cell.shape)
      else { continue }
      result.conversions.append(.reshaped(path: cell.path, from: array.shape))
      result.set(flat, at: cell.path)
    }
    return result
  }

  /// A JSON object with other values for some of its members.
  private static func changing(_ object: JSONValue, _ changes: [JSONValue.Member]) -> JSONValue {
    guard let members = object.members else { return object }
    return .object(members.map { member in changes.last { $0.name == member.name } ?? member })
  }
}

extension LoadReport {
  /// The number of classes of a file that fits in all but that, in its head and in a table of characters that a model
  /// both reads and predicts; nil where anything else differs.
  fileprivate func classes(insteadOf own: Int, headPath: String) -> Int? {
    guard missing.isEmpty, unexpected.isEmpty, unusable.isEmpty,
      let classes = mismatched.first(where: { $0.path.hasPrefix(headPath + ".") })?.found.first
    else { return nil }
    let isOnlyThat = mismatched.allSatisfy {
      $0.found.first == classes && $0.expected.first == own && $0.found.dropFirst() == $0.expected.dropFirst()
    }
    return isOnlyThat ? classes : nil
  }
}
