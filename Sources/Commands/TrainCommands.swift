import ArgumentParser
import Aviary
import AviaryArchives

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A command that begins runs: train and finetune.
protocol TrainingCommand: ParsableCommand {
  var training: TrainingArguments { get }
  /// The options of a new run, and what it begins with.
  func begin() throws -> (TrainingOptions, NetworkTraining.Source)
}

struct TrainCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a network from scratch on images, a table, a text or a graph.",
    discussion: TrainingRun.discussion)

  @Argument(help: "The network; 'aviary models' lists them.") var architecture: String?
  @OptionGroup var training: TrainingArguments
  @OptionGroup var offline: OfflineOption

  func validate() throws {
    try training.check(source: architecture, named: "ARCHITECTURE")
    guard let architecture else { return }
    do throws(ArchitectureFault) { _ = try AviaryCommand.registry.architecture(named: architecture) } catch {
      throw ValidationError("\(error)")
    }
  }

  func run() throws { try TrainingRun(command: "train", training, offline).run { try begin() } }

  func begin() throws -> (TrainingOptions, NetworkTraining.Source) {
    let architecture = try AviaryCommand.registry.architecture(named: architecture ?? "")
    let data = try offline.dataPath(training.data ?? "")
    let options = try training.options(
      data: data, isFinetuning: false, architecture: architecture.name, checkpoint: nil)
    return (options, .scratch(architecture))
  }
}

struct FinetuneCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract:
      "Fine-tune a pretrained network: its head is replaced by one for the classes of the data.",
    discussion: TrainingRun.discussion)

  @Option(help: ArgumentHelp("The checkpoint: a file, a run, or the name of shipped weights.", valueName: "checkpoint"))
  var from: String?
  @OptionGroup(title: "Foreign checkpoints") var naming: NamingOptions
  @Option(help: ArgumentHelp("The preprocessing of images that the checkpoint was trained with.", valueName: "name"))
  var preprocessing: Preprocessing.Preset?
  @Flag(help: "Follow external links and virtual datasets of an HDF5 file to files in its folder or below.")
  var follow = false
  @OptionGroup var training: TrainingArguments
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    try training.check(source: from, named: "--from")
    if training.resume != nil,
      let option = naming.givenOptions.first ?? preprocessing.map({ _ in "--preprocessing" })
        ?? (follow ? "--follow" : nil)
    {
      throw ValidationError("\(option) is for a new run: --resume goes on with the run's own network")
    }
    guard training.set.isEmpty || naming.architecture != nil else {
      throw ValidationError(
        "--set is for train, and for finetune with --architecture: a checkpoint that names its network has a fixed configuration"
      )
    }
  }

  func run() throws {
    try TrainingRun(command: "finetune", training, weights.offline).run { try begin() }
  }

  func begin() throws -> (TrainingOptions, NetworkTraining.Source) {
    let data = try weights.dataPath(training.data ?? "")
    let path = try weights.path(of: from ?? "")
    if naming.architecture == nil, let option = naming.givenOptions.first(where: { $0 != "--weights-key" }) {
      throw ValidationError("\(option) needs --architecture NAME")
    }
    let checkpoint = try reading.checkpoint(at: path)
    guard let architecture = checkpoint.metadata.architecture else {
      throw CommandFault.unnamedSource(path: path, fitting: AviaryCommand.registry.names(fitting: checkpoint))
    }
    // Tables, texts and graphs are prepared anew where the checkpoint does not say how.
    if checkpoint.metadata.preprocessing == nil, try DataSource.kind(of: data) == .images {
      throw CommandFault.unpreparedSource(path: path)
    }
    if !checkpoint.quantizedPaths.isEmpty {
      tell("\(path): its weights are quantized; they are trained in float32")
    }
    var knownLength: Int?
    switch try checkpoint.inputPreparation() {
    case .textColumn(let known): knownLength = known.settings.longest
    case .tags(let known): knownLength = known.settings.longest
    case .translation(let known): knownLength = known.settings.longest
    case .generation(let known): knownLength = known.settings.longest
    case .images, .table, .series, .unlabeled, .graph, .graphs, .text, nil: break
    }
    var options = try training.options(
      data: data, isFinetuning: true, architecture: architecture, checkpoint: absolutePath(path),
      knownLength: knownLength)
    options.reading = try reading
    return (options, .checkpoint(checkpoint, path: path))
  }
}

