import AviaryTensors
import Testing

@testable import AviaryLayers

/// A mistake in wiring ends the program with the layer's path and both shapes.
@Suite struct PreconditionTests {
  @Test func aConvolutionNamesItsPathAndBothShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = TinyNetwork.filled()(Tensor(zeros: [1, 3, 8, 8]))
    }
    expect(result, "conv1: Conv2d: input [1, 3, 8, 8] does not go with weight [4, 2, 3, 3]")
    let small = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Activation.relu, Conv2d(1, 1, kernel: 5)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [1, 1, 4, 8]))
    }
    expect(small, "1: Conv2d: input [1, 1, 4, 8] does not go with weight [1, 1, 5, 5]")
  }

  @Test func aLinearMapNamesItsPathAndBothShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = TinyNetwork.filled().head(Tensor(zeros: [1, 5]))
    }
    expect(result, "fc: Linear: input [1, 5] does not go with weight [3, 4]")
  }

  @Test func aNormalisationNamesItsPathAndBothShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Sequential([BatchNorm2d(4)])])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [2, 3, 4, 4]))
    }
    expect(result, "0.0: BatchNorm: input [2, 3, 4, 4] does not go with weight [4]")
    let alone = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let network = TinyNetwork.filled()
      withMode(.training) { _ = network.bn1(Tensor(zeros: [1, 4, 1, 1])) }
    }
    expect(alone, "bn1: BatchNorm: training needs more than one value for each channel, not [1, 4, 1, 1]")
  }

  @Test func aPoolNamesItsPathAndBothShapes() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Activation.relu, MaxPool2d(3)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [1, 1, 2, 8]))
    }
    expect(result, "1: MaxPool2d: input [1, 1, 2, 8] is smaller than the window [3, 3]")
  }

  @Test func whatHasNoValueSaysSo() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let network = TinyNetwork(.init())
      _ = network(TinyNetwork.images())
    }
    expect(
      result, "the parameter of shape [4, 2, 3, 3] has no value; call initialize(seed:) or load a checkpoint first")
    let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      TinyNetwork.filled().fc.bias?.assign(Tensor(zeros: [4]))
    }
    expect(shape, "fc.bias: a value of shape [4] for a parameter of shape [3]")
  }
}
