import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels

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
    data = try TableDataset(
      table, settings, keeping: known, validation: try options.validationShare(), test: Self.testShare,
      seed: options.seed)
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
    guard let (checkpoint, path) = beginning.checkpoint, let preparation = try checkpoint.inputPreparation() else {
      return nil
    }
    let known: TablePreprocessing
    switch preparation {
    case .table(let preprocessing): known = preprocessing
    case .series, .characters: throw TrainingFault.otherKind(path: path, known: preparation.kind)
    case .images, .graph, .text: return nil
    }
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
      let parts = ExampleParts(
        training: data.training, validation: data.validation, test: data.test,
        isRegression: data.preprocessing.target.task == .regression, skipped: data.skipped)
      return ExampleTask(model: model, metadata: metadata, items: "rows", options: options, data: parts) {
        model($0.inputs($1))
      }
    }
    return open(model)
  }
}
