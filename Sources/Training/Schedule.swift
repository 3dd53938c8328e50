import AviaryPlatform

/// How the learning rate changes over a run: a shape, and perhaps a linear warm-up before it takes full effect.
///
///     let schedule = Schedule.cosine(to: 1e-6).warmedUp(over: 500)
public struct Schedule: Codable, Equatable, Sendable {
  /// The course of the learning rate after the warm-up.
  public enum Shape: Codable, Equatable, Sendable {
    /// The base rate throughout.
    case constant
    /// Multiplied by `gamma` after every `every` epochs (PyTorch's `StepLR`).
    case step(every: Int, gamma: Double)
    /// Multiplied by `gamma` after each of these numbers of epochs, which rise (PyTorch's `MultiStepLR`).
    case multiStep(milestones: [Int], gamma: Double)
    /// Multiplied by `gamma` after each epoch (PyTorch's `ExponentialLR`).
    case exponential(gamma: Double)
    /// Half a cosine from the base rate to `minimum` over the whole run, changing with every step (PyTorch's
    /// `CosineAnnealingLR`, stepped a batch). Loshchilov and Hutter, "SGDR", 2017.
    case cosine(minimum: Double)
    /// Half a cosine with restarts: the first takes `period` epochs, each further one `multiplier` times its
    /// predecessor (PyTorch's `CosineAnnealingWarmRestarts`, stepped a batch). The same paper.
    case cosineRestarts(period: Int, multiplier: Int, minimum: Double)
    /// So many halves of a cosine over the whole run, each from the base rate to `minimum`, changing with every step: cycles of
    /// whole epochs that differ by one at most. The weights at each cycle's end are a snapshot of a minimum of their own.
    /// Huang et al., "Snapshot Ensembles", 2017.
    case cyclic(cycles: Int, minimum: Double)
    /// The base rate until validation stops getting better, then a fraction of it: the loop keeps the state.
    case reduceOnPlateau(ReduceOnPlateau)
  }

  /// The course after the warm-up.
  public var shape: Shape
  /// The number of steps over which the rate rises linearly to its full value; 0 for none.
  public var warmUpSteps: Int

  /// A shape, after a linear warm-up of `warmUpSteps` steps.
  public init(_ shape: Shape, warmUpSteps: Int = 0) {
    self.shape = shape
    self.warmUpSteps = warmUpSteps
  }

  /// The same rate throughout.
  public static let constant = Schedule(.constant)
  /// Multiplies the rate by `gamma` every `epochs` epochs.
  public static func step(every epochs: Int, gamma: Double = 0.1) -> Schedule {
    Schedule(.step(every: epochs, gamma: gamma))
  }
  /// Multiplies the rate by gamma at each of these epochs.
  public static func multiStep(milestones epochs: [Int], gamma: Double = 0.1) -> Schedule {
    Schedule(.multiStep(milestones: epochs, gamma: gamma))
  }
  /// Multiplies the rate by gamma after every epoch.
  public static func exponential(gamma: Double) -> Schedule { Schedule(.exponential(gamma: gamma)) }
  /// Half a cosine down to a share of the rate.
  public static func cosine(to minimum: Double = 0) -> Schedule { Schedule(.cosine(minimum: minimum)) }

  /// Half a cosine that begins anew after each period of epochs.
  public static func cosineRestarts(period: Int, multiplier: Int = 1, to minimum: Double = 0) -> Schedule {
    Schedule(.cosineRestarts(period: period, multiplier: multiplier, minimum: minimum))
  }
  /// Falls from the rate along half a cosine in each of the cycles.
  public static func cyclic(cycles: Int, to minimum: Double = 0) -> Schedule {
    Schedule(.cyclic(cycles: cycles, minimum: minimum))
  }
  /// Reduces the rate when the validation does not improve.
  public static func reduceOnPlateau(_ settings: ReduceOnPlateau = ReduceOnPlateau()) -> Schedule {
    Schedule(.reduceOnPlateau(settings))
  }

  /// The same shape behind a linear warm-up.
  public func warmedUp(over steps: Int) -> Schedule { Schedule(shape, warmUpSteps: steps) }

  /// Whether the rate of a step depends on the number of epochs of the run.
  var dependsOnEpochs: Bool {
    switch shape {
    case .cosine, .cyclic: true
    case .constant, .step, .multiStep, .exponential, .cosineRestarts, .reduceOnPlateau: false
    }
  }

  /// The cycle that ends with an epoch, both counted from 1; nil where none does.
  func cycle(endingWith epoch: Int, of epochs: Int) -> Int? {
    guard case .cyclic(let cycles, _) = shape, epoch > 0 else { return nil }
    let cycle = Self.cycle(of: epoch - 1, cycles: cycles, epochs: epochs)
    return cycle.end == epoch ? cycle.number + 1 : nil
  }

  /// The cycle of an epoch, counted from 0, and the epochs that it begins with and ends before.
  private static func cycle(of epoch: Int, cycles: Int, epochs: Int) -> (number: Int, start: Int, end: Int) {
    let cycles = max(1, min(cycles, epochs))
    let epoch = max(0, min(epoch, epochs - 1))
    func start(_ number: Int) -> Int { (number * epochs + cycles - 1) / cycles }
    // The last cycle that begins no later than the epoch.
    let number = min(cycles - 1, epoch * cycles / epochs)
    return (number, start(number), start(number + 1))
  }

