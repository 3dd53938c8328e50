import Aviary

extension Checkpoint.Metadata {
  /// Which class is predicted, after a line that says so where the checkpoint has thresholds.
  ///
  /// - Parameter path: the checkpoint's.
  func announcedDecision(_ path: String) -> ClassDecision {
    let decision = decision
    if let thresholds = decision.thresholds, let classes {
      tell(
        "\(path): classes are predicted by the thresholds that its training chose by \(thresholds.criterion.rawValue): "
          + thresholds.described(classes))
    }
    return decision
  }

  /// What a file without them loses; nil where there are none.
  func lostThresholds(_ output: String) -> String? {
    thresholds.map {
      "the class thresholds are not applied by what reads \(output), which predicts the most probable class: "
        + $0.described(classes ?? [])
    }
  }
}

extension EnsembleSource {
  /// Says which class all networks predict together, where one of them has thresholds.
  func announceDecision(_ rule: EnsembleRule, _ weights: EnsembleWeights) {
    let heard = paths.indices.filter { weights.values[$0] > 0 }
    let (having, lacking) = (
      heard.filter { decisions[$0].thresholds != nil }, heard.filter { decisions[$0].thresholds == nil }
    )
    guard let first = having.first else { return }
    if rule == .vote { return tell("each checkpoint votes for the class that it predicts by its own thresholds") }
    if let thresholds = rule.decision(of: decisions, weights: weights.values).thresholds {
      let name = heard.count == 1 ? paths[first] : "all \(heard.count) checkpoints"
      return tell(
        "\(name): classes are predicted by the thresholds that training chose by \(thresholds.criterion.rawValue): "
          + thresholds.described(classes))
    }
    let reason =
      lacking.first.map { "\(paths[first]) has class thresholds, and \(paths[$0]) has none" }
      ?? "the checkpoints have different class thresholds"
    tell("\(reason): together they predict the class of the greatest mean, each by itself that of its own thresholds")
  }
}

extension [Float] {
  /// Probabilities as they are with a temperature; with none, as they are.
  func scaled(_ temperature: Double?) -> [Float] {
    temperature == nil ? self : map { Double($0) }.scaled(temperature).map { Float($0) }
  }
}

extension [Double] {
  /// Probabilities as they are with a temperature; with none, as they are.
  func scaled(_ temperature: Double?) -> [Double] {
    temperature.map { TemperatureScaling.scaled(self, temperature: $0) } ?? self
  }
}
