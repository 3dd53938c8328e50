import ArgumentParser
import Aviary

// The commands of `aviary` whose work processes share, with options for that.

struct ParallelTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a network from scratch with several processes.",
    discussion: TrainCommand.configuration.discussion)

  @OptionGroup(title: "Processes") var processes: TrainingProcessArguments
  @OptionGroup var command: TrainCommand

  func run() throws { try processes.run("train", command.training) { try command.run() } }
}

struct ParallelFinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune", abstract: "Fine-tune a pretrained network with several processes.",
    discussion: FinetuneCommand.configuration.discussion)

  @OptionGroup(title: "Processes") var processes: TrainingProcessArguments
  @OptionGroup var command: FinetuneCommand

  func run() throws { try processes.run("finetune", command.training) { try command.run() } }
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