  /// The settings where the rate depends on how the run goes.
  var plateau: ReduceOnPlateau? {
    if case .reduceOnPlateau(let settings) = shape { settings } else { nil }
  }

  /// The learning rate of step `step`, counted from 0 over the whole run.
  ///
  /// - Parameter base: the run's own; for `reduceOnPlateau` what is left of it.
  public func learningRate(base: Double, step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let epoch = step / max(1, stepsPerEpoch)
    let warmUp = step < warmUpSteps ? Double(step + 1) / Double(warmUpSteps) : 1
    switch shape {
    case .constant, .reduceOnPlateau:
      return base * warmUp
    case .multiStep(let milestones, let gamma):
      return base * pow(gamma, Double(milestones.count { $0 <= epoch })) * warmUp
    case .step(let every, let gamma):
      return base * pow(gamma, Double(epoch / max(1, every))) * warmUp
    case .exponential(let gamma):
      return base * pow(gamma, Double(epoch)) * warmUp
    case .cosine(let minimum):
      let remaining = stepsPerEpoch * epochs - warmUpSteps
      let done = min(1, Double(max(0, step - warmUpSteps)) / Double(max(1, remaining)))
      return (minimum + (base - minimum) * (1 + cos(.pi * done)) / 2) * warmUp
    case .cyclic(let cycles, let minimum):
      let cycle = Self.cycle(of: epoch, cycles: cycles, epochs: max(1, epochs))
      let first = cycle.number == 0 ? warmUpSteps : cycle.start * stepsPerEpoch
      let done = Double(max(0, step - first)) / Double(max(1, cycle.end * stepsPerEpoch - first))
      return (minimum + (base - minimum) * (1 + cos(.pi * min(1, done))) / 2) * warmUp
    case .cosineRestarts(let period, let multiplier, let minimum):
      let done = Self.shareOfPeriod(
        max(0, step - warmUpSteps), first: period.multipliedReportingOverflow(by: max(1, stepsPerEpoch)).partialValue,
        multiplier: multiplier)
      return (minimum + (base - minimum) * (1 + cos(.pi * done)) / 2) * warmUp
    }
  }

  /// A line about a warm-up that is longer than a run; nil of a shorter one.
  ///
  /// - Parameter steps: of the whole run.
  func remarkOnWarmUp(steps: Int, learningRate: Double) -> String? {
    guard warmUpSteps > steps else { return nil }
    let reached = learningRate * Double(steps) / Double(warmUpSteps)
    return "the warm-up takes \(warmUpSteps) steps and the run has \(steps): its learning rate does not exceed "
      + "\(significant(reached, 3)) of \(significant(learningRate, 3))"
  }

  /// How much of its period is over at a step, in [0, 1).
  private static func shareOfPeriod(_ step: Int, first: Int, multiplier: Int) -> Double {
    var length = max(1, first)
    guard multiplier > 1 else { return Double(step % length) / Double(length) }
    var step = step
    while step >= length {
      step -= length
      let (next, overflows) = length.multipliedReportingOverflow(by: multiplier)
      if overflows { break }
      length = next
    }
    return min(1, Double(step) / Double(length))
  }

  /// Refuses numbers that give no usable rate.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check("warm-up steps", warmUpSteps, warmUpSteps >= 0, "0 or more")
    switch shape {
    case .constant:
      break
    case .multiStep(let milestones, let gamma):
      let rise = zip(milestones, milestones.dropFirst()).allSatisfy { $0 < $1 }
      try TrainingFault.check(
        "multi-step schedule's epochs", milestones, !milestones.isEmpty && milestones[0] >= 1 && rise,
        "rising numbers from 1")
      try Self.checkGamma(gamma)
    case .cosineRestarts(let period, let multiplier, let minimum):
      try TrainingFault.check("first period", period, (1...1 << 30).contains(period), "1 to \(1 << 30) epochs")
      try TrainingFault.check("period's multiplier", multiplier, (1...1000).contains(multiplier), "1 to 1000")
      try Self.checkMinimum(minimum)
    case .cyclic(let cycles, let minimum):
      try TrainingFault.check("number of cycles", cycles, (1...100_000).contains(cycles), "1 to 100000")
      try Self.checkMinimum(minimum)
    case .reduceOnPlateau(let settings):
      try settings.validate()
    case .step(let every, let gamma):
      try TrainingFault.check("step schedule's epochs", every, every >= 1, "at least 1")
      try Self.checkGamma(gamma)
    case .exponential(let gamma):
      try Self.checkGamma(gamma)
    case .cosine(let minimum):
      try Self.checkMinimum(minimum)
    }
  }

  private static func checkMinimum(_ minimum: Double) throws(TrainingFault) {
    try TrainingFault.check(
      "cosine schedule's minimum", minimum, minimum >= 0 && minimum.isFinite, "a number not below 0")
  }

  private static func checkGamma(_ gamma: Double) throws(TrainingFault) {
    try TrainingFault.check("schedule's gamma", gamma, gamma > 0 && gamma <= 1, "above 0 and at most 1")
  }
}
