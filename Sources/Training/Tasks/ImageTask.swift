import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Learning to sort images into classes.
final class ImageTask<Model: Classifier>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let items = "images"
  private let options: TrainingOptions
  private let data: ImageParts
  private let preprocessing: Preprocessing
  private let augmentation: Augmentation?
  private let folder: String
  /// What is learned without labels first; nil where nothing is, or it has been.
  private let pretraining: Pretraining?
  private let report: (String) -> Void
  /// By path, so that an image met in every epoch counts once.
  private var skippedPaths: Set<String> = []
  /// What the frozen backbone makes of the images, where nothing changes it from epoch to epoch.
  private var trainingFeatures: FeatureSet?
  private var validationFeatures: FeatureSet?

  /// - Parameter folder: the run's, where features are kept.
  init(
    model: Model, options: TrainingOptions, data: ImageParts, preprocessing: Preprocessing,
    metadata: Checkpoint.Metadata, folder: String, pretraining: Pretraining?, report: @escaping (String) -> Void
  ) {
    self.model = model
    self.options = options
    self.data = data
    self.preprocessing = preprocessing
    augmentation = options.augmentation
    self.metadata = metadata
    self.folder = folder
    self.pretraining = pretraining
    self.report = report
  }

  var skipped: Int { skippedPaths.count }

  var batchesPerEpoch: Int { (data.training.entries.count + options.batchSize - 1) / options.batchSize }

  /// Images that are changed or mixed are others in every epoch.
  private var cachesFeatures: Bool {
    model.isBackboneFrozen && augmentation == nil && options.mixup == 0 && options.cutMix == 0
      && options.usesFeatureCache
  }

  // MARK: Batches

  func prepare() throws {
    try pretraining?.run()
    guard cachesFeatures else { return }
    let cache = FeatureCache(folder: folder, report: report)
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

  func batches(epoch: Int, startingAt start: Int) throws -> LabeledBatches {
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

  /// One image has no statistics that could be learned from.
  func count(_ batch: LabeledBatch) -> Int {
    batch.inputs == nil || (batch.count == 1 && model.learnsFromStatistics) ? 0 : batch.count
  }

  // MARK: Loss and scores

  func loss(_ batch: LabeledBatch, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    guard let inputs = batch.inputs else { stopProgram("loss: the batch has no images") }
    let mixed = mixed(inputs, batch.labels, step: number)
    let logits = logits(mixed?.inputs ?? inputs)
    let smoothing = Float(options.labelSmoothing)
    if let targets = mixed?.targets {
      return (crossEntropy(logits, target: targets, labelSmoothing: smoothing), logits)
    }
    return (crossEntropy(logits, labels: batch.labels, labelSmoothing: smoothing), logits)
  }

  func correct(_ outputs: Tensor, _ batch: LabeledBatch) -> Int? {
    zip(outputs.argmax(), batch.labels.scalars).filter { $0 == Int($1) }.count
  }

  /// The batch with its images mixed in pairs, where that is asked for.
  private func mixed(_ inputs: Tensor, _ labels: IntTensor, step: Int) -> (inputs: Tensor, targets: Tensor)? {
    guard options.mixup > 0 || options.cutMix > 0, inputs.rank == 4 else { return nil }
    let stream = RandomStream(seed: options.seed, purpose: "batch mixing", step: UInt64(step))
    let classes = data.training.classes.count
    return options.mixup > 0
      ? mixup(inputs, labels: labels, classes: classes, alpha: options.mixup, stream: stream)
      : cutMix(inputs, labels: labels, classes: classes, alpha: options.cutMix, stream: stream)
  }

  /// Of images, or of features where these have been computed.
  private func logits(_ inputs: Tensor) -> Tensor {
    trainingFeatures == nil ? model(inputs) : model.head(inputs)
  }

  func validate() throws -> Scores? {
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

  func test() throws -> Scores? {
    guard let test = data.test else { return nil }
    let result = try Evaluation.evaluate(
      model, test, preprocessing: preprocessing, batchSize: options.batchSize, workers: options.workers)
    note(result.skipped)
    return result.metrics.scores
  }

  private func note(_ images: [ImageBatch.Skipped]) {
    for image in images { note(image.path, "\(image.reason)") }
  }

  private func note(_ path: String, _ reason: String) {
    if skippedPaths.insert(path).inserted { report("skipped \(reason)") }
  }
}
