import ArgumentParser
import Aviary

// The commands of `aviary` whose work processes share, with options for that.

struct ParallelTrainingCommand<Source: TrainingSource>: ParsableCommand {
  static var configuration: CommandConfiguration {
    let alone = TrainingCommand<Source>.configuration
    return CommandConfiguration(commandName: Source.command, abstract: alone.abstract, discussion: alone.discussion)
  }

  @OptionGroup(title: "Processes") var processes: TrainingProcessArguments
  @OptionGroup var command: TrainingCommand<Source>

  func run() throws { try processes.run(command) { try command.run() } }
}

/// A command whose images processes share.
struct ParallelImageCommand<Command: ParallelImages>: ParsableCommand {
  static var configuration: CommandConfiguration {
    let name = Command.configuration.commandName ?? ""
    return CommandConfiguration(
      commandName: name, abstract: Command.parallelAbstract,
      discussion: "The results are those of aviary \(name), which also has what is not for several processes.")
  }

  @OptionGroup(title: "Processes") var processes: ProcessArguments
  @OptionGroup var command: Command

  func run() throws {
    try processes.run {
      var command = command
      try command.run()
    }
  }
}

/// What several processes can do with images.
protocol ParallelImages: ParsableCommand {
  static var parallelAbstract: String { get }
}

extension EvaluateCommand: ParallelImages {
  static let parallelAbstract = "Evaluate a checkpoint on images with several processes."
}

extension FeaturesCommand: ParallelImages {
  static let parallelAbstract = "Extract features of images with several processes."
}
