import ArgumentParser
import Aviary

/// The command line `aviary`: every subcommand, for the executable and for programs with networks of their own.
///
/// ```swift
/// import AviaryCommands
///
/// @main struct Program {
///   static func main() { AviaryCommand.main(registry: .zoo.adding(spiral)) }
/// }
/// ```
public struct AviaryCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "aviary",
    abstract: "Fine-tune pretrained networks on folders of photographs, on a CPU.",
    discussion: """
      Exit codes: 0 success, 1 failure (one line on standard error says why), 64 wrong usage.
      Results go to standard output; with --json the last line is one JSON object.
      """,
    subcommands: commands)

  /// In the order of a person's work.
  private static let commands: [any ParsableCommand.Type] = [
    ModelsCommand.self, InspectCommand.self, VerifyCommand.self, DiffCommand.self, ConvertCommand.self,
    AverageCommand.self, QuantizeCommand.self,
    TrainCommand.self, FinetuneCommand.self,
    EvaluateCommand.self, PredictCommand.self, FeaturesCommand.self, SampleCommand.self, SampleImagesCommand.self,
  ]

  /// Where every command looks networks up: those of the program that runs the commands.
  @TaskLocal static var registry = Registry.zoo

  public init() {}

  /// Runs the subcommand that the command line names, and exits with its status unless it succeeded.
  ///
  /// - Parameter registry: the networks that commands and checkpoints may name.
  public static func main(registry: Registry = .zoo) {
    $registry.withValue(registry) { runAsProgram() }
  }
}

extension ParsableCommand {
  /// Parses the command line, runs the command, and exits unless it succeeds.
  ///
  /// Help, wrong usage and exit codes are the parser's; any other error is printed as one line.
  package static func runAsProgram() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard !(error is ExitCode), exitCode(for: error) == .failure else { exit(withError: error) }
      complain(error)
      exit(withError: ExitCode.failure)
    }
  }
}
