import ArgumentParser
import Aviary
import AviaryArchives

extension EnsembleRule: OptionWord {}

extension TestTimeAugmentation: ExpressibleByArgument {
  /// `none`, `flip`, or a number of views.
  public init?(argument: String) {
    switch argument {
    case "none": self = .single
    case "flip": self = .flip
    default:
      guard let count = Int(argument), (2...Self.most).contains(count) else { return nil }
      self = .random(count)
    }
  }

  public var defaultValueDescription: String { word }

  var word: String {
    switch self {
    case .single: "none"
    case .flip: "flip"
    case .random(let count): "\(count)"
    }
  }
}

/// Several checkpoints that answer together, and several views of an image.
struct EnsembleArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How several checkpoints answer together: the mean of their probabilities or estimates, of their logits, a vote, or a mean with weights fitted on validation data (mean).",
      valueName: "rule"))
  var ensemble: EnsembleRule?
  @Option(help: ArgumentHelp("A further checkpoint for the ensemble. Repeatable.", valueName: "checkpoint"))
  var member: [String] = []
  @Option(
    help: ArgumentHelp(
      "Labelled data that --ensemble weighted fits the weights on (the validation part of --data).", valueName: "data"))
  var validation: String?
  @Option(help: ArgumentHelp("Write the weights of --ensemble weighted to this file.", valueName: "file.json"))
  var saveWeights: String?
  @Option(
    help: ArgumentHelp(
      "Average the predictions of several views of each image: flip (also the mirror image), or a number of views, the others random parts, mirrored or not (none).",
      valueName: "views"))
  var tta: TestTimeAugmentation?

  func validate() throws {
    for (option, isGiven) in [("--validation", validation != nil), ("--save-weights", saveWeights != nil)]
    where isGiven && ensemble != .weighted {
      throw ValidationError("\(option) needs --ensemble weighted")
    }
  }
}

/// The checkpoints of a command, and how they answer together.
struct EnsembleChoice {
  /// As they were named; a folder of folds or members stands for the best weights of each.
  let names: [String]
  let rule: EnsembleRule
  /// Weights that were given; nil for equal or fitted ones.
  let given: EnsembleWeights?
  let arguments: EnsembleArguments
  /// Without weights of members, which are an option of the same name.
  let weights: WeightsOptions

  init(_ named: [String], _ arguments: EnsembleArguments, _ weights: WeightsOptions) throws {
    names = try (named + arguments.member).flatMap(Self.members)
    self.arguments = arguments
    rule = arguments.ensemble ?? .mean
    var options = weights
    let shares = try weights.weights.flatMap(Self.shares)
    if shares != nil { options.weights = nil }
    self.weights = options
    if names.count == 1, arguments.tta ?? .single == .single, let rule = arguments.ensemble {
      throw OptionFault("--ensemble \(rule.word) needs several checkpoints, or --tta; \(names[0]) answers alone")
    }
    guard let shares else {
      given = nil
      return
    }
    guard shares.count == names.count else {
      throw EnsembleFault.weightCount(weights: shares.count, members: names.count)
    }
    guard let given = EnsembleWeights(shares) else {
      throw ValidationError("--weights: weights must be 0 or more, and one of them above 0")
    }
    if arguments.validation != nil || arguments.saveWeights != nil {
      throw ValidationError("--weights gives the weights; leave out --validation and --save-weights")
    }
    self.given = given
  }

  /// Whether the checkpoint answers alone, from one view, as without these options.
  var isSingle: Bool { names.count == 1 && (arguments.tta ?? .single) == .single }

  /// The runs in a folder of several; else the name itself.
  private static func members(_ name: String) throws -> [String] {
    let folders = MemberTraining.folders(at: name)
    if let missing = folders.first(where: { !FileSystem.exists($0 + "/best.h5") }) {
      throw CommandFault.unfinishedMember(path: missing)
    }
    return folders.isEmpty ? [name] : folders
  }

  /// The numbers of `0.5,0.5`, or of a file of weights; nil where it is the folder of shipped weights.
  private static func shares(_ text: String) throws -> [Double]? {
    if text.contains(","), let list = NumberList(argument: text) { return list.values }
    guard text.hasSuffix(".json") else { return nil }
    let bytes = try MappedFile(path: text, map: false).bytes.array()
    guard let value = try? JSONValue(parsing: bytes), let elements = value["weights"]?.elements,
      case let numbers = elements.compactMap(\.double), numbers.count == elements.count
    else { throw CommandFault.badOutput(path: text, reason: "does not contain ensemble weights") }
    return numbers
  }

  /// Whether a positional argument of predict names a checkpoint, not what is to be predicted.
  static func isCheckpoint(_ name: String) -> Bool {
    if FileSystem.isFolder(name) {
      return FileSystem.exists(name + "/best.h5") || !MemberTraining.folders(at: name).isEmpty
    }
    let endings = [".h5", ".hdf5", ".keras", ".pth", ".pt", ".th", ".safetensors"]
    return endings.contains { name.lowercased().hasSuffix($0) }
  }
}
