import ArgumentParser
import Aviary
import AviaryPictures

/// `layer4@3,layer3@6`: layers that are trained from an epoch on.
struct UnfreezeArgument: ExpressibleByArgument, Sendable {
  let layers: [Unfreezing]

  init?(argument: String) {
    var layers: [Unfreezing] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let at = part.lastIndex(of: "@"), let epoch = Int(part[part.index(after: at)...]),
        (1...100_000).contains(epoch)
      else { return nil }
      let pattern = trimmed(part[..<at])
      guard (try? LayerPattern(pattern)) != nil else { return nil }
      layers.append(Unfreezing(pattern, from: epoch))
    }
    self.layers = layers
  }
}

/// What happens in single epochs.
struct EpochArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep the weights of every n-th epoch in RUN/epoch-003.h5 and so on; evaluate RUN --epochs scores them all (none).",
      valueName: "n"))
  var saveEvery: Int?
  @Option(
    help: ArgumentHelp(
      "Frozen layers that are trained from an epoch on, such as layer4@3,layer3@6; without --freeze and --train, the backbone is frozen at first. --layer-decay gives deeper layers smaller rates.",
      valueName: "layer@epoch,..."))
  var unfreeze: UnfreezeArgument?

  @Option(
    help: ArgumentHelp(
      "Instead of training, try growing learning rates for 100 steps, draw their losses into this .png or .svg file, and suggest one.",
      valueName: "file"))
  var findLearningRate: String?

  func validate() throws {
    try checkOption("--find-learning-rate", findLearningRate, "a .png or .svg file") { Drawing.Format(path: $0) != nil }
    try checkOption("--save-every", saveEvery, in: 1...100_000)
  }

  /// Refuses what would happen after the last epoch alone.
  func checkReached(epochs: Int) throws(ValidationError) {
    if let saveEvery, saveEvery > epochs {
      throw ValidationError(
        "--save-every \(saveEvery) is never reached: the run ends after epoch \(epochs); give --epochs \(saveEvery) or more"
      )
    }
    guard let late = unfreeze?.layers.first(where: { $0.epoch > epochs }) else { return }
    throw ValidationError(
      "--unfreeze \(late.layers)@\(late.epoch) is never reached: the run ends after epoch \(epochs); give --epochs \(late.epoch) or more"
    )
  }

  func apply(to options: inout TrainingOptions) {
    options.saveEvery = saveEvery
    options.unfreezing = unfreeze?.layers ?? []
  }
}
