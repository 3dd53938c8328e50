import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Learning the class of each item of a dataset, or its numbers: any model on any dataset of labelled batches.
///
/// ```swift
/// let data = try DatasetParts(splitting: recordings, validation: 0.2)
/// let task = SupervisedTask(model, on: data, options, workers: 4)
/// let report = try fit(task, options, in: "runs/first")
/// ```
public final class SupervisedTask<Model: Layer, Data: Dataset, Inputs>: TrainingTask
where Data.Batch == LabeledBatch<Inputs> {
  /// The model that learns.
  public let model: Model
  public let metadata: Checkpoint.Metadata
  public let items: String
  public var skipped: Int { data.skipped }
  private let data: DatasetParts<Data>
  private let batchSize: Int
  private let seed: UInt64
  private let workers: Int
  private let mostAtOnce: Int
  private let purpose: String
  private let outputs: (Inputs) -> Tensor
  private let numberLoss: NumberLoss
  private var loader: DataLoader<Data>?
  /// What an output and its target say in the data's own units, where they all have one; nil where numbers stand for themselves.
  var restored: ((Float) -> Double)?
  public private(set) var testedNumbers: RegressionMetrics?
  public internal(set) var monitors: [Monitor]?
  /// What the items of a part are called, in their order; nil where predictions are not kept.
  var itemNames: ((Data) -> [String]?)?
  private var learning = ClassLearning()
  private let topK: Int?
  private var decision = ClassDecision.mostProbable
  private var place: ProcessPlace?

  /// - Parameters:
  ///   - options: of the run: batch size and seed count here.
  ///   - items: what an item is called.
  ///   - metadata: what checkpoints say about the model.
  ///   - workers: the threads that prepare items; 0 for data in memory.
  ///   - mostAtOnce: how many items are evaluated at once; nil for the batch size.
  ///   - purpose: keys the order of the items beside the seed.
  ///   - outputs: what the model makes of inputs: logits [N, classes], or estimates [N, outputs].
  public init(
    _ model: Model, on data: DatasetParts<Data>, _ options: TrainingOptions, items: String = "items",
    metadata: Checkpoint.Metadata = .init(), workers: Int = 0, mostAtOnce: Int? = nil, purpose: String = "data order",
    outputs: @escaping (_ inputs: Inputs) -> Tensor
  ) {
    self.model = model
    self.data = data
    self.metadata = metadata
    self.items = items
    batchSize = options.batchSize
    seed = options.seed
    topK = options.classes.topK
    numberLoss = options.learning.loss ?? .squaredError
    self.workers = workers
    self.mostAtOnce = mostAtOnce ?? options.batchSize
    self.purpose = purpose
    self.outputs = outputs
  }

  /// The same for a model that is called with the inputs as they are.
  public convenience init(
    _ model: Model, on data: DatasetParts<Data>, _ options: TrainingOptions, items: String = "items",
    metadata: Checkpoint.Metadata = .init(), workers: Int = 0, mostAtOnce: Int? = nil
  ) where Model: UnaryLayer, Inputs == Tensor {
    self.init(
      model, on: data, options, items: items, metadata: metadata, workers: workers, mostAtOnce: mostAtOnce
    ) { model($0) }
  }

  /// Of data that say the class of each item before it is read, and a model whose classes are named.
  public var trainingClasses: TrainingClasses? {
    guard let labels = (data.training as? any LabeledDataset)?.classLabels, !labels.isEmpty,
      let last = labels.max(), labels.allSatisfy({ $0 >= 0 })
    else { return nil }
    let names = metadata.classes ?? (0...last).map { "class \($0)" }
    return Int(last) < names.count ? TrainingClasses(names: names, labels: labels) : nil
  }

  /// Takes over weights, samplers and losses of the classes, before the first epoch.
  public func learn(_ learning: ClassLearning) { self.learning = learning }

  public var batchesPerEpoch: Int { (data.training.count + batchSize - 1) / batchSize }

  public func batches(epoch: Int, startingAt start: Int) throws -> DataLoader<Data> {
    let loader = DataLoader(
      data.training.inEpoch(epoch), batchSize: batchSize, seed: seed, shuffled: true, epoch: epoch, startingAt: start,
      workers: workers, purpose: purpose, order: learning.order(purpose: purpose, epoch: epoch),
      share: place?.share(learnsFromStatistics: model.learnsFromStatistics) ?? .whole)
    self.loader = loader
    return loader
  }

  public func checkBatches() throws { try loader?.check() }

  /// A single item has no statistics to learn from. Of sequences, steps are counted.
  public func count(_ batch: LabeledBatch<Inputs>) -> Int {
    batch.count == 1 && model.learnsFromStatistics && place?.synchronizesStatistics != true
      ? 0 : batch.target.answers
  }

  public func join(_ place: ProcessPlace) -> Bool {
    self.place = place
    return true
  }

  public func ownCount(ofBatch number: Int) -> Int { loader?.ownCount(ofBatch: number) ?? 0 }

  public func lossWeight(_ batch: LabeledBatch<Inputs>) -> Double {
    if case .classes(let labels) = batch.target { return learning.weight(of: labels.scalars) }
    return Double(batch.target.answers)
  }

  public func loss(_ batch: LabeledBatch<Inputs>, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let outputs = outputs(batch.inputs)
    if case .classes(let labels) = batch.target { return (learning.loss(outputs, labels: labels), outputs) }
    return (batch.target.loss(outputs, of: numberLoss), outputs)
  }

  public func correct(_ outputs: Tensor, _ batch: LabeledBatch<Inputs>) -> Int? { batch.target.correct(outputs) }

  public func validate() throws -> Scores? {
    var numbers = RegressionMetrics()
    return try data.validation.map { try scores($0, &numbers, .mostProbable) }
  }

  public func chooseThresholds(by criterion: Monitor) throws -> ClassThresholds? {
    guard let part = data.validation, let classes = trainingClasses?.names.count else { return nil }
    var probabilities = ClassProbabilities(classes: classes)
    let loader = DataLoader(part, batchSize: mostAtOnce, workers: workers)
    for batch in loader {
      guard case .classes(let labels) = batch.target else { return nil }
      let logits = inference { outputs(batch.inputs).scalars }
      for (row, label) in labels.scalars.enumerated() {
        probabilities.add(logits: logits[row * classes..<(row + 1) * classes], label: Int(label))
      }
    }
    try loader.check()
    decision = ClassDecision(probabilities.thresholds(by: criterion))
    return decision.thresholds
  }

  public func test() throws -> Scores? {
    var numbers = RegressionMetrics()
    let tested = try data.test.map { try scores($0, &numbers, decision) }
    testedNumbers = numbers.count > 0 ? numbers : nil
    return tested
  }

  public func predictions(of part: HeldOutPart) throws -> PredictionTable? {
    guard let data = part == .test ? self.data.test : self.data.outOfBag, let names = itemNames?(data) else {
      return nil
    }
    var table = PredictionTable(classes: metadata.classes ?? [])
    var first = 0
    let loader = DataLoader(data, batchSize: mostAtOnce, workers: workers)
    for batch in loader {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      let outputs = inference { self.outputs(batch.inputs) }
      table.add(
        Array(names[first..<first + batch.count]), batch.target, outputs: outputs, decision: decision,
        restored: restored ?? { Double($0) })
      first += batch.count
    }
    try loader.check()
    return table
  }

  private func scores(
    _ part: Data, _ numbers: inout RegressionMetrics, _ decision: ClassDecision
  ) throws -> Scores {
    var (sum, tally, amongTop) = (0.0, ClassTally(), 0)
    var correct: Int?
    var answers = 0
    let loader = DataLoader(part, batchSize: mostAtOnce, workers: workers)
    for batch in loader {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      sum += inference { () -> Double in
        let outputs = outputs(batch.inputs)
        // Numbers of several kinds have no common unit, unless somebody says what they are.
        if case .numbers(let targets) = batch.target, targets.count == batch.count || restored != nil {
          let restored = restored ?? { Double($0) }
          for (target, estimate) in zip(targets.scalars, outputs.scalars) {
            numbers.add(target: restored(target), estimate: restored(estimate))
          }
        }
        if case .classes(let labels) = batch.target {
          // Only where they are looked at.
          let logits = topK == nil ? [] : outputs.scalars
          let classes = outputs.shape.last ?? 1
          for (row, (label, predicted)) in zip(labels.scalars, decision.predicted(logits: outputs)).enumerated() {
            let own = logits.isEmpty ? [] : logits[row * classes..<(row + 1) * classes]
            tally.add(label: Int(label), predicted: predicted)
            correct = (correct ?? 0) + (Int(label) == predicted ? 1 : 0)
            if let topK, rank(of: Int(label), in: own) < topK { amongTop += 1 }
          }
        }
        if case .steps = batch.target {
          correct = (correct ?? 0) + (batch.target.correct(outputs) ?? 0)
        }
        return Double(batch.target.loss(outputs, of: numberLoss).scalar) * Double(batch.target.answers)
      }
      answers += batch.target.answers
    }
    try loader.check()
    let count = Double(answers)
    var scores = Scores(loss: sum / count, accuracy: correct.map { Double($0) / count })
    scores.count(tally)
    if topK != nil, correct != nil, tally.macroF1 != nil { scores.topK = Double(amongTop) / count }
    scores.rmse = numbers.rootMeanSquaredError
    scores.mae = numbers.meanAbsoluteError
    scores.r2 = numbers.r2
    return scores
  }
}

