import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// What layers keep between calls, and what they draw.
@Suite struct LayerStateTests {
  let x: Tensor = {
    var numbers = TestNumbers(seed: 9)
    return Tensor(numbers.floats(3 * 2 * 4), shape: [3, 2, 2, 2])
  }()

  func normalisation() -> BatchNorm2d {
    let layer = BatchNorm2d(2)
    layer.initialize(seed: 0)
    return layer
  }

  /// Mean and unbiased variance of each channel.
  func statistics() -> (means: [Double], variances: [Double]) {
    let values = x.scalars.map(Double.init)
    let channels = (0..<2).map { channel in values.indices.filter { $0 / 4 % 2 == channel }.map { values[$0] } }
    let means = channels.map { $0.reduce(0, +) / 12 }
    return (
      means, zip(channels, means).map { channel, mean in channel.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 11 }
    )
  }

  @Test func statisticsMoveOnceAStep() {
    let layer = normalisation()
    _ = withMode(.training) { layer(x).scalars }
    let (means, variances) = statistics()
    expectClose(actual: layer.runningMean.tensor.scalars, expected: means.map { 0.1 * $0 })
    expectClose(actual: layer.runningVar.tensor.scalars, expected: variances.map { 0.9 + 0.1 * $0 })
    #expect(layer.numBatchesTracked.value == 1)
    _ = layer(x).scalars
    #expect(layer.numBatchesTracked.value == 1, "not in use")
  }

  @Test func aResultThatNobodyReadsCountsToo() {
    let layer = normalisation()
    withMode(.training) { _ = layer(x) }
    #expect(layer.numBatchesTracked.value == 1)
    #expect(layer.runningMean.tensor.scalars != [0, 0])
  }

  @Test func statisticsAreUpToDateWithinThePass() {
    let layer = normalisation()
    withMode(.training) {
      _ = layer(x)
      #expect(layer.numBatchesTracked.value == 1)
      _ = layer(x)
      #expect(layer.runningMean.tensor.scalars != [0, 0])
      _ = layer(x)
      layer.runningMean.assign(Tensor([5, 6], shape: [2]))
    }
    #expect(layer.numBatchesTracked.value == 3)
    #expect(layer.runningMean.tensor.scalars == [5, 6], "what is assigned last counts")
  }

  @Test func differentiatingUpdatesOnce() {
    let layer = normalisation()
    let y = valueWithGradients(of: layer) { () -> (Tensor, Tensor) in
      let y = layer(x)
      return ((y * y).sum(), relu(y))
    }.auxiliary
    _ = y.scalars
    #expect(layer.numBatchesTracked.value == 1)
    expectClose(actual: layer.runningMean.tensor.scalars, expected: statistics().means.map { 0.1 * $0 })
  }

  @Test func inferenceInsideOfTrainingLeavesStatisticsAlone() {
    let layer = normalisation()
    withMode(.training) { inference { _ = layer(x).scalars } }
    #expect(layer.numBatchesTracked.value == 0 && layer.runningMean.tensor.scalars == [0, 0])
  }

  @Test func dropoutIsKeyedByPathAndStep() {
    let layers = Sequential([Dropout(0.5), Dropout(0.5)])
    layers.initialize(seed: 0)
    let ones = Tensor(ones: [256])
    func mask(_ layer: Int, seed: UInt64 = 1, step: UInt64 = 1) -> [Float] {
      withMode(.training, noise: Noise(seed: seed, step: step)) { layers[layer..<layer + 1].elements[0](ones).scalars }
    }
    #expect(mask(0) == mask(0))
    #expect(mask(0) != mask(0, step: 2))
    #expect(mask(0) != mask(0, seed: 2))
    #expect(mask(0) != mask(1), "each path draws for itself")
    #expect(Set(mask(0)) == [0, 2])
    let (first, second) = withMode(.training, noise: Noise(seed: 1, step: 1)) {
      (layers.elements[0](ones).scalars, layers.elements[0](ones).scalars)
    }
    #expect(first == mask(0) && second != first, "a layer called twice draws twice")
    #expect(layers(ones).scalars == ones.scalars, "not in use")
  }

  @Test func dropoutMasksTheGradientAlike() throws {
    let layer = Dropout(0.25)
    let (_, gradients, extra) = valueWithGradients(of: layer, noise: Noise(seed: 1, step: 3)) {
      let x = watched(Tensor(ones: [400]))
      let y = layer(x)
      return (y.sum(), (x: x, y: y))
    }
    let mask = extra.y.scalars
    #expect(try #require(gradients[extra.x]).scalars == mask)
    #expect((240...360).contains(mask.count { $0 != 0 }) && Set(mask).count == 2)
  }

  @Test func layersFusedEqualLayersOneByOne() {
    let network = TinyNetwork.filled()
    for _ in 0..<3 { withMode(.training) { _ = network(TinyNetwork.images()) } }
    let x = TinyNetwork.images(seed: 8)
    /// Reads every element, so that nothing can be folded into what follows.
    func forced(_ x: Tensor) -> Tensor { Tensor(x.scalars, shape: x.shape) }
    var y = forced(relu(forced(network.bn1(forced(network.conv1(x))))))
    for element in network.blocks.elements.dropLast() { y = forced(element(y)) }
    for element in (network.blocks.elements[3] as? Sequential)?.elements ?? [] { y = forced(element(y)) }
    y = network.fc(forced(forced(y).mean(over: [2, 3])))
    expectClose(actual: network(x).scalars, expected: y.scalars.map(Double.init))
  }

  @Test func anOutputKeepsTheValuesOfItsMoment() {
    let network = TinyNetwork.filled()
    let x = TinyNetwork.images()
    let before = network(x).scalars
    let pending = network(x)
    for parameter in network.parameters { parameter.assign(parameter.tensor * 3) }
    network.bn1.runningMean.assign(Tensor(ones: [4]))
    #expect(pending.scalars == before)
    #expect(network(x).scalars != before)
  }
}
