import Aviary

/// A checkpoint in use: its network, what its outputs are called, and how photographs become its input.
struct LoadedModel {
  let path: String
  let model: any Classifier
  let architecture: Architecture
  let checkpoint: Checkpoint.Metadata
  /// Valid, and of pictures that the network takes, as far as their size is fixed.
  let preprocessing: Preprocessing
  /// One name for each of the head's outputs.
  let classes: [String]
  /// Whether the checkpoint names its classes itself.
  let namesClasses: Bool

  /// - Parameters:
  ///   - named: a file, or the name of shipped weights.
  ///   - needsHead: whether a checkpoint without a head is refused.
  init(_ named: String, _ options: SourceOptions, weights: WeightsOptions, needsHead: Bool) throws {
    path = try WeightsFolder.checkpointPath(named, given: weights.weights)
    let (checkpoint, _) = try options.read(path)
    if needsHead, checkpoint.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    guard let name = checkpoint.metadata.architecture else { throw ArchitectureFault.unnamed }
    let known = try AviaryCommand.registry.architecture(named: name)
    guard known.kinds.contains(.images) else {
      throw ArchitectureFault.unsuited(architecture: name, kinds: known.kinds, data: .images)
    }
    guard let stored = try checkpoint.preprocessing() else { throw CommandFault.noPreprocessing(path: path) }
    preprocessing = stored
    let missing = try options.allowMissing.map { try Allowance.missing($0) }
    (model, architecture, _) = try AviaryCommand.registry.classifier(
      from: checkpoint, allowing: Set(missing), path: path)
    if needsHead, let chain = model as? KerasChain, chain.configuration.output == .values {
      throw CommandFault.noClasses(path: path)
    }
    self.checkpoint = checkpoint.metadata
    let count = model.configuration.outputs
    if let names = checkpoint.metadata.classes {
      guard names.count == count || checkpoint.metadata.headAbsent else {
        throw CommandFault.classCount(source: path, found: names.count, expected: count)
      }
      classes = names
    } else {
      classes = (0..<count).map { "class \($0)" }
    }
    namesClasses = checkpoint.metadata.classes != nil
    if let size = preprocessing.outputSize { try check(size) }
  }

  /// Refuses pictures that are too small for the network, or have other channels than it takes.
  func check(_ size: ImageSize) throws {
    _ = try architecture.build(
      configuration: checkpoint.configuration, input: [preprocessing.channels.count, size.height, size.width])
  }

  /// The input of the head as one vector an image: [N, F]. Feature maps become their means over positions.
  func features(_ inputs: Tensor) -> Tensor {
    inference {
      let features = model.features(inputs)
      return features.rank == 4 ? features.mean(over: [2, 3]) : features
    }
  }

  /// The logarithms of the classes' probabilities: [N, classes].
  func logProbabilities(_ inputs: Tensor) -> Tensor {
    inference { logSoftmax(model(inputs)) }
  }
}

/// Photographs one batch after another, as a model takes them.
struct Photographs {
  struct Batch {
    let inputs: Tensor
    /// Positions in the list of entries.
    let indices: [Int]
  }

  struct Skipped {
    let index: Int
    let reason: String
  }

  static let batchSize = 16

  /// Calls `body` with every batch of those that can be decoded, in order, and returns the others.
  ///
  /// Where the size of the pictures depends on the photographs, every batch is one.
  static func forEachBatch(
    _ entries: [ImageEntry], of loaded: LoadedModel, workers: Int? = nil, label: String,
    _ body: (Batch) throws -> Void
  ) throws -> [Skipped] {
    var progress = ProgressLine()
    defer { progress.clear() }
    func show(_ done: Int) { progress.show(.init(label, done: done, total: entries.count)) }
    guard loaded.preprocessing.outputSize != nil, entries.count > 1 else {
      var skipped: [Skipped] = []
      for (index, entry) in entries.enumerated() {
        do {
          let picture = loaded.preprocessing.sized(try entry.decoded())
          try loaded.check(ImageSize(height: picture.height, width: picture.width))
          try body(Batch(inputs: loaded.preprocessing.tensor(of: [picture]), indices: [index]))
        } catch let fault as ImageDecodingError {
          skipped.append(Skipped(index: index, reason: "\(fault)"))
        } catch let fault as ArchitectureFault {
          skipped.append(Skipped(index: index, reason: "\(entry.path): \(fault)"))
        }
        show(index + 1)
      }
      return skipped
    }
    let batches = try ImageBatches(
      entries, preprocessing: loaded.preprocessing, batchSize: min(batchSize, entries.count),
      workers: min(workers ?? availableCores(), entries.count))
    var done = 0
    var decoded: Set<Int> = []
    while let batch = batches.next() {
      try body(Batch(inputs: batch.inputs, indices: batch.indices))
      decoded.formUnion(batch.indices)
      done += batch.indices.count
      show(done + batches.skipped.count)
    }
    // In the order of the entries, as the batches skip them.
    let left = entries.indices.filter { !decoded.contains($0) }
    return zip(left, batches.skipped).map { Skipped(index: $0, reason: "\($1.reason)") }
  }
}
