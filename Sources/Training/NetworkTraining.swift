import AviaryCheckpoints
import AviaryDatasets
import AviaryTensors

/// Training a network of a registry on data in files that it suits, from nothing or from a checkpoint.
public enum NetworkTraining {
  /// What a run begins with.
  public enum Source {
    /// A network with random weights.
    case scratch(Architecture)
    /// Weights whose head is replaced by one for the data; `path` is the file's name.
    case checkpoint(Checkpoint, path: String)
  }

  /// Begins a run in the folder `path`. Nothing is written before options, data and model have been checked.
  ///
  /// - Parameters:
  ///   - registry: the networks that checkpoints may name.
  ///   - report: is told what a person should know, a line at a time.
  public static func start(
    _ options: TrainingOptions, from source: Source, registry: Registry, at path: String,
    hooks: TrainingHooks = TrainingHooks(), report: @escaping (String) -> Void
  ) throws -> TrainingReport {
    try options.validate()
    try requireApart(run: path, options)
    Compute.threads = options.threads
    let beginning = Beginning(place: .source(source), registry: registry, report: report)
    let (options, kind) = try Self.detected(options, beginning)
    func open(_ task: some TrainingTask) throws -> TrainingReport {
      if let remark = task.trainingClasses?.remarkOnRare(options, items: task.items) { report(remark) }
      let steps = options.epochs * options.learning.steps(ofBatches: task.batchesPerEpoch)
      if let remark = options.schedule.remarkOnWarmUp(steps: steps, learningRate: options.optimizer.learningRate) {
        report(remark)
      }
      return try Session(task, options, hooks).begin(in: path)
    }
    return try withPrecision(options.precision) { try open(task(options, kind, beginning, at: path, report)) }
  }

  /// Tries growing learning rates for a run with these options, without writing anything.
  ///
  /// - Parameter range: the rates, and how many steps they grow over.
  public static func learningRates(
    _ options: TrainingOptions, from source: Source, registry: Registry, over range: LearningRateRange,
    report: @escaping (String) -> Void
  ) throws -> LearningRateRange {
    try options.validate()
    Compute.threads = options.threads
    let beginning = Beginning(place: .source(source), registry: registry, report: report)
    let (options, kind) = try Self.detected(options, beginning)
    func open(_ task: some TrainingTask) throws -> LearningRateRange {
      try Session(task, options, TrainingHooks()).learningRates(range)
    }
    return try withPrecision(options.precision) { try open(task(options, kind, beginning, at: "", report)) }
  }

  /// Continues the run in the folder `path` as if it had never stopped, but for the changes asked for.
  ///
  /// - Parameter reading: reads the checkpoint that a run was begun with, for one that was killed before its first state
  ///   was saved.
  public static func resume(
    at path: String, registry: Registry, changes: ResumeChanges = ResumeChanges(),
    reading: (String, SourceReading) throws -> Checkpoint = { path, _ in try .read(from: path) },
    hooks: TrainingHooks = TrainingHooks(), report: @escaping (String) -> Void
  ) throws -> TrainingReport {
    let folder = try RunFolder(resuming: path, isWriter: hooks.group?.isWriter ?? true)
    let begun: TrainingOptions = try folder.readOptions()
    let stored = changes.applied(to: begun)
    try stored.validate()
    if changes.data != nil { try requireApart(run: path, stored) }
    Compute.threads = stored.threads
    var saved = try SavedRun(folder)
    if let loop = saved?.loop { saved?.loop = try changes.applied(to: loop) }
    let place: Beginning.Place =
      if let saved { .saved(saved.checkpoint, path: folder.last) } else {
        .source(try source(of: stored, registry, reading))
      }
    let beginning = Beginning(place: place, registry: registry, report: report)
    let (options, kind) = try resumable { try detected(stored, beginning) }
    if changes.mostSkipped != nil, kind.dataKind != .images {
      throw TrainingFault.onlyForImages(option: "--max-skipped", path: options.data)
    }
    func open(_ task: some TrainingTask) throws -> TrainingReport {
      for remark in changes.remarks(
        begun, options, state: saved?.loop,
        stepsPerEpoch: options.learning.steps(ofBatches: task.batchesPerEpoch))
      {
        report(remark)
      }
      return try Session(task, options, hooks).run(in: folder, from: saved) {
        if changes != ResumeChanges() { try folder.write(options: stored) }
      }
    }
    return try withPrecision(options.precision) { try open(task(options, kind, beginning, at: path, report)) }
  }

  /// Says how to go on where the data of a run are gone.
  private static func resumable<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch TrainingFault.noData(let path) { throw TrainingFault.movedData(path: path) }
  }

  /// A run that was killed before its first state was saved begins again from what its options name.
  static func source(
    of options: TrainingOptions, _ registry: Registry, _ reading: (String, SourceReading) throws -> Checkpoint
  ) throws -> Source {
    if let path = options.checkpoint { return .checkpoint(try reading(path, options.reading), path: path) }
    return .scratch(try registry.architecture(named: options.architecture ?? ""))
  }

  /// The kind of data, refused first where the network is not for it: then no other fault of the data matters.
  static func detected(
    _ options: TrainingOptions, _ beginning: Beginning
  ) throws -> (TrainingOptions, DataOptions) {
    let kind = try DataSource.kind(of: options.data)
    if let architecture = try beginning.architecture, !architecture.kinds.contains(kind) {
      throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: kind)
    }
    return try options.detected()
  }

  /// What is to be learned: the kind of data decides.
  private static func task(
    _ options: TrainingOptions, _ kind: DataOptions, _ beginning: Beginning, at path: String,
    _ report: @escaping (String) -> Void
  ) throws -> any TrainingTask {
    try options.checkParts(kind)
    if options.members != nil {
      throw TrainingFault.invalidSetting(
        name: "one run in place of several", value: "", allowed: "begun and resumed by MemberTraining")
    }
    if case .images(let images) = kind, try beginning.architecture?.learnsWithoutLabels == true {
      if options.parts != PartOptions() {
        throw TrainingFault.noParts(option: "--folds, --group or --test", path: options.data)
      }
      return try unlabeledImageTask(beginning, options, images, at: path, report)
    }
    return switch kind {
    case .images(let images): try ImageStart(beginning, options, images).task(at: path, report)
    case .table(let settings): try TablePreprocessing.task(beginning, settings, options, report: report)
    case .series(let settings): try SeriesPreprocessing.task(beginning, settings, options, report: report)
    case .textColumn(let settings): try TextColumnPreprocessing.task(beginning, settings, options, report: report)
    case .unlabeled(let data): try unlabeledTableTask(beginning, options, data, report)
    case .tags(let settings): try TaggingPreprocessing.task(beginning, settings, options, report: report)
    case .translation(let settings): try TranslationPreprocessing.task(beginning, settings, options, report: report)
    case .generation(let settings): try GenerationPreprocessing.task(beginning, settings, options, report: report)
    case .text(let text): try languageModelTask(beginning, options, text)
    case .graph(let graph): try graphTask(beginning, options, graph)
    }
  }
}
