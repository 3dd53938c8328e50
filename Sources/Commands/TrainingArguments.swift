import ArgumentParser
import Aviary

/// The options that train and finetune share. All of them are optional, so that what nobody said can depend on the rest
/// and on the kind of the data, and so that `--resume` can refuse what it would not heed.
struct TrainingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Images: DIR/<class>/<image>, perhaps in train, valid and test, or IDX or CIFAR files; a graph: Planetoid prefix, .npz; a .csv table; a text.",
      valueName: "data"))
  var data: String?
  @Option(help: ArgumentHelp("The folder of the run: checkpoints, history, summary.", valueName: "run")) var output:
    String?
  @Option(help: ArgumentHelp("Go on with the run in this folder; it knows its options.", valueName: "run"))
  var resume: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Passes over the data (5 for finetune, 20 for train; 200 for graphs).", valueName: "n"))
  var epochs: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Items a step: images, rows, stretches of text (32).", valueName: "n"))
  var batchSize: Int?
  @Option(
    help: ArgumentHelp(
      "What makes steps of gradients (adamw; adam for graphs).", valueName: "name"))
  var optimizer: OptimizerName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The learning rate (1e-3; 1e-4 for finetune without a frozen backbone; 2e-3 for text, 1e-2 for graphs).",
      valueName: "x"))
  var learningRate: Double?
  @Option(
    help: ArgumentHelp(
      "How the learning rate changes (cosine; constant with a frozen backbone and for graphs).", valueName: "name"))
  var schedule: ScheduleName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Steps over which the learning rate climbs to its full value (0).", valueName: "n"))
  var warmUpSteps: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Weight decay (0.01 for adamw, 5e-4 on the first layer for graphs, else 0).", valueName: "x"))
  var weightDecay: Double?
  @Option(
    help: ArgumentHelp("What is not trained: backbone, none, or patterns of layers (none).", valueName: "pattern,..."))
  var freeze: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The side of the images (the checkpoint's, else the architecture's).", valueName: "n"))
  var imageSize: Int?
  @Option(
    help: ArgumentHelp(
      "Random changes: none, standard (cuts and mirroring), or a list of standard, flip, vertical-flip, rotation=DEGREES, shift=, shear=DEGREES, zoom=, brightness=, contrast=, saturation=, hue=, noise=, erasing= (standard; none with a frozen backbone and for IDX and CIFAR files).",
      valueName: "changes"))
  var augment: AugmentationArgument?
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
  @OptionGroup var reading: ReadingArguments
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Characters in a row of a batch of text; of texts in a table, the most that are read (128).", valueName: "n"))
  var sequenceLength: Int?
  @Option(
    help: ArgumentHelp(
      "Change a value of the network's configuration, such as dropout=0.2 or hidden=[512,256]. Repeatable.",
      valueName: "name=value"))
  var set: [String] = []
  @OptionGroup(title: "Regularization") var regularization: RegularizationArguments
  @OptionGroup(title: "Tables") var table: TableArguments
  @Flag(help: "Print the summary as one JSON object.") var json = false

  enum OptimizerName: String, CaseIterable, ExpressibleByArgument {
    case sgd, momentum, nesterov, adagrad, adadelta, rmsprop, adam, adamw

    var kind: OptimizerConfiguration.Kind {
      switch self {
      case .sgd: .sgd
      case .momentum: .momentum
      case .nesterov: .nesterov
      case .adagrad: .adagrad
      case .adadelta: .adadelta
      case .rmsprop: .rmsprop
      case .adam: .adam
      case .adamw: .adamw
      }
    }
  }

  enum ScheduleName: String, CaseIterable, ExpressibleByArgument {
    case constant, step, exponential, cosine, restarts, plateau
  }

  /// The options of a new run that were given; a resumed one takes none of them.
  private var given: [String] {
    let all: [(String, Bool)] = [
      ("--data", data != nil), ("--output", output != nil), ("--epochs", epochs != nil),
      ("--batch-size", batchSize != nil), ("--optimizer", optimizer != nil),
      ("--learning-rate", learningRate != nil), ("--schedule", schedule != nil),
      ("--warm-up-steps", warmUpSteps != nil), ("--crop-margin", cropMargin != nil),
      ("--weight-decay", weightDecay != nil), ("--freeze", freeze != nil), ("--image-size", imageSize != nil),
      ("--augment", augment != nil), ("--crop-scale", cropScale != nil), ("--feature-cache", featureCache != nil),
      ("--validation", validation != nil), ("--seed", seed != nil),
      ("--sequence-length", sequenceLength != nil), ("--set", !set.isEmpty),
    ]
    return all.filter(\.1).map(\.0) + reading.given + regularization.given + table.given
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
    guard data != nil else { throw ValidationError("--data is missing: what is to be learned from") }
    guard output != nil else { throw ValidationError("--output is missing: the folder of the run") }
  }

  /// What depends on the kind of the data where nobody says otherwise.
  private struct Defaults {
    var epochs: Int
    var optimizer: OptimizerName = .adamw
    var learningRate: Double
    var schedule: ScheduleName = .cosine

    init(_ kind: DataKind, isFinetuning: Bool, freezesBackbone: Bool) {
      epochs = isFinetuning ? 5 : 20
      learningRate = isFinetuning && !freezesBackbone ? 1e-4 : 1e-3
      if freezesBackbone { schedule = .constant }
      switch kind {
      case .images, .tables: break
      case .text: learningRate = isFinetuning ? 5e-4 : 2e-3
      case .graphs:
        // Kipf & Welling's.
        (epochs, optimizer, learningRate, schedule) = (200, .adam, 0.01, .constant)
      }
    }
  }

  /// The options of a new run, with the defaults of what nobody said.
  ///
  /// - Parameter knownLength: how much of a text the checkpoint's network was taught to read.
  func options(
    isFinetuning: Bool, architecture: String?, checkpoint: String?, knownLength: Int? = nil
  ) throws -> TrainingOptions {
    let path = absolutePath(data ?? "")
    let kind = try DataSource.kind(of: path)
    try checkSuited(kind, path)
    let frozen = freeze.map { $0 == "none" ? [] : $0.split(separator: ",").map { trimmed($0) } } ?? []
    let freezesBackbone = frozen == ["backbone"]
    let defaults = Defaults(kind, isFinetuning: isFinetuning, freezesBackbone: freezesBackbone)
    let epochs = epochs ?? defaults.epochs
    let cores = availableCores()
    let changes = augment?.augmentation ?? (augment == nil ? usualAugmentation(kind, path, freezesBackbone) : nil)
    var options = TrainingOptions(
      data: path, architecture: architecture, checkpoint: checkpoint, epochs: epochs,
      optimizer: OptimizerConfiguration(
        (optimizer ?? defaults.optimizer).kind, learningRate: learningRate ?? defaults.learningRate,
        weightDecay: kind == .graphs ? 0 : weightDecay),
      schedule: schedule(schedule ?? defaults.schedule, epochs: epochs), augmentation: changes,
      workers: reading.workers ?? cores, threads: reading.threads ?? cores)
    if kind == .graphs { options.groups = [ParameterGroup(["conv1"], weightDecay: weightDecay ?? 5e-4)] }
    if kind == .text { options.clipping = GradientClipping(norm: 5) }
    options.batchSize = batchSize ?? options.batchSize
    options.freeze = frozen
    options.imageSize = imageSize
    if let cropScale { options.augmentation?.scale = try range(cropScale) }
    options.hasCropMargin = cropMargin ?? options.hasCropMargin
    options.schedule.warmUpSteps = warmUpSteps ?? 0
    options.usesFeatureCache = featureCache ?? options.usesFeatureCache
    options.validation = validation.map { text in
      Double(text).map { .fraction($0) } ?? .folder(absolutePath(text))
    }
    options.seed = seed ?? 0
    options.limit = reading.limit
    options.sequenceLength = sequenceLength ?? knownLength ?? options.sequenceLength
    options.configuration = try set.map { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else { throw ValidationError("--set \(text) is not possible; give NAME=VALUE") }
      return ConfigurationChange(name: parts[0], value: parts[1])
    }
    try table.apply(to: &options)
    regularization.apply(to: &options)
    return options
  }

  /// Refuses options that the kind of the data has no use for: what is not heeded is not accepted either.
  private func checkSuited(_ kind: DataKind, _ path: String) throws(CommandFault) {
    let images = [
      "--image-size", "--augment", "--crop-scale", "--crop-margin", "--feature-cache", "--limit", "--label-smoothing",
      "--mixup", "--cutmix",
    ]
    for option in given {
      let kinds: [DataKind] =
        switch option {
        case _ where images.contains(option): [.images]
        case _ where table.given.contains(option): [.tables]
        case "--sequence-length": table.text == nil ? [.text] : [.text, .tables]
        // All of a graph is one batch, and brings or is given its own split.
        case "--batch-size", "--validation": [.images, .tables, .text]
        default: DataKind.allCases
        }
      guard kinds.contains(kind) else { throw .unsuitedOption(option: option, kinds: kinds, path: path) }
    }
  }

  private func usualAugmentation(_ kind: DataKind, _ path: String, _ freezesBackbone: Bool) -> Augmentation? {
    kind != .images || freezesBackbone || PackedDataset.isPresent(at: path) ? nil : .standard
  }

  private func range(_ cropScale: Double) throws -> ClosedRange<Double> {
    guard cropScale > 0, cropScale <= 1 else {
      throw TrainingFault.invalidSetting(
        name: "crop scale", value: "\(cropScale)", allowed: "above 0 and at most 1")
    }
    return cropScale...1
  }

  private func schedule(_ name: ScheduleName, epochs: Int) -> Schedule {
    switch name {
    case .constant: .constant
    // A tenth after each third of the run.
    case .step: .step(every: max(1, (epochs + 2) / 3))
    case .exponential: .exponential(gamma: 0.9)
    case .cosine: .cosine()
    // Two periods, of a third and two thirds of the run.
    case .restarts: .cosineRestarts(period: max(1, epochs / 3), multiplier: 2)
    case .plateau: .reduceOnPlateau()
    }
  }
}
