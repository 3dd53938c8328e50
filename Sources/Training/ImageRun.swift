import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

/// One run of training on images, from its state to its end.
final class ImageRun<Model: Classifier> {
  private let model: Model
  private let parameters: [Parameter]
  private let optimizer: Optimizer
  private let options: TrainingOptions
  private let data: TrainingData
  private let preprocessing: Preprocessing
  private let augmentation: Augmentation?
  private let metadata: Checkpoint.Metadata
  private let folder: RunFolder
  private let report: (String) -> Void
  /// By path, so that an image met in every epoch counts once.
  private var skipped: Set<String> = []
  /// What the frozen backbone makes of the images, where nothing changes it from epoch to epoch.
  private var trainingFeatures: FeatureSet?
  private var validationFeatures: FeatureSet?

  init(
    model: Model, optimizer: Optimizer, options: TrainingOptions, data: TrainingData, preprocessing: Preprocessing,
    metadata: Checkpoint.Metadata, folder: RunFolder, report: @escaping (String) -> Void
  ) {
    self.model = model
    parameters = model.parameters
    self.optimizer = optimizer
    self.options = options
    self.data = data
    self.preprocessing = preprocessing
    augmentation = options.augmentation == .none ? nil : Augmentation(scale: options.cropScale...1)
    self.metadata = metadata
    self.folder = folder
    self.report = report
  }

  private var cachesFeatures: Bool { model.isBackboneFrozen && augmentation == nil && options.usesFeatureCache }

  func run(from state: LoopState) throws -> TrainingReport {
    Interruption.watch()
    defer { Interruption.unwatch() }
    do {
      try prepareFeatures()
    } catch is EvaluationInterrupted {
      return TrainingReport(summary: nil, interrupted: true, folder: folder.path)
    }
    let batches = (data.training.entries.count + options.batchSize - 1) / options.batchSize
    var reporter = LoopReporter(epochs: options.epochs, batchesPerEpoch: batches)
    var loop = TrainingLoop(
      epochs: options.epochs, batchesPerEpoch: batches, learningRate: options.optimizer.learningRate,
      schedule: options.schedule,
      batches: { [self] epoch, start in try trainingBatches(epoch: epoch, startingAt: start) },
      step: { [self] batch, rate, number in step(batch, learningRate: rate, number: number) },
      evaluate: { [self] in try validate() },
      save: { [self] state in try save(state) })
    loop.saveBest = { [self] state in try checkpoint(scores: state.best?.scores).write(to: folder.best) }
    loop.observe = { reporter.observe($0) }
    loop.isInterrupted = { Interruption.isRequested }
    let outcome = try loop.run(from: state)
    reporter.clear()
    guard case .finished(let end) = outcome else {
      return TrainingReport(summary: nil, interrupted: true, folder: folder.path)
    }
    return TrainingReport(summary: try finish(end), interrupted: false, folder: folder.path)
  }

  // MARK: The parts of an epoch

  private func prepareFeatures() throws {
    guard cachesFeatures else { return }
    let cache = FeatureCache(folder: folder.path)
    var line = ProgressLine()
    func features(_ part: String, _ images: ImageFolder) throws -> FeatureSet {
      let features = try cache.features(
        part, model, images.entries, preprocessing: preprocessing, workers: options.workers
      ) { done in
        if Interruption.isRequested { throw EvaluationInterrupted() }
        line.show(ProgressLine.Content("features of \(part) images", done: done, total: images.entries.count))
      }
      line.clear()
      for image in features.skipped { note(image.path, image.reason) }
      if features.count == 0 { throw TrainingFault.noReadableImages(part: part, skipped: features.skipped.count) }
      return features
    }
    trainingFeatures = try features("training", data.training)
    validationFeatures = try features("validation", data.validation)
  }