extension LabeledBatch.Target {
  /// How many answers there are: items, or steps of them.
  var answers: Int {
    switch self {
    case .classes(let labels): labels.scalars.count
    case .numbers(let numbers): numbers.shape[0]
    case .steps(let labels): labels.scalars.count { $0 >= 0 }
    }
  }

  /// The mean cross entropy of classes, or the loss of numbers.
  func loss(_ outputs: Tensor, of numberLoss: NumberLoss = .squaredError) -> Tensor {
    switch self {
    case .steps(let labels):
      crossEntropy(
        outputs.reshaped(to: [labels.scalars.count, -1]), labels: IntTensor(labels.scalars), ignoring: -1)
    case .classes(let labels): crossEntropy(outputs, labels: labels)
    case .numbers(let numbers): numberLoss(outputs, target: numbers)
    }
  }

  /// How many of the classes are the most probable ones; nil of numbers.
  func correct(_ outputs: Tensor) -> Int? {
    switch self {
    case .numbers: return nil
    case .classes(let labels): return zip(outputs.argmax(), labels.scalars).count { $0 == Int($1) }
    case .steps(let labels):
      let rows = outputs.reshaped(to: [labels.scalars.count, -1])
      return zip(rows.argmax(), labels.scalars).count { $0 == Int($1) }
    }
  }
}
