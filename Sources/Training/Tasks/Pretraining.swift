import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

/// What a deep belief network learns from a run's training images before anybody looks at their labels: one Boltzmann
/// machine a hidden layer, from the bottom to the top.
///
/// It happens once, before the first state is saved, and depends on nothing but the options and the images: where it is
/// interrupted, it begins again.
struct Pretraining {
  private let model: MLP
  private let epochs: Int
  private let options: TrainingOptions
  private let images: ImageFolder
  private let preprocessing: Preprocessing
  private let report: (String) -> Void

  /// Nil where the network's configuration asks for none.
  ///
  /// - Parameter report: is told the error of reconstruction, a line a machine and epoch.
  init?(
    _ model: some Network, _ options: TrainingOptions, _ images: ImageFolder, _ preprocessing: Preprocessing,
    _ report: @escaping (String) -> Void
  ) {
    guard let model = model as? MLP, let epochs = model.configuration.pretraining, epochs > 0 else { return nil }
    self.model = model
    self.epochs = epochs
    self.options = options
    self.images = images
    self.preprocessing = preprocessing
    self.report = report
  }

  /// - Throws: `EvaluationInterrupted` where somebody interrupts.
  func run() throws {
    var line = ProgressLine()
    try model.pretrain(epochs: epochs, seed: options.seed) { epoch in
      if Interruption.isRequested { throw EvaluationInterrupted() }
      return try batches(epoch: epoch)
    } report: { machine, epoch, error in
      // An epoch that was cut short has no error worth telling.
      if Interruption.isRequested { return }
      line.clear()
      let widths = [model.configuration.inputs] + model.configuration.hidden
      report(
        "pretraining machine \(machine + 1)/\(widths.count - 1) (\(widths[machine])-\(widths[machine + 1])), "
          + "epoch \(epoch + 1)/\(epochs)  reconstruction error \(significant(error, 4))")
    }
    if Interruption.isRequested { throw EvaluationInterrupted() }
  }

  /// The images of an epoch as rows of their pixels, without augmentation, up to an interruption.
  private func batches(epoch: Int) throws -> AnySequence<Tensor> {
    let batches = try ImageBatches(
      images.entries, preprocessing: preprocessing, batchSize: options.batchSize, seed: options.seed, shuffled: true,
      epoch: epoch, workers: options.workers)
    return AnySequence(
      AnyIterator {
        Interruption.isRequested ? nil : batches.next()?.inputs.flattened()
      })
  }
}
