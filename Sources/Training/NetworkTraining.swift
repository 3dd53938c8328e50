import AviaryCheckpoints
import AviaryModels
import AviaryTensors

/// What a run came to.
public struct TrainingReport {
  /// Nil where the run was interrupted before its end.
  public var summary: RunSummary?
  public var interrupted: Bool
  public var folder: String
}

/// Training a network of the zoo on data that it suits, from nothing or from a checkpoint.
public enum NetworkTraining {
  /// What a run begins with.
  public enum Source {
    case scratch(Architecture)
    /// Weights whose head is replaced by one for the data; `path` is the file's name.
    case checkpoint(Checkpoint, path: String)
  }

  /// Begins a run in the folder `path`. Nothing is written before options, data and model have been checked.
  ///
  /// - Parameter report: is told what a person should know, a line at a time.
  public static func start(
    _ options: TrainingOptions, from source: Source, at path: String, report: @escaping (String) -> Void
  ) throws -> TrainingReport {
    try options.validate()
    Compute.threads = options.threads
    let task = try task(options, .source(source), at: path, report)
    if let batches = options.statisticsBatches, batches > 0, !task.model.learnsFromStatistics {
      throw TrainingFault.noStatistics
    }
    let folder = try RunFolder(creating: path, options: options)
    return try run(task, options, folder, from: LoopState(), saved: .init())
  }

  /// Goes on with the run in the folder `path` as if it had never stopped.
  public static func resume(at path: String, report: @escaping (String) -> Void) throws -> TrainingReport {
    let folder = try RunFolder(resuming: path)
    let options: TrainingOptions = try folder.readOptions()
    try options.validate()
    Compute.threads = options.threads
    guard folder.hasState else {
      let task = try task(options, .source(try source(of: options)), at: path, report)
      return try run(task, options, folder, from: LoopState(), saved: .init())
    }
    let checkpoint = try Checkpoint.read(from: folder.last)
    guard let state = checkpoint.trainingState, let position = state.state else {
      throw TrainingFault.unusableState(reason: "\(folder.last) holds no training state")
    }
    let task = try task(options, .saved(checkpoint, path: folder.last), at: path, report)
    return try run(task, options, folder, from: try LoopState(json: position), saved: state)
  }

  /// A run that was killed before its first state was saved begins again from what its options name.
  private static func source(of options: TrainingOptions) throws -> Source {
    if let path = options.checkpoint { return .checkpoint(try Checkpoint.read(from: path), path: path) }
    return .scratch(try Registry.zoo.architecture(named: options.architecture ?? ""))
  }

  /// What is to be learned: the data decide.
  private static func task(
    _ options: TrainingOptions, _ beginning: Beginning, at path: String, _ report: @escaping (String) -> Void
  ) throws -> any TrainingTask {
    let kind = try DataSource.kind(of: options.data)
    // First of all: no fault of the data matters to a network that they are not for.
    if let architecture = try beginning.architecture, !architecture.kinds.contains(kind) {
      throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: kind)
    }
    return switch kind {
    case .images: try ImageStart(beginning, options: options, data: ImageParts(options)).task(at: path, report)
    case .tables: try table(options, beginning, report)
    case .graphs: try GraphTask(beginning, options: options)
    case .text: try TextTask(beginning, options: options)
    }
  }

  private static func table(
    _ options: TrainingOptions, _ beginning: Beginning, _ report: (String) -> Void
  ) throws -> any TrainingTask {
    if let settings = options.series {
      return try SeriesStart(beginning, settings, options: options, report: report).task()
    }
    if let settings = options.characters {
      return try CharacterStart(beginning, settings, options: options, report: report).task()
    }
    return try TableStart(beginning, options: options, report: report).task()
  }

  private static func run(
    _ task: some TrainingTask, _ options: TrainingOptions, _ folder: RunFolder, from state: LoopState,
    saved: Checkpoint.TrainingState
  ) throws -> TrainingReport {
    let model = task.model
    let optimizer = try Optimizer(options.optimizer, groups: options.groups(for: model), for: model)
    try optimizer.restore(saved.optimizer, for: model, path: folder.last)
    let average = try options.weightAverageDecay.map { try WeightAverage(of: model.parameters, decay: $0) }
    try average?.restore(saved.averages, for: model, path: folder.last)
    return try NetworkRun(task, optimizer: optimizer, average: average, options: options, folder: folder).run(
      from: state)
  }
}
