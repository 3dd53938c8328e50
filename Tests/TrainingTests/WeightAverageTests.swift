import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryTraining

@Suite struct WeightAverageTests {
  typealias One = OptimizerTests.One
  typealias Two = OptimizerTests.Two

  func values(_ average: WeightAverage, _ layer: One) -> [Float] {
    average.applied { layer.p.tensor.scalars }
  }

  @Test func averagesArePyTorchs() throws {
    let golden = try Goldens("averages", of: "TrainingTests")
    let weights = try golden.array("weights")
    let expected = try golden.array("averages")
    #expect(weights.shape == [8, 35] && expected.shape == weights.shape)
    let layer = One(Array(repeating: 0, count: 35))
    let average = try WeightAverage(of: [layer.p], decay: 0.9)
    for step in 0..<8 {
      let row = step * 35..<(step + 1) * 35
      layer.p.assign(Tensor(Array(weights.floats[row]), shape: [35]))
      average.update()
      expectClose(
        actual: values(average, layer), expected: Array(expected.values[row]), relativeMax: 1e-6, name: "step \(step)")
      #expect(layer.p.tensor.scalars == Array(weights.floats[row]), "the model has its own weights back")
    }
  }

  @Test func stepsInPlaceDoNotReachTheAverage() throws {
    let layer = One([1, 2])
    let average = try WeightAverage(of: [layer.p], decay: 0.5)
    let optimizer = try Optimizer(OptimizerConfiguration(.sgd, learningRate: 1))
    let g = OptimizerTests().gradients([layer], [[1, 1]])
    #expect(values(average, layer) == [1, 2], "before the first update the weights are the model's")
    average.update()
    optimizer.step([layer.p], g, learningRate: 1)
    #expect(values(average, layer) == [1, 2] && layer.p.tensor.scalars == [0, 1])
    average.update()
    optimizer.step([layer.p], g, learningRate: 1)
    #expect(values(average, layer) == [0.5, 1.5] && layer.p.tensor.scalars == [-1, 0])
  }

  @Test func theModelHasItsWeightsBackAfterAnError() throws {
    struct Fault: Swift.Error {}
    let layer = One([1, 2])
    let average = try WeightAverage(of: [layer.p], decay: 0.5)
    average.update()
    layer.p.assign(Tensor([5, 6], shape: [2]))
    #expect(throws: Fault.self) { try average.applied { throw Fault() } }
    #expect(layer.p.tensor.scalars == [5, 6] && values(average, layer) == [1, 2])
  }

  @Test func goesOnFromItsState() throws {
    let model = Two()
    try model.freeze(["backbone"])
    let parameters = model.parameters
    let average = try WeightAverage(of: parameters, decay: 0.25)
    average.update()
    model.head.p.assign(Tensor([8, 9], shape: [2]))
    let state = average.state(for: model)
    #expect(state.keys.sorted() == ["head.p"])
    let resumed = try WeightAverage(of: parameters, decay: 0.25)
    try resumed.restore(state, for: model, path: "last.h5")
    #expect(values(resumed, model.head) == [4, 5])
    // A state without any is that of a run that has not taken a step.
    try resumed.restore([:], for: model, path: "last.h5")

    let short = StoredArray([1] as [Float], shape: [1])
    for broken: [String: StoredArray] in [["head.p": short], ["other": short]] {
      #expect(throws: TrainingFault.badWeightAverage(path: "last.h5", parameter: "head.p")) {
        try resumed.restore(broken, for: model, path: "last.h5")
      }
    }
    #expect(values(resumed, model.head) == [4, 5], "nothing is taken over by halves")
    #expect(throws: TrainingFault.self) { try WeightAverage(of: parameters, decay: 1) }
  }

  @Test(arguments: ["norm", "loose-norm", "value"])
  func gradientsAreClippedAsPyTorchDoes(name: String) throws {
    let golden = try Goldens("averages", of: "TrainingTests")
    let given = try (0..<2).map { try golden.array("gradient/\($0)").floats }
    let layers = given.map { One(Array(repeating: 0, count: $0.count)) }
    let gradients = OptimizerTests().gradients(layers, given)
    let clipping =
      switch name {
      case "norm": GradientClipping(norm: 2.5)
      case "loose-norm": GradientClipping(norm: 1000)
      default: GradientClipping(value: 0.75)
      }
    try clipping.validate()
    let clipped = clipping.clipped(gradients)
    for (index, layer) in layers.enumerated() {
      let actual = try #require(clipped[layer.p]).scalars
      #expect((actual == given[index]) == (name == "loose-norm"))
      expectClose(
        actual: actual, expected: try golden.array("clipped/\(name)/\(index)").values, relativeMax: 1e-6,
        name: "\(name) \(index)")
    }
  }

  @Test func elementsAreClippedBeforeTheNorm() throws {
    let layer = One([0, 0])
    let clipped = GradientClipping(norm: 1, value: 3).clipped(OptimizerTests().gradients([layer], [[300, 4]]))
    let values = try #require(clipped[layer.p]).scalars
    #expect(values[0] == values[1] && abs(values[0] - Float(0.5).squareRoot()) < 1e-5)
  }
}
