import ArgumentParser
import AviaryCommands

/// The command line `aviary-bench`.
@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aviary-bench",
    abstract: "Time Aviary's workloads, profile them, check their results, and measure how cost grows.",
    usage: "aviary-bench <workload> [<options>]\naviary-bench tune [<options>]\n"
      + "aviary-bench growth [<axis> ...] [<options>]",
    discussion: "'aviary-bench run --help' lists the workloads and their options.",
    subcommands: [WorkloadCommand.self, TuneCommand.self, GrowthCommand.self, GrowthPartCommand.self],
    defaultSubcommand: WorkloadCommand.self)

  static func main() { runAsProgram() }
}
