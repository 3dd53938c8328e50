import ArgumentParser
import Aviary

/// The command line `aviary`.
@main
struct Tool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aviary",
    abstract: "Fine-tune pretrained networks on folders of photographs, on a CPU.",
    discussion: """
      Exit codes: 0 success, 1 the work failed (one line on standard error says why), 64 wrong usage.
      Results go to standard output; with --json the last line is one JSON object.
      """,
    subcommands: commands)

  /// In the order of a person's work.
  static let commands: [any ParsableCommand.Type] = [
    ModelsCommand.self, InspectCommand.self, VerifyCommand.self, DiffCommand.self, ConvertCommand.self,
    AverageCommand.self, QuantizeCommand.self,
    TrainCommand.self, FinetuneCommand.self,
    EvaluateCommand.self, PredictCommand.self, FeaturesCommand.self, SampleCommand.self, SampleImagesCommand.self,
    BenchCommand.self, TuneCommand.self,
  ]

  static func main() {
    var command: any ParsableCommand
    do { command = try parseAsRoot() } catch { exit(withError: error) }
    do {
      try command.run()
    } catch {
      // Help, wrong usage and exit codes are the parser's; a fault of the work is one line.
      if !(error is ExitCode), exitCode(for: error) == .failure { complain(error) }
      exit(withError: error is ExitCode || exitCode(for: error) != .failure ? error : ExitCode.failure)
    }
  }
}
