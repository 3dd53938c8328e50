import ArgumentParser
import Aviary
import AviaryDiagnostics

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List the tensors and the metadata of a checkpoint.",
    discussion: """
      Reads .h5 .hdf5 .keras .pth .pt .th .safetensors .npz .npy, and the .index.json of sharded files. The format is \
      detected from the content, not from the name. Of other HDF5 files, text, compounds, enumerations, references and \
      attributes are listed too, and of a network that learned words (rbm) the first words of each topic.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var file: String
  @Option(
    help: ArgumentHelp(
      "Print statistics, a histogram and the first values of one tensor, or the first values of another dataset.",
      valueName: "path"))
  var tensor: String?
  @Flag(help: "Print one JSON object.") var json = false
  @Flag(help: "Follow external links and virtual datasets of an HDF5 file to files in its folder or below.")
  var follow = false
  @OptionGroup var console: ConsoleOptions
  @Flag(inversion: .prefixedNo, help: "Memory-map the file instead of copying it.") var map = true
  @Flag(inversion: .prefixedNo, help: "Verify the file's checksums.") var verify = true
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let file = try weights.path(of: file)
    let checkpoint = try Checkpoint.read(
      from: file, options: .init(map: map, verify: verify, follow: follow, unpacking: .whenUsed))
    if let tensor, let object = checkpoint.objects.first(where: { $0.path.isExactly(tensor) }) {
      let report = try ObjectReport(object, checkpoint.attributes)
      if json { printJSON(report.object) } else { report.lines.forEach(show) }
      return
    }
    if let tensor {
      let report = try TensorReport(tensor, of: checkpoint, file: file)
      if json { printJSON(report.object) } else { report.lines.forEach(show) }
      return
    }
    let topics = TopicModel.topics(of: checkpoint, path: file)
    if json {
      let more = topics.map { [JSONValue.Member("topics", .array($0.map { .texts($0) }))] } ?? []
      printJSON(JSONValue.object((Self.object(checkpoint).members ?? []) + more))
    } else {
      (Self.lines(checkpoint) + (topics.map(TopicModel.lines) ?? [])).forEach(show)
    }
  }

  static func object(_ checkpoint: Checkpoint) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("format", .text(checkpoint.format.rawValue)),
      .init(
        "tensors",
        .array(
          checkpoint.entries.map { entry in
            .object(
              [
                .init("path", .text(entry.path)), .init("shape", .array(entry.array.shape.map { .integer($0) })),
                .init("dtype", .text(entry.array.dtype.rawValue)), .init("bytes", .integer(entry.array.bytes.count)),
              ] + (entry.array.quantization.map { [.init("input_scale", .real(Double($0.inputScale)))] } ?? []))
          })),
      .init("metadata", .object(metadata(checkpoint))),
    ]
    if !checkpoint.damage.isEmpty { members.append(.init("damage", .texts(checkpoint.damage))) }
    if !checkpoint.unreadable.isEmpty {
      members.append(
        .init(
          "unreadable",
          .array(
            checkpoint.unreadable.map { object in
              .object([.init("path", .text(object.path)), .init("reason", .text(object.reason))])
            })))
    }
    if !checkpoint.objects.isEmpty {
      members.append(.init("objects", .array(checkpoint.objects.map { ObjectReport.described($0) })))
    }
    if !checkpoint.attributes.isEmpty {
      members.append(.init("attributes", .array(checkpoint.attributes.map(ObjectReport.described))))
    }
    let notes = notes(checkpoint)
    if !notes.isEmpty { members.append(.init("notes", .texts(notes))) }
    return .object(members)
  }

  /// The metadata. JSON that the file stores as text is parsed.
  static func metadata(_ checkpoint: Checkpoint) -> [JSONValue.Member] {
    let metadata = checkpoint.metadata
    var members: [JSONValue.Member] = []
    func add(_ name: String, _ value: JSONValue?) { if let value { members.append(.init(name, value)) } }
    add("architecture", metadata.architecture.map { .text($0) })
    add("configuration", metadata.configuration)
    add("head", metadata.architecture == nil ? nil : .text(metadata.headAbsent ? "absent" : "present"))
    add("classes", metadata.classes.map { .texts($0) })
    add("preprocessing", metadata.preprocessing)
    add("metrics", metadata.metrics.isEmpty ? nil : metadata.metricsValue)
    add("licence", metadata.licence.map { .text($0) })
    add("provenance", metadata.provenance.map { .text($0) })
    add("frozen", metadata.frozen.isEmpty ? nil : .texts(metadata.frozen))
    if let training = checkpoint.trainingState {
      add("optimizer_state", .text(counted(training.optimizer.count, "parameter")))
    }
    for (name, text) in metadata.extra.sorted(by: { $0.key < $1.key })
    where !members.contains(where: { $0.name == name }) {
      add(name, .text(text))
    }
    return members
  }

  static func lines(_ checkpoint: Checkpoint) -> [String] {
    let bytes = checkpoint.entries.reduce(0) { $0 + $1.array.bytes.count }
    let numbers = checkpoint.entries.reduce(0) { $0 + $1.array.count }
    var lines = ["format: \(checkpoint.format.rawValue)"]
    for member in metadata(checkpoint) {
      let text = (member.value.text ?? member.value.serialized)
      let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
      lines.append("\(member.name): \(line.count > 240 ? line.prefix(240) + " …" : line)")
    }
    lines += table(TensorTree(checkpoint.entries, checkpoint.objects).rows, right: [3, 4])
    lines.append(
      "\(counted(checkpoint.entries.count, "tensor")), \(counted(numbers, "number")), \(grouped(bytes)) bytes"
        + (checkpoint.objects.isEmpty ? "" : ", \(counted(checkpoint.objects.count, "other object"))"))
    if checkpoint.format == .hdf5 { lines += ObjectReport.lines(checkpoint.attributes) }
    lines += checkpoint.damage.map { "not read: \($0)" }
    lines += checkpoint.unreadable.map { "not read: \($0)" }
    lines += notes(checkpoint).map { "not listed: \($0)" }
    return lines
  }

  /// The notes, without those on objects that are in the tree.
  private static func notes(_ checkpoint: Checkpoint) -> [String] {
    let listed = checkpoint.objects.map { $0.path + ": holds " }
    return checkpoint.notes.filter { note in !listed.contains { note.utf8.starts(with: $0.utf8) } }
  }
}
