import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryExplanations

@Suite struct SanityCheckTests {
  private let x = GoldenNetworks.x

  private func check<Model: UnaryLayer>(
    _ model: Model, mostStages: Int = 10, _ explain: (Explainer) throws(ExplanationFault) -> Tensor
  ) throws -> SanityCheck {
    try SanityCheck(
      randomizing: model, seed: 3, mostStages: mostStages, run: { _ = $0(x) },
      explain: { model throws(ExplanationFault) in try explain(Explainer(model)) })
  }

  private func residual() throws -> GoldenNetworks.Residual {
    try #require(GoldenNetworks.named("residual") as? GoldenNetworks.Residual)
  }

  @Test func layersBecomeRandomFromTheOutputOn() throws {
    let model = try residual()
    let before = model.parameters.map { $0.tensor.scalars }
    let stages = try check(model) { explainer throws(ExplanationFault) in try explainer.saliency(x, 1) }.stages
    #expect(stages.count <= 10 && stages.first?.layer != "conv1" && stages.last?.layer == "conv1")
    for (old, parameter) in zip(before, model.parameters) {
      #expect(parameter.tensor.scalars != old, "\(parameter.path) is the trained one")
    }
    let all = try check(residual(), mostStages: 100) { explainer throws(ExplanationFault) in
      try explainer.saliency(x, 1)
    }
    #expect(
      all.stages.map(\.layer) == [
        "fc", "layer2.downsample.1", "layer2.downsample.0", "layer2.bn2", "layer2.conv2", "layer2.bn1", "layer2.conv1",
        "layer1.bn2", "layer1.conv2", "layer1.bn1", "layer1.conv1", "bn1", "conv1",
      ])
    #expect(all.stages.last?.correlation == stages.last?.correlation)
  }

  /// A gradient depends on the weights; what only looks at the input does not.
  @Test func whatIgnoresTheModelIsFoundOut() throws {
    let gradient = try check(residual()) { explainer throws(ExplanationFault) in
      try explainer.saliency(x, GoldenNetworks.target)
    }
    #expect(abs(gradient.stages.last?.correlation ?? 1) < 0.5)
    let edges = try check(residual()) { _ throws(ExplanationFault) in x }
    #expect(edges.dependsOnWeights == false)
    let (flat, deep) = (try #require(edges.correlation), try #require(gradient.correlation))
    #expect(flat > 0.999 && deep < flat)
    #expect(edges.stages.allSatisfy { $0.correlation > 0.999 })
  }

  /// The mean counts: the sign of a map of few places, or one stage, says little.
  @Test func theMeanOfTheStagesDecides() {
    func check(_ correlations: [Double]) -> SanityCheck {
      SanityCheck(stages: correlations.map { SanityCheck.Stage(layer: "", correlation: $0) })
    }
    #expect(check([0.8, 0.6, -0.3, -0.8]).dependsOnWeights == true)
    #expect(check([0.99, 0.96, 0.8, 0.2]).dependsOnWeights == false)
    #expect(check([]).correlation == nil && check([]).dependsOnWeights == nil)
  }

  /// A map that is the same everywhere, such as the gradient behind a dead relu, has no ranks.
  @Test func aFlatMapIsNotCompared() throws {
    for value in [Float(0), 2] {
      let found = try check(residual()) { _ throws(ExplanationFault) in Tensor(zerosLike: x) + value }
      #expect(found.stages.isEmpty && found.dependsOnWeights == nil)
    }
  }

  /// A head that begins as zeros would leave a map of zeros.
  @Test func whatBeginsAsZerosBecomesRandom() throws {
    let model = GoldenNetworks.attention()
    model.initialize(seed: 5)
    for parameter in model.parameters where parameter.tensor.scalars.allSatisfy({ $0 == 0 }) {
      parameter.assign(GoldenNetworks.formula(parameter.shape, 9))
    }
    let found = try check(model) { explainer throws(ExplanationFault) in try explainer.saliency(x, 1) }
    #expect(found.stages.count > 3)
    let head = try #require(model.namedParameters().first { $0.path == "heads.head.weight" }?.parameter)
    #expect(Set(head.tensor.scalars).count > 10)
    #expect(found.stages.contains { $0.correlation != 0 })
  }

  @Test func ranksAreSpearmans() throws {
    #expect(rankCorrelation([1, 2, 3], [10, 20, 300]) == 1)
    #expect(rankCorrelation([1, 2, 3], [3, 2, 1]) == -1)
    // scipy.stats.spearmanr([1, 2, 2, 5, 0, 7], [3, 3, 1, 9, -2, 4])
    let correlation = try #require(rankCorrelation([1, 2, 2, 5, 0, 7], [3, 3, 1, 9, -2, 4]))
    #expect(abs(correlation - 0.808823529411765) < 1e-12)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil)
  }
}
