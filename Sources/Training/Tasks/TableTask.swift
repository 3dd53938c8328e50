import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

/// Learning a column of a table from the others: a class, or a number.
final class TableTask<Model: Classifier>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let items = "rows"
  let skipped: Int
  private let options: TrainingOptions
  private let data: TableDataset

  init(model: Model, metadata: Checkpoint.Metadata, options: TrainingOptions, data: TableDataset) {
    self.model = model
    self.metadata = metadata
    self.options = options
    self.data = data
    skipped = data.skipped
  }

  private var isRegression: Bool { data.preprocessing.target.task == .regression }

  var batchesPerEpoch: Int { (data.training.count + options.batchSize - 1) / options.batchSize }

  func batches(epoch: Int, startingAt start: Int) throws -> LazyMapSequence<Range<Int>, [Int]> {
    var random = RandomStream(seed: options.seed, purpose: "row order", step: UInt64(epoch))
    let order = random.permutation(data.training.count)
    let size = options.batchSize
    return (min(start, batchesPerEpoch)..<batchesPerEpoch).lazy.map {
      Array(order[$0 * size..<Swift.min(order.count, ($0 + 1) * size)])
    }
  }

  /// One row has no statistics that could be learned from.
  func count(_ batch: [Int]) -> Int { batch.count == 1 && model.learnsFromStatistics ? 0 : batch.count }

  func loss(_ batch: [Int], step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let outputs = model(data.training.inputs(batch))
    return (loss(outputs, data.training, batch), outputs)
  }

  private func loss(_ outputs: Tensor, _ part: TablePart, _ places: [Int]) -> Tensor {
    isRegression
      ? meanSquaredError(outputs, target: part.targets(places))
      : crossEntropy(outputs, labels: part.labels(places))
  }

  func correct(_ outputs: Tensor, _ batch: [Int]) -> Int? {
    isRegression ? nil : zip(outputs.argmax(), batch).count { $0 == Int(data.training.labels[$1]) }
  }

  func validate() throws -> Scores? { try data.validation.map(scores) }

  func test() throws -> Scores? { try data.test.map(scores) }

  private func scores(_ part: TablePart) throws -> Scores {
    var (sum, correct) = (0.0, 0)
    for start in stride(from: 0, to: part.count, by: 1024) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      let places = Array(start..<Swift.min(part.count, start + 1024))
      let (mean, predicted) = inference { () -> (Double, [Int]) in
        let outputs = model(part.inputs(places))
        return (Double(loss(outputs, part, places).scalar), isRegression ? [] : outputs.argmax())
      }
      sum += mean * Double(places.count)
      correct += zip(predicted, places).count { $0 == Int(part.labels[$1]) }
    }
    let count = Double(part.count)
    return Scores(loss: sum / count, accuracy: isRegression ? nil : Double(correct) / count)
  }
}

/// A network for a table, ready to be trained, and what its checkpoints say about it.
struct TableStart {
  private let model: any Classifier
  private let metadata: Checkpoint.Metadata
  private let options: TrainingOptions
  private let data: TableDataset

  /// - Parameter report: is told what a person should know, a line at a time.
  init(_ beginning: Beginning, options: TrainingOptions, report: (String) -> Void) throws {
    guard let settings = options.table else { throw TrainingFault.noTarget(path: options.data) }
    self.options = options
    let known = try Self.knownPreprocessing(beginning, settings)
    let table = try known.map { try Table(csv: options.data, forFeaturesOf: $0) } ?? Table(csv: options.data)
    var share = 0.1
    switch options.validation {
    case nil: break
    case .fraction(let given): share = given
    case .folder(let path):
      throw TrainingFault.invalidSetting(name: "validation", value: path, allowed: "a share of the rows")
    }
    data = try TableDataset(
      table, settings, keeping: known, validation: share, test: Self.testShare, seed: options.seed)
    let preprocessing = data.preprocessing
    if data.skipped > 0 { report("\(data.skipped) rows without the values needed are left out") }
    let outputs = preprocessing.target.task == .regression ? 1 : preprocessing.target.classes.count
    var fingerprint = DataFingerprint()
    for part in [data.training, data.validation, data.test].compactMap({ $0 }) { fingerprint.add(part) }
    let start = try beginning.start(
      input: [preprocessing.featureCount], outputs: outputs, data: fingerprint, options)
    model = try start.architecture.classifier(start.model)
    var metadata = start.metadata
    metadata.classes = preprocessing.target.task == .regression ? nil : preprocessing.target.classes
    metadata.preprocessing = try InputPreparation.table(preprocessing).json()
    self.metadata = metadata
  }

  /// How the rows were prepared that the network knows already; nil where it knows none.
  private static func knownPreprocessing(
    _ beginning: Beginning, _ settings: TableSettings
  ) throws -> TablePreprocessing? {
    guard let (checkpoint, path) = beginning.checkpoint,
      case .table(let known)? = try checkpoint.inputPreparation()
    else { return nil }
    var plain = TableSettings(target: settings.target, task: settings.task)
    plain.standardisesTarget = settings.standardisesTarget
    if case .source = beginning, settings != plain { throw TrainingFault.keptPreparation(path: path) }
    return known
  }

  /// The share of the rows that is the test.
  private static let testShare = 0.1

  func task() -> any TrainingTask {
    // Opens the existential: the task is generic over the model.
    func open(_ model: some Classifier) -> any TrainingTask {
      TableTask(model: model, metadata: metadata, options: options, data: data)
    }
    return open(model)
  }
}
