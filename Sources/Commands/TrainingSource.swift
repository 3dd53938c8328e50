import ArgumentParser
import Aviary
import AviaryArchives

/// What the network of a run comes from, as the options of train or of finetune say it.
protocol TrainingSource: ParsableArguments {
  /// Where weights and data are looked up.
  associatedtype Lookup: DataLookup
  /// The command's name.
  static var command: String { get }
  static var abstract: String { get }
  /// The argument that names the source.
  static var option: String { get }
  /// Its value.
  var name: String? { get }
  /// Refuses what does not go together.
  func check(_ command: TrainingCommand<Self>) throws
  /// The options of a new run, and what it begins with.
  func begin(_ command: TrainingCommand<Self>) throws -> (TrainingOptions, NetworkTraining.Source)
  /// The checkpoint as it is in its file; nil where a run begins with none.
  func stored(_ command: TrainingCommand<Self>) throws -> Checkpoint?
}

/// A command that begins runs, whatever they begin with.
protocol RunBeginning: ParsableCommand {
  var set: [String] { get }
  var data: String? { get }
  /// The data, unless they are fetched by name, and the parts with files of their own.
  var dataPaths: [String] { get }
  /// What a run begins with, as it is in its file, and its name; nil where it begins with random weights.
  var storedCheckpoint: (name: String, checkpoint: Checkpoint)? { get throws }
  var resume: String? { get }
  var reading: ReadingArguments { get }
  var watching: WatchingArguments { get }
  /// The options of a new run, and what it begins with.
  func begin() throws -> (TrainingOptions, NetworkTraining.Source)
}

extension TrainingCommand: RunBeginning {
  func begin() throws -> (TrainingOptions, NetworkTraining.Source) { try source.begin(self) }

  var storedCheckpoint: (name: String, checkpoint: Checkpoint)? {
    get throws { try source.stored(self).map { (source.name ?? "", $0) } }
  }

  var dataPaths: [String] {
    let parts = [validation, parts.test].compactMap { $0.map(PartArguments.part) }
    return [data].compactMap { $0 }.filter { !$0.hasPrefix("data:") }
      + parts.compactMap { if case .folder(let path) = $0 { path } else { nil } }
  }
}

/// Where data are looked up.
protocol DataLookup: ParsableArguments {
  /// What `--data` names: a path, or `data:NAME`.
  func dataPath(_ name: String) throws -> String
}

extension OfflineOption: DataLookup {}
extension WeightsOptions: DataLookup {}

typealias TrainCommand = TrainingCommand<ArchitectureSource>
typealias FinetuneCommand = TrainingCommand<CheckpointSource>

/// A network from scratch.
struct ArchitectureSource: TrainingSource {
  typealias Lookup = OfflineOption
  static let command = "train"
  static let abstract = "Train a network from scratch on images, a table, a text or a graph."
  static let option = "ARCHITECTURE"

  @Argument(help: "The network; 'aviary models' lists them.") var architecture: String?

  var name: String? { architecture }

  func stored(_ command: TrainCommand) -> Checkpoint? { nil }

  func check(_ command: TrainCommand) throws {
    guard let architecture else { return }
    do throws(ArchitectureFault) { _ = try AviaryCommand.registry.architecture(named: architecture) } catch {
      throw ValidationError("\(error)")
    }
  }

  func begin(_ command: TrainCommand) throws -> (TrainingOptions, NetworkTraining.Source) {
    let architecture = try AviaryCommand.registry.architecture(named: architecture ?? "")
    let data = try command.lookup.dataPath(command.data ?? "")
    let options = try command.options(
      data: data, isFinetuning: false, architecture: architecture.name, checkpoint: nil)
    return (options, .scratch(architecture))
  }
}

/// The weights of a checkpoint.
struct CheckpointSource: TrainingSource {
  typealias Lookup = WeightsOptions
  static let command = "finetune"
  static let abstract =
    "Fine-tune a pretrained network: its head is replaced by one for the classes of the data, unless it predicts them already."
  static let option = "--from"

  @Option(help: ArgumentHelp("The checkpoint: a file, a run, or the name of shipped weights.", valueName: "checkpoint"))
  var from: String?
  @Flag(help: "Replace the head even if the checkpoint predicts the classes of the data already, in the same order.")
  var newHead = false
  @OptionGroup(title: "Foreign checkpoints") var naming: NamingOptions
  @Option(help: ArgumentHelp("The preprocessing of images that the checkpoint was trained with.", valueName: "name"))
  var preprocessing: Preprocessing.Preset?
  @Flag(help: "Follow external links and virtual datasets of an HDF5 file to files in its folder or below.")
  var follow = false

  var name: String? { from }

  func stored(_ command: FinetuneCommand) throws -> Checkpoint? {
    try Checkpoint.read(
      from: try command.lookup.path(of: from ?? ""), options: .init(weightsKey: naming.weightsKey, follow: follow))
  }

