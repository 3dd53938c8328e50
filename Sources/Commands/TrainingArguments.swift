import ArgumentParser
import Aviary

/// The commands that begin runs: train and finetune, which differ in what the network comes from. No option has a default of
/// its own: what was not given depends on the rest and on the kind of data, and `--resume` refuses whatever was given.
///
/// The options are the command's own, and not a group of it, because the parser checks every group in debug builds, four times
/// as often with each level.
struct TrainingCommand<Source: TrainingSource>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Source.command, abstract: Source.abstract, discussion: TrainingRun<Source>.discussion)
  }

  @OptionGroup var source: Source
  @Option(
    help: ArgumentHelp(
      "Images: DIR/<class>/<image>, optionally in train, valid (or val, validation) and test, or IDX or CIFAR files; a graph: Planetoid prefix, .npz; a collection of graphs: a folder with NAME_A.txt; a table (.csv, .tsv, .json, .jsonl); a text file, for labels with a token and its label on each line.",
      valueName: "data"))
  var data: String?
  @Option(help: ArgumentHelp("The folder of the run: checkpoints, history, summary.", valueName: "run"))
  var output: String?
  @Option(
    help: ArgumentHelp(
      "Resume the run in this folder with its own options. --data says where the data are now, --epochs where the run ends, and --threads, --workers and --max-skipped may differ.",
      valueName: "run"))
  var resume: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Epochs (5 for finetune, 20 for train; 200 for a graph, 100 for a collection).", valueName: "n"))
  var epochs: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Items per step: images, rows, sequences of text, graphs (32).", valueName: "n"))
  var batchSize: Int?
  @Option(help: ArgumentHelp("The optimizer (adamw; adam for graphs, momentum for rbm).", valueName: "name"))
  var optimizer: OptimizerConfiguration.Kind?
  @Option(
    name: [.customLong("learning-rate"), .customLong("lr")], parsing: .unconditional,
    help: ArgumentHelp(
      "The learning rate (1e-3; 1e-4 for finetune without a frozen backbone; 2e-3 for text, 1e-2 for graphs, 0.1 for rbm, 0.5 for its ratings, 1e-2 for its other tables and Gaussian units).",
      valueName: "x"))
  var learningRate: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Weight decay (0.01 for adamw, 5e-4 on the first layer for a graph, 2e-4 on the weights of rbm, else 0).",
      valueName: "x"))
  var weightDecay: Double?
  @Option(
    help: ArgumentHelp(
      "Layers that are not trained: backbone, head, none, patterns such as layer4.*.conv1, or ranges such as layer1..layer3 (none).",
      valueName: "layer,..."))
  var freeze: String?
  @Option(
    help: ArgumentHelp(
      "The only layers that are trained, in the same words; everything else is frozen.", valueName: "layer,..."))
  var train: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Validation data: a folder or file, or a fraction of the training data (valid/, else 0.1).",
      valueName: "dir|file|fraction"))
  var validation: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of all random numbers (0).", valueName: "n"))
  var seed: UInt64?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The sequence length for text; for texts in a table, the maximum length (128; 256 for labels of tokens).",
      valueName: "n"))
  var sequenceLength: Int?
  @Option(
    help: ArgumentHelp(
      "Change a value of the network's configuration, such as dropout=0.2 or hidden=[512,256]. Repeatable.",
      valueName: "name=value"))
  var set: [String] = []
  @OptionGroup(title: "Optimizer") var numbers: OptimizerArguments
  @OptionGroup(title: "Schedule") var course: ScheduleArguments
  @OptionGroup(title: "Learning") var learning: LearningArguments
  @OptionGroup(title: "Loss") var lossOptions: LossArguments
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var computing: PrecisionArguments
  @OptionGroup(title: "Parts of the data") var parts: PartArguments
  @OptionGroup(title: "Regularization") var regularization: RegularizationArguments
  @OptionGroup(title: "Rare classes") var classOptions: ClassArguments
  @OptionGroup(title: "Epochs") var epochOptions: EpochArguments
  @OptionGroup(title: "Images") var images: ImageArguments
  @OptionGroup(title: "Tables") var table: TableArguments
  @OptionGroup(title: "Watching a run") var watching: WatchingArguments
  @OptionGroup(title: "Graphs") var graphs: GraphArguments
  @Flag(help: "Print the summary as one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var lookup: Source.Lookup

  func validate() throws {
    try checkOption("--epochs", epochs, in: 1...100_000)
    try checkOption("--batch-size", batchSize, in: 1...65_536)
    try checkOption("--learning-rate", learningRate, "a number above 0") { $0 > 0 && $0.isFinite }
    try checkOption("--weight-decay", weightDecay, "a number of at least 0") { $0 >= 0 && $0.isFinite }
    if table.window != nil {
      for (option, isGiven) in [
        ("--repeats", (parts.repeats ?? 1) > 1), ("--bootstrap", parts.bootstrap != nil),
        ("--group", parts.group != nil), ("--stratify", parts.stratify == true),
      ] where isGiven {
        throw ValidationError("\(option) is not for --window: a time series is divided in its order")
      }
    }
    try checkOption(
      "--validation", validation.flatMap { Double($0) }, "a folder or file, or a fraction between 0 and 1"
    ) {
      $0 > 0 && $0 < 1
    }
    try checkOption("--sequence-length", sequenceLength, in: 1...65_536)
    for (name, given) in [("--freeze", freeze), ("--train", train)] { try Self.checkLayers(name, given) }
    if freeze != nil, train != nil {
      throw ValidationError("--freeze and --train exclude each other: what is not trained is frozen")
    }
    if epochOptions.unfreeze != nil, freeze == "none" {
      throw ValidationError("--unfreeze is for layers that are frozen at first; leave out --freeze none")
    }
    if let group = parts.group, group == table.target {
      throw ValidationError("--group \(group) is the column to predict (--target); group the rows by another column")
    }
    _ = try configurationChanges(set)
    try checkUsage()
    try source.check(self)
  }

  func run() throws { try TrainingRun(self).run() }

  private static func layers(_ given: String?) -> [String] {
    given.map { $0.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) } } ?? []
  }

  /// Refuses what names no layers in any network.
  private static func checkLayers(_ name: String, _ given: String?) throws(ValidationError) {
    guard let given, given != "none" || name != "--freeze" else { return }
    for layer in layers(given) {
      if layer.isEmpty { throw ValidationError("\(name) '\(given)': a layer is missing; give names divided by commas") }
      if layer == "none" { throw ValidationError("\(name) '\(given)': 'none' stands alone, and for --freeze only") }
      do throws(FreezeFault) { _ = try LayerPattern(layer) } catch {
        throw ValidationError("\(name): \(error)")
      }
    }
  }

  /// What a resumed run does not take.
  private var newRunOptions: [String] {
    let anyRun = ["--resume", "--json", "--quiet"] + watching.givenOptions
    let others = anyRun + source.givenOptions + lookup.givenOptions
    return givenOptions.filter { !others.contains($0) }
  }

  /// What a resumed run does otherwise than it was begun.
  func changes() throws -> ResumeChanges {
    ResumeChanges(
      data: try data.map { absolutePath(try lookup.dataPath($0)) }, epochs: epochs, threads: reading.threads,
      workers: reading.workers, mostSkipped: reading.maxSkipped?.value)
  }

  /// Usage: either --resume, or a source with --data and --output.
  private func checkUsage() throws {
    if resume != nil {
      let changeable = ["--data", "--epochs", "--threads", "--workers", "--max-skipped"]
      let extra = (source.name == nil ? [] : [Source.option]) + newRunOptions.filter { !changeable.contains($0) }
      guard extra.isEmpty else {
        throw ValidationError(
          "--resume uses the run's own options, but for \(changeable.joined(separator: ", ")); "
            + "leave out \(extra.joined(separator: ", "))")
      }
      return
    }
    guard source.name != nil else { throw ValidationError("\(Source.option) is missing; give it, or --resume RUN") }
    guard data != nil else { throw ValidationError("--data is missing; give the data to train on") }
    if epochOptions.findLearningRate != nil {
      if output != nil { throw ValidationError("--find-learning-rate writes no run; leave out --output") }
      return
    }
    guard output != nil else { throw ValidationError("--output is missing; give a folder for the run") }
  }

  /// The defaults that depend on the kind of data.
  private struct Defaults {
    var epochs: Int
    var optimizer: OptimizerConfiguration.Kind = .adamw
    var learningRate: Double
    var schedule: ScheduleArguments.Name = .cosine

    /// - Parameter isCollection: whether the data are graphs, not one.
    init(
      _ kind: DataKind, isCollection: Bool, isFinetuning: Bool, freezesBackbone: Bool, unlabeled: UnlabeledDefaults?
    ) {
      epochs = isFinetuning ? 5 : 20
      learningRate = isFinetuning && !freezesBackbone ? 1e-4 : 1e-3
      if freezesBackbone { schedule = .constant }
      switch kind {
      case .images, .tables: break
      case .text: learningRate = isFinetuning ? 5e-4 : 2e-3
      case .graphs:
        // Kipf & Welling's.
        (epochs, optimizer, learningRate, schedule) = (isCollection ? 100 : 200, .adam, 0.01, .constant)
      }
      if let unlabeled { (optimizer, learningRate, schedule) = (.momentum, unlabeled.learningRate, .constant) }
    }
  }

  /// The options of a new run, defaults filled in.
  ///
  /// - Parameters:
  ///   - data: where the data are.
  ///   - knownLength: the maximum text length that the checkpoint's network was trained on.
  func options(
    data: String, isFinetuning: Bool, architecture: String?, checkpoint: String?, knownLength: Int? = nil
  ) throws -> TrainingOptions {
    let path = absolutePath(data)
    let kind = try DataSource.kind(of: path)
    let isCollection = kind == .graphs && GraphCollection.isPresent(at: path)
    let form = OutputForm(architecture.flatMap { try? AviaryCommand.registry.architecture(named: $0).build() })
    try checkSuited(kind, isCollection: isCollection, path, form)
    let trained = Self.layers(train)
    var frozen = freeze == "none" ? [] : Self.layers(freeze)
    if epochOptions.unfreeze != nil, freeze == nil, train == nil { frozen = ["backbone"] }
    let freezesBackbone = frozen == ["backbone"] || trained == ["head"]
    let unlabeled = try UnlabeledDefaults(architecture: architecture, set: configurationChanges(set), kind, table)
    let defaults = Defaults(
      kind, isCollection: isCollection, isFinetuning: isFinetuning, freezesBackbone: freezesBackbone,
      unlabeled: unlabeled)
    let rule = optimizer ?? defaults.optimizer
    let epochs = epochs ?? defaults.epochs
    try epochOptions.checkReached(epochs: epochs)
    var options = TrainingOptions(
      data: path, architecture: architecture, checkpoint: checkpoint, epochs: epochs,
      optimizer: OptimizerConfiguration(
        rule, learningRate: learningRate ?? defaults.learningRate,
        weightDecay: kind == .graphs && !isCollection
          ? 0 : weightDecay ?? unlabeled.map { _ in UnlabeledDefaults.weightDecay },
        momentum: unlabeled.map { _ in rule == .rmsprop ? 0 : UnlabeledDefaults.momentum }),
      schedule: try course.schedule(usual: defaults.schedule, epochs: epochs, monitor: regularization.monitor),
      workers: reading.workers ?? availableCores(),
      threads: reading.threads ?? Processes.current?.cores(of: Compute.threads) ?? Compute.threads)
    options.precision = computing.precision ?? .float32
    try numbers.apply(to: &options.optimizer)
    try course.check(learningRate: options.optimizer.learningRate)
    if kind == .graphs, !isCollection { options.groups = [ParameterGroup(["conv1"], weightDecay: weightDecay ?? 5e-4)] }
    if unlabeled != nil { options.groups = [UnlabeledDefaults.biases] }
    if kind == .text { options.clipping = GradientClipping(norm: 5) }
    options.batchSize = batchSize ?? options.batchSize
    options.freeze = frozen
    options.trainOnly = trained
    options.validation = validation.map(PartArguments.part)
    parts.apply(to: &options)
    options.seed = seed ?? 0
    options.configuration = try configurationChanges(set)
    switch kind {
    case .images:
      let usual = unlabeled == nil ? usualAugmentation(kind, path, freezesBackbone) : nil
      var chosen = try images.options(usual: usual, limit: reading.limit)
      if chosen.classes != nil, !PackedDataset.isPresent(at: path) {
        throw CommandFault.classesOfFolders(path: path)
      }
      if images.featureCache == true {
        try checkFeatureCache(chosen, isFrozen: !frozen.isEmpty || !trained.isEmpty)
      }
      chosen.mostSkipped = reading.maxSkipped?.value ?? chosen.mostSkipped
      options.kind = .images(chosen)
    case .text where form == .tags:
      try table.apply(to: &options, sequenceLength: sequenceLength ?? knownLength, form: form)
    case .text: options.kind = .text(sequenceLength.map { TextOptions(sequenceLength: $0) } ?? TextOptions())
    case .graphs: options.kind = .graph(try graphs.options)
    case .tables:
      if let unlabeled {
        options.kind = .unlabeled(try table.unlabeled(counts: unlabeled.countsWords))
        if unlabeled.countsWords { options.configuration.removeAll { $0.name == "units" } }
      } else {
        try table.apply(to: &options, sequenceLength: sequenceLength ?? knownLength, form: form)
      }
    }
    regularization.apply(to: &options)
    if isFinetuning, learning.initializer != nil {
      throw ValidationError("--initializer is for train: a checkpoint's weights are kept")
    }
    if unlabeled != nil, images.samplewise != nil {
      throw ValidationError("--samplewise is not for networks that learn without labels; leave it out")
    }
    learning.apply(to: &options.learning)
    lossOptions.apply(to: &options)
    if options.learning.loss != nil, kind != .tables || unlabeled != nil {
      throw ValidationError(
        "--loss \(lossOptions.loss?.word ?? "") is for tables whose target is a number; leave it out")
    }
    try classOptions.apply(to: &options)
    epochOptions.apply(to: &options)
    return options
  }

  /// Refuses options that do not apply to the kind of data.
  private func checkSuited(
    _ kind: DataKind, isCollection: Bool, _ path: String, _ form: OutputForm
  ) throws(CommandFault) {
    let (forImages, forTables) = (images.givenOptions + ["--limit", "--max-skipped"], table.givenOptions)
    if let option = graphs.givenOptions.first, !isCollection { throw .onlyForCollections(option: option, path: path) }
    for option in newRunOptions {
      let kinds: [DataKind] =
        switch option {
        case _ where PartArguments.kinds(option, isCollection: isCollection, form) != nil:
          PartArguments.kinds(option, isCollection: isCollection, form) ?? []
        case _ where forImages.contains(option): [.images]
        case _ where forTables.contains(option): [.tables]
        case "--dropblock", "--dropblock-layers": [.images]
        case "--sequence-length": table.text == nil && form == .answer ? [.text] : [.text, .tables]
        // All of a graph is one batch, and it has or is given its own split.
        case "--batch-size", "--validation", "--accumulate":
          isCollection ? DataKind.allCases : [.images, .tables, .text]
        default: DataKind.allCases
        }
      guard kinds.contains(kind) else { throw .unsuitedOption(option: option, kinds: kinds, path: path) }
    }
  }

  /// Refuses a cache of features that there would not be.
  private func checkFeatureCache(_ images: ImageOptions, isFrozen: Bool) throws(ValidationError) {
    guard isFrozen else {
      throw ValidationError("--feature-cache keeps what frozen layers compute; give --freeze backbone, or leave it out")
    }
    if images.augmentation != nil || images.mixup > 0 || images.cutMix > 0 {
      throw ValidationError(
        "--feature-cache is for images that do not change from epoch to epoch; give --augment none without --mixup and --cutmix, or leave it out"
      )
    }
  }

  private func usualAugmentation(_ kind: DataKind, _ path: String, _ freezesBackbone: Bool) -> Augmentation? {
    kind != .images || freezesBackbone || PackedDataset.isPresent(at: path) ? nil : .standard
  }
}
