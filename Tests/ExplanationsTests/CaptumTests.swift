import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryExplanations

/// Captum's values on the same weights.
@Suite struct CaptumTests {
  let goldens: Goldens

  init() throws { goldens = try Goldens("explanations", of: "ExplanationsTests") }

  private func expect(
    _ found: Tensor, _ key: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    expectClose(
      actual: found.scalars, shape: found.shape, golden: try goldens.array(key), relativeL2: gradientTolerance,
      name: key,
      sourceLocation: sourceLocation)
  }

  private var x: Tensor { GoldenNetworks.x }
  private var target: Explainer.Target { GoldenNetworks.target }

  @Test(arguments: GoldenNetworks.names) func gradients(_ name: String) throws {
    let explainer = GoldenNetworks.explainer(name)
    try expect(inference { explainer.outputs(x) }, "\(name)/outputs")
    try expect(explainer.saliency(x, target, magnitude: false), "\(name)/saliency")
    let magnitudes = try explainer.saliency(x, target)
    #expect(magnitudes.scalars == abs(try explainer.saliency(x, target, magnitude: false)).scalars)
    try expect(explainer.inputTimesGradient(x, target), "\(name)/inputxgradient")
    if name == "attention" {
      #expect(throws: ExplanationFault.noRelu) { try explainer.guidedBackpropagation(x, target) }
    } else {
      try expect(explainer.guidedBackpropagation(x, target), "\(name)/guided")
    }
    // Nothing of the rule stays behind.
    try expect(explainer.saliency(x, target, magnitude: false), "\(name)/saliency")
  }

  @Test(arguments: GoldenNetworks.names) func integratedGradients(_ name: String) throws {
    let explainer = GoldenNetworks.explainer(name)
    let found = try explainer.integratedGradients(x, target)
    try expect(found.attributions, "\(name)/ig")
    let deltas = try goldens.array("\(name)/ig-delta").values
    for (state, delta) in zip(found.completeness, deltas) {
      #expect(abs(state.sum - state.difference - delta) < 1e-5 * max(1, abs(state.difference)))
      #expect(state.steps == 50 && state.error == abs(state.sum - state.difference) / abs(state.difference))
    }
    let other = try explainer.integratedGradients(x, target, baseline: GoldenNetworks.base, steps: 9)
    try expect(other.attributions, "\(name)/ig-baseline")
  }

  @Test func riemannsSums() throws {
    let explainer = GoldenNetworks.explainer("residual")
    for (rule, name) in [
      (Quadrature.riemannLeft, "left"), (.riemannRight, "right"), (.riemannMiddle, "middle"),
      (.riemannTrapezoid, "trapezoid"),
    ] {
      let found = try explainer.integratedGradients(x, target, steps: 6, rule: rule)
      try expect(found.attributions, "residual/ig-\(name)")
    }
  }

  @Test(arguments: [1, 2, 7, 50, 301]) func quadrature(_ count: Int) throws {
    let golden = try goldens.array("quadrature/\(count)").values
    for (index, point) in Quadrature.gaussLegendre.points(count).enumerated() {
      #expect(abs(point.place - golden[index]) < 1e-12 && abs(point.weight - golden[count + index]) < 1e-12)
    }
  }

  @Test(arguments: GoldenNetworks.names) func smoothGrad(_ name: String) throws {
    let explainer = GoldenNetworks.explainer(name)
    // Captum's copies of an input come one after the other.
    let noise = GoldenNetworks.formula([8, 3, 12, 12], 7) * 0.25
    for (key, magnitude) in [("smoothgrad", true), ("smoothgrad-signed", false)] {
      let maps = try [2, 0].enumerated().map { place, output in
        try explainer.smoothed(
          x.slice(axis: 0, from: place, to: place + 1), output, samples: 4, magnitude: magnitude
        ) { noise.slice(axis: 0, from: 4 * place + $0, to: 4 * place + $0 + 1) }
      }
      try expect(concatenated(maps, axis: 0), "\(name)/\(key)")
    }
  }

  @Test(arguments: GoldenNetworks.names) func occlusion(_ name: String) throws {
    let explainer = GoldenNetworks.explainer(name)
    try expect(explainer.occlusion(x, target, window: [3, 4, 4]), "\(name)/occlusion")
    let grey = Tensor(repeating: 0.3, shape: [1, 3, 12, 12])
    try expect(
      explainer.occlusion(x, target, window: [2, 5, 3], stride: [1, 3, 2], baseline: grey),
      "\(name)/occlusion-overlapping")
  }

  @Test(arguments: GoldenNetworks.names) func gradCAM(_ name: String) throws {
    let explainer = GoldenNetworks.explainer(name)
    let keys = goldens.arrays(under: "\(name)/gradcam").keys.sorted()
    #expect(keys.count >= 3)
    for layer in keys {
      let signed = try explainer.gradCAM(x, target, layer: layer, rectified: false)
      #expect(signed.layer == layer)
      try expect(signed.values, "\(name)/gradcam/\(layer)")
      let rectified = try explainer.gradCAM(x, target, layer: layer)
      #expect(rectified.values.scalars == signed.values.scalars.map { max($0, 0) })
    }
  }

  @Test func mapsBecomeLarger() throws {
    let small = GoldenNetworks.formula([1, 3, 4], 70)
    let large = resampled(small, height: 8, width: 11)
    expectClose(actual: large.scalars, shape: large.shape, golden: try goldens.array("resampled"))
    #expect(resampled(small, height: 3, width: 4).scalars == small.scalars)
  }
}
