import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryExplanations

@Suite struct ExplainerTests {
  private let x = GoldenNetworks.x
  private let residual = GoldenNetworks.explainer("residual")

  @Test func theHighestOutputIsTheDefault() throws {
    let chosen = try residual.chosen(.highest, for: x)
    let logits = inference { residual.outputs(x) }
    #expect(chosen == logits.argmax())
    #expect(try residual.saliency(x).scalars == residual.saliency(x, .outputs(chosen)).scalars)
    #expect(try residual.saliency(x, 1).scalars == residual.saliency(x, .outputs([1, 1])).scalars)
  }

  /// Batches only bound the memory.
  @Test func batchesChangeNothing() throws {
    var narrow = residual
    narrow.batchSize = 1
    let target = GoldenNetworks.target
    func compare(_ explain: (Explainer) throws -> Tensor) throws {
      expectClose(
        actual: try explain(narrow).scalars, expected: try explain(residual).scalars.map(Double.init), relativeL2: 1e-5)
    }
    try compare { try $0.saliency(x, target) }
    try compare { try $0.gradCAM(x, target, layer: "layer1").values }
    try compare { try $0.smoothGrad(x, target, samples: 3, seed: 4) }
    try compare { try $0.occlusion(x, target, window: [3, 6, 6]) }
    try compare { try $0.integratedGradients(x, target, steps: 5).attributions }
  }

  @Test func noiseIsKeyedByItsSeed() throws {
    func map(_ seed: UInt64, _ noise: Explainer.Smoothing = .ofRange(0.2)) throws -> [Float] {
      try residual.smoothGrad(x, 1, samples: 2, noise: noise, seed: seed).scalars
    }
    #expect(try map(1) == map(1))
    #expect(try map(1) != map(2))
    let plain = try residual.saliency(x, 1).scalars
    expectClose(actual: try map(1, .deviation(0)), expected: plain.map(Double.init))
  }

  /// The rest of what the default number of steps leaves is what more steps take away.
  @Test func stepsAreDoubledUntilTheSumIsRight() throws {
    let target = GoldenNetworks.target
    let coarse = try residual.integratedGradients(x, target, steps: 2)
    #expect(coarse.completeness.contains { $0.error > 0.01 })
    let fine = try residual.integratedGradients(x, target, steps: 2, tolerance: 0.01)
    #expect(fine.completeness.allSatisfy { $0.error <= 0.01 && $0.steps <= 800 })
    #expect(zip(fine.completeness, coarse.completeness).contains { $0.steps > $1.steps })
    let bounded = try residual.integratedGradients(x, target, steps: 2, tolerance: 0, mostSteps: 9)
    #expect(bounded.completeness.allSatisfy { $0.steps == 8 })
  }