extension FinetuneCommand {
  /// What the options say about the checkpoint.
  private var reading: SourceReading {
    get throws {
      var reading = SourceReading()
      reading.architecture = naming.architecture
      (reading.renames, reading.byStructure, reading.transposes) = (naming.rename, naming.byStructure, naming.transpose)
      reading.weightsKey = naming.weightsKey
      if naming.architecture != nil { reading.changes = try configurationChanges(training.set) }
      reading.preprocessing = preprocessing?.rawValue
      reading.follow = follow
      return reading
    }
  }
}

extension SourceReading {
  /// Reads what a run begins with; a Keras model becomes the network that its file describes.
  fileprivate func checkpoint(at path: String) throws -> Checkpoint {
    var checkpoint = try Checkpoint.read(from: path, options: .init(weightsKey: weightsKey, follow: follow))
    if let architecture {
      let known = checkpoint.notes
      let adaptation = Adaptation(
        renames: try renames.map { rule throws(CheckpointFault) in try RenamingRule(rule) }, byStructure: byStructure,
        changing: changes, transposing: try transposes.map { text throws(PathPattern.Fault) in try PathPattern(text) })
      (checkpoint, _) = try checkpoint.adapted(
        to: try AviaryCommand.registry.architecture(named: architecture), by: adaptation, path: path)
      for note in checkpoint.notes.dropFirst(known.count) { tell("\(path): \(note)") }
    } else if let known = try AviaryCommand.registry.recognized(checkpoint, path: path) {
      checkpoint = known.checkpoint
    } else if checkpoint.metadata.architecture == nil, checkpoint.kerasModel?.configuration != nil {
      checkpoint = try checkpoint.kerasNetwork(by: Adaptation(), path: path).checkpoint
    }
    if let preset = preprocessing.flatMap({ Preprocessing.Preset(rawValue: $0) }) {
      checkpoint.metadata.preprocessing = try preset.preparation(for: checkpoint.metadata).json()
    }
    return checkpoint
  }
}

/// Starts or resumes a run, and reports its results.
struct TrainingRun {
  let command: String
  let arguments: TrainingArguments
  let offline: OfflineOption

  static let discussion = """
    Writes best.h5 (the weights with the best validation score), last.h5, history.csv and summary.json to RUN. The test \
    part is scored once, at the end, with the best weights; in a text or a time series it is the last tenth, in a table \
    a random tenth. Ctrl-C finishes the step, saves, and prints how to resume (exit code 130). Defaults are in parentheses.
    """

  init(command: String, _ arguments: TrainingArguments, _ offline: OfflineOption) {
    self.command = command
    self.arguments = arguments
    self.offline = offline
  }

  func run(_ begin: () throws -> (TrainingOptions, NetworkTraining.Source)) throws {
    if let folder = arguments.resume {
      let changes = try arguments.changes(offline)
      if MemberTraining.isPresent(at: folder) {
        if Processes.current != nil { throw OptionFault("\(folder) holds several runs: use aviary \(command)") }
        return try finish(
          try MemberTraining.resume(
            at: folder, registry: AviaryCommand.registry, changes: changes,
            reading: { try $1.checkpoint(at: $0) }, hooks: arguments.watching.hooks(run:), report: { tell($0) }))
      }
      return try finish(
        try NetworkTraining.resume(
          at: folder, registry: AviaryCommand.registry, changes: changes,
          reading: { try $1.checkpoint(at: $0) }, hooks: arguments.watching.hooks(run: folder),
          report: { tell($0) }))
    }
    let (begun, source) = try begin()
    if let path = arguments.epochOptions.findLearningRate {
      return try findLearningRate(begun, source, picture: path)
    }
    var options = begun
    options.command = CommandLineRecord.current
    Processes.current?.share(&options)
    tell(try describeData(options.data, options.kind))
    let folder = arguments.output ?? ""
    if options.members != nil {
      if Processes.current != nil {
        throw OptionFault("--folds, --repeats and other runs in one are for one process: use aviary \(command)")
      }
      return try finish(
        try MemberTraining.start(
          options, from: source, registry: AviaryCommand.registry, at: folder, hooks: arguments.watching.hooks(run:)
        ) { tell($0) })
    }
    try finish(
      try NetworkTraining.start(
        options, from: source, registry: AviaryCommand.registry, at: folder,
        hooks: arguments.watching.hooks(run: folder)
      ) { tell($0) })
  }

