import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// How a model does on images it may not have seen.
public enum Evaluation {
  /// Classifies every image and compares.
  ///
  /// - Parameter decision: which class is predicted of the probabilities: that of the network's checkpoint.
  /// - Returns: the metrics, and the images that could not be read and were left out.
  public static func evaluate(
    _ model: some Classifier, _ folder: ImageFolder, preprocessing: Preprocessing, batchSize: Int = 32,
    workers: Int, decision: ClassDecision
  ) throws -> (metrics: ClassificationMetrics, skipped: [ImageBatch.Skipped]) {
    ensure(
      model.configuration.outputs == folder.classes.count,
      "evaluate: \(folder.classes.count) classes of images for a model of \(model.configuration.outputs)")
    var skipped: [ImageBatch.Skipped] = []
    let loader = DataLoader(
      try PreparedImages(folder.entries, preprocessing: preprocessing), batchSize: batchSize, workers: workers)
    let batches = ImageTaskBatches(loader) { skipped += $0 }
    return (
      try evaluate(batches, ClassificationMetrics(classes: folder.classes, decision: decision)) { _, inputs in
        model(inputs)
      }, skipped
    )
  }

  static func evaluate(
    _ batches: ImageTaskBatches, _ empty: ClassificationMetrics, isInterrupted: () -> Bool = { false },
    logits: (_ batch: ImageTaskBatch, _ inputs: Tensor) -> Tensor
  ) throws -> ClassificationMetrics {
    var metrics = empty
    for batch in batches {
      if isInterrupted() { throw EvaluationInterrupted() }
      guard let inputs = batch.inputs else { continue }
      metrics.add(logits: inference { logits(batch, inputs) }, labels: batch.labels.scalars)
    }
    return metrics
  }
}
