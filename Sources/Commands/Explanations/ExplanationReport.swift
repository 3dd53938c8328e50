import Aviary
import AviaryExplanations

/// What is told of the explanations of images, as lines and as JSON.
struct ExplanationReport {
  let method: ExplanationMethod
  let classes: [String]
  private(set) var lines: [String] = []
  private(set) var values: [JSONValue] = []
  private(set) var faults: [String] = []
  /// What is to be said of explanations that there are.
  private(set) var remarks: [String] = []

  /// Whether the network computes in integers.
  private let isQuantized: Bool

  init(method: ExplanationMethod, classes: [String], isQuantized: Bool) {
    self.method = method
    self.classes = classes
    self.isQuantized = isQuantized
  }

  /// What may bring the sum of the attributions closer to what they are of.
  private var advice: String {
    isQuantized
      ? "the outputs are computed in integers and the gradients in floats, which more --steps do not change: explain the network as it was before quantize"
      : "give more with --steps"
  }

  /// What a picture is headed by. Long names are cut off at their ends.
  func titles(_ explanation: ImageExplanation) -> (String, String) {
    (
      "\(percent(explanation.probability)) \(classes[explanation.output])",
      method.rawValue + (explanation.layer.map { " of \($0)" } ?? "")
    )
  }

  mutating func add(_ fault: String, image: String) {
    faults.append(fault)
    lines += [image, "  not explained"]
    values.append(.members(["image": .text(image), "error": .text(fault)]))
  }

  mutating func add(
    _ explanation: ImageExplanation, image: String, _ paths: (picture: String, numbers: String)
  ) {
    let (title, subtitle) = titles(explanation)
    lines += [image, "  \(title), \(subtitle): \(paths.picture), \(paths.numbers)"]
    if let remark = flatRemark(
      explanation.attributions.scalars, by: method.rawValue, of: classes[explanation.output])
    {
      remarks.append("\(image): \(remark)")
    }
    var members: [JSONValue.Member] = [
      .init("image", .text(image)), .init("class", .text(classes[explanation.output])),
      .init("probability", .real(explanation.probability)), .init("method", .text(method.rawValue)),
    ]
    if let layer = explanation.layer { members.append(.init("layer", .text(layer))) }
    members += [.init("picture", .text(paths.picture)), .init("numbers", .text(paths.numbers))]
    if let state = explanation.completeness {
      lines.append(
        "  the attributions sum up to \(significant(state.sum, 4)) of \(significant(state.difference, 4)), an error of "
          + "\(percent(state.error)), in \(counted(state.steps, "step"))"
          + (state.error > 0.01 ? "; \(advice)" : ""))
      members.append(
        .init(
          "completeness",
          .members([
            "sum": .real(state.sum), "difference": .real(state.difference),
            "error": state.error.isFinite ? .real(state.error) : .null, "steps": .integer(state.steps),
          ])))
    }
    if let sanity = explanation.sanity { add(sanity, of: explanation, to: &members) }
    values.append(.object(members))
  }

  private mutating func add(
    _ sanity: SanityCheck, of explanation: ImageExplanation, to members: inout [JSONValue.Member]
  ) {
    lines += table(
      sanity.stages.map { ["  ", "random from \($0.layer) on", fixed($0.correlation, 2)] }, right: [2])
    if let correlation = sanity.correlation {
      lines.append(
        "  the mean rank correlation with maps of random weights is \(fixed(correlation, 2)): "
          + (sanity.dependsOnWeights == true
            ? "it depends on what the network has learned"
            : "it hardly depends on what the network has learned, and does not explain the decision"))
    } else {
      lines.append(
        "  \(explanation.isFlat ? "the map is the same everywhere" : "the network has no weights"): there is nothing to "
          + "compare with maps of random weights")
    }
    members.append(
      .init(
        "sanity",
        .members([
          "depends_on_weights": sanity.dependsOnWeights.map { .boolean($0) } ?? .null,
          "correlation": sanity.correlation.map { .real($0) } ?? .null,
          "stages": .array(
            sanity.stages.map { .members(["layer": .text($0.layer), "correlation": .real($0.correlation)]) }),
        ])))
  }
}
