import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets

/// How a run divided its data into parts, as its checkpoints keep it: from it the rows that were held out are found again.
public struct RecordedSplit: Codable, Equatable, Sendable {
  /// The name under which checkpoints keep it, as JSON, beside what else is known.
  public static let key = "split"

  /// What keys the draw. As text, so that every reader of JSON keeps all its digits.
  public var seed: String
  /// The share that is held out for validation, and for the test.
  public var validation: Double
  /// The share held out for the test.
  public var test: Double
  /// The number of the file's bytes and their CRC-32C, as in `DataFingerprint`; nil where the data are no single file.
  public var file: String?
  /// The most images of each class; nil for all.
  public var limit: Int?
  /// What is held out, by which divisions of the same data are compared; nil in files that do not say it.
  public internal(set) var held: HeldOut?
  /// The names of the parts that trainings before this one may have learned; nil for none.
  var learnedBefore: [String]?
  // What else a plan says; nil where it is as usual, and in files of version 0.1.
  private var grouping: Grouping?
  private var isStratified: Bool?
  private var isInOrder: Bool?
  private var fold: SplitPlan.FoldPlace?
  private var sample: Int?

  /// How data were divided.
  public init(seed: UInt64, validation: Double, test: Double, file: String? = nil, limit: Int? = nil) {
    self.init(SplitPlan(validation: validation, test: test, seed: seed), file: file, limit: limit)
  }

  /// Records a plan.
  ///
  /// - Parameters:
  ///   - file: the file that the data came from, where they are one.
  ///   - limit: the most items of a class that were taken; nil for all.
  public init(_ plan: SplitPlan, file: String? = nil, limit: Int? = nil) {
    seed = "\(plan.seed)"
    (validation, test) = (plan.validation, plan.test)
    self.file = file
    self.limit = limit
    grouping = plan.grouping
    isStratified = plan.isStratified ? nil : false
    isInOrder = plan.isInOrder ? true : nil
    (fold, sample) = (plan.fold, plan.sample)
  }

  /// How the items were divided.
  public var plan: SplitPlan {
    var plan = SplitPlan(validation: validation, test: test, seed: UInt64(seed) ?? 0)
    plan.grouping = grouping
    plan.isStratified = isStratified ?? true
    plan.isInOrder = isInOrder ?? false
    (plan.fold, plan.sample) = (fold, sample)
    return plan
  }

  /// Whether a file may say so.
  var isPossible: Bool {
    let places = fold.map { $0.folds >= 2 && (0..<$0.folds).contains($0.fold) && $0.repetition >= 0 } ?? true
    return UInt64(seed) != nil && [validation, test].allSatisfy { $0 >= 0 && $0 < 1 } && limit ?? 1 >= 1 && places
      && sample ?? 0 >= 0
  }

  /// Whether some of the items are held out for the test, by a share or as a fold.
  public var holdsOutTest: Bool { test > 0 || fold != nil }

  /// Whether a training before this one, of a network that this one was fine-tuned from, may have learned items of a part.
  public func wasLearnedBefore(_ part: EvaluationPart) -> Bool { learnedBefore?.contains(part.rawValue) ?? false }

  var text: String {
    get throws { try JSONValue(encoding: self).serialized }
  }
}

extension Checkpoint.Metadata {
  /// How the data of the network's training were divided; nil where the file does not say so.
  public var split: RecordedSplit? {
    guard let text = extra[RecordedSplit.key], let value = try? JSONValue(parsing: text),
      let split = try? value.decoded(as: RecordedSplit.self), split.isPossible
    else { return nil }
    return split
  }
}

extension RecordedSplit {
  /// The images of a folder that a network was trained on, and those that were held out from among them.
  ///
  /// - Parameters:
  ///   - path: the folder of the training, or its part `train`.
  ///   - fingerprint: what the checkpoint says of its data.
  /// - Returns: nil where these are other images; without the parts for which none were held out.
  public func images(
    of path: String, fingerprint: String?
  ) throws(ImageFolderFault) -> DatasetParts<ImageFolder>? {
    guard let fingerprint, UInt64(seed) != nil else { return nil }
    let training: ImageFolder
    do throws(ImageFolderFault) { training = try ImageDataset(path, limit: limit).training } catch {
      switch error {
      // Nothing can have been trained on such images.
      case .oneClass, .emptyClass, .unknownClass, .noTraining: return nil
      default: throw error
      }
    }
    let parts = try division(of: training)
    let found = Self.fingerprint(of: [parts.training, parts.validation]).text
    // Parts with images of their own may follow.
    return (fingerprint + "-").hasPrefix(found + "-") ? parts : nil
  }

