import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A task for the images of a run that are learned without their classes.
///
/// - Parameter path: the folder of the run.
func unlabeledImageTask(
  _ beginning: Beginning, _ options: TrainingOptions, _ images: ImageOptions, at path: String,
  _ report: @escaping (String) -> Void
) throws -> any TrainingTask {
  for (name, value) in [
    ("mixup's alpha", images.mixup), ("CutMix's alpha", images.cutMix), ("label smoothing", images.labelSmoothing),
  ] {
    try TrainingFault.check(name, value, value == 0, "0 for a network that learns without labels")
  }
  let data = try ImageParts(options, images)
  // Values in [0, 1] are probabilities, which are for units that are on or off.
  let units = options.configuration.last { $0.name == "units" }?.value
  let preprocessing = try ImageStart.preprocessing(
    beginning, images, data, asProbabilities: units == VisibleUnits.gaussian.rawValue ? false : nil)
  let fingerprint = RecordedSplit.fingerprint(of: [data.training, data.validation, data.test])
  let start = try beginning.start(
    input: ImageStart.input(preprocessing), outputs: nil, data: fingerprint, options)
  let model = try start.model(as: (any EnergyModel).self, for: .images)
  try TrainingFault.check(
    "units", model.visibleParts[0].units.rawValue,
    model.visibleParts.allSatisfy { [.binary, .gaussian].contains($0.units) }, "binary or gaussian for images")
  var metadata = start.metadata
  metadata.classes = nil
  metadata.preprocessing = try InputPreparation.images(preprocessing).json()
  try beginning.keep(data.split, in: &metadata) { try data.division($0, options) }
  for remark in data.remarks { report(remark) }
  let source = UnlabeledImages(
    data: data, preprocessing: preprocessing, options: options, images: images, folder: path,
    isBeginning: beginning.isSource, isFresh: beginning.isFromScratch, report: report)
  func open(_ model: some EnergyModel) -> any TrainingTask {
    UnlabeledTask(model, source, metadata: metadata, seed: options.seed)
  }
  return open(model)
}

/// Images as rows of their pixels.
final class UnlabeledImages: UnlabeledSource {
  let items = "images"
  private let data: ImageParts
  private let preprocessing: Preprocessing
  private let options: TrainingOptions
  private let images: ImageOptions
  private let folder: String
  private let isBeginning: Bool
  /// Whether nothing has been learned at all.
  private let isFresh: Bool
  private let report: (String) -> Void
  private var skippedPaths: Set<String> = []
  /// Of the epoch that was begun last.
  private var tally: ReadingTally?

  init(
    data: ImageParts, preprocessing: Preprocessing, options: TrainingOptions, images: ImageOptions, folder: String,
    isBeginning: Bool, isFresh: Bool, report: @escaping (String) -> Void
  ) {
    self.data = data
    self.preprocessing = preprocessing
    self.options = options
    self.images = images
    self.folder = folder
    self.isBeginning = isBeginning
    self.isFresh = isFresh
    self.report = report
  }

  var skipped: Int { skippedPaths.count }

  var batchesPerEpoch: Int { (data.training.entries.count + options.batchSize - 1) / options.batchSize }

  func prepare(_ model: any EnergyModel) throws {
    try ImageContents.check(
      [data.training, data.validation] + (data.test.map { [$0] } ?? []), isBeginning: isBeginning,
      at: folder + "/" + RunFolder.imagesName, workers: options.workers)
    guard isFresh else { return }
    var (sum, count) = (Tensor?.none, 0)
    for batch in try batches(epoch: 0, startingAt: 0).prefix((Self.imagesForBiases - 1) / options.batchSize + 1) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      guard let batch else { continue }
      let added = batch.sum(over: [0])
      sum = sum.map { $0 + added } ?? added
      count += batch.shape[0]
    }
    tally = nil
    if let sum { model.setVisibleBiases(means: sum / Float(count)) }
  }

  /// How many images tell how bright each pixel is.
  private static let imagesForBiases = 1024

  func batches(epoch: Int, startingAt start: Int) throws -> AnySequence<Tensor?> {
    let prepared = try PreparedImages(
      data.training.entries, preprocessing: preprocessing, augmentation: images.augmentation, seed: options.seed)
    let loader = DataLoader(
      prepared, batchSize: options.batchSize, seed: options.seed, shuffled: true, epoch: epoch, startingAt: start,
      workers: options.workers, purpose: "image order")
    let tally = ReadingTally("training", data.training, mostSkipped: images.mostSkipped)
    self.tally = tally
    return rows(loader, tally)
  }

  func checkBatches() throws { try tally?.check() }

  func validate(_ model: any EnergyModel) throws -> Scores? {
    try scores("validation", data.validation, model) { Interruption.isRequested }
  }

  func test(_ model: any EnergyModel) throws -> Scores? {
    try data.test.flatMap { try scores("test", $0, model) { false } }
  }

  private func scores(
    _ part: String, _ images: ImageFolder, _ model: any EnergyModel, isInterrupted: () -> Bool
  ) throws -> Scores? {
    let tally = ReadingTally(part, images, mostSkipped: self.images.mostSkipped)
    let prepared = try PreparedImages(images.entries, preprocessing: preprocessing)
    var metrics = UnlabeledMetrics(of: model, seed: options.seed)
    for batch in rows(DataLoader(prepared, batchSize: options.batchSize, workers: options.workers), tally) {
      if isInterrupted() { throw EvaluationInterrupted() }
      if let batch { metrics.add(batch, model) }
    }
    try tally.check()
    return metrics.scores
  }

  private func rows(_ loader: DataLoader<PreparedImages>, _ tally: ReadingTally) -> AnySequence<Tensor?> {
    let batches = ImageTaskBatches(loader, tally: tally) { [self] images in
      for image in images where skippedPaths.insert(image.path).inserted { report("skipped \(image.reason)") }
    }
    return AnySequence(batches.lazy.map { $0.inputs?.flattened() })
  }
}
