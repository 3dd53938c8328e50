import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryModels
import AviaryTensors

extension CharacterPart: Examples {
  func label(_ place: Int) -> Int32 { labels[place] }
  /// Texts are sorted into classes.
  func targets(_ places: [Int]) -> Tensor { stopProgram("targets: texts have classes, not numbers") }
}

/// A network for the texts in a table, ready to be trained, and what its checkpoints say about it.
struct CharacterStart {
  private let model: SequenceClassifier
  private let metadata: Checkpoint.Metadata
  private let options: TrainingOptions
  private let data: CharacterDataset
  /// How many texts fit into memory beside one another.
  private let textsAtOnce: Int

  /// How long the vectors are that stand for characters, where nobody says.
  private static let width = 32

  /// - Parameter report: is told what a person should know, a line at a time.
  init(
    _ beginning: Beginning, _ settings: CharacterSettings, options: TrainingOptions, report: (String) -> Void
  ) throws {
    self.options = options
    if let architecture = try beginning.architecture, !(try architecture.build() is SequenceClassifier) {
      throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: .text)
    }
    let table = try CharacterPreprocessing.table(csv: options.data, column: settings.column)
    data = try CharacterDataset(
      table, settings, keeping: try Self.knownVocabulary(beginning), validation: try options.validationShare(),
      test: Self.testShare, seed: options.seed)
    let preprocessing = data.preprocessing
    if data.skipped > 0 { report("\(data.skipped) rows without text or class are left out") }
    let parts = [data.training, data.validation, data.test].compactMap { $0 }
    let shortened = parts.reduce(0) { $0 + $1.texts.shortened }
    if shortened > 0 { report("of \(shortened) texts, only the first \(settings.longest) characters are read") }
    var fingerprint = DataFingerprint()
    for part in parts {
      fingerprint.add(part.texts.tokens)
      fingerprint.add(part.labels)
    }
    let start = try beginning.start(
      input: [], outputs: preprocessing.target.classes.count,
      changes: [ConfigurationChange(name: "inputs", value: "\(Self.width)")] + options.configuration
        + [ConfigurationChange(name: "symbols", value: "\(preprocessing.symbols)")],
      data: fingerprint, options)
    model = try start.model(as: SequenceClassifier.self, for: .text)
    // A text is padded to the longest of its batch, and a step keeps the gates of every character.
    let longest = parts.map(\.texts.longest).max() ?? 1
    textsAtOnce = max(1, Self.batchLimit / (max(1, longest) * 4 * model.configuration.hidden))
    try TrainingFault.check(
      "batch size", options.batchSize, options.batchSize <= textsAtOnce,
      "at most \(textsAtOnce) for texts of \(longest) characters; or lower --sequence-length")
    guard model.configuration.symbols == preprocessing.symbols else {
      throw TrainingFault.noVocabulary(path: beginning.checkpoint?.path ?? options.data)
    }
    var metadata = start.metadata
    metadata.classes = preprocessing.target.classes
    metadata.preprocessing = try InputPreparation.characters(preprocessing).json()
    self.metadata = metadata
  }

  /// The most numbers of a batch: 1 GiB.
  private static let batchLimit = 1 << 28

  /// The share of the rows that is the test.
  private static let testShare = 0.1

  /// The characters that the network knows already; nil where it knows none.
  private static func knownVocabulary(_ beginning: Beginning) throws -> CharacterVocabulary? {
    guard let (checkpoint, path) = beginning.checkpoint else { return nil }
    guard let preparation = try checkpoint.inputPreparation() else { throw TrainingFault.noVocabulary(path: path) }
    guard case .characters(let known) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.kind)
    }
    return known.vocabulary
  }

  func task() -> any TrainingTask {
    let parts = ExampleParts(
      training: data.training, validation: data.validation, test: data.test, isRegression: false,
      skipped: data.skipped, judgedAtOnce: min(textsAtOnce, TextPredictor.textsAtOnce))
    let model = model
    return ExampleTask(model: model, metadata: metadata, items: "texts", options: options, data: parts) {
      let (tokens, lengths) = $0.texts.batch($1)
      return model(tokens: tokens, lengths: lengths)
    }
  }
}
