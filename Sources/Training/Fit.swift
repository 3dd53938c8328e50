import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// The result of a run.
public struct TrainingReport {
  /// nil where the run was interrupted before its end.
  public var summary: RunSummary?
  /// Whether the run was stopped before its end.
  public var interrupted: Bool
  /// The folder of the run.
  public var folder: String
}

/// What a program adds to a run.
public struct TrainingHooks {
  /// Changes the gradients of each step before they are clipped and the optimizer sees them.
  public var transformGradients: GradientTransform?
  /// Is told of steps, validations and epochs.
  public var observe: (LoopEvent) -> Void = { _ in }
  /// Every so many steps the run is looked into: it writes `steps.csv` and `layers.csv` and calls `inspect`. 0 for once an epoch;
  /// nil for never, which costs nothing. What is learned is the same, bit for bit.
  public var inspectionInterval: Int?
  /// Whether every step becomes a row of `steps.csv`.
  public var recordsSteps = false
  /// Is told what was found.
  public var inspect: (StepReport) throws -> Void = { _ in }
  /// Is told how the classes of the validation part were predicted, where the task knows.
  public var validated: (ClassificationMetrics) throws -> Void = { _ in }
  /// Whether curves of loss and accuracy are drawn, where standard error is a terminal.
  public var plotsCurves = false
  /// Whether the test items are scored at the end. A run that is only compared with others leaves them alone.
  public var scoresTest = true
  /// Processes that make the run together; nil for this one alone.
  public var group: (any ProcessGroup)?
  /// How many bytes of gradients set off together for the other processes.
  public var bucketBytes = 25 << 20
  /// Asked after each step and each epoch, beside Ctrl-C: whether the run saves and stops.
  public var isInterrupted: () -> Bool = { false }

  /// Hooks that do nothing.
  public init() {}
}

/// Trains a model in a new run folder: epochs, schedule, averages, validation, early stopping, checkpoints, history and
/// summary, as `aviary train` does.
///
/// ```swift
/// let task = SupervisedTask(model, on: data, options, workers: 4)
/// let report = try fit(task, options, in: "runs/first")
/// ```
///
/// - Parameters:
///   - options: Where they freeze nothing, what is frozen in the model stays so.
///   - path: the folder of the run; it holds no run yet.
public func fit<Task: TrainingTask>(
  _ task: Task, _ options: TrainingOptions, in path: String, hooks: TrainingHooks = TrainingHooks()
) throws -> TrainingReport {
  var options = options
  try options.validate()
  if options.freeze.isEmpty, options.trainOnly.isEmpty { options.freeze = task.model.frozenPaths }
  try task.model.freeze(options)
  return try withPrecision(options.precision) { try Session(task, options, hooks).begin(in: path) }
}

/// Continues the run in a folder as if it had never stopped, with the options that it was begun with.
///
/// - Parameters:
///   - task: one like the task that the run was begun with: the same data, and a model of the same structure. A run that
///     was stopped before its first state was saved starts again from the model's values.
///   - path: the folder of the run.
public func resumeFit<Task: TrainingTask>(
  _ task: Task, in path: String, hooks: TrainingHooks = TrainingHooks()
) throws -> TrainingReport {
  let folder = try RunFolder(resuming: path, isWriter: hooks.group?.isWriter ?? true)
  let options: TrainingOptions = try folder.readOptions()
  try options.validate()
  let saved = try SavedRun(folder)
  if let saved {
    try saved.requireSame(task.metadata.extra[DataFingerprint.key], options.data)
    try task.model.load(saved.checkpoint, path: folder.last)
  }
  try task.model.freeze(options)
  return try withPrecision(options.precision) { try Session(task, options, hooks).run(in: folder, from: saved) }
}

/// The last state of a run, from its folder.
struct SavedRun {
  let checkpoint: Checkpoint
  var loop: LoopState
  let training: Checkpoint.TrainingState

  /// nil where no state was saved.
  init?(_ folder: RunFolder) throws {
    guard folder.hasState else { return nil }
    checkpoint = try Checkpoint.read(from: folder.last)
    guard let state = checkpoint.trainingState, let position = state.state else {
      throw TrainingFault.unusableState(reason: "\(folder.last) holds no training state")
    }
    training = state
    loop = try LoopState(json: position)
  }

  /// Refuses other data than the run was begun with. States that were saved without a fingerprint match any.
  func requireSame(_ fingerprint: String?, _ name: String) throws(TrainingFault) {
    guard let known = checkpoint.metadata.extra[DataFingerprint.key], let fingerprint, known != fingerprint else {
      return
    }
    throw .unusableState(reason: name.isEmpty ? "the data has changed since" : "\(name) has changed since")
  }
}

/// A task with the options of its run, from which a run is begun or continued.
struct Session<Task: TrainingTask> {
  let task: Task
  let options: TrainingOptions
  private let hooks: TrainingHooks

