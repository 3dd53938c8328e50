import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

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
  /// Values of the configuration that the file does not say, or that are to be others than it says.
  public var changes: [ConfigurationChange]
  /// Matrices of a file that keeps [inputs, outputs].
  public var transposes: [PathPattern]

  /// What is known; what is left out is left to the file.
  public init(
    renames: [RenamingRule] = [], kernelOrder: KerasMapping.KernelOrder? = nil, flipKernels: Bool? = nil,
    allowing allowances: Set<Allowance> = [], byStructure: Bool = false,
    changing changes: [ConfigurationChange] = [], transposing transposes: [PathPattern] = []
  ) {
    self.transposes = transposes
    self.changes = changes
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
  /// A checkpoint that names the network already keeps its own configuration. Otherwise the network is the published one
  /// if that fits, and else has the sizes that the tensors' shapes say (`NetworkConfiguration.fit(tensors:)`); of a network
  /// that reads no sizes, the number of classes is that of the file's head. What was read so is among the result's notes.
  /// Names of timm and transformers become the network's where the zoo has a table of them.
  ///
  /// - Parameter path: the file's name, for faults.
  /// - Throws: `CheckpointFault` where the tensors do not fit, `ArchitectureFault` where the file's configuration is none, or
  ///   a change of `adaptation` contradicts the tensors.
  public func adapted(
    to architecture: Architecture, by adaptation: Adaptation = Adaptation(), path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    if let copy = try copy(of: architecture, adaptation) {
      var result = try copy.checkpoint.adapted(to: architecture, by: adaptation, path: path)
      result.checkpoint.notes.append(copy.note)
      return result
    }
    if let wrapper = try wrapper(of: architecture, adaptation) {
      var other = adaptation
      other.renames.append(try RenamingRule("^\(Self.escaped(wrapper))="))
      var result = try adapted(to: architecture, by: other, path: path)
      result.checkpoint.notes.append("read without the '\(wrapper)' before the names")
      return result
    }
    let names = try otherNames(of: architecture, adaptation)
    if !names.isEmpty {
      var other = adaptation
      other.renames += names.map { $0.rule }
      var result = try adapted(to: architecture, by: other, path: path)
      result.checkpoint.notes.append(
        "read under the network's own names: " + names.map { "\($0.foreign) is \($0.own)" }.joined(separator: ", "))
      return result
    }
    let renamed = adaptation.byStructure ? self : try renamed(by: adaptation.renames)
    guard !adaptation.byStructure, let original = renamed.original(for: architecture) else {
      return try fitted(to: architecture, by: adaptation, path: path)
    }
    if let hub, let reason = original.refuses(hub.configuration) {
      throw CheckpointFault.unsupported(path: path, what: reason)
    }
    var further = adaptation
    further.renames = []
    let described = hub?.configuration ?? .object([])
    further.changes = original.changes(described) + adaptation.changes
    var result = try renamed.translated(by: original.table).fitted(to: architecture, by: further, path: path)
    for (place, value) in original.settings(described) {
      for name in result.checkpoint.metadata.settings.keys
      where place.isEmpty ? name.hasSuffix(".epsilon") : name == place + ".epsilon" {
        result.checkpoint.metadata.settings[name] = value
      }
    }
    return result
  }

  private func fitted(
    to architecture: Architecture, by adaptation: Adaptation, path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    let (matrices, unneeded) = try otherHabits(than: architecture, adaptation)
    if !unneeded.isSubset(of: adaptation.allowances) {
      var other = adaptation
      other.allowances.formUnion(unneeded)
      return try fitted(to: architecture, by: other, path: path)
    }
    if !matrices.isEmpty {
      var other = adaptation
      other.transposes = try matrices.map { name throws(PathPattern.Fault) in try PathPattern(name) }
      var result = try fitted(to: architecture, by: other, path: path)
      result.checkpoint.notes.append(
        "transposed, as the file keeps them as [inputs, outputs]: \(matrices.joined(separator: ", "))")
      return result
    }
    do {
      return try resized(to: architecture, by: adaptation, path: path)
    } catch CheckpointFault.mismatch(_, var report) where kerasModel == nil && adaptation.transposes.isEmpty {
      let known = try named(by: adaptation, of: architecture)
      report.transposable =
        known.transposable(report) { patterns in
          var other = adaptation
          other.transposes = patterns
          return (try? resized(to: architecture, by: other, path: path)) != nil
        } ?? []
      throw CheckpointFault.mismatch(path: path, report: report)
    } catch CheckpointFault.structure(_, let reason) where kerasModel == nil && adaptation.transposes.isEmpty {
      var other = adaptation
      other.transposes = [try PathPattern("**")]
      let fits = (try? resized(to: architecture, by: other, path: path)) != nil
      throw CheckpointFault.structure(
        path: path, reason: fits ? reason + "; it fits transposed: use --transpose '**'" : reason)
    }
  }

  /// Matrices whose shapes, or those of others beside them, say that they are stored the other way round, and tensors that
  /// the network makes itself. Who transposes some matrices says himself which ones.
  private func otherHabits(
    than architecture: Architecture, _ adaptation: Adaptation
  ) throws -> (transposed: [String], unneeded: Set<Allowance>) {
    guard kerasModel == nil, !adaptation.byStructure, metadata.architecture != architecture.name else {
      return ([], [])
    }
    let names = try named(by: adaptation, of: architecture)
    let shapes = TensorShapes(names.entries.map { ($0.path, $0.array.shape) })
    return (
      adaptation.transposes.isEmpty ? architecture.transposedMatrices(shapes) : [],
      Set(try architecture.unneededTensors(shapes).map { pattern throws in try .unexpected(pattern) })
    )
  }

  /// The names of layers that are the network's under other names.
  private func otherNames(
    of architecture: Architecture, _ adaptation: Adaptation
  ) throws(CheckpointFault) -> [(foreign: String, own: String, rule: RenamingRule)] {
    guard kerasModel == nil, !adaptation.byStructure, metadata.architecture != architecture.name else { return [] }
    var names: [(foreign: String, own: String, rule: RenamingRule)] = []
    for (foreign, own) in architecture.ownNames(try named(by: adaptation, of: architecture).paths) {
      names.append((foreign, own, try RenamingRule("^\(Self.escaped(foreign))\\.=\(own).")))
    }
    return names
  }

  /// See `copy(for:wrapper:)`. Who renames tensors says himself which ones are the network's.
  private func copy(
    of architecture: Architecture, _ adaptation: Adaptation
  ) throws -> (checkpoint: Checkpoint, note: String)? {
    guard kerasModel == nil, !adaptation.byStructure, adaptation.renames.isEmpty,
      metadata.architecture != architecture.name
    else { return nil }
    return try copy(for: architecture) { try $0.wrapper(of: architecture, adaptation) }
  }

  /// A name as a regular expression of nothing else.
  static func escaped(_ name: String) -> String {
    name.map { $0.isLetter || $0.isNumber || $0 == "_" ? "\($0)" : "\\\($0)" }.joined()
  }

  /// What stands before the names of most tensors, `model.` of `model.conv1.weight`, where the network's names come behind
  /// it and not without it: trainers, compilers and classes around a network leave it. Nil where there is nothing like that.
  private func wrapper(of architecture: Architecture, _ adaptation: Adaptation) throws -> String? {
    guard kerasModel == nil, !adaptation.byStructure, metadata.architecture != architecture.name else { return nil }
    let paths = try named(by: adaptation, of: architecture).paths
    let own = ExactSet(try architecture.build().cellDescriptions.filter { $0.role != .counter }.map(\.path))
    /// Names of the network's, or of a program that has a table of them.
    func known(_ names: [String]) -> Int {
      let tables = architecture.originals.map { $0.table.names(of: names).count { $0 != nil } }
      return max(names.count { own.contains($0) }, tables.max() ?? 0)
    }
    guard known(paths) == 0, architecture.ownNames(paths).isEmpty else { return nil }
    var wrapper = ""
    for _ in 0..<4 {
      var counts = ExactDictionary<Int>()
      for rest in NetworkCopies.rests(of: paths, behind: wrapper) {
        guard let dot = rest.firstIndex(of: ".") else { continue }
        counts[String(rest[..<dot]), default: 0] += 1
      }
      // A second network of the same size would do as well.
      guard let part = counts.names.first(where: { 2 * counts[$0, default: 0] > paths.count }) else { return nil }
      wrapper += part + "."
      let names = NetworkCopies.rests(of: paths, behind: wrapper)
      if 2 * known(names) > names.count || !architecture.ownNames(names).isEmpty { return wrapper }
    }
    return nil
  }

  private func resized(
    to architecture: Architecture, by adaptation: Adaptation, path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    if metadata.architecture == architecture.name, let configuration = metadata.configuration {
      let model = try architecture.build(configuration: configuration, changing: adaptation.changes)
      return try fitted(to: architecture, model, adaptation, path)
    }
    let told = architecture.told(metadata.extra).filter { fact in
      !adaptation.changes.contains { $0.name == fact.name }
    }
    var adaptation = adaptation
    adaptation.changes = told + adaptation.changes
    var sizes = SizedConfiguration(changes: adaptation.changes)
    sizes.original = kerasModel == nil ? [] : architecture.keras?.configuration ?? []
    let published = try architecture.build()
    let remark = told.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
    let remarks = told.isEmpty ? [] : ["what the file says beside its tensors (change it with --set): \(remark)"]
    let refusal: any Error
    do {
      var result = try fitted(to: architecture, try architecture.build(sizes).model, adaptation, path)
      result.checkpoint.notes += remarks
      if kerasModel == nil {
        // Though the published sizes fit, the network may have something that no shape says.
        sizes.shapes = shapes(for: published.cellDescriptions, architecture, adaptation, path)
        if let line = (try? sized(architecture, sizes))?.assumption { result.checkpoint.notes.append(line) }
      }
      return result
    } catch let fault as CheckpointFault where fault.concernsSizes {
      refusal = fault
    } catch ArchitectureFault.refused(let name, let fault) {
      // A change may go with the file's sizes alone.
      refusal = ArchitectureFault.refused(architecture: name, fault: fault)
    }
    sizes.shapes = shapes(for: published.cellDescriptions, architecture, adaptation, path)
    if let sized = try sized(architecture, sizes), !sized.read.isEmpty {
      var result = try fitted(to: architecture, sized.model, adaptation, path)
      result.checkpoint.notes += remarks + sized.remarks
      return result
    }
    guard case CheckpointFault.mismatch(_, let report) = refusal,
      let classes = report.classes(insteadOf: published.configuration.outputs, headPath: published.headPath)
    else { throw refusal }
    (sizes.shapes, sizes.outputs) = (nil, classes)
    return try fitted(to: architecture, try architecture.build(sizes).model, adaptation, path)
  }

  /// The network in the sizes of the tensors; nil where these make none.
  private func sized(
    _ architecture: Architecture, _ sizes: SizedConfiguration
  ) throws(ArchitectureFault) -> Architecture.Sized? {
    do { return try architecture.build(sizes) } catch {
      if case .contradicted = error { throw error }
      return nil
    }
  }

  /// The shapes of the tensors under the network's names.
  ///
  /// - Parameter cells: those of the network as published, which tensors without names are told by.
  private func shapes(
    for cells: [CellDescription], _ architecture: Architecture, _ adaptation: Adaptation, _ path: String
  ) -> TensorShapes {
    if let kerasModel {
      let layers = try? kerasModel.convertedLayers(onto: [], by: adaptation.mapping(to: architecture), path: path)
      return TensorShapes((layers ?? []).flatMap { $0.arrays.map { ($0.path, $0.array.shape) } })
    }
    guard let renamed = try? named(by: adaptation, of: architecture) else { return TensorShapes([]) }
    if adaptation.byStructure {
      let counted = cells.filter { $0.role != .counter }
      let tensors = renamed.entries.filter { $0.array.count != 1 || $0.array.integers() == nil }
      guard counted.count == tensors.count else { return TensorShapes([]) }
      return TensorShapes(zip(counted, tensors).map { ($0.path, $1.array.shape) })
    }
    return TensorShapes(renamed.joiningGates(of: cells).entries.map { ($0.path, $0.array.shape) })
  }

  /// The tensors of a file of another program than Keras under the names that a person gives them, and today's for those
  /// that older files have.
  private func named(by adaptation: Adaptation, of architecture: Architecture) throws(CheckpointFault) -> Checkpoint {
    try (format == .hdf5 ? dotted() : self).renamed(by: adaptation.renames + architecture.olderNames)
      .transposed(adaptation.transposes)
  }

  private func fitted(
    to architecture: Architecture, _ model: any Network, _ adaptation: Adaptation, _ path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport) {
    let cells = model.cellDescriptions
    var (result, report) = try matched(
      cells: cells, tied: model.tiedPaths, headPath: model.headPath, architecture, adaptation, path)
    result.format = format
    (result.notes, result.unreadable, result.damage) = (notes + doubts(about: architecture), unreadable, damage)
    result.metadata.architecture = architecture.name
    result.metadata.configuration = model.configurationValue
    // Of a Keras file those of the layers that the network has; others are a fault when the checkpoint is loaded.
    let known = model.settings
    let told = kerasModel == nil ? metadata.settings : result.metadata.settings.filter { known[$0.key] != nil }
    result.metadata.settings = known.merging(told) { _, own in own }
    let head = model.headPath + "."
    // A network that has no head lacks none.
    result.metadata.headAbsent =
      cells.contains { $0.path.hasPrefix(head) } && !result.paths.contains { $0.hasPrefix(head) }
    if let classes = result.metadata.classes, classes.count != model.configuration.outputs {
      result.metadata.classes = nil
    }
    return (result, report)
  }

  /// What speaks against the network although the tensors may fit it, a line each.
  private func doubts(about architecture: Architecture) -> [String] {
    guard metadata.architecture != architecture.name else { return [] }
    var lines: [String] = []
    if let hub, let called = hub.name ?? hub.type, !called.isExactly(architecture.name),
      !architecture.originals.contains(where: { $0.agreement(with: hub) != nil })
    {
      lines.append(
        "config.json calls the network '\(called.prefix(80))', which is not known to be \(architecture.name): with the same "
          + "tensors it may compute something else")
    }
    if let tensor = segmentationTensor, architecture.kinds.contains(.images) {
      lines.append(
        "'\(tensor)' is of a network for segmentation, whose last stages are mostly dilated instead of strided; no tensor "
          + "says so, and \(architecture.name) has strides: its features may be others")
    }
    return lines
  }

  /// A tensor of a segmentation network's head, as torchvision (DeepLab, LR-ASPP, FCN), MMSegmentation and
  /// segmentation_models_pytorch name them; nil where there is none.
  private var segmentationTensor: String? {
    let heads = [
      "classifier.0.convs.", "classifier.cbr.", "aux_classifier.", "decode_head.", "auxiliary_head.", "decoder.aspp.",
    ]
    return paths.first { path in
      if path.hasSuffix("classifier.4.weight") { return self[path]?.shape.count == 4 }
      return heads.contains { path.hasPrefix($0) || path.contains("." + $0) }
    }
  }

  private func matched(
    cells: [CellDescription], tied: [String: String], headPath: String, _ architecture: Architecture,
    _ adaptation: Adaptation, _ path: String
  ) throws(CheckpointFault) -> (checkpoint: Checkpoint, report: LoadReport) {
    if kerasModel != nil {
      if !adaptation.transposes.isEmpty {
        throw .unsupported(
          path: path, what: "a Keras file, whose matrices are always [inputs, outputs]: leave --transpose out")
      }
      return try mapped(onto: cells, headPath: headPath, by: adaptation.mapping(to: architecture), path: path)
    }
    let renamed = try named(by: adaptation, of: architecture)
    let named =
      try adaptation.byStructure
      ? renamed.renamedByStructure(of: cells, path: path)
      : renamed.joiningTied(tied).joiningGates(of: cells).flattened(for: cells)
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
}

extension Adaptation {
  fileprivate func mapping(to architecture: Architecture) -> KerasMapping {
    KerasMapping(
      layerNames: architecture.keras?.paths ?? [:], renames: renames, kernelOrder: kernelOrder,
      flipKernels: flipKernels,
      allowing: allowances, byStructure: byStructure)
  }
}

extension CheckpointFault {
  /// Whether a network of other sizes may fit.
  fileprivate var concernsSizes: Bool {
    switch self {
    // A pattern may be for what only a network of other sizes does not have.
    case .mismatch, .nothingMatched, .structure, .kerasLayer, .patternMatchesNothing: true
    default: false
    }
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
