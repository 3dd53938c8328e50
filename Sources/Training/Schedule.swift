#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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
    /// Multiplied by `gamma` after each epoch (PyTorch's `ExponentialLR`).
    case exponential(gamma: Double)
    /// Half a cosine from the base rate to `minimum` over the whole run, changing with every step (PyTorch's
    /// `CosineAnnealingLR`, stepped a batch). Loshchilov and Hutter, "SGDR", 2017.
    case cosine(minimum: Double)
  }

  public var shape: Shape
  /// Over so many steps the rate climbs in a straight line to what the shape says; 0 for none.
  public var warmUpSteps: Int

  public init(_ shape: Shape, warmUpSteps: Int = 0) {
    self.shape = shape
    self.warmUpSteps = warmUpSteps
  }

  public static let constant = Schedule(.constant)
  public static func step(every epochs: Int, gamma: Double = 0.1) -> Schedule {
    Schedule(.step(every: epochs, gamma: gamma))
  }
  public static func exponential(gamma: Double) -> Schedule { Schedule(.exponential(gamma: gamma)) }
  public static func cosine(to minimum: Double = 0) -> Schedule { Schedule(.cosine(minimum: minimum)) }

  /// The same shape behind a linear warm-up.
  public func warmedUp(over steps: Int) -> Schedule { Schedule(shape, warmUpSteps: steps) }

  /// The learning rate of step `step`, counted from 0 over the whole run.
  public func learningRate(base: Double, step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let epoch = step / max(1, stepsPerEpoch)
    let warmUp = step < warmUpSteps ? Double(step + 1) / Double(warmUpSteps) : 1
    switch shape {
    case .constant:
      return base * warmUp
    case .step(let every, let gamma):
      return base * pow(gamma, Double(epoch / max(1, every))) * warmUp
    case .exponential(let gamma):
      return base * pow(gamma, Double(epoch)) * warmUp
    case .cosine(let minimum):
      let remaining = stepsPerEpoch * epochs - warmUpSteps
      let done = min(1, Double(max(0, step - warmUpSteps)) / Double(max(1, remaining)))
      return (minimum + (base - minimum) * (1 + cos(.pi * done)) / 2) * warmUp
    }
  }

  /// Refuses numbers that give no usable rate.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check("warm-up steps", warmUpSteps, warmUpSteps >= 0, "0 or more")
    switch shape {
    case .constant:
      break
    case .step(let every, let gamma):
      try TrainingFault.check("step schedule's epochs", every, every >= 1, "at least 1")
      try Self.checkGamma(gamma)
    case .exponential(let gamma):
      try Self.checkGamma(gamma)
    case .cosine(let minimum):
      try TrainingFault.check(
        "cosine schedule's minimum", minimum, minimum >= 0 && minimum.isFinite, "a number not below 0")
    }
  }

  private static func checkGamma(_ gamma: Double) throws(TrainingFault) {
    try TrainingFault.check("schedule's gamma", gamma, gamma > 0 && gamma <= 1, "above 0 and at most 1")
  }
}
