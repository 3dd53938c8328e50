import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Where a session of a run begins: at its source, or at a state that was saved.
struct Beginning {
  enum Place {
    case source(NetworkTraining.Source)
    case saved(Checkpoint, path: String)
  }

  let place: Place
  /// The networks that checkpoints may name.
  let registry: Registry
  /// Is told what a person should know, a line at a time.
  var report: (String) -> Void = { _ in }

  /// Whether nothing of this run has been learned yet.
  var isSource: Bool { if case .source = place { true } else { false } }
  /// Whether nothing has been learned at all.
  var isFromScratch: Bool { if case .source(.scratch) = place { true } else { false } }

  /// The network to be trained, and what its checkpoint says of it so far.
  struct Start {
    let model: any Network
    let architecture: Architecture
    var metadata: Checkpoint.Metadata

    /// The network as one of the kind that the data ask for, such as `(any LanguageModel).self`.
    func model<Model>(as type: Model.Type, for data: DataKind) throws(ArchitectureFault) -> Model {
      guard let model = model as? Model else {
        throw .unsuited(architecture: architecture.name, kinds: architecture.kinds, data: data)
      }
      return model
    }

    /// The network as a function of one tensor.
    func forward() throws(ArchitectureFault) -> (Tensor) -> Tensor {
      func open(_ model: some Classifier) -> (Tensor) -> Tensor { { model($0) } }
      return open(try architecture.classifier(model))
    }
  }

  /// What the head of a checkpoint predicts, beside what the data ask for.
  enum KnownHead {
    /// The same, in words: the head stays, and perhaps more.
    case same(_ what: String, kept: String = "its head is kept")
    /// Something else. `reason` is what the checkpoint does.
    case other(_ reason: String)

    /// The head of a classifier, by the names of its classes in their order; nil where the checkpoint has none.
    init(of known: [String]?, for classes: [String]) {
      guard let known else {
        self = .other("does not name its classes")
        return
      }
      let isSame = known.elementsEqual(classes) { $0.isExactly($1) }
      self = isSame ? .same("these classes") : .other("predicts other classes")
    }
  }

  /// The network with its values and its frozen set, ready to be trained.
  ///
  /// - Parameters:
  ///   - input: the shape that the data have for the network.
  ///   - outputs: what the head is replaced for, unless the state was saved; nil keeps the head of a checkpoint.
  ///   - head: what a checkpoint's head predicts; nil where there is no such question.
  ///   - changes: values of the configuration for a network from scratch; nil for those of the options.
  ///   - data: the fingerprint of the data. A saved state of other data is refused.
  func start(
    input: [Int], outputs: Int?, head: KnownHead? = nil, changes: [ConfigurationChange]? = nil, data: DataFingerprint,
    _ options: TrainingOptions
  ) throws -> Start {
    try requireSame(data, options)
    var start: Start
    /// Whether a cell, by its path, has values that nothing was learned into.
    var isNew: (String) -> Bool = { _ in false }
    switch place {
    case .source(.scratch(let architecture)):
      var model = try architecture.build(fitting: input, changing: changes ?? options.configuration)
      if let outputs { model = model.replacingHead(outputs: outputs, seed: options.seed) }
      model.initialize(seed: options.seed)
      if let initializer = options.learning.initializer.flatMap({ Initializer(named: $0) }),
        model.initializeWeights(by: initializer, seed: options.seed) == 0
      {
        throw TrainingFault.noWeights(architecture: architecture.name)
      }
      isNew = { _ in true }
      start = Start(model: model, architecture: architecture, metadata: Checkpoint.Metadata())
    case .source(.checkpoint(let checkpoint, let path)):
      // Weights of integers are not trained; those that they stand for are.
      let loaded = try registry.model(from: checkpoint.dequantized(), seed: options.seed, path: path)
      _ = try loaded.architecture.build(configuration: checkpoint.metadata.configuration, input: input)
      let replacement = replacement(outputs, of: loaded.model, checkpoint, path, head, options)
      let model = replacement.map { loaded.model.replacingHead(outputs: $0, seed: options.seed) } ?? loaded.model
      start = Start(model: model, architecture: loaded.architecture, metadata: checkpoint.metadata)
      if replacement != nil || checkpoint.metadata.headAbsent { isNew = { model.isInHead($0) } }
      start.metadata.extra["from"] = path
      // How other data were divided, which may be these.
      start.metadata.extra[RecordedTraining.key] = try RecordedTraining.text(of: checkpoint.metadata.trainings)
      start.metadata.extra[RecordedSplit.key] = nil
      start.metadata.extra[ClassThresholds.key] = nil
      start.metadata.metrics = [:]
    case .saved(let checkpoint, let path):
      let loaded = try registry.model(from: checkpoint, path: path)
      _ = try loaded.architecture.build(configuration: checkpoint.metadata.configuration, input: input)
      start = Start(model: loaded.model, architecture: loaded.architecture, metadata: checkpoint.metadata)
    }
    start.metadata.architecture = start.architecture.name
    start.metadata.headAbsent = false
    start.metadata.frozen = []
    start.metadata.extra[DataFingerprint.key] = data.text
    try start.model.freeze(options)
    if let remark = start.model.remarkOnFrozen(isNew: isNew) { report(remark) }
    if isSource, options.layerwiseDecay.map({ $0 < 1 }) == true, options.unfreezing.isEmpty,
      start.model.trainsHeadAlone
    {
      report(
        "--layer-decay changes nothing: only the head \(start.model.headPath) is trained, and the decay is of layers before it"
      )
    }
    if !isSource, start.model.isHeadFrozen { report("the head \(start.model.headPath) is frozen: it is not trained") }
    return start
  }