  /// The images that are trained on, and those that are held out from among them.
  func division(of images: ImageFolder) throws(ImageFolderFault) -> DatasetParts<ImageFolder> {
    try images.divided(by: plan)
  }

  /// That of images in their parts: training, validation, test.
  static func fingerprint(of parts: [ImageFolder?]) -> DataFingerprint {
    var fingerprint = DataFingerprint()
    for part in parts.compactMap({ $0 }) { fingerprint.add(part) }
    return fingerprint
  }

  /// The names of the parts that are held out now and that another division of the same data did not hold out, so that a
  /// training on it may have learned them.
  func parts(learnedBy former: RecordedSplit) -> [String] {
    let (validation, test) = (EvaluationPart.validation.rawValue, EvaluationPart.test.rawValue)
    guard let held, let other = former.held else {
      // Of files that do not say what was held out.
      if plan == former.plan && limit == former.limit { return [] }
      return (plan.validation > 0 ? [validation] : []) + (holdsOutTest ? [test] : [])
    }
    var parts: [String] = []
    if let own = held.validation, own != other.validation, own != other.test { parts.append(validation) }
    if let own = held.test, own != other.test { parts.append(test) }
    if let own = held.outOfBag, own != other.outOfBag { parts.append("outOfBag") }
    return parts
  }

  /// A line for a run that begins with a network trained on the same data in another division: what it holds out may
  /// have been learned then.
  ///
  /// - Parameters:
  ///   - network: the one that was trained.
  ///   - isOnlyOne: whether holding out the same as that training helps.
  func remark(on former: RecordedSplit, _ network: String, isOnlyOne: Bool) -> String {
    let options = isOnlyOne ? options(repeating: former) : nil
    return
      "\(network) was trained on these data in another division, so that some of what is held out now may have been learned then"
      + (options.map { "; give \($0) to hold out the same" } ?? "")
  }

  /// The options that make this division a former one; nil where they differ in more than can be given so.
  private func options(repeating former: RecordedSplit) -> String? {
    var plan = plan
    var options = ["--seed \(former.seed)", "--validation \(former.validation)"]
    (plan.seed, plan.validation) = (former.plan.seed, former.validation)
    if plan.test != former.test, plan.test > 0, former.test > 0 {
      plan.test = former.test
      options.append("--test \(former.test)")
    }
    return self.plan != former.plan && plan == former.plan ? options.joined(separator: " ") : nil
  }
}

/// The items of data that a network is evaluated on.
public enum EvaluationPart: String, CaseIterable, Sendable {
  /// Everything, or one part.
  case all, train, validation, test
}

/// What is known about data that a network is to be evaluated on.
public enum Familiarity: Equatable, Sendable {
  /// They are those of its training, divided as recorded.
  case divided(RecordedSplit)
  /// They are not those of its training, but those of a network that it was fine-tuned from, or is an average of.
  case learnedBefore
  /// They are not the file of its training.
  case otherFile
  /// The checkpoint does not say what its network was trained on, or how that was divided.
  case unknown

  /// Compares a file with the data that a checkpoint was trained on.
  public init(_ metadata: Checkpoint.Metadata, file path: String) throws(ArchiveFault) {
    let split = metadata.split
    // An average has no last training.
    guard split?.file != nil || split == nil && !metadata.formerTrainings.isEmpty else {
      self = .unknown
      return
    }
    let found = try DataFingerprint(file: path).text
    if let split, found == split.file {
      self = .divided(split)
    } else {
      self = metadata.wasTrainedBefore(on: found) ? .learnedBefore : .otherFile
    }
  }
}

/// The part of a table that a network is evaluated on.
public struct EvaluatedTable<Preparation: TablePreparation> {
  /// The examples of the part.
  public let examples: Examples<Preparation.Inputs>
  /// The number of examples in all parts together.
  public let total: Int

  /// Finds the rows of a part of the table that a network was trained on.
  ///
  /// - Returns: nil where the recorded division gives other parts than the training had, by their fingerprint.
  public init?(
    _ part: EvaluationPart, of table: Table, _ preprocessing: Preparation, _ split: RecordedSplit,
    fingerprint: String?
  ) throws(TableFault) {
    let data = try PreparedTable(table, with: preprocessing, by: split.plan)
    // What the training held in other files follows.
    guard fingerprint.map({ ($0 + "-").hasPrefix(data.parts.fingerprint().text + "-") }) ?? true else { return nil }
    let chosen: Examples<Preparation.Inputs>? =
      switch part {
      case .train: data.parts.training
      case .validation: data.parts.validation
      case .test: data.parts.test
      case .all: nil
      }
    guard let chosen else { return nil }
    examples = chosen
    total = data.parts.all.reduce(0) { $0 + $1.count }
  }
}
