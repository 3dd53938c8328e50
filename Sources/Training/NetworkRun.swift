import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One run of training, from its state to its end: steps, checkpoints, the history and the summary.
final class NetworkRun<Task: TrainingTask> {
  private let task: Task
  private let parameters: [Parameter]
  private let optimizer: Optimizer
  private let learner: StepLearner<Task>
  private let average: WeightAverage?
  private let options: TrainingOptions
  private let folder: RunFolder
  private let hooks: TrainingHooks
  private let transformGradients: GradientTransform?
  /// The number of batches from which statistics are estimated before each validation; nil before it is known.
  private var statisticsBatches: Int?
  /// The current one, counted from 0.
  private var epoch = 0
  private var reporter: LoopReporter
  /// Nil where nobody looks into steps.
  private let inspector: StepInspector<Task>?
  /// Rows of steps; nil where there are none.
  private let log: StepLog?
  /// When the last step was recorded.
  private var lastStep = secondsOnAClock()
  /// The batches whose gradients make one step.
  private let accumulation: Int
  /// The steps of an epoch.
  private let stepsPerEpoch: Int
  /// Nil where one process makes the run.
  private let shared: SharedStep<Task>?
  private let place: ProcessPlace?
  /// Nil where no blocks are dropped, and before it is known where.
  private var blocks: BlockDropping?

  init(
    _ task: Task, optimizer: Optimizer, average: WeightAverage?, options: TrainingOptions, folder: RunFolder,
    hooks: TrainingHooks, place: ProcessPlace?
  ) {
    self.task = task
    self.place = place
    shared = place.map {
      SharedStep(task, $0, optimizer: optimizer, seed: options.seed, bucketBytes: hooks.bucketBytes)
    }
    learner = StepLearner(task, optimizer, options)
    parameters = learner.parameters
    self.optimizer = optimizer
    self.average = average
    self.options = options
    self.folder = folder
    self.hooks = hooks
    transformGradients = GradientClipping.transform(
      options.learning.penalizing(), hooks.transformGradients, then: options.clipping)
    let steps = options.learning.steps(ofBatches: task.batchesPerEpoch)
    accumulation = options.learning.accumulation
    stepsPerEpoch = steps
    statisticsBatches = options.statisticsBatches
    reporter = LoopReporter(
      epochs: options.epochs, batchesPerEpoch: steps, items: task.items, plotsCurves: hooks.plotsCurves)
    let log =
      !folder.isWriter
      ? nil : hooks.recordsSteps || hooks.inspectionInterval != nil ? StepLog(everyStep: hooks.recordsSteps) : nil
    self.log = log
    inspector = log.flatMap { log in
      hooks.inspectionInterval.map { StepInspector(task, log, every: $0, stepsPerEpoch: steps, hooks.inspect) }
    }
  }