  /// The network's place in the zoo; nil where a checkpoint does not say it.
  var architecture: Architecture? {
    get throws(ArchitectureFault) {
      switch place {
      case .source(.scratch(let architecture)): architecture
      case .source(.checkpoint(let checkpoint, _)), .saved(let checkpoint, _):
        if let name = checkpoint.metadata.architecture { try registry.architecture(named: name) } else { nil }
      }
    }
  }

  /// The checkpoint that the session begins with, and its file's name; nil where there is none.
  var checkpoint: (checkpoint: Checkpoint, path: String)? {
    switch place {
    case .source(.scratch): nil
    case .source(.checkpoint(let checkpoint, let path)), .saved(let checkpoint, let path): (checkpoint, path)
    }
  }

  /// Refuses a saved state that was trained on other classes.
  func requireSameClasses(_ classes: [String], _ options: TrainingOptions) throws(TrainingFault) {
    guard case .saved = place, case .other = knownHead(for: classes) else { return }
    throw .unusableState(reason: "\(options.data) has other classes now")
  }

  /// What the checkpoint's head predicts beside such classes; nil from scratch.
  func knownHead(for classes: [String]) -> KnownHead? {
    checkpoint.map { KnownHead(of: $0.checkpoint.metadata.classes, for: classes) }
  }
}

extension Beginning {
  /// The outputs of the new head of a checkpoint's network, after a line that says what becomes of the old one; nil where it
  /// stays.
  private func replacement(
    _ outputs: Int?, of model: any Network, _ checkpoint: Checkpoint, _ path: String, _ head: KnownHead?,
    _ options: TrainingOptions
  ) -> Int? {
    // Vocabularies stay, and with them the number of outputs.
    guard let outputs else { return options.replacesHead ? model.configuration.outputs : nil }
    let reason: String
    switch head {
    case nil: return outputs
    case _ where checkpoint.metadata.headAbsent: reason = "has none"
    case .other(let difference)?: reason = difference
    case .same? where model.configuration.outputs != outputs: reason = "has one of another size"
    case .same? where options.replacesHead: return outputs
    case .same(let what, let kept)?:
      report("\(path) predicts \(what) already: \(kept); give --new-head for a new one")
      return nil
    }
    report("the head \(model.headPath) is new: \(path) \(reason)")
    return outputs
  }

  /// States that were saved before fingerprints were kept have none.
  private func requireSame(_ data: DataFingerprint, _ options: TrainingOptions) throws(TrainingFault) {
    guard case .saved(let checkpoint, _) = place, let known = checkpoint.metadata.extra[DataFingerprint.key],
      known != data.text
    else { return }
    throw .unusableState(reason: "\(options.data) holds other data than it was trained on so far")
  }
}
