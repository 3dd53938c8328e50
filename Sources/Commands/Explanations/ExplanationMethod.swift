import ArgumentParser
import AviaryExplanations

/// A way to explain a decision, by its name on the command line.
enum ExplanationMethod: String, CaseIterable, ExpressibleByArgument {
  case gradcam, saliency, inputxgradient, ig, smoothgrad, guided, occlusion, permutation
}

/// Where an integration begins, or what an occlusion covers with.
enum BaselineName: String, CaseIterable, ExpressibleByArgument {
  /// Zeros of the network's input: the mean colour of a normalised photograph.
  case zero
  /// A picture of that colour, prepared as the photographs are.
  case black, white
}

/// The settings of the methods.
struct ExplanationSettings: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "gradcam: the layer whose feature maps are weighted (the last before the head).", valueName: "path"))
  var layer: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "ig: the number of gradients (50, doubled up to 800 until the sum is right to 1 %).", valueName: "n"))
  var steps: Int?
  @Option(
    help: ArgumentHelp(
      "ig, occlusion: what stands for nothing: zeros of the network's input, or a black or white picture (zero).",
      valueName: "name"))
  var baseline: BaselineName?
  @Option(parsing: .unconditional, help: ArgumentHelp("smoothgrad: the number of noisy copies (25).", valueName: "n"))
  var samples: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "smoothgrad: the noise's standard deviation as a share of the range of the input's values (0.15).", valueName: "x"
    ))
  var noise: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "occlusion: the side of the covering square in pixels (an eighth of the image's).", valueName: "n")
  )
  var patch: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("occlusion: how far the square moves, at most its side (half of it).", valueName: "n"))
  var stride: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("permutation: how often each column is shuffled (5).", valueName: "n"))
  var repeats: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The seed of noise, shuffling and random weights (0).", valueName: "n"))
  var seed: UInt64?

  func validate() throws {
    try checkOption("--steps", steps, in: 1...Quadrature.mostPoints)
    try checkOption("--samples", samples, in: 1...100_000)
    try checkOption("--noise", noise, "from 0 to 100") { $0 >= 0 && $0 <= 100 }
    try checkOption("--patch", patch, in: 1...8192)
    try checkOption("--stride", stride, in: 1...8192)
    try checkOption("--repeats", repeats, in: 1...10_000)
    if let patch, let stride, stride > patch {
      throw ValidationError("--stride \(stride) is out of range; it must be at most --patch, \(patch)")
    }
  }

  /// Refuses options of other methods, which would do nothing.
  func check(for method: ExplanationMethod, sanity: Bool) throws(ValidationError) {
    let given: [(name: String, isGiven: Bool, methods: [ExplanationMethod])] = [
      ("--layer", layer != nil, [.gradcam]), ("--steps", steps != nil, [.ig]),
      ("--baseline", baseline != nil, [.ig, .occlusion]), ("--samples", samples != nil, [.smoothgrad]),
      ("--noise", noise != nil, [.smoothgrad]), ("--patch", patch != nil, [.occlusion]),
      ("--stride", stride != nil, [.occlusion]), ("--repeats", repeats != nil, [.permutation]),
    ]
    if let lost = given.first(where: { $0.isGiven && !$0.methods.contains(method) }) {
      throw ValidationError("\(lost.name) is for --method \(lost.methods.map(\.rawValue).joined(separator: " and "))")
    }
    if seed != nil, !sanity, ![.smoothgrad, .permutation].contains(method) {
      throw ValidationError("--seed is for --method smoothgrad and permutation, and for --sanity")
    }
  }
}
