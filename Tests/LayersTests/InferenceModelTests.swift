import AviaryTensors
import Testing

@testable import AviaryLayers

@Suite struct InferenceModelTests {
  @Test func manyTasksGetWhatOneGets() async {
    let network = TinyNetwork.filled()
    let model = network.frozenForInference()
    let expected = (0..<8).map { network(TinyNetwork.images(4, seed: UInt64($0))).scalars }
    await withTaskGroup(of: (Int, [Float]).self) { group in
      for task in 0..<64 {
        group.addTask { (task % 8, model(TinyNetwork.images(4, seed: UInt64(task % 8))).scalars) }
      }
      var answers = 0
      for await (seed, logits) in group {
        #expect(logits == expected[seed])
        answers += 1
      }
      #expect(answers == 64)
    }
  }

  @Test func trainingTheOriginalDoesNotChangeIt() {
    let network = TinyNetwork.filled()
    let model = network.frozenForInference()
    let x = TinyNetwork.images()
    let before = model(x).scalars
    for parameter in network.parameters { parameter.assign(parameter.tensor * 2) }
    #expect(model(x).scalars == before)
    #expect(withMode(.training) { model(x).scalars } == before, "it predicts wherever it is called")
  }

  /// A model that is no network, whose signature is its own.
  struct Comparison: Layer {
    let embed = Linear(2, 3)
    let norm = LayerNorm(3)
    let scale: Linear

    init() { scale = Linear(3, 1) }

    func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor { scale(norm(embed(a)) * norm(embed(b))) }
  }

  @Test func anyLayerCanBeFrozenAndCopied() async throws {
    let model = Comparison()
    model.initialize(seed: 3)
    let (a, b) = (Tensor([1, 2], shape: [1, 2]), Tensor([3, -1], shape: [1, 2]))
    let before = model(a, b).scalars
    let frozen = model.frozenForInference()
    let twin = model.copy(Comparison())
    for parameter in model.parameters { parameter.assign(parameter.tensor * 2 + 1) }
    #expect(model(a, b).scalars != before)
    #expect(twin(a, b).scalars == before && twin.embed.weight.path == "embed.weight")
    let answers = await withTaskGroup(of: [Float].self) { group in
      for _ in 0..<16 { group.addTask { frozen.run { $0(a, b).scalars } } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers == Array(repeating: before, count: 16))
    // Training goes on beside it, through the same layers.
    let (_, gradients) = valueWithGradients(of: model) { model(a, b).sum() }
    #expect(gradients[model.scale.bias!] != nil && frozen.run { $0(a, b).scalars } == before)
  }

  @Test func aRequestThatDoesNotFitIsAnError() {
    let erased: any Classifier = TinyNetwork.filled()
    let model = erased.frozenForInference()
    #expect(throws: ConfigurationFault.wrongChannels(architecture: "tiny", found: 3, expected: 2)) {
      try model.predict(Tensor(zeros: [1, 3, 8, 8]))
    }
    #expect(throws: ConfigurationFault.wrongInput(architecture: "tiny", input: [2], expected: "images [C, H, W]")) {
      try model.predict(Tensor(zeros: [1, 2]))
    }
    #expect(throws: ConfigurationFault.emptyInput(shape: [0, 2, 8, 8])) {
      try model.predict(Tensor(zeros: [0, 2, 8, 8]))
    }
    #expect(throws: Never.self) { try model.predict(Tensor(zeros: [2, 2, 8, 8])) }
  }

  @Test func tasksAwaitPredictions() async throws {
    let network = TinyNetwork.filled()
    let model = network.frozenForInference()
    let expected = (0..<4).map { network(TinyNetwork.images(2, seed: UInt64($0))).scalars }
    try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for task in 0..<200 {
        group.addTask {
          (task % 4, try await model.predict(TinyNetwork.images(2, seed: UInt64(task % 4))).scalars)
        }
      }
      for try await (seed, logits) in group { #expect(logits == expected[seed]) }
    }
    await #expect(throws: ConfigurationFault.wrongChannels(architecture: "tiny", found: 3, expected: 2)) {
      try await model.predict(Tensor(zeros: [1, 3, 8, 8]))
    }
  }
}
