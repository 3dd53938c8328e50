import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

@Suite struct ObservationTests {
  let network = TinyNetwork.filled()
  let x = TinyNetwork.images()

  @Test func outputsAreSeenByPath() throws {
    let (logits, outputs) = observing(
      ["conv1", "bn1", "blocks.1", "blocks.2", "blocks.3", "blocks.3.1", "fc"], of: network
    ) { network(x) }
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
    let (_, outputs) = observing(["0", "1", "2"], of: sequence) { sequence(x) }
    #expect(outputs.mapValues(\.scalars) == ["0": [0, 2], "1": [0, 2], "2": [0, 2]])
  }

  struct Wrapped: Layer {
    let backbone: TinyNetwork
    let twin: TinyNetwork
  }

  @Test func pathsAreThoseOfTheModelThatIsLookedAt() {
    let wrapped = Wrapped(backbone: network, twin: network.copy())
    let (_, outputs) = observing(["backbone.fc", "twin.conv1"], of: wrapped) { (network(x), wrapped.twin(x)) }
    #expect(Set(outputs.keys) == ["backbone.fc", "twin.conv1"])
    let (_, own) = observing(["fc"], of: network) { network(x) }
    #expect(own.keys.contains("fc"), "the wrapper leaves no trace")
  }

  @Test func aPathThatDoesNotExistIsRefused() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let network = TinyNetwork.filled()
      _ = observing(["conv1", "layer9"], of: network) { network(TinyNetwork.images()) }
    }
    expect(result, "observing: unknown layer 'layer9'; the model has conv1, bn1")
  }

  struct Backwards: UnaryLayer {
    let last = Linear(3, 2)
    let norm = BatchNorm1d(3)
    let drop = Dropout(0.5)
    let first = Linear(4, 3)

    func forward(_ x: Tensor) -> Tensor { last(norm(drop(first(x)))) }
  }

  @Test func layersAreListedInTheOrderOfTheirCalls() {
    let model = Backwards()
    model.initialize(seed: 1)
    let rows = Tensor(zeros: [2, 4])
    let order = model.executionOrder { _ = model(rows) }.map(\.path)
    #expect(order == ["first", "drop", "norm", "last", ""])
    #expect(model.namedLayers.map(\.path) == ["", "last", "norm", "drop", "first"])
  }

  @Test func scopesNestAndEnd() {
    let (inner, outer) = observing(["fc"], of: network) {
      observing(["conv1"], of: network) { network(x) }
    }
    #expect(Set(inner.outputs.keys) == ["conv1"] && Set(outer.keys) == ["fc"], "each sees what it asked for")
    let other = TinyNetwork.filled()
    let (_, hidden) = observing(["fc"], of: network) {
      observing(["fc"], of: other) { (other(x), network(x)) }
    }
    #expect(hidden.isEmpty, "a scope of another model hides those around it")
    let (_, after) = observing(["fc"], of: network) { network(x) }
    #expect(Set(after.keys) == ["fc"])
  }

  @Test func aReplacedOutputHidesNoLayer() {
    let model = Backwards()
    model.initialize(seed: 1)
    let (rows, kept) = (Tensor(zeros: [2, 4]), Tensor(ones: [2, 3]))
    func other(_: Tensor) -> Tensor { kept }
    func resumed() { model.replacingOutput(of: "first", by: other) { _ = model(rows).scalars } }
    let calls = model.layerCalls(keepingOutputs: true) { resumed() }
    #expect(calls.map(\.path) == ["first", "drop", "norm", "last", ""])
    #expect(calls.first?.output?.scalars == kept.scalars, "the output that the rest was computed from")
    #expect(model.dropsBeforeNormalizing { resumed() })
  }

  @Test func gradientsOfOutputsAreKept() throws {
    network.freezeBackbone()
    for mode in [Mode.inference, .training] {
      let noise = Noise(seed: 1, step: 1)
      let (_, gradients, outputs) = valueWithGradients(of: network, mode: mode, noise: noise) {
        let (logits, outputs) = observing(["blocks.3", "fc"], of: network) { network(x) }
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
      observing(["conv1", "bn1", "blocks.3"], of: network) { network.loss(x) }
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