  func run(from state: LoopState, ready: () throws -> Void) throws -> TrainingReport {
    Interruption.watch()
    if place != nil { Interruption.share() }
    defer {
      if place != nil { Interruption.unshare() }
      Interruption.unwatch()
    }
    do {
      try task.prepare()
    } catch is EvaluationInterrupted {
      return TrainingReport(summary: nil, interrupted: true, folder: folder.path)
    }
    try findBlocks()
    try meetOthers()
    try ready()
    try log?.open(folder, upTo: state.globalStep)
    var loop = TrainingLoop(
      epochs: options.epochs, batchesPerEpoch: stepsPerEpoch, learningRate: options.optimizer.learningRate,
      schedule: options.schedule,
      batches: { [self] epoch, start in
        self.epoch = epoch
        try unfreeze()
        shared?.beginEpoch(atBatch: start * accumulation)
        return BatchGroups(
          try task.batches(epoch: epoch, startingAt: start * accumulation), size: accumulation)
      },
      step: { [self] batches, rate, number in try step(batches, learningRate: rate, number: number) },
      evaluate: { [self] in
        try averaged {
          try estimateStatistics()
          let scores = try agreed(try task.validate())
          if let metrics = task.validatedClasses { try hooks.validated(metrics) }
          return scores
        }
      },
      save: { [self] state in try save(state) })
    loop.checkBatches = { [task] in try task.checkBatches() }
    loop.saveBest = { [self] state in
      try write(averaged { try checkpoint(scores: state.best?.scores) }, to: folder.best, at: state)
    }
    if let every = options.saveEvery {
      loop.saveEpoch = { [self] state in
        guard state.epoch % every == 0 else { return }
        try write(
          averaged { try checkpoint(scores: state.history.last?.validation) }, to: folder.epoch(state.epoch), at: state)
      }
    }
    loop.choice = options.choice
    loop.earlyStopping = options.earlyStopping
    loop.observe = { [self] event in
      reporter.observe(event)
      hooks.observe(event)
    }
    loop.isInterrupted = { [hooks, shared] in
      shared.map(\.isInterrupted) ?? (Interruption.isRequested || hooks.isInterrupted())
    }
    if let shared {
      // All know when the first one saves, and wait for it.
      shared.isAsked = { [hooks] in Interruption.isRequestedHere || hooks.isInterrupted() }
      loop.isSavingDue = { shared.isSavingDue }
      shared.saveInterval = loop.saveInterval
      loop.saveInterval = .infinity
    }
    let outcome = try loop.run(from: state)
    reporter.clear()
    guard case .finished(let end) = outcome else {
      return TrainingReport(summary: nil, interrupted: true, folder: folder.path)
    }
    do {
      return TrainingReport(summary: try finish(end), interrupted: false, folder: folder.path)
    } catch is EvaluationInterrupted {
      // Everything is learned; a resumed run scores it again.
      return TrainingReport(summary: nil, interrupted: true, folder: folder.path)
    }
  }

  /// Brings the processes of a shared run together: they have the same data, and begin with the same weights.
  private func meetOthers() throws {
    guard let place, let shared else { return }
    place.group.meet()
    let own = Array((task.metadata.extra[DataFingerprint.key] ?? "").utf8)
    let all = place.group.gather(own, isPatient: false)
    if let other = all.firstIndex(where: { $0 != all[0] }) { throw TrainingFault.otherData(process: other) }
    shared.agreeOnWeights()
  }

