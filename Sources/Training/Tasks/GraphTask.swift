import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

/// Learning the classes of a graph's nodes. All of the graph is one batch, and an epoch one step.
final class GraphTask: TrainingTask {
  let model: GCN
  let metadata: Checkpoint.Metadata
  let items = "nodes"
  private let data: NodeClassification

  init(_ beginning: Beginning, options: TrainingOptions) throws {
    let dataset = try GraphDataset(path: options.data, seed: options.seed)
    data = NodeClassification(dataset)
    let classes = dataset.classNames ?? (0..<dataset.classes).map(String.init)
    try beginning.requireSameClasses(classes, options)
    var fingerprint = DataFingerprint()
    fingerprint.add(dataset)
    let start = try beginning.start(
      input: [dataset.features.columns], outputs: dataset.classes, data: fingerprint, options)
    model = try start.model(as: GCN.self, for: .graphs)
    try data.check(model)
    var metadata = start.metadata
    metadata.classes = classes
    metadata.preprocessing = try InputPreparation.graph(.init(normalizesFeatures: true, splitSeed: options.seed)).json()
    self.metadata = metadata
  }

  var batchesPerEpoch: Int { 1 }

  func batches(epoch: Int, startingAt start: Int) throws -> Range<Int> { min(start, 1)..<1 }

  func count(_ batch: Int) -> Int { data.labels(of: .training).scalars.count }

  func loss(_ batch: Int, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let logits = data.logits(model)
    return (data.loss(logits, on: .training), logits)
  }

  func correct(_ outputs: Tensor, _ batch: Int) -> Int? { data.correct(outputs, on: .training) }

  func validate() throws -> Scores? { data.metrics(model, on: .validation).scores }

  func test() throws -> Scores? { data.metrics(model, on: .test).scores }
}
