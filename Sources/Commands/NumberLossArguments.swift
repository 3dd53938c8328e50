import ArgumentParser
import Aviary

/// The numbers of the losses of numbers. Where the target is standardized, errors are counted in its standard deviations.
struct NumberLossArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The error from which on --loss huber is absolute, not squared (1).", valueName: "x"))
  var huberDelta: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The same of --loss smooth-l1, which is divided by it (1).", valueName: "x"))
  var smoothL1Beta: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The quantile that --loss quantile estimates, such as 0.9 (0.5).", valueName: "q"))
  var quantile: Double?

  func validate() throws {
    for (name, value) in [("--huber-delta", huberDelta), ("--smooth-l1-beta", smoothL1Beta)] {
      try checkOption(name, value, "a number above 0") { Float($0) > 0 && Float($0).isFinite }
    }
    try checkOption("--quantile", quantile, "between 0 and 1") { Float($0) > 0 && Float($0) < 1 }
  }

  /// Refuses numbers of other losses.
  func check(_ loss: TrainingLoss?) throws {
    for (option, isGiven, own) in [
      ("--huber-delta", huberDelta != nil, TrainingLoss.huber), ("--smooth-l1-beta", smoothL1Beta != nil, .smoothL1),
      ("--quantile", quantile != nil, .quantile),
    ] where isGiven && loss != own {
      throw ValidationError("\(option) is for --loss \(own.word)")
    }
  }

  /// The loss of numbers that was asked for; nil for none, or for one of classes.
  func loss(_ loss: TrainingLoss?) -> NumberLoss? {
    switch loss {
    case nil, .crossEntropy?, .focal?: nil
    case .mse?: .squaredError
    case .mae?: .absoluteError
    case .huber?: .huber(delta: huberDelta ?? 1)
    case .smoothL1?: .smoothL1(beta: smoothL1Beta ?? 1)
    case .logCosh?: .logCosh
    case .quantile?: .quantile(quantile ?? 0.5)
    }
  }
}
