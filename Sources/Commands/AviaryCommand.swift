import ArgumentParser
import Aviary
import AviaryArchives
import AviaryDiagnostics
import CPlatform

/// The command line `aviary`: every subcommand, for the executable and for programs with networks of their own.
///
/// ```swift
/// let registry = Registry.zoo.adding(
///   Architecture("spiral", "two linear layers for spirals", SpiralNet.self, .init(), input: [2], kinds: [.tables]))
/// if CommandLine.arguments.count > 1 {
///   AviaryCommand.main(registry: registry)
///   exit(0)
/// }
/// ```
public struct AviaryCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "aviary",
    abstract: "Fine-tune pretrained networks on folders of photographs, on a CPU.",
    discussion: """
      Exit codes: 0 success, 1 failure (one line on standard error says why), 64 wrong usage.
      Results go to standard output; with --json the last line is one JSON object.
      A program named aviary-NAME beside this one is a subcommand, too: aviary bench runs aviary-bench, and aviary serve aviary-serve.
      """,
    version: PackageVersion.text, subcommands: commands)

  /// In the order in which they are used.
  private static let commands: [any ParsableCommand.Type] = [
    ModelsCommand.self, InspectCommand.self, VerifyCommand.self, DiffCommand.self, ConvertCommand.self,
    AverageCommand.self, QuantizeCommand.self, PullCommand.self,
    TrainCommand.self, FinetuneCommand.self, SearchCommand.self, AdviseCommand.self,
    PlotCommand.self, ReportCommand.self,
    EvaluateCommand.self, PredictCommand.self, ExplainCommand.self, FeaturesCommand.self, DescribeCommand.self,
    ShowCommand.self, SampleCommand.self, SampleImagesCommand.self,
  ]

  /// Where every command looks networks up: those of the program that runs the commands.
  @TaskLocal static var registry = Registry.standard

  public init() {}

  /// Runs the subcommand that the command line names, and exits with its status unless it succeeded.
  ///
  /// - Parameter registry: the networks that commands and checkpoints may name.
  public static func main(registry: Registry = .standard) {
    ap_guard_standard_streams()
    do {
      try CompanionPrograms().run(Array(PathText.arguments.dropFirst()), unlessIn: Self.self)
    } catch {
      exit(reporting: error)
    }
    $registry.withValue(registry) { runAsProgram() }
  }
}

extension ParsableCommand {
  /// Parses the command line, runs the command, and exits unless it succeeds.
  package static func runAsProgram() {
    do {
      var command = try parseAsRoot(Array(PathText.arguments.dropFirst()))
      try command.run()
    } catch {
      if exitCode(for: error) == .validationFailure, let unknown = UnknownOption.first(of: Self.self) {
        unknown.command.exit(withError: unknown.error)
      }
      exit(reporting: error)
    }
  }

  /// Exits as the error demands. Help, wrong usage and exit codes are the parser's; any other error is printed as one line.
  static func exit(reporting error: any Error) -> Never {
    guard !(error is ExitCode), exitCode(for: error) == .failure else { exit(withError: error) }
    complain(error)
    exit(withError: error is OptionFault ? ExitCode.validationFailure : .failure)
  }
}