  func check(_ command: FinetuneCommand) throws {
    if command.resume != nil,
      let option = naming.givenOptions.first ?? preprocessing.map({ _ in "--preprocessing" })
        ?? (follow ? "--follow" : newHead ? "--new-head" : nil)
    {
      throw ValidationError("\(option) is for a new run: --resume goes on with the run's own network")
    }
    guard command.set.isEmpty || naming.architecture != nil else {
      throw ValidationError(
        "--set is for train, and for finetune with --architecture: a checkpoint that names its network has a fixed configuration"
      )
    }
  }

  func begin(_ command: FinetuneCommand) throws -> (TrainingOptions, NetworkTraining.Source) {
    let data = try command.lookup.dataPath(command.data ?? "")
    let path = try command.lookup.path(of: from ?? "")
    if naming.architecture == nil, let option = naming.givenOptions.first(where: { $0 != "--weights-key" }) {
      throw ValidationError("\(option) needs --architecture NAME")
    }
    let reading = try reading(changing: command.set)
    let checkpoint = try reading.checkpoint(at: path)
    guard let architecture = checkpoint.metadata.architecture else {
      let fault = AviaryCommand.registry.unnamed(checkpoint)
      if fault == .unnamedKerasLayers { throw fault }
      throw CommandFault.unnamedSource(path: path, fitting: AviaryCommand.registry.names(fitting: checkpoint))
    }
    // Tables, texts and graphs are prepared anew where the checkpoint does not say how.
    if checkpoint.metadata.preprocessing == nil, try DataSource.kind(of: data) == .images {
      throw CommandFault.unpreparedSource(path: path)
    }
    if !checkpoint.quantizedPaths.isEmpty {
      tell("\(path): its weights are quantized; they are trained in float32")
    }
    if newHead, try AviaryCommand.registry.architecture(named: architecture).learnsWithoutLabels {
      throw OptionFault("--new-head: \(path) learned without labels and has no head; leave it out")
    }
    var knownLength: Int?
    switch try checkpoint.inputPreparation() {
    case .table(let known): try command.table.check(keeping: known, of: path)
    case .series: try command.table.checkKept(of: path)
    case .textColumn(let known): knownLength = known.settings.longest
    case .tags(let known): knownLength = known.settings.longest
    case .translation(let known): knownLength = known.settings.longest
    case .generation(let known): knownLength = known.settings.longest
    case .images, .unlabeled, .graph, .graphs, .text, nil: break
    }
    var options = try command.options(
      data: data, isFinetuning: true, architecture: architecture, checkpoint: absolutePath(path),
      knownLength: knownLength)
    options.reading = reading
    options.replacesHead = newHead
    return (options, .checkpoint(checkpoint, path: path))
  }
}

extension CheckpointSource {
  /// What the options say about the checkpoint.
  private func reading(changing set: [String]) throws -> SourceReading {
    var reading = SourceReading()
    reading.architecture = naming.architecture
    (reading.renames, reading.byStructure, reading.transposes) = (naming.rename, naming.byStructure, naming.transpose)
    reading.weightsKey = naming.weightsKey
    if naming.architecture != nil { reading.changes = try configurationChanges(set) }
    reading.preprocessing = preprocessing?.rawValue
    reading.follow = follow
    return reading
  }
}

extension SourceReading {
  /// Reads what a run begins with; a Keras model becomes the network that its file describes.
  func checkpoint(at path: String) throws -> Checkpoint {
    var checkpoint = try Checkpoint.read(from: path, options: .init(weightsKey: weightsKey, follow: follow))
    try NamingOptions.checkWeightsKey(weightsKey, of: checkpoint, path)
    tellUnreadable(checkpoint, path)
    if let architecture {
      let known = checkpoint.notes
      let rules = try renames.map { rule throws(CheckpointFault) in try RenamingRule(rule) }
      try checkpoint.requireEffect(of: rules)
      let adaptation = Adaptation(
        renames: rules, byStructure: byStructure,
        changing: changes, transposing: try transposes.map { text throws(PathPattern.Fault) in try PathPattern(text) })
      (checkpoint, _) = try checkpoint.adapted(
        to: try AviaryCommand.registry.architecture(named: architecture), by: adaptation, path: path)
      for note in checkpoint.notes.dropFirst(known.count) { tell("\(path): \(note)") }
    } else if let known = try AviaryCommand.registry.recognized(checkpoint, path: path) {
      checkpoint = known.checkpoint
    } else if checkpoint.metadata.architecture == nil, checkpoint.kerasModel?.configuration != nil {
      checkpoint = try checkpoint.kerasNetwork(by: Adaptation(), path: path).checkpoint
      for note in checkpoint.notes + checkpoint.trainingNotes { tell("\(path): \(note)") }
    }
    if let preset = preprocessing.flatMap({ Preprocessing.Preset(rawValue: $0) }) {
      checkpoint.metadata.preprocessing = try preset.preparation(for: checkpoint.metadata).json()
    }
    return checkpoint
  }
}

/// The absolute path, so that a run can be resumed from any folder.
func absolutePath(_ path: String) -> String {
  if path.hasPrefix("/") { return path }
  guard let here = FileSystem.currentFolder else { return path }
  return here + (here.hasSuffix("/") ? "" : "/") + path
}
