import ArgumentParser
import Aviary
import AviaryArchives

extension Sampler: OptionWord {
  public var word: String { rawValue }
}

/// `balanced`, or a file of weights.
struct ClassWeightsArgument: ExpressibleByArgument, Sendable {
  let text: String

  init?(argument: String) {
    if argument.isEmpty { return nil }
    text = argument
  }

  var weights: ClassOptions.Weights {
    get throws(TrainingFault) {
      if text == "balanced" { return .balanced }
      return try ClassOptions.Weights(file: text)
    }
  }
}

/// What is done about classes that are rare, or whose labels are uncertain.
struct ClassArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The weights of the classes in the loss: balanced (as scikit-learn's), or a file with a line class,weight for each (none).",
      valueName: "balanced|file"))
  var classWeights: ClassWeightsArgument?
  @Option(
    help: ArgumentHelp(
      "The items of an epoch: each once (uniform), drawn so that all classes are equally frequent (balanced), or the classes by turns (class-aware) (uniform).",
      valueName: "name"))
  var sampler: Sampler?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Learn with x times the logarithm of the classes' shares added to the logits, and predict without, so that rare classes are not disadvantaged; 1 is usual (none).",
      valueName: "x"))
  var logitAdjustment: Double?
  @Option(
    help: ArgumentHelp(
      "In the end, choose thresholds of the classes by this score of the validation part: macro-f1, balanced-accuracy or accuracy; predict, evaluate, explain, show and serve apply them (none).",
      valueName: "score"))
  var thresholds: Monitor?
  @Option(
    name: .customLong("top-k"), parsing: .unconditional,
    help: ArgumentHelp(
      "Also score how often the right class is among the k most probable ones; --monitor top-k watches it (none).",
      valueName: "k"))
  var topK: Int?

  func validate() throws {
    try checkOption("--logit-adjustment", logitAdjustment, "from 0 to 100") { (0...100).contains($0) }
    try checkOption("--top-k", topK, in: 1...1_000_000)
    try checkOption("--thresholds", thresholds?.rawValue, "accuracy, macro-f1 or balanced-accuracy") { _ in
      thresholds?.isThresholdCriterion ?? true
    }
  }

  func apply(to options: inout TrainingOptions) throws {
    do throws(TrainingFault) {
      options.classes.weights = try classWeights?.weights
    } catch {
      throw ValidationError("--class-weights: \(error)")
    }
    options.classes.sampler = sampler ?? options.classes.sampler
    options.classes.logitAdjustment = logitAdjustment
    options.classes.thresholds = thresholds
    options.classes.topK = topK
  }
}
