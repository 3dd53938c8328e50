import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Learning the classes of images.
final class ImageTask<Model: Classifier>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let items = "images"
  let monitors: [Monitor]? = Monitor.ofClasses
  private let options: TrainingOptions
  private let images: ImageOptions
  private let data: ImageParts
  private let preprocessing: Preprocessing
  private let augmentation: Augmentation?
  private let folder: String
  /// What is learned without labels first; nil where there is nothing, or it has been done.
  private let pretraining: Pretraining?
  /// Whether the run begins with this session.
  private let isBeginning: Bool
  private let report: (String) -> Void
  /// By path, so that an image met in every epoch counts once.
  private var skippedPaths: Set<String> = []
  /// Of the pass over the training images that was begun last.
  private var trainingTally: ReadingTally?
  /// The features of the images by the frozen backbone, where nothing changes them from epoch to epoch.
  private var trainingFeatures: FeatureSet?
  private var validationFeatures: FeatureSet?
  private(set) var validatedClasses: ClassificationMetrics?

  /// - Parameter folder: the run's, where features are kept.
  init(
    model: Model, options: TrainingOptions, images: ImageOptions, data: ImageParts, preprocessing: Preprocessing,
    metadata: Checkpoint.Metadata, folder: String, pretraining: Pretraining?, isBeginning: Bool,
    report: @escaping (String) -> Void
  ) {
    self.model = model
    self.options = options
    self.images = images
    self.data = data
    self.preprocessing = preprocessing
    augmentation = images.augmentation
    self.metadata = metadata
    self.folder = folder
    self.pretraining = pretraining
    self.isBeginning = isBeginning
    self.report = report
  }

  var skipped: Int { skippedPaths.count }

  var batchesPerEpoch: Int { (data.training.entries.count + options.batchSize - 1) / options.batchSize }

  /// Images that are changed or mixed are others in every epoch.
  private var cachesFeatures: Bool {
    model.isBackboneFrozen && augmentation == nil && images.mixup == 0 && images.cutMix == 0
      && images.usesFeatureCache
  }

  // MARK: Batches

  func prepare() throws {
    // A run among many is not resumed, so that nothing needs to be recorded.
    if SharedReadings.current == nil {
      try ImageContents.check(
        [data.training, data.validation] + (data.test.map { [$0] } ?? []), isBeginning: isBeginning,
        at: folder + "/" + RunFolder.imagesName, workers: options.workers)
    }
    try pretraining?.run()
    guard cachesFeatures else { return }
    let cache = FeatureCache(folder: folder, report: report)
    var line = ProgressLine()
    func features(_ part: String, _ folder: ImageFolder) throws -> FeatureSet {
      let features = try cache.features(
        part, model, folder.entries, preprocessing: preprocessing, workers: options.workers
      ) { done in
        if Interruption.isRequested { throw EvaluationInterrupted() }
        line.show(ProgressLine.Content("features of \(part) images", done: done, total: folder.entries.count))
      }
      line.clear()
      for image in features.skipped { note(image.path, image.reason) }
      let tally = tally(part, folder)
      tally.add(labels: features.labels)
      for image in features.skipped { tally.addSkipped(image.path, image.reason) }
      try tally.check()
      return features
    }
    trainingFeatures = try features("training", data.training)
    validationFeatures = try features("validation", data.validation)
  }

  func batches(epoch: Int, startingAt start: Int) throws -> ImageTaskBatches {
    if let features = trainingFeatures {
      // The order in which the images themselves would come.
      var random = RandomStream(seed: options.seed, purpose: "image order", step: UInt64(epoch))
      return ImageTaskBatches(
        features, order: random.permutation(data.training.entries.count), batchSize: options.batchSize,
        startingAt: start)
    }
    let prepared = try PreparedImages(
      data.training.entries, preprocessing: preprocessing, augmentation: augmentation, seed: options.seed)
    let loader = DataLoader(
      prepared, batchSize: options.batchSize, seed: options.seed, shuffled: true, epoch: epoch, startingAt: start,
      workers: options.workers, purpose: "image order")
    let tally = tally("training", data.training)
    trainingTally = tally
    return ImageTaskBatches(loader, tally: tally) { [self] in note($0) }
  }

  func checkBatches() throws { try trainingTally?.check() }

  private func tally(_ part: String, _ folder: ImageFolder) -> ReadingTally {
    ReadingTally(part, folder, mostSkipped: images.mostSkipped)
  }

  /// A single image has no statistics to learn from.
  func count(_ batch: ImageTaskBatch) -> Int {
    batch.inputs == nil || (batch.count == 1 && model.learnsFromStatistics) ? 0 : batch.count
  }

  // MARK: Loss and scores

  func loss(_ batch: ImageTaskBatch, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    guard let inputs = batch.inputs else { stopProgram("loss: the batch has no images") }
    let mixed = mixed(inputs, batch.labels, step: number)
    let (logits, auxiliary) = outputs(mixed?.inputs ?? inputs)
    let smoothing = Float(images.labelSmoothing)
    func loss(_ logits: Tensor) -> Tensor {
      if let targets = mixed?.targets { return crossEntropy(logits, target: targets, labelSmoothing: smoothing) }
      return crossEntropy(logits, labels: batch.labels, labelSmoothing: smoothing)
    }
    return (auxiliary.reduce(loss(logits)) { $0 + loss($1.logits) * $1.weight }, logits)
  }

  /// Of a network with further heads, what these put out, too.
  private func outputs(_ inputs: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput]) {
    guard trainingFeatures == nil, let model = model as? any AuxiliaryClassifier else { return (logits(inputs), []) }
    return model.trainingOutputs(inputs)
  }

  func correct(_ outputs: Tensor, _ batch: ImageTaskBatch) -> Int? {
    zip(outputs.argmax(), batch.labels.scalars).filter { $0 == Int($1) }.count
  }

  func images(_ batch: ImageTaskBatch) -> Tensor? { trainingFeatures == nil ? batch.inputs : nil }

  /// The batch with its images mixed in pairs, where that is asked for.
  private func mixed(_ inputs: Tensor, _ labels: IntTensor, step: Int) -> (inputs: Tensor, targets: Tensor)? {
    guard images.mixup > 0 || images.cutMix > 0, inputs.rank == 4 else { return nil }
    let stream = RandomStream(seed: options.seed, purpose: "batch mixing", step: UInt64(step))
    let classes = data.training.classes.count
    return images.mixup > 0
      ? mixup(inputs, labels: labels, classes: classes, alpha: images.mixup, stream: stream)
      : cutMix(inputs, labels: labels, classes: classes, alpha: images.cutMix, stream: stream)
  }

  /// Of images, or of features where these have been computed.
  private func logits(_ inputs: Tensor) -> Tensor {
    trainingFeatures == nil ? model(inputs) : model.head(inputs)
  }

  func validate() throws -> Scores? {
    guard let features = validationFeatures else {
      validatedClasses = try metrics("validation", data.validation, isInterrupted: { Interruption.isRequested })
      return validatedClasses?.scores
    }
    let batches = ImageTaskBatches(
      features, order: Array(data.validation.entries.indices), batchSize: options.batchSize, startingAt: 0)
    validatedClasses = try Evaluation.evaluate(
      batches, classes: data.training.classes, isInterrupted: { Interruption.isRequested }, logits: logits)
    return validatedClasses?.scores
  }

  func test() throws -> Scores? {
    try data.test.flatMap { try metrics("test", $0, isInterrupted: { false }).scores }
  }

  func predictions(of part: HeldOutPart) throws -> PredictionTable? {
    guard let folder = part == .test ? self.data.test : self.data.outOfBag else { return nil }
    var table = PredictionTable(classes: data.training.classes)
    let prepared = try PreparedImages(folder.entries, preprocessing: preprocessing)
    for batch in DataLoader(prepared, batchSize: options.batchSize, workers: options.workers) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      guard let inputs = batch.inputs else { continue }
      table.add(
        batch.indices.map { folder.entries[$0].path }, LabeledBatch<Tensor>.Target.classes(batch.labels),
        outputs: inference { model(inputs) },
        restored: { Double($0) })
    }
    return table
  }

  /// Scores the whole network on a part, and throws where too much of it cannot be read.
  private func metrics(
    _ part: String, _ folder: ImageFolder, isInterrupted: () -> Bool
  ) throws -> ClassificationMetrics {
    let tally = tally(part, folder)
    let prepared = try PreparedImages(folder.entries, preprocessing: preprocessing)
    let loader = DataLoader(prepared, batchSize: options.batchSize, workers: options.workers)
    let metrics = try Evaluation.evaluate(
      ImageTaskBatches(loader, tally: tally) { [self] in note($0) }, classes: data.training.classes,
      isInterrupted: isInterrupted
    ) { model($0) }
    try tally.check()
    return metrics
  }

  private func note(_ images: [ImageBatch.Skipped]) {
    for image in images { note(image.path, "\(image.reason)") }
  }

  private func note(_ path: String, _ reason: String) {
    if skippedPaths.insert(path).inserted { report("skipped \(reason)") }
  }
}
