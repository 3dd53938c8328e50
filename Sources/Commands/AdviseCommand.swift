import ArgumentParser
import Aviary

struct AdviseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "advise",
    abstract: "Advise which layers of a network to train on images, and how to treat rare classes.",
    discussion: """
      Runs the images through the network once, measures by cross-validated linear classifiers how well its frozen \
      features tell the classes apart at several depths, and follows the table of transfer learning: how many images there \
      are, and how similar they are to those that the network knows. Where a class is rare, heads are trained on the frozen \
      features with each treatment, and compared by their macro F1. Prints the reasons and the command to run.
      """)

  @Option(help: ArgumentHelp("The checkpoint: a file, a run, or the name of shipped weights.", valueName: "checkpoint"))
  var from: String
  @Option(help: ArgumentHelp("Images, as for finetune.", valueName: "data")) var data: String
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of what is drawn.", valueName: "n")) var seed: UInt64 =
    0
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    let path = try weights.dataPath(data)
    let kind = try DataSource.kind(of: path)
    guard kind == .images else { throw CommandFault.noAdvice(path: path, kind: kind) }
    reading.setThreads()
    let loaded = try LoadedModel(from, source, weights: weights, needsHead: false)
    let images = try ImageDataset(path).training
    tell(try describeData(path))
    let workers = reading.workers ?? availableCores()
    var line = ProgressLine()
    func open(_ model: some Classifier) throws -> Advice {
      try Advice(
        model, on: images, preprocessing: loaded.preprocessing, limit: reading.limit ?? 200, seed: seed,
        workers: workers, mostSkipped: reading.maxSkipped?.value ?? 1
      ) { line.show(.init("features", done: $0, total: $1)) }
    }
    let advice = try open(loaded.model)
    line.clear()
    if advice.skipped > 0 { tell("\(counted(advice.skipped, "image")) skipped: they cannot be read") }
    let command = (["aviary", "finetune", "--from", from, "--data", data] + advice.arguments + ["--output", "RUN"])
      .map(CommandLineRecord.quoted).joined(separator: " ")
    if json {
      printJSON(advice.json(command: command))
    } else {
      for line in advice.lines(command: command) { show(line) }
    }
  }
}

extension Advice {
  fileprivate func lines(command: String) -> [String] {
    var lines = table(
      [["frozen features of", "balanced accuracy", "standard error"]]
        + depths.map { [$0.layer, percent($0.balancedAccuracy), percent($0.standardError)] }, right: [1, 2])
    func cell(_ size: Size, _ similarity: Similarity, _ text: String) -> String {
      size == self.size && similarity == self.similarity ? "[\(text)]" : text
    }
    lines.append("")
    lines += table([
      ["", "similar to what it knows", "different"],
      [
        "few images", cell(.small, .similar, "train the head"), cell(.small, .different, "the head, then later layers"),
      ],
      [
        "many images", cell(.large, .similar, "everything, with small rates"), cell(.large, .different, "everything"),
      ],
    ])
    lines.append("")
    lines += reasons.map { "- \($0)" }
    lines.append("")
    lines.append(command)
    return lines
  }

  fileprivate func json(command: String) -> JSONValue {
    .members([
      "size": .text(size.rawValue), "similarity": .text(similarity.rawValue),
      "train": .text(
        isWholeNetworkTrained ? "all" : trained.isEmpty ? "head" : "head," + trained.joined(separator: ",")),
      "depths": .array(
        depths.map {
          .members([
            "layer": .text($0.layer), "balanced_accuracy": .real($0.balancedAccuracy),
            "standard_error": .real($0.standardError),
          ])
        }),
      "classes": .texts(classes), "counts": .array(counts.map { .integer($0) }),
      "rare": .texts(rare.map { classes[$0] }),
      "treatments": .object(treatments.map { .init($0.treatment.rawValue, .real($0.macroF1)) }),
      "treatment": .text(treatment.rawValue), "reasons": .texts(reasons),
      "arguments": .texts(arguments), "command": .text(command), "skipped": .integer(skipped),
    ])
  }
}