  private func finish(_ report: TrainingReport) throws {
    guard let summary = report.summary else {
      // Before the first epoch there may be nothing to save yet.
      try stop(report.folder, isSaved: FileSystem.exists(report.folder + "/last.h5"))
    }
    try show(summary, lines(summary, report.folder))
  }

  private func finish(_ report: MemberTraining.Report) throws {
    guard let summary = report.summary else { try stop(report.folder, isSaved: true) }
    try show(summary, summary.lines(report.folder))
  }

  private func stop(_ folder: String, isSaved: Bool) throws -> Never {
    tell(
      (isSaved ? "interrupted; everything is saved. Resume" : "interrupted before the first epoch. Start again")
        + " with: \(Processes.current.map { "mpirun -n \($0.group.count) aviary-mpi" } ?? "aviary") \(command) --resume \(folder)"
    )
    throw ExitCode(130)
  }

  private func show(_ summary: some Encodable, _ lines: [String]) throws {
    for line in lines { AviaryCommands.show(line) }
    guard arguments.json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(summary), as: UTF8.self))
  }

  private func lines(_ summary: RunSummary, _ folder: String) -> [String] {
    var lines = [
      "\(summary.architecture): \(counted(summary.epochs, "epoch")) in \(fixed(summary.seconds, 1)) s"
        + (summary.imagesPerSecond.map { ", \(fixed($0, 0)) \(summary.items)/s" } ?? "")
        + ", \(grouped(summary.trainable)) of \(grouped(summary.parameters)) parameters trained"
    ]
    if let best = best(summary), let epoch = summary.bestEpoch {
      lines.append("best validation \(best), in epoch \(epoch)")
    }
    if let accuracy = summary.testAccuracy {
      lines.append("test accuracy \(percent(accuracy))")
    } else if let loss = summary.testLoss {
      lines.append(
        "test loss \(fixed(loss, 4))"
          + (summary.testPseudoLikelihood.map { ", pseudo-likelihood \(significant($0, 5))" } ?? ""))
    }
    if let error = summary.testRMSE {
      lines.append(
        "test RMSE \(significant(error, 5))" + (summary.testMAE.map { ", MAE \(significant($0, 5))" } ?? "")
          + ", R² \(summary.testR2.map { "\(significant($0, 5))" } ?? "-"), in the target's units")
    }
    if summary.testIsConstant == true { lines.append(constantEstimates) }
    if summary.skipped > 0 { lines.append("\(grouped(summary.skipped)) \(summary.items) skipped") }
    lines.append("\(folder)/best.h5, last.h5, history.csv, summary.json")
    return lines
  }
}

/// The quantity by which the best epoch was chosen, and what it was.
private func best(_ summary: RunSummary) -> String? {
  func number(_ name: String, _ value: Double?) -> String? { value.map { "\(name) \(significant($0, 5))" } }
  switch summary.monitor {
  case .accuracy: return summary.bestAccuracy.map { "accuracy \(percent($0))" }
  case .macroF1: return number("macro F1", summary.bestMacroF1)
  case .balancedAccuracy: return summary.bestBalancedAccuracy.map { "balanced accuracy \(percent($0))" }
  case .weightedF1: return number("weighted F1", summary.bestWeightedF1)
  case .matthewsCorrelation: return number("Matthews correlation", summary.bestMatthewsCorrelation)
  case .cohensKappa: return number("Cohen's kappa", summary.bestCohensKappa)
  case .topK: return summary.bestTopK.map { "top-k accuracy \(percent($0))" }
  case .loss:
    let accuracy = summary.bestAccuracy.map { " (accuracy \(percent($0)))" } ?? ""
    return summary.bestLoss.map { "loss \(fixed($0, 4))" + accuracy }
  case .rmse: return number("RMSE", summary.bestRMSE)
  case .mae: return number("MAE", summary.bestMAE)
  case .r2: return number("R²", summary.bestR2)
  case .pseudoLikelihood: return number("pseudo-likelihood", summary.bestPseudoLikelihood)
  case nil: return nil
  }
}

/// The absolute path, so that a run can be resumed from any folder.
func absolutePath(_ path: String) -> String {
  if path.hasPrefix("/") { return path }
  guard let here = FileSystem.currentFolder else { return path }
  return here + (here.hasSuffix("/") ? "" : "/") + path
}
