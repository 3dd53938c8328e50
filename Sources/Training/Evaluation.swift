import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// How a model does on images it may not have seen.
public enum Evaluation {
  /// Classifies every image and compares.
  ///
  /// - Returns: the metrics, and the images that could not be read and were left out.
  public static func evaluate(
    _ model: some Classifier, _ folder: ImageFolder, preprocessing: Preprocessing, batchSize: Int = 32,
    workers: Int
  ) throws -> (metrics: ClassificationMetrics, skipped: [ImageBatch.Skipped]) {
    ensure(
      model.configuration.outputs == folder.classes.count,
      "evaluate: \(folder.classes.count) classes of images for a model of \(model.configuration.outputs)")
    var skipped: [ImageBatch.Skipped] = []
    let images = try ImageBatches(
      folder.entries, preprocessing: preprocessing, batchSize: batchSize, workers: workers)
    let batches = LabeledBatches(images, startingAt: 0) { skipped += $0 }
    return (try evaluate(batches, classes: folder.classes) { model($0) }, skipped)
  }

  static func evaluate(
    _ batches: LabeledBatches, classes: [String], isInterrupted: () -> Bool = { false },
    logits: (Tensor) -> Tensor
  ) throws -> ClassificationMetrics {
    var metrics = ClassificationMetrics(classes: classes)
    for batch in batches {
      if isInterrupted() { throw EvaluationInterrupted() }
      guard let inputs = batch.inputs else { continue }
      let (predicted, logarithms) = inference {
        let result = logits(inputs)
        return (result.argmax(), logSoftmax(result).scalars)
      }
      for (row, label) in batch.labels.scalars.enumerated() {
        metrics.add(
          label: Int(label), predicted: predicted[row],
          loss: -Double(logarithms[row * classes.count + Int(label)]))
      }
    }
    return metrics
  }
}
