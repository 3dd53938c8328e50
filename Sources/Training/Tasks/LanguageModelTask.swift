import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// The text of a run, in its parts: the end is the test, and validation comes before it.
public struct TextParts: Sendable {
  /// The characters of the text.
  public let vocabulary: CharacterVocabulary
  /// The symbols of the training part.
  public let training: [Int32]
  /// The symbols of the validation part.
  public let validation: [Int32]
  /// The symbols of the test part.
  public let test: [Int32]
  /// The share of what is not the test that is held out for validation.
  let validationShare: Double

  /// The share of a text that is the test.
  static let testShare = 0.1
  /// The share of the rest that is held out for validation, by default.
  private static let validationShare = 0.05

  /// Divides a text that a network was trained on as its checkpoint says.
  public init(_ path: String, _ split: RecordedSplit, vocabulary: CharacterVocabulary) throws {
    self.init(
      try TextCorpus(path: path, vocabulary: vocabulary, holdingOut: split.test), validation: split.validation)
  }

  private init(_ corpus: TextCorpus, validation share: Double) {
    let kept = corpus.training.count - Int((Double(corpus.training.count) * share).rounded())
    validationShare = share
    vocabulary = corpus.vocabulary
    training = Array(corpus.training[..<kept])
    validation = Array(corpus.training[kept...])
    test = corpus.heldOut
  }

  /// What is held out: parts that follow each other are told apart by where they begin and end.
  var held: HeldOut {
    func fingerprint(from start: Int, count: Int) -> DataFingerprint? {
      guard count > 0 else { return nil }
      var fingerprint = DataFingerprint()
      fingerprint.add([start, count])
      return fingerprint
    }
    return HeldOut(
      validation: fingerprint(from: training.count, count: validation.count),
      test: fingerprint(from: training.count + validation.count, count: test.count))
  }

  /// Checksums of the parts.
  public var fingerprint: DataFingerprint {
    var fingerprint = DataFingerprint()
    for part in [training, validation, test] { fingerprint.add(part) }
    return fingerprint
  }

  init(_ options: TrainingOptions, _ text: TextOptions, vocabulary known: CharacterVocabulary?) throws {
    var share = Self.validationShare
    switch options.validation {
    case nil: break
    case .fraction(let given): share = given
    case .folder(let path):
      throw TrainingFault.invalidSetting(
        name: "validation", value: path, allowed: "a share of the text, which is held out before its end")
    }
    self.init(
      try TextCorpus(path: options.data, vocabulary: known, holdingOut: Self.testShare), validation: share)
    let needed = options.batchSize * text.sequenceLength + 1
    for (name, part, least) in [("training", training, needed), ("validation", validation, 2), ("test", test, 2)]
    where part.count < least {
      throw TextFault.tooShort(path: "\(options.data) (\(name) part)", characters: part.count, needed: least)
    }
  }
}

/// A task for the text of a run.
func languageModelTask(
  _ beginning: Beginning, _ options: TrainingOptions, _ text: TextOptions
) throws -> any TrainingTask {
  let data = try TextParts(
    options, text, vocabulary: try beginning.checkpoint.map { try $0.checkpoint.vocabulary(path: $0.path) })
  let start = try beginning.start(input: [data.vocabulary.count], outputs: nil, data: data.fingerprint, options)
  var metadata = start.metadata
  metadata.classes = data.vocabulary.names
  metadata.preprocessing = try InputPreparation.text.json()
  var split = try RecordedSplit(
    seed: options.seed, validation: data.validationShare, test: TextParts.testShare,
    file: DataFingerprint(file: options.data).text)
  split.held = data.held
  try beginning.keep(split, in: &metadata) { former in
    guard former.split.file == split.file else { return nil }
    var division = former.split
    division.held = try TextParts(options.data, former.split, vocabulary: data.vocabulary).held
    return division
  }
  func open(_ model: some LanguageModel) -> any TrainingTask {
    LanguageModelTask(model: model, metadata: metadata, options: options, text: text, data: data)
  }
  return open(try start.model(as: (any LanguageModel).self, for: .text))
}

/// Learning which character comes next. A batch is windows of text, each beginning without states, so that a step depends
/// on nothing but its number; validation and test read their parts from beginning to end.
final class LanguageModelTask<Model: LanguageModel>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let options: TrainingOptions
  let text: TextOptions
  let data: TextParts
  /// Of the windows of a batch.
  private var share = BatchShare.whole

  init(model: Model, metadata: Checkpoint.Metadata, options: TrainingOptions, text: TextOptions, data: TextParts) {
    self.model = model
    self.metadata = metadata
    self.options = options
    self.text = text
    self.data = data
  }

  var items: String { "characters" }
  var monitors: [Monitor]? { [.loss] }

  var batchesPerEpoch: Int { (data.training.count - 1) / (options.batchSize * text.sequenceLength) }

  func batches(epoch: Int, startingAt start: Int) throws -> LazyMapSequence<Range<Int>, TextBatch> {
    let windows = try TextWindows(
      data.training, rows: options.batchSize, steps: text.sequenceLength, seed: options.seed, epoch: epoch)
    return (min(start, windows.count)..<windows.count).lazy.map { [share] in
      windows[$0].part(share)
    }
  }

  func join(_ place: ProcessPlace) -> Bool {
    share = place.share(learnsFromStatistics: false)
    return true
  }

  func ownCount(ofBatch number: Int) -> Int { share.part(of: 0..<options.batchSize).count }

  func count(_ batch: TextBatch) -> Int { batch.targets.scalars.count }

  func loss(_ batch: TextBatch, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let (loss, _) = model.loss(on: batch, state: nil)
    return (loss, loss.detached())
  }

  /// Many parts of the text are read side by side: what they do not know of the parts before them shows in the third digit.
  func validate() throws -> Scores? {
    if Interruption.isRequested { throw EvaluationInterrupted() }
    let streams = max(1, min(16, data.validation.count / 256))
    return Scores(loss: try model.meanLoss(over: data.validation, streams: streams))
  }

  func test() throws -> Scores? { Scores(loss: try model.meanLoss(over: data.test)) }
}

extension Checkpoint {
  /// The characters that a language model knows: the names of its classes.
  public func vocabulary(path: String) throws -> CharacterVocabulary {
    guard let names = metadata.classes else { throw TrainingFault.noVocabulary(path: path) }
    return try CharacterVocabulary(names: names)
  }
}
