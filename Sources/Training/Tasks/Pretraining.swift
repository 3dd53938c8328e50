import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// What a network learns from a run's training images before their labels are used, such as the Boltzmann machines of a
/// deep belief network.
///
/// It happens once, before the first state is saved, and depends on nothing but the options and the images: where it is
/// interrupted, it begins again.
struct Pretraining {
  private let model: any Pretrainable
  private let options: TrainingOptions
  private let images: ImageFolder
  private let preprocessing: Preprocessing
  /// The largest share of the images that may be unreadable.
  private let mostSkipped: Double
  private let report: (String) -> Void

  /// Nil where the network's configuration asks for none.
  ///
  /// - Parameter report: is told the error of reconstruction, a line a machine and epoch.
  init?(
    _ model: some Network, _ options: TrainingOptions, _ images: ImageFolder, _ preprocessing: Preprocessing,
    mostSkipped: Double, _ report: @escaping (String) -> Void
  ) {
    guard let model = model as? any Pretrainable, model.pretrainingEpochs > 0 else { return nil }
    self.model = model
    self.options = options
    self.images = images
    self.preprocessing = preprocessing
    self.mostSkipped = mostSkipped
    self.report = report
  }

  /// - Throws: `EvaluationInterrupted` where the run is interrupted.
  func run() throws {
    try run(model)
  }

  private func run(_ model: some Pretrainable) throws {
    var line = ProgressLine()
    var tally: ReadingTally?
    let (epochs, stages) = (model.pretrainingEpochs, model.pretrainingStages)
    try model.pretrain(epochs: epochs, seed: options.seed) { epoch in
      if Interruption.isRequested { throw EvaluationInterrupted() }
      try tally?.check()
      let next = ReadingTally("training", images, mostSkipped: mostSkipped)
      tally = next
      return try batches(epoch: epoch, next)
    } report: { stage, epoch, error in
      // An epoch that was cut short has no error worth telling.
      if Interruption.isRequested { return }
      line.clear()
      report(
        "pretraining \(stages[stage]), epoch \(epoch + 1)/\(epochs)  reconstruction error \(significant(error, 4))")
    }
    if Interruption.isRequested { throw EvaluationInterrupted() }
    try tally?.check()
  }

  /// The images of an epoch as rows of their pixels, without augmentation, up to an interruption.
  private func batches(epoch: Int, _ tally: ReadingTally) throws -> AnySequence<Tensor> {
    let batches = try ImageBatches(
      images.entries, preprocessing: preprocessing, batchSize: options.batchSize, seed: options.seed, shuffled: true,
      epoch: epoch, workers: options.workers)
    var noted = 0
    return AnySequence(
      AnyIterator {
        if Interruption.isRequested || tally.isBeyondLimit { return nil }
        let batch = batches.next()
        tally.add(labels: batch?.labels.scalars ?? [])
        for image in batches.skipped[noted...] { tally.addSkipped(image.path, "\(image.reason)") }
        noted = batches.skipped.count
        return batch?.inputs.flattened()
      })
  }
}
