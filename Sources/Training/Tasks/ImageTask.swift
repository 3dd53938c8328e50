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
  /// Those of the part that was scored last, whose predictions may be wanted as well.
  private var heldOutFeatures: (part: String, features: FeatureSet)?
  /// What a part of the backbone that is frozen makes of the images, where not all of it is.
  private var prefix: PrefixFeatures?
  private(set) var validatedClasses: ClassificationMetrics?
  private var learning: ClassLearning
  private var decision = ClassDecision.mostProbable
  /// This process's part of the images, where several learn together; nil for one.
  private var shared: SharedImages?

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
    learning = ClassLearning(labelSmoothing: images.labelSmoothing)
  }

  var trainingClasses: TrainingClasses? {
    TrainingClasses(names: data.training.classes, labels: data.training.entries.map { Int32($0.label) })
  }

  func learn(_ learning: ClassLearning) { self.learning = learning }

  var skipped: Int { skippedPaths.count }

  var batchesPerEpoch: Int { (data.training.entries.count + options.batchSize - 1) / options.batchSize }

  /// Images that are changed or mixed are others in every epoch.
  private var cachesFeatures: Bool {
    augmentation == nil && !isMixed && images.usesFeatureCache && shared == nil
  }

  /// Whether training images are mixed in pairs.
  private var isMixed: Bool { images.mixup > 0 || images.cutMix > 0 }

  // MARK: Batches

  func prepare() throws {
    // A run among many is not resumed, so that nothing needs to be recorded.
    if SharedReadings.current?.areResumable != false, shared?.place.group.isWriter != false {
      try ImageContents.check(
        [data.training, data.validation] + (data.test.map { [$0] } ?? []), isBeginning: isBeginning,
        at: folder + "/" + RunFolder.imagesName, workers: options.workers)
    }
    try pretraining?.run()
    try prepareFeatures()
  }

  func frozenLayersChanged() throws {
    (trainingFeatures, validationFeatures, heldOutFeatures, prefix) = (nil, nil, nil, nil)
    try prepareFeatures()
  }

  private func prepareFeatures() throws {
    guard cachesFeatures, model.parameters.contains(where: \.isFrozen) else { return }
    guard model.isBackboneFrozen else { return try preparePrefix() }
    trainingFeatures = try features("training", data.training)
    validationFeatures = try features("validation", data.validation)
  }

  /// The features of a part by the frozen backbone.
  ///
  /// - Parameter areKept: whether a resumed run would need them again. What several runs share is kept all the same.
  private func features(_ part: String, _ images: ImageFolder, areKept: Bool = true) throws -> FeatureSet {
    var line = ProgressLine()
    func progress(_ done: Int) throws {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      line.show(ProgressLine.Content("features of \(part) images", done: done, total: images.entries.count))
    }
    let features =
      areKept || SharedReadings.current != nil
      ? try FeatureCache(folder: folder, report: report).features(
        part, model, images.entries, preprocessing: preprocessing, workers: options.workers, progress: progress)
      : try FeatureSet.compute(
        model, images.entries, preprocessing: preprocessing, workers: options.workers, progress: progress)
    line.clear()
    try count(features, part, images)
    return features
  }

  /// The features of a part that is held out to the end; nil where the whole network has to run.
  private func heldOutFeatures(_ part: String, _ images: ImageFolder) throws -> FeatureSet? {
    guard trainingFeatures != nil, model.isBackboneFrozen else { return nil }
    if let heldOutFeatures, heldOutFeatures.part == part { return heldOutFeatures.features }
    let found = try features(part, images, areKept: false)
    heldOutFeatures = (part, found)
    return found
  }

  /// Computes what the longest frozen beginning of the network makes of the images.
  private func preparePrefix() throws {
    var line = ProgressLine()
    prefix = try PrefixFeatures(
      model, data, options, preprocessing, input: ImageStart.input(preprocessing),
      cache: PrefixCache(folder: folder, report: report)
    ) { [model] inputs in
      guard let model = model as? any AuxiliaryClassifier else { return [model(inputs)] }
      let (logits, auxiliary) = model.trainingOutputs(inputs)
      return [logits] + auxiliary.map(\.logits)
    } progress: { part, done, total in
      if Interruption.isRequested { throw EvaluationInterrupted() }
      line.show(ProgressLine.Content("features of \(part) images", done: done, total: total))
    }
    line.clear()
    guard let prefix else { return }
    for (part, folder, features) in [
      ("training", data.training, prefix.training), ("validation", data.validation, prefix.validation),
    ] { try count(features, part, folder) }
  }

  private func count(_ features: FeatureSet, _ part: String, _ folder: ImageFolder) throws {
    for image in features.skipped { note(image.path, image.reason) }
    let tally = tally(part, folder)
    tally.add(labels: features.labels)
    for image in features.skipped { tally.addSkipped(image.path, image.reason) }
    try tally.check()
  }

  func batches(epoch: Int, startingAt start: Int) throws -> ImageTaskBatches {
    let drawn = learning.order(purpose: "image order", epoch: epoch)
    if let features = trainingFeatures {
      // The order in which the images themselves would come.
      var random = RandomStream(seed: options.seed, purpose: "image order", step: UInt64(epoch))
      return ImageTaskBatches(
        features, order: drawn ?? random.permutation(data.training.entries.count), batchSize: options.batchSize,
        startingAt: start)
    }
    let prepared = try PreparedImages(
      data.training.entries, preprocessing: preprocessing, augmentation: augmentation, seed: options.seed)
    if let prefix {
      var random = RandomStream(seed: options.seed, purpose: "image order", step: UInt64(epoch))
      return prefix.batches(
        prefix.training, prepared, order: drawn ?? random.permutation(data.training.entries.count),
        batchSize: options.batchSize, startingAt: start)
    }
    let loader = DataLoader(
      prepared, batchSize: options.batchSize, seed: options.seed, shuffled: true, epoch: epoch, startingAt: start,
      workers: options.workers, purpose: "image order", order: drawn,
      share: shared?.place.share(learnsFromStatistics: model.learnsFromStatistics) ?? .whole)
    let all = data.training
    let tally = tally(
      "training", drawn.map { ImageFolder(classes: all.classes, entries: $0.map { all.entries[$0] }) } ?? all)
    trainingTally = tally
    if let shared { return try shared.batches(loader, startingAt: start, input: ImageStart.input(preprocessing)) }
    return ImageTaskBatches(loader, tally: tally) { [self] in note($0) }
  }

  func checkBatches() throws {
    for reading in try shared?.gathered() ?? [] { if let trainingTally { add(reading, to: trainingTally) } }
    try trainingTally?.check()
  }

  func join(_ place: ProcessPlace) -> Bool {
    guard pretraining == nil else { return false }
    if shared == nil, cachesFeatures, model.parameters.contains(where: \.isFrozen) {
      report("features of frozen layers are not kept: each process computes those of its images in every epoch")
    }
    if shared == nil { shared = SharedImages(place) }
    return true
  }

  private func add(_ reading: SharedReading, to tally: ReadingTally) {
    tally.add(labels: reading.labels)
    for image in reading.skipped {
      tally.addSkipped(image.path, image.reason)
      note(image.path, image.reason)
    }
  }

  func ownCount(ofBatch number: Int) -> Int { shared?.ownCount(ofBatch: number) ?? 0 }

  /// The loss of mixed labels is a mean over images, whatever their classes weigh.
  func lossWeight(_ batch: ImageTaskBatch) -> Double {
    isMixed ? Double(batch.count) : learning.weight(of: batch.labels.scalars)
  }

  private func tally(_ part: String, _ folder: ImageFolder) -> ReadingTally {
    ReadingTally(part, folder, mostSkipped: images.mostSkipped)
  }

  /// A single image has no statistics to learn from.
  func count(_ batch: ImageTaskBatch) -> Int {
    if batch.inputs == nil || batch.isStandIn { return 0 }
    return batch.count == 1 && model.learnsFromStatistics && shared?.place.synchronizesStatistics != true
      ? 0 : batch.count
  }

  // MARK: Loss and scores

  func loss(_ batch: ImageTaskBatch, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    guard let inputs = batch.inputs else { stopProgram("loss: the batch has no images") }
    let mixed = mixed(inputs, batch.labels, step: number)
    let (logits, auxiliary) = forward(batch, mixed?.inputs ?? inputs, outputs)
    func loss(_ logits: Tensor) -> Tensor {
      if let targets = mixed?.targets { return learning.loss(logits, target: targets) }
      return learning.loss(logits, labels: batch.labels)
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

  /// Runs the network on a batch of images, or from its frozen beginning on.
  private func forward<Result>(_ batch: ImageTaskBatch, _ inputs: Tensor, _ body: (Tensor) -> Result) -> Result {
    guard batch.isPrefix, let prefix else { return body(inputs) }
    return prefix.resume(model, from: inputs, body)
  }

  func images(_ batch: ImageTaskBatch) -> Tensor? {
    trainingFeatures == nil && !batch.isPrefix ? batch.inputs : nil
  }

  /// The batch with its images mixed in pairs, where that is asked for.
  private func mixed(_ inputs: Tensor, _ labels: IntTensor, step: Int) -> (inputs: Tensor, targets: Tensor)? {
    guard isMixed, inputs.rank == 4 else { return nil }
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
    validatedClasses = try validated()
    return validatedClasses?.scores
  }

  private func validated(keepsProbabilities: Bool = false) throws -> ClassificationMetrics {
    let empty = ClassificationMetrics(
      classes: data.training.classes, keepsProbabilities: keepsProbabilities, topK: options.classes.topK,
      decision: .mostProbable)
    func interrupted() -> Bool { Interruption.isRequested }
    if let prefix {
      let images = try PreparedImages(data.validation.entries, preprocessing: preprocessing)
      let batches = prefix.batches(
        prefix.validation, images, order: Array(data.validation.entries.indices), batchSize: options.batchSize,
        startingAt: 0)
      return try Evaluation.evaluate(batches, empty, isInterrupted: interrupted) { batch, inputs in
        forward(batch, inputs) { model($0) }
      }
    }
    guard let features = validationFeatures else {
      return try metrics("validation", data.validation, empty, isInterrupted: { Interruption.isRequested })
    }
    return try metrics(features, data.validation, empty, isInterrupted: interrupted)
  }

  /// Scores the head on a part by its features.
  private func metrics(
    _ features: FeatureSet, _ folder: ImageFolder, _ empty: ClassificationMetrics, isInterrupted: () -> Bool
  ) throws -> ClassificationMetrics {
    let batches = ImageTaskBatches(
      features, order: Array(folder.entries.indices), batchSize: options.batchSize, startingAt: 0)
    return try Evaluation.evaluate(batches, empty, isInterrupted: isInterrupted) { _, inputs in logits(inputs) }
  }

  func chooseThresholds(by criterion: Monitor) throws -> ClassThresholds? {
    decision = ClassDecision(try validated(keepsProbabilities: true).probabilities?.thresholds(by: criterion))
    return decision.thresholds
  }

  func test() throws -> Scores? {
    let empty = ClassificationMetrics(
      classes: data.training.classes, topK: options.classes.topK, decision: decision)
    guard let folder = data.test else { return nil }
    if let features = try heldOutFeatures("test", folder) {
      return try metrics(features, folder, empty, isInterrupted: { false }).scores
    }
    return try metrics("test", folder, empty, isInterrupted: { false }).scores
  }

  func predictions(of part: HeldOutPart) throws -> PredictionTable? {
    guard let folder = part == .test ? self.data.test : self.data.outOfBag else { return nil }
    var table = PredictionTable(classes: data.training.classes)
    func add(_ places: some Sequence<Int>, _ labels: IntTensor, _ outputs: Tensor) {
      table.add(
        places.map { folder.entries[$0].path }, LabeledBatch<Tensor>.Target.classes(labels), outputs: outputs,
        decision: decision, restored: { Double($0) })
    }
    if let features = try heldOutFeatures(part == .test ? "test" : "out-of-bag", folder) {
      for start in stride(from: 0, to: features.count, by: options.batchSize) {
        let rows = start..<min(features.count, start + options.batchSize)
        let batch = features.batch(rows)
        guard let inputs = batch.inputs else { continue }
        add(rows.map { features.indices[$0] }, batch.labels, inference { logits(inputs) })
      }
      return table
    }
    let prepared = try PreparedImages(folder.entries, preprocessing: preprocessing)
    for batch in DataLoader(prepared, batchSize: options.batchSize, workers: options.workers) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      guard let inputs = batch.inputs else { continue }
      add(batch.indices, batch.labels, inference { model(inputs) })
    }
    return table
  }

  /// Scores the whole network on a part, and throws where too much of it cannot be read.
  private func metrics(
    _ part: String, _ folder: ImageFolder, _ empty: ClassificationMetrics, isInterrupted: () -> Bool
  ) throws -> ClassificationMetrics {
    let tally = tally(part, folder)
    let prepared = try PreparedImages(folder.entries, preprocessing: preprocessing)
    if let group = shared?.place.group {
      let found = try Evaluation.evaluate(
        prepared, empty, batchSize: options.batchSize, workers: options.workers, with: group
      ) { [model] in model($0) }
      add(found.reading, to: tally)
      try tally.check()
      return found.metrics
    }
    let loader = DataLoader(prepared, batchSize: options.batchSize, workers: options.workers)
    let metrics = try Evaluation.evaluate(
      ImageTaskBatches(loader, tally: tally) { [self] in note($0) }, empty, isInterrupted: isInterrupted
    ) { _, inputs in model(inputs) }
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
