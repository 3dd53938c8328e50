import ArgumentParser
import Aviary

extension TrainingLoss: OptionWord {
  public var word: String { rawValue }
}

/// What a run makes small.
struct LossArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The loss: for classes cross-entropy, or focal, to which examples that are known well add little (cross-entropy); for numbers mse, mae, huber, smooth-l1, log-cosh or quantile (mse).",
      valueName: "name"))
  var loss: TrainingLoss?
  @Option(parsing: .unconditional, help: ArgumentHelp("The exponent of the focal loss (2).", valueName: "x"))
  var focalGamma: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Label smoothing: the probability that is spread over all classes (0).", valueName: "x"))
  var labelSmoothing: Double?
  @OptionGroup var numbers: NumberLossArguments

  func validate() throws {
    try checkOption("--focal-gamma", focalGamma, "from 0 to 100") { (0...100).contains($0) }
    if focalGamma != nil, loss != .focal { throw ValidationError("--focal-gamma is for --loss focal") }
    try checkOption("--label-smoothing", labelSmoothing, "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try numbers.check(loss)
  }

  /// - Precondition: the kind of data is set.
  func apply(to options: inout TrainingOptions) {
    if loss?.isOfClasses ?? true { options.loss = loss }
    options.learning.loss = numbers.loss(loss)
    options.classes.focalGamma = focalGamma ?? options.classes.focalGamma
    guard let labelSmoothing else { return }
    if case .images = options.kind {
      options.images.labelSmoothing = labelSmoothing
    } else {
      options.classes.labelSmoothing = labelSmoothing
    }
  }
}
