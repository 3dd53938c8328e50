import ArgumentParser
import Aviary

/// What a foreign checkpoint cannot say, and what a person wants otherwise than it says.
struct SourceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The network that the weights are for; see 'aviary models'.", valueName: "name"))
  var architecture: String?
  @Option(
    help: ArgumentHelp(
      "Rename tensors (layers of a Keras file): every match is replaced, $1 is the first group. Repeatable.",
      valueName: "regex=replacement"))
  var rename: [String] = []
  @Flag(
    help: """
      Tell tensors by their order and shapes, where names mean nothing: the file's first is the network's first, and so on. \
      The order is that in which the file lists them (inspect shows it), the network's that of 'aviary models NAME'.
      """)
  var byStructure = false
  @Option(
    help: ArgumentHelp(
      "A Keras model or config.json that says which layers the weights of a Keras file are for.", valueName: "file"))
  var kerasModel: String?
  @Option(
    help: ArgumentHelp("How images are prepared.", valueName: "name"))
  var preprocessing: Preset?
  @Option(help: ArgumentHelp("The size of the network's input.", valueName: "HxW"))
  var inputSize: InputSize?
  @Option(
    help: ArgumentHelp(
      "How images come to that size: cut or given a black margin, by their shorter side, or by both sides.",
      valueName: "name"))
  var resize: ResizeName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Subtracted from each channel, in the order of the channels, after scaling.", valueName: "a,b,c")
  )
  var mean: NumberList?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What each channel is divided by after that.", valueName: "a,b,c"))
  var std: NumberList?
  @Option(help: ArgumentHelp("The order of the channels.", valueName: "order"))
  var channels: ChannelOrder?
  @Option(
    help: ArgumentHelp(
      "Names of the classes, in the order of the head's outputs: a list, or a file with one a line.",
      valueName: "a,b,c|file"))
  var classes: String?
  @Option(help: ArgumentHelp("The order of kernel axes in a Keras file.", valueName: "order"))
  var kernelOrder: KernelOrder?
  @Flag(help: "Turn the kernels of a Keras file by 180 degrees, as Theano has them.")
  var flipKernels = false
  @Option(help: ArgumentHelp("Tensors that may be missing, such as 'classifier.**'. Repeatable.", valueName: "pattern"))
  var allowMissing: [String] = []
  @Option(
    help: ArgumentHelp("Tensors that may be there without a place in the network. Repeatable.", valueName: "pattern"))
  var allowUnexpected: [String] = []
  @Flag(inversion: .prefixedNo, help: "Use the file's own pages instead of a copy.")
  var map = true
  @Flag(inversion: .prefixedNo, help: "Compare every checksum that the file has.")
  var verify = true
  @Option(
    help: ArgumentHelp(
      "The entry of a PyTorch training checkpoint that the weights are taken from (the likeliest, averages first).",
      valueName: "key"))
  var weightsKey: String?

  /// What is known about the file's names and axes.
  func adaptation() throws -> Adaptation {
    var allowances: Set<Allowance> = []
    for pattern in allowMissing { allowances.insert(try .missing(pattern)) }
    for pattern in allowUnexpected { allowances.insert(try .unexpected(pattern)) }
    return Adaptation(
      renames: try rename.map { rule throws(CheckpointFault) in try RenamingRule(rule) },
      kernelOrder: kernelOrder.flatMap { KerasMapping.KernelOrder(rawValue: $0.rawValue) },
      flipKernels: flipKernels ? true : nil, allowing: allowances, byStructure: byStructure)
  }

  /// Reads a checkpoint and says what the options know of it; the report is nil where no network is known.
  ///
  /// - Parameter keepingNames: whether the network that a Keras file describes is not built.
  func read(_ path: String, keepingNames: Bool = false) throws -> (checkpoint: Checkpoint, report: LoadReport?) {
    var checkpoint = try Checkpoint.read(
      from: path, options: .init(map: map, verify: verify, weightsKey: weightsKey))
    if let kerasModel { checkpoint = try checkpoint.described(byKerasModelIn: kerasModel) }
    let adaptation = try adaptation()
    var report: LoadReport?
    if architecture == nil, let foreign = checkpoint.metadata.architecture,
      (try? AviaryCommand.registry.architecture(named: foreign)) == nil
    {
      // What others call an architecture need not be one of the zoo's.
      checkpoint.metadata.architecture = nil
      checkpoint.metadata.extra["architecture"] = foreign
      checkpoint.notes.append("the architecture that it names, '\(foreign.prefix(80))', is not in the zoo")
    }
    if keepingNames, architecture == nil {
      checkpoint = try checkpoint.renamed(by: adaptation.renames)
    } else if let name = architecture ?? checkpoint.metadata.architecture {
      (checkpoint, report) = try checkpoint.adapted(
        to: try AviaryCommand.registry.architecture(named: name), by: adaptation, path: path)
    } else if checkpoint.kerasModel?.configuration != nil {
      (checkpoint, report) = try checkpoint.kerasChain(by: adaptation, path: path)
    } else {
      if byStructure { throw CommandFault.structureOfNothing(path: path) }
      checkpoint = try checkpoint.renamed(by: adaptation.renames)
    }
    try describe(&checkpoint, path)
    return (checkpoint, report)
  }

  /// Puts preprocessing and classes into the metadata.
  private func describe(_ checkpoint: inout Checkpoint, _ path: String) throws {
    if let changed = try changedPreparation(of: checkpoint, path) {
      checkpoint.metadata.preprocessing = try changed.json()
    }
    guard let classes else { return }
    let names = try Self.classNames(classes)
    if let name = checkpoint.metadata.architecture {
      if checkpoint.metadata.headAbsent { throw CommandFault.classesWithoutHead(path: path) }
      let model = try AviaryCommand.registry.architecture(named: name).build(
        configuration: checkpoint.metadata.configuration)
      guard names.count == model.configuration.outputs else {
        throw CommandFault.classCount(source: "--classes", found: names.count, expected: model.configuration.outputs)
      }
    }
    checkpoint.metadata.classes = names
  }

  /// A list, or the lines of a file where there is one of that name.
  static func classNames(_ given: String) throws -> [String] {
    guard let lines = try textLines(given) else {
      return given.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
    }
    guard !lines.isEmpty else { throw CommandFault.unreadableClasses(path: given) }
    return lines
  }
}