  /// The scores that the first process has: all decide by the same, bit for bit.
  private func agreed(_ scores: Scores?) throws -> Scores? {
    guard let group = place?.group else { return scores }
    let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
    // The loop says what is wrong with a loss that is not finite.
    let words = (infinity: "inf", negative: "-inf", nan: "nan")
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: words.infinity, negativeInfinity: words.negative, nan: words.nan)
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: words.infinity, negativeInfinity: words.negative, nan: words.nan)
    let bytes = try group.first { try scores.map { Array(try encoder.encode($0)) } ?? [] }
    return bytes.isEmpty ? nil : try decoder.decode(Scores.self, from: Data(bytes))
  }

  private func step(_ batches: [Task.Batches.Element], learningRate: Double, number: Int) throws -> StepResult {
    let result: StepResult
    var norm: Double?
    if let inspector, inspector.isDue(number), let last = batches.last(where: { task.count($0) > 0 }) ?? batches.last {
      let watch = GradientWatch(before: transformGradients)
      result = try learn(batches, learningRate: learningRate, number: number, watch.transform)
      let report = try inspector.inspect(
        result, last, gradients: watch.seen, learningRate: learningRate, epoch: epoch, number: number)
      norm = report?.gradientNorm
      // The line of an epoch says enough of it.
      if let report, hooks.inspectionInterval != 0 { reporter.print(report.text) }
    } else {
      result = try learn(batches, learningRate: learningRate, number: number, transformGradients)
      inspector?.count(result)
    }
    if result.count > 0 { average?.update() }
    if hooks.recordsSteps, result.count > 0 {
      let time = secondsOnAClock()
      log?.add(
        result, step: number + 1, epoch: epoch + 1, learningRate: learningRate, gradientNorm: norm,
        itemsPerSecond: time > lastStep ? Double(result.count) / (time - lastStep) : nil)
      lastStep = time
    }
    return result
  }

  /// Unfreezes what is due in the current epoch.
  private func unfreeze() throws {
    guard !options.unfreezing.isEmpty else { return }
    let frozen = parameters.filter(\.isFrozen)
    try task.model.freeze(options, epoch: epoch)
    guard frozen.contains(where: { !$0.isFrozen }) else { return }
    average?.include(parameters)
    // Of other trained layers the statistics may have to be estimated where they had not.
    statisticsBatches = options.statisticsBatches
    try task.frozenLayersChanged()
    let layers = options.unfreezing.filter { $0.epoch == epoch + 1 }.map(\.layers).joined(separator: ", ")
    let count = { (parameters: [Parameter]) in parameters.reduce(0) { $0 + $1.count } }
    reporter.print(
      "epoch \(epoch + 1): \(layers) is trained, too: \(count(parameters.filter { !$0.isFrozen })) of \(count(parameters)) "
        + "parameters")
  }

  /// - Parameter transform: what is done to the gradients of the step.
  private func learn(
    _ batches: [Task.Batches.Element], learningRate: Double, number: Int, _ transform: GradientTransform?
  ) throws -> StepResult {
    if let shared {
      return try shared.learn(batches, learningRate: learningRate, key: number * accumulation, transform)
    }
    guard let blocks else { return try learner.learn(batches, learningRate: learningRate, number: number, transform) }
    let progress = Double(number) / Double(max(1, stepsPerEpoch * options.epochs))
    return try learner.learn(batches, learningRate: learningRate, number: number, transform) { step in
      try blocks(progress: progress) { try step() }
    }
  }

  /// Finds out where blocks are dropped, from a look at one batch.
  private func findBlocks() throws {
    guard let settings = options.learning.dropBlock else { return }
    let patterns = try settings.layers?.map { (text) throws(PathPattern.Fault) in try PathPattern(text) }
    blocks = try BlockDropping(
      in: task.model, layers: patterns, block: settings.block, rate: Float(settings.rate)
    ) {
      for batch in try learnable().prefix(1) { _ = try inference { try task.loss(batch, step: 0).loss.scalar } }
    }
    if blocks == nil { throw TrainingFault.noMaps(layers: settings.layers) }
  }

  /// Gives batch normalisation the statistics that the weights have now, where that is asked for. They depend on nothing
  /// but the weights and the epoch's number, so that a resumed run has the same.
  private func estimateStatistics() throws {
    let count = try statisticsBatches ?? batchesForStatistics()
    statisticsBatches = count
    guard count > 0 else { return }
    let batches = try learnable()
    try task.model.estimateStatistics(over: batches.prefix(count)) { batch in
      if Interruption.isRequested { throw EvaluationInterrupted() }
      _ = try task.loss(batch, step: 0).loss.scalar
    }
    try task.checkBatches()
    shared?.averageStatistics()
  }

  /// As many as usual where the network drops something before it normalises, which one batch shows; none elsewhere.
  private func batchesForStatistics() throws -> Int {
    if blocks != nil, task.model.learnsFromStatistics { return 20 }
    let drops = try task.model.dropsBeforeNormalizing {
      for batch in try learnable().prefix(1) { _ = try task.loss(batch, step: 0).loss.scalar }
    }
    return drops ? 20 : 0
  }

  /// The batches of the current epoch from which anything can be learned.
  private func learnable() throws -> LazyFilterSequence<Task.Batches> {
    // A process may have a single item of a batch, which has no statistics.
    let least = shared != nil && task.model.learnsFromStatistics ? 2 : 1
    return try task.batches(epoch: epoch, startingAt: 0).lazy.filter { [task] in task.count($0) >= least }
  }

  /// Runs `body` with the averaged weights, where they are averaged.
  private func averaged<Result>(_ body: () throws -> Result) rethrows -> Result {
    try average?.applied(body) ?? body()
  }

  // MARK: Files

  private func checkpoint(scores: Scores?) throws -> Checkpoint {
    func open(_ network: some Network) -> Checkpoint { network.checkpoint(architecture: task.metadata.architecture) }
    var checkpoint =
      if let network = task.model as? any Network { open(network) } else {
        task.model.checkpoint(architecture: task.metadata.architecture)
      }
    let own = checkpoint.metadata
    checkpoint.metadata = task.metadata
    checkpoint.metadata.configuration = own.configuration
    checkpoint.metadata.frozen = own.frozen
    checkpoint.metadata.settings = own.settings
    if let scores {
      checkpoint.metadata.metrics = ["validation_loss": scores.loss]
      checkpoint.metadata.metrics["validation_accuracy"] = scores.accuracy
      for score in HistoryRow.further where scores[score] != nil {
        checkpoint.metadata.metrics[HistoryRow.column(score)] = scores[score]
      }
    }
    return checkpoint
  }

  /// Keeps the weights at the end of a cycle of the schedule, as they were validated.
  private func saveSnapshot(_ state: LoopState) throws {
    guard state.batchInEpoch == 0, let cycle = options.schedule.cycle(endingWith: state.epoch, of: options.epochs)
    else { return }
    try write(
      averaged { try checkpoint(scores: state.history.last?.validation) }, to: folder.snapshot(cycle), at: state)
  }

  private func save(_ state: LoopState) throws {
    // Writing may take longer than anything else that the others wait for.
    defer {
      shared?.hasSaved()
      place?.group.meet()
    }
    guard folder.isWriter else { return }
    // Before the state: a run that is killed in between comes here again.
    try saveSnapshot(state)
    var checkpoint = try checkpoint(scores: state.history.last?.validation)
    checkpoint.trainingState = Checkpoint.TrainingState(
      optimizer: optimizer.state(for: task.model), averages: average?.state(for: task.model) ?? [:],
      state: try state.json())
    try write(checkpoint, to: folder.last, at: state)
    try folder.write(history: state.history)
    try log?.write(to: folder)
  }

  /// Every file with weights is written here, so that none holds a number that is not finite.
  private func write(_ checkpoint: Checkpoint, to path: String, at state: LoopState) throws {
    guard folder.isWriter else { return }
    if let tensor = checkpoint.nonfinite.first {
      let epoch = state.batchInEpoch > 0 || state.globalStep == 0 ? state.epoch + 1 : state.epoch
      throw TrainingFault.notFinite(tensor: "\(tensor)", epoch: epoch, step: state.globalStep)
    }
    try checkpoint.write(to: path)
  }

  /// Scores the best weights on the test items, once, and writes the summary.
  private func finish(_ state: LoopState) throws -> RunSummary {
    place?.group.meet()
    var best = try Checkpoint.read(from: folder.best)
    try task.model.load(best, path: folder.best)
    if let criterion = options.classes.thresholds {
      if let thresholds = try task.chooseThresholds(by: criterion) {
        reporter.print(
          "thresholds of the classes, chosen on the validation part: \(thresholds.described(best.metadata.classes ?? [])) "
            + "(\(criterion.rawValue) \(significant(thresholds.score, 4)), without them "
            + "\(significant(thresholds.plainScore, 4)))")
        best.metadata.extra[ClassThresholds.key] = try thresholds.text
        try write(best, to: folder.best, at: state)
      } else {
        reporter.print("class thresholds were not chosen: they need a validation part with classes")
      }
    }
    let scores = hooks.scoresTest ? try task.test() : nil
    if let loss = scores?.loss, !loss.isFinite { throw TrainingFault.testLossNotFinite(loss: "\(loss)") }
    let count = { (parameters: [Parameter]) in parameters.reduce(0) { $0 + $1.count } }
    let summary = RunSummary(
      architecture: task.metadata.architecture ?? "", classes: task.metadata.classes ?? [], state: state,
      choice: options.choice,
      test: scores, numbers: task.testedNumbers, items: task.items, parameters: count(parameters),
      trainable: count(parameters.filter { !$0.isFrozen }),
      skipped: task.skipped)
    if options.parts.keepsPredictions,
      let predictions = try task.predictions(of: options.parts.sample == nil ? .test : .outOfBag)
    {
      try folder.write(predictions.csv(options.parts), to: folder.predictions)
    }
    try folder.write(summary: summary)
    return summary
  }
}