  init(_ task: Task, _ options: TrainingOptions, _ hooks: TrainingHooks) {
    self.task = task
    self.options = options
    self.hooks = hooks.watching(options.watching)
  }

  /// Nothing is written before everything has been checked.
  func begin(in path: String) throws -> TrainingReport {
    if let batches = options.statisticsBatches, batches > 0, !task.model.learnsFromStatistics {
      throw TrainingFault.noStatistics
    }
    if let tensor = task.model.checkpoint(architecture: nil).nonfinite.first {
      throw TrainingFault.notFinite(tensor: "\(tensor)", epoch: 1, step: 0)
    }
    let known = task.monitors?.filter { $0 != .topK || options.classes.topK != nil }
    if let monitor = options.monitor, let known, !known.contains(monitor) {
      throw TrainingFault.notMonitored(monitor, available: known)
    }
    if let topK = options.classes.topK, let classes = task.trainingClasses?.names.count {
      try TrainingFault.check(
        "--top-k", topK, topK < classes, "below \(classes), the number of classes: all of them hold the right one")
    }
    try learnClasses()
    try task.model.checkUnfreezing(options)
    let place = try join()
    return try run(
      in: place?.group.isWriter ?? true ? RunFolder(creating: path, options: options) : RunFolder(following: path),
      from: nil)
  }

  /// What a run needs of its model before the first step, without a folder.
  func prepareModel() throws {
    try learnClasses()
    try task.model.checkUnfreezing(options)
    Compute.threads = options.threads
  }

  func makeOptimizer() throws -> Optimizer {
    try Optimizer(
      options.optimizer, groups: options.groups(for: task.model, order: executionOrder), for: task.model)
  }

  /// Tells the task how its classes are learned. Refuses what means nothing for it.
  private func learnClasses() throws {
    if let classes = task.trainingClasses {
      if let loss = options.loss, !loss.isOfClasses {
        throw TrainingFault.invalidSetting(
          name: "--loss", value: loss.rawValue,
          allowed: "a loss of classes: "
            + TrainingLoss.allCases.filter(\.isOfClasses).map(\.rawValue).joined(separator: ", "))
      }
      return task.learn(try ClassLearning(options, classes))
    }
    if let option = options.classes.firstOption
      ?? options.loss.flatMap({ $0.isOfClasses ? "--loss \($0.rawValue)" : nil })
    {
      throw TrainingFault.onlyForClasses(
        option: option, learned: options.data.isEmpty ? "these data" : "what is learned of \(options.data)")
    }
  }

  /// Takes this process's place among those that make the run; nil where there is one.
  private func join() throws -> ProcessPlace? {
    let begun = options.processes?.count ?? 1
    guard let group = hooks.group else {
      if begun > 1 { throw TrainingFault.otherProcesses(begun: begun, now: 1) }
      return nil
    }
    if begun != group.count { throw TrainingFault.otherProcesses(begun: begun, now: group.count) }
    if let setting = options.unshared ?? (hooks.inspectionInterval != nil ? "--log-every" : nil) {
      throw TrainingFault.notShared(setting)
    }
    let place = ProcessPlace(
      group: group, synchronizesStatistics: options.processes?.synchronizesStatistics ?? false)
    guard task.join(place) else {
      throw TrainingFault.notShared("learning " + (task.metadata.architecture ?? "this network") + " from these data")
    }
    return place
  }

  /// The paths of the layers in the order in which the first batch runs through them. Of a frozen backbone only the head
  /// is trained, so that its order does not matter.
  private func executionOrder() throws -> [String] {
    if options.freezesBackbone, options.unfreezing.isEmpty { return [] }
    return try task.model.executionOrder {
      try inference {
        for batch in try task.batches(epoch: 0, startingAt: 0) where task.count(batch) > 0 {
          _ = try task.loss(batch, step: 0).loss.scalar
          break
        }
      }
    }.map { $0.path }
  }

  /// - Parameter ready: is called once everything has been checked, before anything is learned.
  func run(
    in folder: RunFolder, from saved: SavedRun?, ready: @escaping () throws -> Void = {}
  ) throws -> TrainingReport {
    Compute.threads = options.threads
    try learnClasses()
    let place = try join()
    let model = task.model
    if !options.unfreezing.isEmpty { try model.freeze(options, epoch: saved?.loop.epoch ?? 0) }
    let optimizer = try makeOptimizer()
    let average = try options.weightAverageDecay.map { try WeightAverage(of: model.parameters, decay: $0) }
    if let saved {
      try optimizer.restore(saved.training.optimizer, for: model, path: folder.last)
      try average?.restore(
        saved.training.averages, for: model, allowingMissing: !options.unfreezing.isEmpty, path: folder.last)
    }
    return try NetworkRun(
      task, optimizer: optimizer, average: average, options: options, folder: folder, hooks: hooks,
      place: place
    ).run(from: saved?.loop ?? LoopState(), ready: ready)
  }
}
