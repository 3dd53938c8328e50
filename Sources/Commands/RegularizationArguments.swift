import ArgumentParser
import Aviary

/// What keeps a run stable, or from overfitting.
struct RegularizationArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Clip the norm of all gradients (none; 5 for text, time series and texts of tables).", valueName: "x"))
  var clipNorm: Double?
  @Option(parsing: .unconditional, help: ArgumentHelp("Clip every element of the gradients (none).", valueName: "x"))
  var clipValue: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Stop after N epochs without improvement of the monitored quantity (never).", valueName: "n"))
  var patience: Int?
  @Option(
    help: ArgumentHelp(
      "The validation quantity that chooses best.h5 and that --patience and --schedule plateau watch (accuracy, or else loss, for best.h5; else loss).",
      valueName: "quantity"))
  var monitor: Monitor?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How much the monitored quantity must change to count as improved, for best.h5 and --patience (0).",
      valueName: "x"))
  var minDelta: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep an exponential moving average of the weights with this decay, such as 0.999, and evaluate it (none).",
      valueName: "x"))
  var weightAverage: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Re-estimate batch normalization statistics from N batches, without dropout, before each validation (20 if dropout precedes it, else 0).",
      valueName: "n"))
  var statistics: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Layer-wise decay: each layer's learning rate relative to the next one's (1).", valueName: "x"))
  var layerDecay: Double?

  func validate() throws {
    for (name, limit) in [("--clip-norm", clipNorm), ("--clip-value", clipValue)] {
      try checkOption(name, limit, "a number above 0") { Float($0) > 0 && Float($0).isFinite }
    }
    try checkOption("--patience", patience, in: 1...1_000_000)
    try checkOption("--min-delta", minDelta, "a number of at least 0") { $0 >= 0 && $0.isFinite }
    try checkOption("--weight-average", weightAverage, "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    try checkOption("--statistics", statistics, in: 0...1_000_000)
    try checkOption("--layer-decay", layerDecay, "above 0 and at most 1") { $0 > 0 && $0 <= 1 }
  }

  func apply(to options: inout TrainingOptions) {
    if clipNorm != nil || clipValue != nil {
      options.clipping = GradientClipping(norm: clipNorm, value: clipValue)
    }
    options.monitor = monitor
    options.minimumDelta = minDelta ?? 0
    if let patience {
      options.earlyStopping = EarlyStopping(
        patience: patience, minimumImprovement: minDelta ?? 0, quantity: monitor ?? .loss)
    }
    options.weightAverageDecay = weightAverage
    options.statisticsBatches = statistics
    options.layerwiseDecay = layerDecay
  }
}
