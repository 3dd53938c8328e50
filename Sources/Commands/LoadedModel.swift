import Aviary

/// A checkpoint that was read for a command, before it is known what its network is for.
struct OpenedCheckpoint {
  let path: String
  let checkpoint: Checkpoint

  /// - Parameter named: a file, or the name of shipped weights.
  init(_ named: String, _ options: SourceOptions, weights: WeightsOptions) throws {
    path = try weights.path(of: named)
    (checkpoint, _) = try options.read(path)
  }

  /// One that is in memory.
  init(path: String, checkpoint: Checkpoint) { (self.path, self.checkpoint) = (path, checkpoint) }

  /// The network as one that learned images without labels; nil where it is another one.
  func unlabeledImages() throws -> UnlabeledImagePredictor? {
    guard let name = checkpoint.metadata.architecture,
      try AviaryCommand.registry.architecture(named: name).learnsWithoutLabels
    else { return nil }
    return try UnlabeledImagePredictor(checkpoint, registry: AviaryCommand.registry, path: path)
  }
}

/// A checkpoint in use on images.
struct LoadedModel {
  let path: String
  let predictor: ImagePredictor

  var model: any Classifier { predictor.model }
  var classes: [String] { predictor.classes }
  var preprocessing: Preprocessing { predictor.preprocessing }

  /// - Parameters:
  ///   - named: a file, or the name of shipped weights.
  ///   - needsHead: whether a checkpoint without a head is refused.
  ///   - needsClasses: whether a network is refused whose outputs are no scores of classes.
  init(_ named: String, _ options: SourceOptions, weights: WeightsOptions, needsHead: Bool) throws {
    try self.init(OpenedCheckpoint(named, options, weights: weights), options, needsHead: needsHead)
  }

  init(_ opened: OpenedCheckpoint, _ options: SourceOptions, needsHead: Bool, needsClasses: Bool? = nil) throws {
    try self.init(opened, allowing: options.allowances, needsHead: needsHead, needsClasses: needsClasses)
  }

  /// - Parameter allowances: tensors that may be missing.
  init(
    _ opened: OpenedCheckpoint, allowing allowances: Set<Allowance>, needsHead: Bool, needsClasses: Bool? = nil
  ) throws {
    path = opened.path
    let checkpoint = opened.checkpoint
    do {
      predictor = try ImagePredictor(
        checkpoint, registry: AviaryCommand.registry, allowing: allowances, needsHead: needsHead, path: path)
    } catch let fault as PredictionFault {
      // What the command line can do about it.
      switch fault {
      case .headAbsent(let path): throw CommandFault.headAbsent(path: path)
      case .noPreprocessing(let path):
        try Self.refuseFed(checkpoint, path)
        if let known = try checkpoint.inputPreparation() { throw CommandFault.noImages(path: path, takes: known.kind) }
        throw CommandFault.noPreprocessing(path: path)
      case .classCount(let path, let names, let outputs):
        throw CommandFault.classCount(source: path, found: names, expected: outputs)
      case .unreadable, .unreadableThere, .unsuited, .notFinite: throw fault
      }
    }
    if needsClasses ?? needsHead {
      try requireClasses()
      tellOutput()
    }
  }

  /// Refuses a Keras model that one image is no input for.
  private static func refuseFed(_ checkpoint: Checkpoint, _ path: String) throws {
    guard let name = checkpoint.metadata.architecture,
      let network = try AviaryCommand.registry.architecture(named: name)
        .build(configuration: checkpoint.metadata.configuration) as? KerasNetwork
    else { return }
    let inputs = network.configuration.inputs
    guard inputs.count > 1 || network.configuration.takesTexts else { return }
    throw FeedFault.takesInputs(
      path: path, inputs: inputs.map { "\($0.label ?? $0.name) (\($0.described))" })
  }

  /// Refuses a network whose outputs are no scores of classes.
  func requireClasses() throws(CommandFault) {
    if let network = predictor.model as? KerasNetwork, network.configuration.output == .values {
      throw .noClasses(path: path)
    }
  }

  /// Says which of several outputs the classes are those of.
  private func tellOutput() {
    guard let outputs = (predictor.model as? KerasNetwork)?.configuration.namedOutputs, outputs.count > 1 else {
      return
    }
    tell("\(path): has \(outputs.count) outputs; its classes are those of '\(outputs[0].name)'")
  }

  /// Calls `body` with every batch of those images that can be used, in order, and returns the others.
  func forEachBatch(
    _ entries: [ImageEntry], workers: Int? = nil, label: String, _ body: (ImagePredictor.Batch) throws -> Void
  ) throws -> [ImagePredictor.Skipped] {
    try withProgress(label, of: entries.count) { progress in
      try predictor.forEachBatch(entries, workers: workers ?? availableCores(), progress: progress, body)
    }
  }

  /// The same of what the network makes of them; processes that work together share the computation.
  ///
  /// - Parameter compute: [N, C, H, W] → [N, F]
  func forEachResult(
    _ entries: [ImageEntry], workers: Int? = nil, label: String, compute: (Tensor) -> Tensor,
    _ body: (ImageResults) throws -> Void
  ) throws -> [ImagePredictor.Skipped] {
    try withProgress(label, of: entries.count) { progress in
      try predictor.forEachResult(
        entries, workers: workers ?? availableCores(), group: Processes.current?.group, progress: progress,
        compute: compute, body)
    }
  }

  /// Runs `body` with a progress line, which it tells how many images are done.
  func withProgress<Result>(
    _ label: String, of total: Int, _ body: (_ progress: (Int) -> Void) throws -> Result
  ) rethrows -> Result {
    try showingProgress(label, of: total, body)
  }
}

/// Runs `body` with a progress line, which it tells how many items are done.
func showingProgress<Result>(
  _ label: String, of total: Int, _ body: (_ progress: (Int) -> Void) throws -> Result
) rethrows -> Result {
  var line = ProgressLine()
  defer { line.clear() }
  return try body { line.show(.init(label, done: $0, total: total)) }
}
