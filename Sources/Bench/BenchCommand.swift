import ArgumentParser
import AviaryCommands

/// The command line `aviary-bench`.
@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "aviary-bench",
    abstract: "Time Aviary's workloads, profile them, and check their results.",
    usage: "aviary-bench <workload> [<options>]\naviary-bench tune [<options>]",
    discussion: "'aviary-bench run --help' lists the workloads and their options.",
    subcommands: [WorkloadCommand.self, TuneCommand.self], defaultSubcommand: WorkloadCommand.self)

  static func main() { runAsProgram() }
}
