import ArgumentParser
import Aviary
import AviaryDiagnostics
import AviaryHub

/// What a foreign checkpoint does not say, or should be taken differently from what it says.
struct SourceOptions: ParsableArguments {
  @OptionGroup var naming: NamingOptions
  @Option(
    help: ArgumentHelp(
      "Set a value of the network's configuration that the file does not say, such as activation=tanh. Repeatable.",
      valueName: "name=value"))
  var set: [String] = []
  @Option(
    help: ArgumentHelp(
      "A Keras model or config.json with the layers that a Keras weights file belongs to.", valueName: "file"))
  var kerasModel: String?
  @Option(
    help: ArgumentHelp("The preprocessing of images.", valueName: "name"))
  var preprocessing: Preprocessing.Preset?
  @Option(help: ArgumentHelp("The size of the network's input.", valueName: "HxW"))
  var inputSize: InputSize?
  @Option(
    help: ArgumentHelp(
      "How images are resized: not at all (cropped or padded with black), by the shorter side, or to the exact size.",
      valueName: "name"))
  var resize: ResizeName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The mean of each channel, subtracted after scaling.", valueName: "a,b,c")
  )
  var mean: NumberList?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The standard deviation of each channel.", valueName: "a,b,c"))
  var std: NumberList?
  @Option(help: ArgumentHelp("The order of the channels.", valueName: "order"))
  var channels: Preprocessing.Channels?
  @Option(
    help: ArgumentHelp(
      "The class names in the order of the outputs: a list, or a file with one per line.",
      valueName: "a,b,c|file"))
  var classes: String?
  @Option(help: ArgumentHelp("The order of kernel axes in a Keras file.", valueName: "order"))
  var kernelOrder: KerasMapping.KernelOrder?
  @Flag(help: "Rotate the kernels of a Keras file by 180 degrees, as Theano stores them.")
  var flipKernels = false
  @Option(
    help: ArgumentHelp("Allow these tensors to be missing, such as 'classifier.**'. Repeatable.", valueName: "pattern"))
  var allowMissing: [String] = []
  @Option(
    help: ArgumentHelp("Allow these tensors although the network does not have them. Repeatable.", valueName: "pattern")
  )
  var allowUnexpected: [String] = []
  @Flag(inversion: .prefixedNo, help: "Memory-map the file instead of copying it.")
  var map = true
  @Flag(help: "Follow external links and virtual datasets of an HDF5 file to files in its folder or below.")
  var follow = false
  @Flag(inversion: .prefixedNo, help: "Verify the file's checksums.")
  var verify = true

  /// What a person typed wrongly is told before a file is read.
  func validate() throws {
    _ = try configurationChanges(set)
    for (name, patterns) in [("--allow-missing", allowMissing), ("--allow-unexpected", allowUnexpected)] {
      for pattern in patterns {
        do { _ = try Allowance.missing(pattern) } catch { throw ValidationError("\(name) \(pattern): \(error)") }
      }
    }
    try checkOption("--input-size", inputSize.map { min($0.size.height, $0.size.width) }, in: 1...8192)
    try checkOption("--input-size", inputSize.map { max($0.size.height, $0.size.width) }, in: 1...8192)
    try checkOption("--std", std?.values.first { !($0 > 0 && $0.isFinite) }, "numbers above 0") { _ in false }
  }

  /// The tensors that may be missing.
  var allowances: Set<Allowance> {
    get throws { Set(try allowMissing.map { try Allowance.missing($0) }) }
  }

  /// How the file's names and axes become the network's.
  func adaptation() throws -> Adaptation {
    var allowances: Set<Allowance> = []
    for pattern in allowMissing { allowances.insert(try .missing(pattern)) }
    for pattern in allowUnexpected { allowances.insert(try .unexpected(pattern)) }
    var result = try naming.adaptation(changing: configurationChanges(set))
    result.kernelOrder = kernelOrder
    result.flipKernels = flipKernels ? true : nil
    result.allowances = allowances
    return result
  }

  /// Reads a checkpoint and applies the options; the report is nil if the network is unknown.
  ///
  /// - Parameters:
  ///   - keepingNames: whether names are kept even if the file describes a Keras model.
  ///   - whole: whether a file is refused of which something was not read that is not allowed to be missing.
  func read(
    _ path: String, keepingNames: Bool = false, whole: Bool = false
  ) throws -> (checkpoint: Checkpoint, report: LoadReport?) {
    var checkpoint = try Checkpoint.read(
      from: path,
      options: .init(
        map: map, verify: verify, weightsKey: naming.weightsKey, follow: follow,
        unpacking: whole ? .now(keeping: 256 << 20) : .now(), effectiveWeights: !keepingNames))
    try naming.checkFormat(of: checkpoint, path)
    try checkKernels(of: checkpoint, path)
    // A damaged file must not become a good one, nor one with tensors missing a whole one.
    if whole, let first = checkpoint.damage.first { throw CommandFault.damaged(path: path, first: first) }
    if whole { try requireAllowed(checkpoint.unreadable, path) }
    if !whole { tellUnreadable(checkpoint, path) }
    if let kerasModel { checkpoint = try checkpoint.described(byKerasModelIn: kerasModel) }
    let adaptation = try adaptation()
    try checkpoint.requireEffect(of: adaptation.renames)
    let architecture = naming.architecture
    var report: LoadReport?
    if architecture == nil, let foreign = checkpoint.metadata.architecture,
      (try? AviaryCommand.registry.architecture(named: foreign)) == nil
    {
      // Other programs use names of their own.
      checkpoint.metadata.architecture = nil
      checkpoint.metadata.extra["architecture"] = foreign
      checkpoint.notes.append("unknown architecture '\(foreign.prefix(80))'")
    }
    if keepingNames, architecture == nil {
      try requireNetwork(for: checkpoint)
      checkpoint = try checkpoint.renamed(by: adaptation.renames).transposed(adaptation.transposes)
    } else if let name = architecture ?? checkpoint.metadata.architecture {
      (checkpoint, report) = try checkpoint.adapted(
        to: try AviaryCommand.registry.architecture(named: name), by: adaptation, path: path)
    } else if let known = try AviaryCommand.registry.recognized(checkpoint, by: adaptation, path: path) {
      (checkpoint, report) = known
      if !whole { tellNotes(checkpoint, path) }
    } else if checkpoint.kerasModel?.configuration != nil {
      (checkpoint, report) = try checkpoint.kerasNetwork(by: adaptation, path: path)
      if !whole { tellNotes(checkpoint, path) }
    } else {
      if naming.byStructure { throw CommandFault.structureOfNothing(path: path) }
      try requireNetwork(for: checkpoint)
      checkpoint = try checkpoint.renamed(by: adaptation.renames).transposed(adaptation.transposes)
    }
    // convert prints them with its result.
    if !whole, architecture != nil { tellNotes(checkpoint, path) }
    try describe(&checkpoint, path)
    return (checkpoint, report)
  }

  /// Refuses what is about the kernels of Keras files for another file.
  private func checkKernels(of checkpoint: Checkpoint, _ path: String) throws {
    for (option, isGiven) in [("--kernel-order", kernelOrder != nil), ("--flip-kernels", flipKernels)]
    where isGiven && checkpoint.format.isOfOtherLayouts {
      throw OptionFault(
        "\(option) is for Keras files, and \(path) is \(checkpoint.format.rawValue), whose kernels are as they are; leave it out"
      )
    }
  }

  /// Refuses what is about a network where there is none.
  private func requireNetwork(for checkpoint: Checkpoint) throws {
    for (option, isGiven) in [("--set", !set.isEmpty), ("--allow-unexpected", !allowUnexpected.isEmpty)] where isGiven {
      throw OptionFault("\(option) is about a network, and the file names none; give --architecture, or leave it out")
    }
    let idle = try allowMissing.first { text in
      let pattern = try PathPattern(Self.dotted(text))
      return !checkpoint.unreadable.contains { pattern.matches(Self.dotted($0.path)) }
    }
    if let idle { throw CheckpointFault.patternMatchesNothing(pattern: idle) }
  }

  /// What is to be said of a file, which `pull` has said of one that it fetched.
  private func tellNotes(_ checkpoint: Checkpoint, _ path: String) {
    let isPulled = (try? PullCache.standard()).map { path.hasPrefix($0.path + "/") } ?? false
    if !isPulled { for note in checkpoint.notes { tell("\(path): \(note)") } }
  }

  /// Refuses what was not read, but for what --allow-missing names. Patterns take the slashes of a file for dots.
  private func requireAllowed(_ objects: [Checkpoint.Unreadable], _ path: String) throws {
    let patterns = try allowMissing.map { text throws(PathPattern.Fault) in try PathPattern(Self.dotted(text)) }
    let lost = objects.filter { object in !patterns.contains { $0.matches(Self.dotted(object.path)) } }
    if !lost.isEmpty { throw CommandFault.unreadable(path: path, objects: lost, allows: true) }
  }

  private static func dotted(_ path: String) -> String { path.split(separator: "/").joined(separator: ".") }

  /// Puts preprocessing and classes into the metadata.
  private func describe(_ checkpoint: inout Checkpoint, _ path: String) throws {
    if let changed = try changedPreparation(of: checkpoint, path) {
      checkpoint.metadata.preprocessing = try changed.json()
    }
    guard let classes else { return try takeLabels(&checkpoint, path) }
    if let preparation = try checkpoint.inputPreparation(), preparation.isOfColumns {
      throw OptionFault(
        "--classes: \(path) has learned its answers from a column (\(preparation.description)); leave it out")
    }
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

  /// Takes the classes of a Keras model that names none from `labels.txt` beside it, as Teachable Machine exports them.
  private func takeLabels(_ checkpoint: inout Checkpoint, _ path: String) throws {
    guard checkpoint.metadata.classes == nil, !checkpoint.metadata.headAbsent,
      [.kerasHDF5, .kerasArchive].contains(checkpoint.format)
    else { return }
    let file = (path.lastIndex(of: "/").map { String(path[...$0]) } ?? "") + "labels.txt"
    guard let name = checkpoint.metadata.architecture, let lines = try? textLines(file), !lines.isEmpty else { return }
    let model = try AviaryCommand.registry.architecture(named: name).build(
      configuration: checkpoint.metadata.configuration)
    guard lines.count == model.configuration.outputs else {
      return tell(
        "\(file): is left out: it names \(lines.count) classes, and the network has \(model.configuration.outputs) outputs"
      )
    }
    checkpoint.metadata.classes = try Self.classNames(file)
    tell("\(path): takes its classes from \(file)")
  }

  /// The names of lines that are numbered from 0, `0 cat`, without the numbers; other lines as they are.
  private static func unnumbered(_ lines: [String]) -> [String] {
    let names = lines.enumerated().map { index, line -> String? in
      let parts = line.split(separator: " ", maxSplits: 1)
      return parts.count == 2 && parts[0] == String(index) ? trimmed(parts[1]) : nil
    }
    let known = names.compactMap { $0 }
    return known.count == lines.count ? known : lines
  }

  /// The lines of the file of that name if there is one, without numbers; else a list.
  static func classNames(_ given: String) throws(CommandFault) -> [String] {
    let lines = try textLines(given).map(unnumbered)
    let names = lines ?? given.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
    guard !names.isEmpty else { throw CommandFault.unreadableClasses(path: given) }
    var known = ExactSet()
    for name in names where !known.insert(name) {
      throw CommandFault.sameClass(source: lines == nil ? "--classes" : given, name: name)
    }
    return names
  }
}

extension InputPreparation {
  /// Whether the data are tables, whose columns say what is predicted.
  fileprivate var isOfColumns: Bool {
    switch self {
    case .table, .series, .textColumn, .tags, .translation, .generation, .unlabeled: true
    case .images, .graph, .graphs, .text: false
    }
  }
}

extension Checkpoint.Format {
  /// Whether the order of a kernel's axes is known: Keras alone has had several.
  fileprivate var isOfOtherLayouts: Bool {
    switch self {
    case .kerasHDF5, .kerasWeights, .kerasArchive, .hdf5: false
    default: true
    }
  }
}