  private func trainingBatches(epoch: Int, startingAt start: Int) throws -> LabeledBatches {
    if let features = trainingFeatures {
      // The order in which the images themselves would come.
      var random = RandomStream(seed: options.seed, purpose: "image order", step: UInt64(epoch))
      return LabeledBatches(
        features, order: random.permutation(data.training.entries.count), batchSize: options.batchSize,
        startingAt: start)
    }
    let images = try ImageBatches(
      data.training.entries, preprocessing: preprocessing, augmentation: augmentation,
      batchSize: options.batchSize, seed: options.seed, shuffled: true, epoch: epoch, startingAt: start,
      workers: options.workers)
    return LabeledBatches(images, startingAt: start) { [self] in note($0) }
  }

  private func step(_ batch: LabeledBatch, learningRate: Double, number: Int) -> StepResult {
    guard let inputs = batch.inputs, batch.count > 1 || !model.learnsFromStatistics else {
      return StepResult(loss: 0, correct: 0, count: 0)
    }
    let (loss, gradients, logits) = valueWithGradients(
      of: parameters, noise: Noise(seed: options.seed, step: UInt64(number))
    ) { () -> (Tensor, Tensor) in
      let result = self.logits(inputs)
      return (crossEntropy(result, labels: batch.labels), result)
    }
    optimizer.step(parameters, gradients, learningRate: learningRate)
    let correct = zip(logits.argmax(), batch.labels.scalars).filter { $0 == Int($1) }.count
    return StepResult(loss: Double(loss.scalar), correct: correct, count: batch.count)
  }

  /// Of images, or of features where these have been computed.
  private func logits(_ inputs: Tensor) -> Tensor {
    trainingFeatures == nil ? model(inputs) : model.head(inputs)
  }

  private func validate() throws -> Scores? {
    let batches: LabeledBatches
    if let features = validationFeatures {
      batches = LabeledBatches(
        features, order: Array(data.validation.entries.indices), batchSize: options.batchSize, startingAt: 0)
    } else {
      let images = try ImageBatches(
        data.validation.entries, preprocessing: preprocessing, batchSize: options.batchSize,
        workers: options.workers)
      batches = LabeledBatches(images, startingAt: 0) { [self] in note($0) }
    }
    return try Evaluation.evaluate(
      batches, classes: data.training.classes, isInterrupted: { Interruption.isRequested }, logits: logits
    ).scores
  }

  private func note(_ images: [ImageBatch.Skipped]) {
    for image in images { note(image.path, "\(image.reason)") }
  }

  private func note(_ path: String, _ reason: String) {
    if skipped.insert(path).inserted { report("skipped \(reason)") }
  }

  // MARK: Files

  private func checkpoint(scores: Scores?) throws -> Checkpoint {
    var checkpoint = model.checkpoint(architecture: metadata.architecture ?? "")
    let own = checkpoint.metadata
    checkpoint.metadata = metadata
    checkpoint.metadata.configuration = own.configuration
    checkpoint.metadata.frozen = own.frozen
    if let scores {
      checkpoint.metadata.metrics = try json(["validation_loss": scores.loss, "validation_accuracy": scores.accuracy])
    }
    return checkpoint
  }

  private func save(_ state: LoopState) throws {
    var checkpoint = try checkpoint(scores: state.history.last?.validation)
    checkpoint.trainingState = Checkpoint.TrainingState(optimizer: optimizer.state, state: try state.json())
    try checkpoint.write(to: folder.last)
    try folder.write(history: state.history)
  }

  /// Scores the best weights on the test images, once, and writes the summary.
  private func finish(_ state: LoopState) throws -> RunSummary {
    var accuracy: Double?
    if let test = data.test {
      try model.load(try Checkpoint.read(from: folder.best), path: folder.best)
      let result = try Evaluation.evaluate(
        model, test, preprocessing: preprocessing, batchSize: options.batchSize, workers: options.workers)
      note(result.skipped)
      accuracy = result.metrics.accuracy
    }
    let count = { (parameters: [Parameter]) in parameters.reduce(0) { $0 + $1.count } }
    let summary = RunSummary(
      architecture: metadata.architecture ?? "", classes: data.training.classes, state: state,
      testAccuracy: accuracy, parameters: count(parameters), trainable: count(parameters.filter { !$0.isFrozen }),
      skipped: skipped.count)
    try folder.write(summary: summary)
    return summary
  }
}
