import ArgumentParser
import Aviary

/// The numbers of optimizers beside the learning rate and the weight decay. Each is refused for one that has no such number.
struct OptimizerArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The momentum of momentum, nesterov and rmsprop (0.9; 0 for rmsprop, 0.5 for rbm).", valueName: "x"))
  var momentum: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The decays of adam and adamw: of the mean gradient, and of its square (0.9,0.999).", valueName: "x,x"))
  var betas: PairArgument?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What is added to the denominator (1e-8; 1e-10 for adagrad, 1e-6 for adadelta).", valueName: "x"))
  var epsilon: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The decay of adadelta's mean squares (0.9).", valueName: "x"))
  var rho: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The decay of rmsprop's mean square (0.99).", valueName: "x"))
  var alpha: Double?
  @Flag(help: "Divide by the root of the gradients' variance instead of their mean square, in rmsprop.") var centered =
    false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The decay of adagrad's learning rate: step n has it divided by 1 + (n - 1) x (0).", valueName: "x"))
  var learningRateDecay: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What adagrad's sums of squares start at (0).", valueName: "x"))
  var initialAccumulator: Double?

  func validate() throws {
    for (name, decay) in [("--momentum", momentum), ("--rho", rho), ("--alpha", alpha)] {
      try checkOption(name, decay, "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    }
    try checkOption("--betas", betas, "two numbers of at least 0 and below 1") {
      [$0.first, $0.second].allSatisfy { $0 >= 0 && $0 < 1 }
    }
    try checkOption("--epsilon", epsilon, "a number above 0") { $0 > 0 && $0.isFinite }
    for (name, value) in [("--learning-rate-decay", learningRateDecay), ("--initial-accumulator", initialAccumulator)] {
      try checkOption(name, value, "a number of at least 0") { $0 >= 0 && $0.isFinite }
    }
  }

  /// Sets what was given, and refuses what the rule does not have.
  func apply(to configuration: inout OptimizerConfiguration) throws {
    let given: [(option: String, number: OptimizerConfiguration.Number, isGiven: Bool)] = [
      ("--momentum", .momentum, momentum != nil), ("--betas", .betas, betas != nil),
      ("--epsilon", .epsilon, epsilon != nil), ("--rho", .rho, rho != nil), ("--alpha", .alpha, alpha != nil),
      ("--centered", .isCentered, centered), ("--learning-rate-decay", .learningRateDecay, learningRateDecay != nil),
      ("--initial-accumulator", .initialAccumulator, initialAccumulator != nil),
    ]
    for (option, number, isGiven) in given where isGiven && !configuration.kind.numbers.contains(number) {
      let rules = OptimizerConfiguration.Kind.allCases.filter { $0.numbers.contains(number) }
      throw ValidationError(
        "\(option) is for --optimizer \(listed(rules.map(\.word))); leave it out for \(configuration.kind.word)")
    }
    configuration.momentum = momentum ?? configuration.momentum
    configuration.beta1 = betas?.first ?? configuration.beta1
    configuration.beta2 = betas?.second ?? configuration.beta2
    configuration.epsilon = epsilon ?? configuration.epsilon
    configuration.rho = rho ?? configuration.rho
    configuration.alpha = alpha ?? configuration.alpha
    configuration.isCentered = centered
    configuration.learningRateDecay = learningRateDecay ?? configuration.learningRateDecay
    configuration.initialAccumulator = initialAccumulator ?? configuration.initialAccumulator
  }
}

/// Words with commas and an "and": `a, b and c`.
func listed(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " and " + last
}

/// Two numbers with a comma between them.
struct PairArgument: ExpressibleByArgument, CustomStringConvertible {
  let first: Double
  let second: Double

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double(trimmed($0)) }
    guard numbers.count == 2, let first = numbers[0], let second = numbers[1] else { return nil }
    (self.first, self.second) = (first, second)
  }

  var description: String { "\(first),\(second)" }
}
