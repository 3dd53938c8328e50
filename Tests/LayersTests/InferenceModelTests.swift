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
}
