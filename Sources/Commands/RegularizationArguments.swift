import ArgumentParser
import Aviary

/// What keeps a run from going astray, or from learning by heart.
struct RegularizationArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most that the norm of all gradients may be (none; 5 for text, time series and texts of tables).",
      valueName: "x"))
  var clipNorm: Double?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("The most that an element of a gradient may be (none).", valueName: "x")
  )
  var clipValue: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End after so many epochs without a lower validation loss (never).", valueName: "n"))
  var patience: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep a moving average of the weights with this memory, such as 0.999, and judge that (none).", valueName: "x"))
  var weightAverage: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Estimate batch normalisation's statistics from so many batches, without dropout, before each validation (20 where dropout stands before it, else 0).",
      valueName: "n"))
  var statistics: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Each layer's learning rate as a share of the next one's (1).", valueName: "x"))
  var layerDecay: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How much of each label's certainty is shared out among all classes (0).", valueName: "x"))
  var labelSmoothing: Double?
  @Option(parsing: .unconditional, help: ArgumentHelp("Mix images in pairs: mixup's alpha (0).", valueName: "x"))
  var mixup: Double?
  @Option(parsing: .unconditional, help: ArgumentHelp("Mix parts of images: CutMix's alpha (0).", valueName: "x"))
  var cutmix: Double?

  /// The options that were given.
  var given: [String] {
    let all: [(String, Bool)] = [
      ("--clip-norm", clipNorm != nil), ("--clip-value", clipValue != nil), ("--patience", patience != nil),
      ("--weight-average", weightAverage != nil), ("--statistics", statistics != nil),
      ("--layer-decay", layerDecay != nil),
      ("--label-smoothing", labelSmoothing != nil), ("--mixup", mixup != nil), ("--cutmix", cutmix != nil),
    ]
    return all.filter(\.1).map(\.0)
  }

  func apply(to options: inout TrainingOptions) {
    if clipNorm != nil || clipValue != nil {
      options.clipping = GradientClipping(norm: clipNorm, value: clipValue)
    }
    options.earlyStopping = patience.map { EarlyStopping(patience: $0) } ?? options.earlyStopping
    options.weightAverageDecay = weightAverage
    options.statisticsBatches = statistics
    options.layerwiseDecay = layerDecay
    options.labelSmoothing = labelSmoothing ?? 0
    options.mixup = mixup ?? 0
    options.cutMix = cutmix ?? 0
  }
}
