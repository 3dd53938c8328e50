import AviaryCheckpoints
import AviaryDatasets

/// A training that a network has behind it: on which data, and how these were divided. What is held out now may have been
/// learned then.
public struct RecordedTraining: Codable, Equatable, Sendable {
  /// The name under which checkpoints keep those before the last one, as JSON, beside what else is known.
  public static let key = "trainings"
  /// The most that are kept: those before were long ago, and files come from anywhere.
  private static let most = 100

  /// How the data were divided, and which file they were.
  public var split: RecordedSplit
  /// The fingerprint of the data in their parts; nil where the division names their file.
  public var data: String?

  static func text(of trainings: [RecordedTraining]) throws -> String? {
    trainings.isEmpty ? nil : try JSONValue(encoding: Array(trainings.prefix(most))).serialized
  }

  static func parsed(_ text: String) -> [RecordedTraining] {
    guard let value = try? JSONValue(parsing: text),
      let trainings = try? value.decoded(as: [RecordedTraining].self)
    else { return [] }
    return trainings.prefix(most).filter(\.split.isPossible)
  }
}

extension Checkpoint.Metadata {
  /// The last training; nil where the file does not say how its data were divided.
  public var lastTraining: RecordedTraining? {
    guard var split else { return nil }
    // What it says of trainings before is theirs.
    split.learnedBefore = nil
    return RecordedTraining(split: split, data: split.file == nil ? extra[DataFingerprint.key] : nil)
  }

  /// Keeps the trainings of all of the networks whose weights these are the mean of. The last one of each is one before the
  /// last here, unless the data of all were divided in the same way.
  public mutating func keepTrainings(ofAveraged networks: [Checkpoint.Metadata]) throws {
    var all: [RecordedTraining] = []
    for training in networks.flatMap(\.trainings) where training != lastTraining && !all.contains(training) {
      all.append(training)
    }
    extra[RecordedTraining.key] = try RecordedTraining.text(of: all)
  }

  /// A network that this one comes from, in words. What has a training before the last one, and no last one, is a mean.
  ///
  /// - Parameter path: that of this one.
  public func formerNetwork(of path: String) -> String {
    "a network that \(path) \(split == nil ? "is an average of" : "was fine-tuned from")"
  }

  /// The trainings of the networks that this one was fine-tuned from, or is an average of, the last one first.
  public var formerTrainings: [RecordedTraining] { extra[RecordedTraining.key].map(RecordedTraining.parsed) ?? [] }

  /// All that are known, the last one first, each once.
  var trainings: [RecordedTraining] {
    var all: [RecordedTraining] = []
    for training in [lastTraining].compactMap({ $0 }) + formerTrainings where !all.contains(training) {
      all.append(training)
    }
    return all
  }

  /// Whether a network that this one was fine-tuned from was trained on a file.
  func wasTrainedBefore(on file: String) -> Bool { formerTrainings.contains { $0.split.file == file } }
}

extension Beginning {
  /// Keeps how the data of a run are divided, with the parts from which trainings before it may have learned, and says so
  /// where the run begins.
  ///
  /// - Parameter division: how a former training divided these data; nil for one on other data.
  func keep(
    _ split: RecordedSplit, in metadata: inout Checkpoint.Metadata,
    dividedBefore division: (RecordedTraining) throws -> RecordedSplit?
  ) throws {
    var split = split
    let known = try metadata.formerTrainings.compactMap { training in
      try division(training).map { (training: training, parts: split.parts(learnedBy: $0)) }
    }
    let learned = Set(known.flatMap(\.parts))
    split.learnedBefore = learned.isEmpty ? nil : learned.sorted()
    metadata.extra[RecordedSplit.key] = try split.text
    guard isSource, let (source, path) = checkpoint, let first = known.first(where: { !$0.parts.isEmpty })?.training
    else { return }
    let network = first == source.metadata.lastTraining ? path : source.metadata.formerNetwork(of: path)
    // No division is that of several.
    report(split.remark(on: first.split, network, isOnlyOne: known.count == 1))
  }

  /// The same of data in one file.
  func keep(_ split: RecordedSplit, in metadata: inout Checkpoint.Metadata) throws {
    try keep(split, in: &metadata) { $0.split.file == split.file ? $0.split : nil }
  }
}
