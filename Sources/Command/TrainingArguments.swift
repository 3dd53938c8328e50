import ArgumentParser
import Aviary

/// The options that train and finetune share. All of them are optional, so that what nobody said can depend on the rest,
/// and so that `--resume` can refuse what it would not heed.
struct TrainingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The image folder: DIR/<class>/<image>, or one with train, and perhaps valid and test.", valueName: "dir"))
  var data: String?
  @Option(help: ArgumentHelp("The folder of the run: checkpoints, history, summary.", valueName: "run")) var output:
    String?
  @Option(help: ArgumentHelp("Go on with the run in this folder; it knows its options.", valueName: "run"))
  var resume: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Passes over the images (5 for finetune, 20 for train).", valueName: "n"))
  var epochs: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Images a step (32).", valueName: "n")) var batchSize: Int?
  @Option(
    help: ArgumentHelp(
      "What makes steps of gradients (adamw).", valueName: "name"))
  var optimizer: OptimizerName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The learning rate (1e-3; 1e-4 for finetune without a frozen backbone).", valueName: "x"))
  var learningRate: Double?
  @Option(
    help: ArgumentHelp(
      "How the learning rate changes (cosine; constant with a frozen backbone).", valueName: "name"))
  var schedule: ScheduleName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Steps over which the learning rate climbs to its full value (0).", valueName: "n"))
  var warmUpSteps: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Weight decay (0.01 for adamw, else 0).", valueName: "x"))
  var weightDecay: Double?
  @Option(
    help: ArgumentHelp("What is not trained: backbone, none, or patterns of layers (none).", valueName: "pattern,..."))
  var freeze: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The side of the images (the checkpoint's, else the architecture's).", valueName: "n"))
  var imageSize: Int?
  @Option(
    help: ArgumentHelp("Random cuts and mirroring (standard; none with a frozen backbone).", valueName: "name"))
  var augment: Augment?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The least share of an image's area that standard augmentation cuts out (0.08).", valueName: "x")
  )
  var cropScale: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Judge images by their centre, as torchvision does, instead of by their largest square (on).")
  var cropMargin: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Keep what a frozen backbone makes of the images, where nothing is augmented (on).")
  var featureCache: Bool?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Validation images: a folder, or a share of the training images (valid/, else 0.1).", valueName: "dir|fraction"))
  var validation: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("Of everything random (0).", valueName: "n")) var seed: UInt64?
  @Option(parsing: .unconditional, help: ArgumentHelp("Decoding threads (number of cores).", valueName: "n"))
  var workers: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Computing threads (number of cores).", valueName: "n"))
  var threads: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most images of each class, for a quick try.", valueName: "n"))
  var limit: Int?
  @Flag(help: "Print the summary as one JSON object.") var json = false

  enum OptimizerName: String, CaseIterable, ExpressibleByArgument {
    case sgd, momentum, nesterov, adagrad, adadelta, rmsprop, adam, adamw
  }

  enum ScheduleName: String, CaseIterable, ExpressibleByArgument { case constant, step, exponential, cosine }

  enum Augment: String, CaseIterable, ExpressibleByArgument { case none, standard }

  /// The options of a new run that were given; a resumed one takes none of them.
  private var given: [String] {
    let all: [(String, Bool)] = [
      ("--data", data != nil), ("--output", output != nil), ("--epochs", epochs != nil),
      ("--batch-size", batchSize != nil), ("--optimizer", optimizer != nil),
      ("--learning-rate", learningRate != nil), ("--schedule", schedule != nil),
      ("--warm-up-steps", warmUpSteps != nil), ("--crop-margin", cropMargin != nil),
      ("--weight-decay", weightDecay != nil), ("--freeze", freeze != nil), ("--image-size", imageSize != nil),
      ("--augment", augment != nil), ("--crop-scale", cropScale != nil), ("--feature-cache", featureCache != nil),
      ("--validation", validation != nil), ("--seed", seed != nil), ("--workers", workers != nil),
      ("--threads", threads != nil), ("--limit", limit != nil),
    ]
    return all.filter(\.1).map(\.0)
  }

  /// Usage: either --resume alone, or a source with --data and --output.
  func check(source: String?, named name: String) throws {
    if resume != nil {
      let extra = (source == nil ? [] : [name]) + given
      guard extra.isEmpty else {
        throw ValidationError("--resume goes on with the run's own options; leave out \(extra.joined(separator: ", "))")
      }
      return
    }
    guard source != nil else { throw ValidationError("\(name) is missing; or give --resume RUN") }
    guard data != nil else { throw ValidationError("--data is missing: the folder of the images") }
    guard output != nil else { throw ValidationError("--output is missing: the folder of the run") }
  }

  /// The options of a new run, with the defaults of what nobody said.
  func options(isFinetuning: Bool, architecture: String?, checkpoint: String?) throws -> TrainingOptions {
    let frozen = freeze.map { $0 == "none" ? [] : $0.split(separator: ",").map { trimmed($0) } } ?? []
    let freezesBackbone = frozen == ["backbone"]
    let epochs = epochs ?? (isFinetuning ? 5 : 20)
    let cores = availableCores()
    let augmentation = augment.flatMap { TrainingOptions.AugmentationChoice(rawValue: $0.rawValue) }
    var options = TrainingOptions(
      data: absolutePath(data ?? ""), architecture: architecture, checkpoint: checkpoint, epochs: epochs,
      optimizer: OptimizerConfiguration(
        try kind(), learningRate: learningRate ?? (isFinetuning && !freezesBackbone ? 1e-4 : 1e-3),
        weightDecay: weightDecay),
      schedule: schedule(freezesBackbone: freezesBackbone, epochs: epochs),
      augmentation: augmentation ?? (freezesBackbone ? .none : .standard), workers: workers ?? cores,
      threads: threads ?? cores)
    options.batchSize = batchSize ?? options.batchSize
    options.freeze = frozen
    options.imageSize = imageSize
    options.cropScale = cropScale ?? options.cropScale
    options.hasCropMargin = cropMargin ?? options.hasCropMargin
    options.schedule.warmUpSteps = warmUpSteps ?? 0
    options.usesFeatureCache = featureCache ?? options.usesFeatureCache
    options.validation = validation.map { text in
      Double(text).map { .fraction($0) } ?? .folder(absolutePath(text))
    }
    options.seed = seed ?? 0
    options.limit = limit
    return options
  }

  private func kind() throws(CommandFault) -> OptimizerConfiguration.Kind {
    let name = optimizer ?? .adamw
    guard let kind = OptimizerConfiguration.Kind(rawValue: name.rawValue) else {
      throw .notThereYet(
        option: "--optimizer", value: name.rawValue, choices: OptimizerConfiguration.Kind.allCases.map(\.rawValue))
    }
    return kind
  }

  private func schedule(freezesBackbone: Bool, epochs: Int) -> Schedule {
    switch schedule ?? (freezesBackbone ? .constant : .cosine) {
    case .constant: .constant
    // A tenth after each third of the run.
    case .step: .step(every: max(1, (epochs + 2) / 3))
    case .exponential: .exponential(gamma: 0.9)
    case .cosine: .cosine()
    }
  }
}
