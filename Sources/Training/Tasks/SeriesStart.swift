import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryModels
import AviaryTensors

extension SeriesPart: Examples {
  /// Of a series, numbers are predicted.
  func label(_ place: Int) -> Int32 { stopProgram("label: the examples of a series have no classes") }
}

/// A network for a time series, ready to be trained, and what its checkpoints say about it.
struct SeriesStart {
  private let model: any Classifier
  private let metadata: Checkpoint.Metadata
  private let options: TrainingOptions
  private let data: SeriesDataset

  /// - Parameter report: is told what a person should know, a line at a time.
  init(
    _ beginning: Beginning, _ settings: SeriesSettings, options: TrainingOptions, report: (String) -> Void
  ) throws {
    self.options = options
    let known = try Self.knownPreprocessing(beginning, settings)
    let table = try known?.table(csv: options.data) ?? Table(csv: options.data)
    data = try SeriesDataset(table, settings, keeping: known, validation: try options.validationShare())
    let preprocessing = data.preprocessing
    let unused = table.names.filter { name in !preprocessing.columns.contains { $0.name == name } }
    if !unused.isEmpty { report("not looked at: \(unused.joined(separator: ", "))") }
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize <= max(1, Self.batchLimit / Self.numbers(preprocessing)),
      "small enough for windows of \(preprocessing.inputShape.map(String.init).joined(separator: "x")) numbers")
    var fingerprint = DataFingerprint()
    fingerprint.add(data.rows)
    let start = try beginning.start(input: preprocessing.inputShape, outputs: 1, data: fingerprint, options)
    model = try start.architecture.classifier(start.model)
    var metadata = start.metadata
    metadata.classes = nil
    metadata.preprocessing = try InputPreparation.series(preprocessing).json()
    self.metadata = metadata
  }

  /// The most numbers of a batch: 1 GiB.
  private static let batchLimit = 1 << 28

  private static func numbers(_ preprocessing: SeriesPreprocessing) -> Int {
    preprocessing.inputShape.reduce(1, *)
  }

  /// How the rows were prepared that the network knows already; nil where it knows none.
  private static func knownPreprocessing(
    _ beginning: Beginning, _ settings: SeriesSettings
  ) throws -> SeriesPreprocessing? {
    guard let (checkpoint, path) = beginning.checkpoint, let preparation = try checkpoint.inputPreparation() else {
      return nil
    }
    guard case .series(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.kind)
    }
    if case .source = beginning, !settings.excluded.isEmpty || settings.scaling != .standard {
      throw TrainingFault.keptPreparation(path: path)
    }
    return known
  }

  func task() -> any TrainingTask {
    // Opens the existential: the task is generic over the model.
    func open(_ model: some Classifier) -> any TrainingTask {
      let parts = ExampleParts(
        training: data.training, validation: data.validation, test: data.test, isRegression: true,
        judgedAtOnce: data.training.windowsAtOnce)
      return ExampleTask(model: model, metadata: metadata, items: "windows", options: options, data: parts) {
        model($0.inputs($1))
      }
    }
    return open(model)
  }
}
