import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

@Suite struct ObservationTests {
  let network = TinyNetwork.filled()
  let x = TinyNetwork.images()

  @Test func outputsAreSeenByPath() throws {
    let (logits, outputs) = observing("conv1", "bn1", "blocks.1", "blocks.2", "blocks.3", "blocks.3.1", "fc", "nothing")
    {
      network(x)
    }
    #expect(Set(outputs.keys) == ["conv1", "bn1", "blocks.1", "blocks.2", "blocks.3", "blocks.3.1", "fc"])
    #expect(logits.scalars == network(x).scalars, "looking changes nothing")
    #expect(outputs["fc"]?.scalars == logits.scalars)
    let convolved = convolution(
      x, weight: network.conv1.weight.tensor, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
    #expect(outputs["conv1"]?.scalars == convolved.scalars, "before the normalisation that follows it")
    let relued = try #require(outputs["blocks.1"])
    #expect(relued.shape == [5, 4, 8, 8] && relued.scalars.contains(0) && relued.scalars.allSatisfy { $0 >= 0 })
    #expect(outputs["blocks.2"]?.scalars == maxPool(relued, kernel: [2, 2], stride: [2, 2], padding: [0, 0]).scalars)
    #expect(outputs["blocks.3"]?.scalars == outputs["blocks.3.1"]?.scalars)
    let features = try #require(outputs["blocks.3"]).mean(over: [2, 3])
    expectClose(actual: network.fc(features).scalars, expected: logits.scalars.map(Double.init))
  }

  @Test func elementsOfASequenceAtTheTopHaveTheirNumbers() {
    let sequence = Sequential([Activation.relu, Flatten(), Activation.relu])
    sequence.initialize(seed: 0)
    let x = Tensor([-1, 2], shape: [1, 2])
    let (_, outputs) = observing("0", "1", "2") { sequence(x) }
    #expect(outputs.mapValues(\.scalars) == ["0": [0, 2], "1": [0, 2], "2": [0, 2]])
  }

  @Test func scopesNestAndEnd() {
    let (inner, outer) = observing("fc") {
      observing("conv1") { network(x) }
    }
    #expect(Set(inner.outputs.keys) == ["conv1"] && outer.isEmpty)
    let (_, after) = observing("fc") { network(x) }
    #expect(Set(after.keys) == ["fc"])
  }

  @Test func gradientsOfOutputsAreKept() throws {
    network.freezeBackbone()
    for mode in [Mode.inference, .training] {
      let noise = Noise(seed: 1, step: 1)
      let (_, gradients, outputs) = valueWithGradients(of: network, mode: mode, noise: noise) {
        let (logits, outputs) = observing("blocks.3", "fc") { network(x) }
        return (logits.sum(), outputs)
      }
      let (observedLogits, observedMaps) = (try #require(outputs["fc"]), try #require(outputs["blocks.3"]))
      let logits = try #require(gradients[observedLogits])
      #expect(logits.scalars == [Float](repeating: 1, count: 15))
      let maps = try #require(gradients[observedMaps])
      #expect(maps.shape == [5, 4, 4, 4])
      // d logits / d map = Σ over classes of the head's weight, shared among 16 positions.
      let weight = network.fc.weight.tensor.scalars
      let expected = (0..<5 * 4 * 16).map { index in
        (0..<3).reduce(0.0) { $0 + Double(weight[$1 * 4 + index / 16 % 4]) } / 16
      }
      expectClose(actual: maps.scalars, expected: expected, name: "\(mode)")
    }
  }

  @Test func observingATrainedPassChangesNoGradient() throws {
    let noise = Noise(seed: 1, step: 1)
    let copy = network.copy()
    let (_, seen, outputs) = valueWithGradients(of: network, noise: noise) {
      observing("conv1", "bn1", "blocks.3") { network.loss(x) }
    }
    let (_, plain) = valueWithGradients(of: copy, noise: noise) { copy.loss(x) }
    for (own, other) in zip(network.parameters, copy.parameters) {
      expectClose(
        actual: try #require(seen[own]).scalars, expected: try #require(plain[other]).scalars.map(Double.init),
        absolute: 1e-7, name: own.path)
    }
    for path in ["conv1", "bn1", "blocks.3"] {
      let output = try #require(outputs[path])
      let gradient = try #require(seen[output], "\(path)")
      #expect(gradient.scalars.contains { $0 != 0 })
    }
    #expect(network.bn1.numBatchesTracked.value == 1)
  }
}
