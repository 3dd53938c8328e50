import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A task for the graph, or the graphs, of a run.
func graphTask(_ beginning: Beginning, _ options: TrainingOptions, _ graph: GraphOptions) throws -> any TrainingTask {
  if GraphCollection.isPresent(at: options.data) { return try GraphStart(beginning, options, graph).task() }
  let dataset = try GraphDataset(path: options.data, seed: options.seed)
  for remark in dataset.remarks { beginning.report(remark) }
  if options.classes.sampler != .uniform { throw TrainingFault.nothingToDraw(option: "--sampler") }
  let classes = dataset.classNames ?? (0..<dataset.classes).map(String.init)
  try beginning.requireSameClasses(classes, options)
  var fingerprint = DataFingerprint()
  fingerprint.add(dataset)
  let start = try beginning.start(
    input: [dataset.features.columns], outputs: dataset.classes, head: beginning.knownHead(for: classes),
    data: fingerprint, options)
  var metadata = start.metadata
  metadata.classes = classes
  metadata.preprocessing = try InputPreparation.graph(.init(normalizesFeatures: true, splitSeed: options.seed)).json()
  func open(_ model: some NodeClassifier) throws -> any TrainingTask {
    let data = NodeClassification(dataset, propagation: model.propagation)
    try data.check(model)
    return GraphTask(model: model, metadata: metadata, data: data, topK: options.classes.topK)
  }
  return try open(start.model(as: (any NodeClassifier).self, for: .graphs))
}

/// Learning the classes of a graph's nodes. All of the graph is one batch, and an epoch one step.
final class GraphTask<Model: NodeClassifier>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let data: NodeClassification
  private let topK: Int?
  private var learning = ClassLearning()
  private var decision = ClassDecision.mostProbable
  /// The training nodes whose loss is this process's; nil for all.
  private var part: (nodes: SparseMatrix, labels: IntTensor)?

  init(model: Model, metadata: Checkpoint.Metadata, data: NodeClassification, topK: Int?) {
    self.topK = topK
    self.model = model
    self.metadata = metadata
    self.data = data
  }

  var trainingClasses: TrainingClasses? {
    TrainingClasses(names: metadata.classes ?? [], labels: data.labels(of: .training).scalars)
  }

  func learn(_ learning: ClassLearning) { self.learning = learning }

  var items: String { "nodes" }
  var monitors: [Monitor]? { Monitor.ofClasses }

  var batchesPerEpoch: Int { 1 }

  func batches(epoch: Int, startingAt start: Int) throws -> Range<Int> { min(start, 1)..<1 }

  func count(_ batch: Int) -> Int { (part?.labels ?? data.labels(of: .training)).scalars.count }

  /// Every process passes the whole graph, of which each node needs its neighbours; the loss is divided.
  func join(_ place: ProcessPlace) -> Bool {
    let labels = data.labels(of: .training).scalars
    let own = BatchShare(rank: place.group.rank, of: place.group.count).part(of: labels.indices)
    part = (SparseMatrix(selecting: Array(own), of: labels.count), IntTensor(Array(labels[own])))
    return true
  }

  func ownCount(ofBatch number: Int) -> Int { count(number) }

  func lossWeight(_ batch: Int) -> Double {
    learning.weight(of: (part?.labels ?? data.labels(of: .training)).scalars)
  }

  var passesOwnItems: Bool { false }

  func loss(_ batch: Int, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let logits = data.logits(model)
    let labels = data.labels(of: .training)
    let rows = data.rows(of: .training, in: logits)
    if let part { return (learning.loss(matmul(part.nodes, rows), labels: part.labels), logits) }
    return (learning.loss(rows, labels: labels), logits)
  }

  func correct(_ outputs: Tensor, _ batch: Int) -> Int? {
    guard let part else { return data.correct(outputs, on: .training) }
    let rows = inference { matmul(part.nodes, data.rows(of: .training, in: outputs)) }
    return zip(rows.argmax(), part.labels.scalars).count { $0 == Int($1) }
  }

  func validate() throws -> Scores? {
    data.metrics(model, on: [.validation], topK: topK, decision: .mostProbable).scores
  }

  func chooseThresholds(by criterion: Monitor) throws -> ClassThresholds? {
    let metrics = data.metrics(model, on: [.validation], keepsProbabilities: true, decision: .mostProbable)
    decision = ClassDecision(metrics.probabilities?.thresholds(by: criterion))
    return decision.thresholds
  }

  func test() throws -> Scores? {
    data.metrics(model, on: [.test], topK: topK, decision: decision).scores
  }
}
