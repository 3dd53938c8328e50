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

struct ParallelEvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Evaluate a checkpoint on images with several processes.",
    discussion: "The results are those of aviary evaluate, which also has what is not for several processes.")

  @OptionGroup(title: "Processes") var processes: ProcessArguments
  @OptionGroup var command: EvaluateCommand

  func run() throws { try processes.run { try command.run() } }
}

struct ParallelFeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Extract features of images with several processes.",
    discussion: "The file is that of aviary features, which also has what is not for several processes.")

  @OptionGroup(title: "Processes") var processes: ProcessArguments
  @OptionGroup var command: FeaturesCommand

  func run() throws { try processes.run { try command.run() } }
}
