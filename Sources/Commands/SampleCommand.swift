import ArgumentParser
import Aviary

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Let a language model write on from a prompt.",
    discussion: "The same seed writes the same text.")

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Option(parsing: .unconditional, help: ArgumentHelp("How many characters are written.", valueName: "n"))
  var length = 500
  @Option(parsing: .unconditional, help: ArgumentHelp("What to go on from (a line break).", valueName: "text"))
  var prompt = "\n"
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Below 1 the likely becomes more likely; 0 takes the likeliest always.", valueName: "x"))
  var temperature: Float = 1
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Draw among so many of the likeliest (all).", valueName: "k"))
  var topK: Int?
  @Option(parsing: .unconditional, help: ArgumentHelp("Of everything random.", valueName: "n")) var seed: UInt64 = 0
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard (0...10_000_000).contains(length) else {
      throw ValidationError("--length \(length) is not possible; it must be 0 to 10000000")
    }
  }

  func run() throws {
    let path = try WeightsFolder.checkpointPath(checkpoint, given: weights.weights)
    let stored = try Checkpoint.read(from: path)
    if stored.metadata.headAbsent { throw CommandFault.headAbsent(path: path) }
    let loaded = try AviaryCommand.registry.model(from: stored, path: path)
    guard let model = loaded.model as? CharacterModel else {
      throw CommandFault.noLanguageModel(path: path, architecture: loaded.architecture.name)
    }
    let vocabulary = try stored.vocabulary(path: path)
    let text = try model.sample(
      prompt: prompt, vocabulary: vocabulary, length: length,
      sampling: Sampling(temperature: temperature, topK: topK),
      stream: RandomStream(seed: seed, purpose: "sample"))
    if json {
      print(JSONValue.members(["prompt": .text(prompt), "text": .text(text)]).serialized)
    } else {
      print(printable((prompt == "\n" ? "" : prompt) + text, keepingLines: true))
    }
  }
}