  /// The points of more steps than these would take longer than their gradients.
  @Test func stepsAreBounded() throws {
    let most = Quadrature.mostPoints
    #expect(throws: ExplanationFault.outOfRange(name: "steps", value: "\(most + 1)", allowed: "1 to \(most)")) {
      try residual.integratedGradients(x, 1, steps: most + 1)
    }
  }

  @Test func rowsAndSequencesHaveExplanationsToo() throws {
    let model = Sequential([Linear(6, 5), Activation.relu, Linear(5, 2)])
    model.initialize(seed: 3)
    let rows = GoldenNetworks.formula([3, 6], 9)
    let explainer = Explainer(model)
    #expect(try explainer.occlusion(rows, 1, window: [1]).shape == [3, 6])
    #expect(try explainer.guidedBackpropagation(rows, 1).shape == [3, 6])
    #expect(throws: ExplanationFault.noFeatureMap) { try explainer.gradCAM(rows, 1) }
    let lines = Sequential([Conv1d(2, 4, kernel: 3), Activation.relu, Flatten(), Linear(20, 3)])
    lines.initialize(seed: 3)
    let map = try Explainer(lines).gradCAM(GoldenNetworks.formula([2, 2, 7], 9), 1)
    #expect(map.values.shape == [2, 5] && map.layer == "1")
  }

  // MARK: Layers

  @Test func theLastMapBeforeTheHeadIsTheDefault() throws {
    #expect(try residual.gradCAM(x, 1).layer == "layer2")
    #expect(try GoldenNetworks.explainer("plain").gradCAM(x, 1).layer == "5")
    let fire = try Registry.zoo.architecture(named: "squeezenet-toy").buildClassifier()
    func layer(_ model: some Classifier, _ size: Int) throws -> String {
      model.initialize(seed: 1)
      return try Explainer(model).featureLayer(for: GoldenNetworks.formula([1, 3, size, size], 3))
    }
    #expect(try layer(fire, 64) == "features", "not the maps of classes in the head")
  }

  /// The output depends on the last block through the class token alone.
  @Test func transformersAreExplainedByWhatTheLastAttentionSees() throws {
    let map = try GoldenNetworks.explainer("attention").gradCAM(x, GoldenNetworks.target)
    #expect(map.layer == "encoder.layers.encoder_layer_1.ln_1")
    #expect(map.values.shape == [2, 3, 3])
  }

  @Test func positionsAreFoundByTheirProportions() {
    let image = [2, 3, 224, 224]
    #expect(FeatureLayout([2, 512, 7, 7], input: image) == .channelsFirst)
    #expect(FeatureLayout([2, 7, 7, 768], input: image) == .channelsLast)
    #expect(FeatureLayout([2, 7, 7, 7], input: image) == .channelsFirst)
    #expect(FeatureLayout([2, 197, 768], input: image) == .tokens(before: 1, grid: [14, 14]))
    #expect(FeatureLayout([2, 198, 768], input: image) == .tokens(before: 2, grid: [14, 14]))
    #expect(FeatureLayout([2, 49, 96], input: image) == .tokens(before: 0, grid: [7, 7]))
    #expect(FeatureLayout([2, 7, 96], input: image) == nil)
    #expect(FeatureLayout([2, 1000], input: image) == nil)
    #expect(FeatureLayout([128, 49, 96], input: image) == nil, "windows of several images")
    #expect(FeatureLayout([2, 15, 20, 96], input: [2, 3, 120, 160]) == .channelsLast)
    #expect(FeatureLayout([2, 1 + 15 * 20, 96], input: [2, 3, 120, 160]) == .tokens(before: 1, grid: [15, 20]))
  }

  // MARK: Faults

  @Test func whatCannotBeExplainedIsSaid() throws {
    #expect(throws: ExplanationFault.noOutput(4, count: 4)) { try residual.saliency(x, 4) }
    #expect(throws: ExplanationFault.noOutput(-1, count: 4)) { try residual.gradCAM(x, .outputs([0, -1])) }
    #expect(throws: ExplanationFault.noLayer(path: "layer3", near: "layer1")) {
      try residual.gradCAM(x, 1, layer: "layer3")
    }
    #expect(throws: ExplanationFault.noMap(path: "fc", shape: [2, 4])) { try residual.gradCAM(x, 1, layer: "fc") }
    for (window, stride) in [
      ([3, 13, 2], [3, 2, 2]), ([3, 4, 4], [3, 5, 4]), ([4, 4], [4, 4]), ([3, 0, 4], [3, 1, 4]),
    ] {
      #expect(throws: ExplanationFault.window(window, stride: stride, input: [3, 12, 12])) {
        try residual.occlusion(x, 1, window: window, stride: stride)
      }
    }
    #expect(throws: ExplanationFault.self) { try residual.integratedGradients(x, 1, steps: 0) }
    #expect(throws: ExplanationFault.self) { try residual.integratedGradients(x, 1, steps: 1, rule: .riemannLeft) }
    #expect(throws: ExplanationFault.self) { try residual.smoothGrad(x, 1, samples: 0) }
    #expect(throws: ExplanationFault.notFinite) { try residual.saliency(x * .infinity, 1) }
    let maps = Sequential([Conv2d(3, 2, kernel: 3)])
    maps.initialize(seed: 1)
    #expect(throws: ExplanationFault.outputs(shape: [2, 2, 10, 10], inputs: 2)) { try Explainer(maps).saliency(x) }
  }
}
