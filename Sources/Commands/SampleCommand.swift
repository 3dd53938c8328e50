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
  @Option(parsing: .unconditional, help: ArgumentHelp("The number of characters to generate.", valueName: "n"))
  var length = 500
  @Option(parsing: .unconditional, help: ArgumentHelp("The text to continue (a line break).", valueName: "text"))
  var prompt = "\n"
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The sampling temperature: below 1 sharpens the distribution, 0 always takes the most likely character.",
      valueName: "x"))
  var temperature: Float = 1
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Sample from the K most likely characters (all).", valueName: "k"))
  var topK: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("The seed of the random numbers.", valueName: "n")) var seed:
    UInt64 = 0
  @Option(parsing: .unconditional, help: ArgumentHelp("The number of samples.", valueName: "n")) var count = 64
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The steps of Gibbs sampling that lead to the samples.", valueName: "n"))
  var steps = 1000
  @Option(help: ArgumentHelp("The file that samples are written to.", valueName: "file")) var output: String?
  @OptionGroup var overwrite: OverwriteOptions
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard (0...10_000_000).contains(length) else {
      throw ValidationError("--length \(length) is out of range; use 0 to 10000000")
    }
    try checkOption("--count", count, in: 1...1_000_000)
    try checkOption("--steps", steps, in: 1...10_000_000)
  }

  func run() throws {
    let path = try weights.path(of: checkpoint)
    let stored = try Checkpoint.read(from: path)
    if stored.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    let loaded = try AviaryCommand.registry.model(from: stored, path: path)
    if let model = loaded.model as? any EnergyModel {
      guard let output else { throw ValidationError("--output is missing; give a file for the samples") }
      let report = try UnlabeledSamples(
        model: model, checkpoint: stored, path: path, count: count, steps: steps, seed: seed
      ).write(to: output, overwrite)
      return json ? printJSON(report.object) : show(report.line)
    }
    if let output { throw CommandFault.badOutput(path: output, reason: "text is printed; leave --output out") }
    guard let model = loaded.model as? any LanguageModel else {
      throw CommandFault.noLanguageModel(path: path, architecture: loaded.architecture.name)
    }
    let vocabulary = try stored.vocabulary(path: path)
    let text = try model.sample(
      prompt: prompt, vocabulary: vocabulary, length: length,
      sampling: Sampling(temperature: temperature, topK: topK),
      stream: RandomStream(seed: seed, purpose: "sample"))
    if json {
      printJSON(JSONValue.members(["prompt": .text(prompt), "text": .text(text)]))
    } else {
      print(printable((prompt == "\n" ? "" : prompt) + text, keepingLines: true))
    }
  }
}
