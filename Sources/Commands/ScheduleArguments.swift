import ArgumentParser
import Aviary

/// The course of the learning rate. What is not said follows from the length of the run.
struct ScheduleArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The learning rate schedule (cosine; constant with a frozen backbone, for graphs and for rbm).", valueName: "name"
    ))
  var schedule: Name?
  @Option(
    name: [.customLong("warm-up-steps"), .customLong("warmup")], parsing: .unconditional,
    help: ArgumentHelp("Increase the learning rate linearly over this many steps (0).", valueName: "n"))
  var warmUpSteps: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What step and multi-step (0.1) and exponential (0.9) multiply the learning rate by.", valueName: "x"))
  var gamma: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Epochs between two steps of step (a third of the run).", valueName: "n"))
  var stepSize: Int?
  @Option(
    help: ArgumentHelp(
      "The epochs after which multi-step multiplies (half and three quarters of the run).", valueName: "n,..."))
  var milestones: EpochList?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The epochs of the first period of restarts (a third of the run).", valueName: "n"))
  var period: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many times as long as its predecessor each further period of restarts is (2).", valueName: "n"))
  var periodMultiplier: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --schedule cyclic, the number of cycles, whose last weights are kept as RUN/snapshot-1.h5 … (5, or as many as epochs).",
      valueName: "n"))
  var cycles: Int?
  @Option(
    name: [.customLong("minimum-learning-rate"), .customLong("min-lr")], parsing: .unconditional,
    help: ArgumentHelp("The lowest learning rate of cosine, restarts, cyclic and plateau (0).", valueName: "x"))
  var minimumLearningRate: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What plateau multiplies the learning rate by (0.1).", valueName: "x"))
  var plateauFactor: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many epochs may pass without improvement before plateau lowers the learning rate (10).", valueName: "n"))
  var plateauPatience: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("By which share plateau's quantity has to improve (1e-4).", valueName: "x"))
  var plateauThreshold: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many epochs plateau does not count after it has lowered the learning rate (0).", valueName: "n"))
  var plateauCooldown: Int?

  /// Words for schedules.
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case constant, step
    case multiStep = "multi-step"
    case exponential, cosine, restarts, cyclic, plateau
  }

  func validate() throws {
    try checkOption("--warm-up-steps", warmUpSteps, in: 0...1_000_000_000)
    try checkOption("--gamma", gamma, "above 0 and at most 1") { $0 > 0 && $0 <= 1 }
    try checkOption("--step-size", stepSize, in: 1...1_000_000_000)
    try checkOption("--milestones", milestones, "rising numbers from 1") { list in
      list.numbers[0] >= 1 && zip(list.numbers, list.numbers.dropFirst()).allSatisfy { $0 < $1 }
    }
    try checkOption("--period", period, in: 1...1 << 30)
    try checkOption("--period-multiplier", periodMultiplier, in: 1...1000)
    try checkOption("--cycles", cycles, in: 1...100_000)
    if cycles != nil, schedule != .cyclic { throw ValidationError("--cycles needs --schedule cyclic") }
    try checkOption("--minimum-learning-rate", minimumLearningRate, "a number of at least 0") {
      $0 >= 0 && $0.isFinite
    }
    try checkOption("--plateau-factor", plateauFactor, "between 0 and 1") { $0 > 0 && $0 < 1 }
    try checkOption("--plateau-patience", plateauPatience, in: 0...1 << 30)
    try checkOption("--plateau-threshold", plateauThreshold, "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try checkOption("--plateau-cooldown", plateauCooldown, in: 0...1 << 30)
  }

  /// The schedule of a run. Numbers that it does not have are refused.
  ///
  /// - Parameters:
  ///   - usual: the schedule if none was asked for.
  ///   - monitor: what a plateau watches; nil for the loss.
  func schedule(usual: Name, epochs: Int, monitor: Monitor?) throws -> Schedule {
    let name = schedule ?? usual
    let given: [(option: String, isGiven: Bool, names: [Name])] = [
      ("--gamma", gamma != nil, [.step, .multiStep, .exponential]), ("--step-size", stepSize != nil, [.step]),
      ("--milestones", milestones != nil, [.multiStep]), ("--period", period != nil, [.restarts]),
      ("--period-multiplier", periodMultiplier != nil, [.restarts]),
      ("--minimum-learning-rate", minimumLearningRate != nil, [.cosine, .restarts, .cyclic, .plateau]),
      ("--plateau-factor", plateauFactor != nil, [.plateau]),
      ("--plateau-patience", plateauPatience != nil, [.plateau]),
      ("--plateau-threshold", plateauThreshold != nil, [.plateau]),
      ("--plateau-cooldown", plateauCooldown != nil, [.plateau]),
    ]
    for (option, isGiven, names) in given where isGiven && !names.contains(name) {
      throw ValidationError(
        "\(option) is for --schedule \(listed(names.map(\.rawValue))); leave it out for \(name.rawValue)")
    }
    if let cycles, cycles > epochs {
      throw ValidationError("--cycles \(cycles) is out of range; there are \(counted(epochs, "epoch"))")
    }
    for (option, first) in [("--step-size", stepSize), ("--milestones", milestones?.numbers[0])] {
      guard let first, first >= epochs else { continue }
      throw ValidationError(
        "\(option) \(first) is never reached: the run ends after epoch \(epochs); give --epochs \(first + 1) or more")
    }
    return Schedule(shape(name, epochs, monitor), warmUpSteps: warmUpSteps ?? 0)
  }

  /// Refuses a lowest rate above the rate that is to fall to it.
  func check(learningRate: Double) throws {
    guard let minimum = minimumLearningRate, minimum > learningRate else { return }
    throw ValidationError(
      "--minimum-learning-rate \(minimum) is above the learning rate, \(learningRate); give a lower one, or a higher --learning-rate"
    )
  }

  private func shape(_ name: Name, _ epochs: Int, _ monitor: Monitor?) -> Schedule.Shape {
    let minimum = minimumLearningRate ?? 0
    switch name {
    case .constant: return .constant
    // Divided by ten after each third of the run.
    case .step: return .step(every: stepSize ?? max(1, (epochs + 2) / 3), gamma: gamma ?? 0.1)
    case .multiStep:
      let halves = [max(1, epochs / 2), max(1, epochs * 3 / 4)]
      return .multiStep(
        milestones: milestones?.numbers ?? (halves[0] < halves[1] ? halves : [halves[0]]), gamma: gamma ?? 0.1)
    case .exponential: return .exponential(gamma: gamma ?? 0.9)
    case .cosine: return .cosine(minimum: minimum)
    // Two periods, of a third and two thirds of the run.
    case .restarts:
      return .cosineRestarts(
        period: period ?? max(1, epochs / 3), multiplier: periodMultiplier ?? 2, minimum: minimum)
    case .cyclic: return .cyclic(cycles: cycles ?? min(5, epochs), minimum: minimum)
    case .plateau:
      let usual = ReduceOnPlateau()
      return .reduceOnPlateau(
        ReduceOnPlateau(
          factor: plateauFactor ?? usual.factor, patience: plateauPatience ?? usual.patience,
          threshold: plateauThreshold ?? usual.threshold, cooldown: plateauCooldown ?? usual.cooldown,
          minimum: minimum, quantity: monitor))
    }
  }
}

/// Whole numbers with commas between them.
struct EpochList: ExpressibleByArgument, CustomStringConvertible {
  let numbers: [Int]

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int(trimmed($0)) }
    guard !numbers.isEmpty, !numbers.contains(nil) else { return nil }
    self.numbers = numbers.compactMap { $0 }
  }

  var description: String { numbers.map { "\($0)" }.joined(separator: ",") }
}
