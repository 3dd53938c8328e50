import ArgumentParser
import Aviary

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Generate text with a language model, or samples with a Boltzmann machine.",
    discussion: """
      The same seed gives the same text, and the same samples. A network that learned without labels (rbm) writes its samples \
      to --output: images as one .jpg or as .npz, rows of a table as .csv or .npz.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Option(parsing: .unconditional, help: ArgumentHelp("The number of characters to generate (500).", valueName: "n"))
  var length: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("The text to continue (a line break).", valueName: "text"))
  var prompt: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The sampling temperature (1): below 1 sharpens the distribution, 0 always takes the most likely character.",
      valueName: "x"))
  var temperature: Float?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Sample from the K most likely characters (all).", valueName: "k"))
  var topK: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of the random numbers.", valueName: "n")) var seed:
    UInt64 = 0
  @Option(parsing: .unconditional, help: ArgumentHelp("The number of samples (64).", valueName: "n"))
  var count: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The steps of Gibbs sampling that lead to the samples (1000).", valueName: "n"))
  var steps: Int?
  @Option(help: ArgumentHelp("The file that samples are written to.", valueName: "file")) var output: String?
  @OptionGroup var overwrite: OverwriteOptions
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    try checkOption("--length", length, in: 0...10_000_000)
    try checkOption("--temperature", temperature, "a number of at least 0") { $0.isFinite && $0 >= 0 }
    try checkOption("--top-k", topK, "at least 1") { $0 >= 1 }
    try checkOption("--count", count, in: 1...1_000_000)
    try checkOption("--steps", steps, in: 1...10_000_000)
  }

  func run() throws {
    let path = try weights.path(of: checkpoint)
    let stored = try Checkpoint.read(from: path)
    if stored.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    let loaded = try AviaryCommand.registry.model(from: stored, path: path)
    if let model = loaded.model as? any EnergyModel {
      try refuse([
        ("--length", length != nil), ("--prompt", prompt != nil), ("--temperature", temperature != nil),
        ("--top-k", topK != nil),
      ]) { "\($0) is for text, and \(path) draws samples of its data; leave it out" }
      guard let output else { throw ValidationError("--output is missing; give a file for the samples") }
      let report = try UnlabeledSamples(
        model: model, checkpoint: stored, path: path, count: count ?? 64, steps: steps ?? 1000, seed: seed
      ).write(to: output, overwrite)
      return json ? printJSON(report.object) : show(report.line)
    }
    if let output { throw CommandFault.badOutput(path: output, reason: "text is printed; leave --output out") }
    guard let model = loaded.model as? any LanguageModel else {
      throw CommandFault.noLanguageModel(path: path, architecture: loaded.architecture.name)
    }
    try refuse([("--count", count != nil), ("--steps", steps != nil), ("--force", overwrite.force)]) {
      "\($0) is for samples of a network that learned without labels (rbm), and \(path) writes text; leave it out"
    }
    let vocabulary = try stored.vocabulary(path: path)
    for remark in idleOptions(characters: vocabulary.count) { tell(remark) }
    let prompt = prompt ?? "\n"
    let text = try model.sample(
      prompt: prompt, vocabulary: vocabulary, length: length ?? 500,
      sampling: Sampling(temperature: temperature ?? 1, topK: topK),
      stream: RandomStream(seed: seed, purpose: "sample"))
    if json {
      printJSON(JSONValue.members(["prompt": .text(prompt), "text": .text(text)]))
    } else {
      print(printable((prompt == "\n" ? "" : prompt) + text, keepingLines: true))
    }
  }

  /// A line for each option of the drawing of characters that changes nothing beside the others.
  private func idleOptions(characters: Int) -> [String] {
    if temperature == 0 {
      return topK == nil
        ? [] : ["--top-k has no effect at --temperature 0, which always takes the most likely character"]
    }
    guard let topK else { return [] }
    if topK == 1, temperature != nil {
      return ["--temperature has no effect with --top-k 1, which always takes the most likely character"]
    }
    return topK < characters ? [] : ["--top-k \(topK) has no effect: the network knows \(characters) characters"]
  }

  /// Refuses the first option that is given and would change nothing.
  private func refuse(
    _ options: [(name: String, isGiven: Bool)], _ message: (String) -> String
  ) throws(OptionFault) {
    if let option = options.first(where: \.isGiven) { throw OptionFault(message(option.name)) }
  }
}
