import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

@Suite struct StochasticDepthTests {
  private static func layer(_ rate: Float, mode: StochasticDepthMode = .row) -> StochasticDepth {
    let layer = StochasticDepth(rate, mode: mode)
    layer.initialize(seed: 0)
    return layer
  }

  private static func draw(_ layer: some UnaryLayer, _ x: Tensor, step: UInt64 = 1) -> [Float] {
    withMode(.training, noise: Noise(seed: 1, step: step)) { layer(x).scalars }
  }

  @Test(arguments: [Float(0.1), 0.5, 0.8]) func wholeRowsFallAtTheirRate(rate: Float) {
    let rows = 4000
    let y = Self.draw(Self.layer(rate), Tensor(ones: [rows, 3, 2]))
    let firsts = (0..<rows).map { y[$0 * 6] }
    #expect((0..<rows).allSatisfy { row in y[row * 6..<row * 6 + 6].allSatisfy { $0 == firsts[row] } })
    #expect(firsts.allSatisfy { $0 == 0 || abs($0 - 1 / (1 - rate)) < 1e-5 })
    let share = Double(firsts.count { $0 == 0 }) / Double(rows)
    #expect(abs(share - Double(rate)) < 5 * (Double(rate) * Double(1 - rate) / Double(rows)).squareRoot())
  }

  @Test func theBatchFallsAsOneAtItsRate() {
    let layer = Self.layer(0.3, mode: .batch)
    let steps = 2000
    let draws = (0..<steps).map { Self.draw(layer, Tensor(ones: [5, 2, 2, 2]), step: UInt64($0)) }
    #expect(draws.allSatisfy { Set($0).count == 1 && ($0[0] == 0 || abs($0[0] - 1 / 0.7) < 1e-5) })
    let share = Double(draws.count { $0[0] == 0 }) / Double(steps)
    #expect(abs(share - 0.3) < 5 * (0.3 * 0.7 / Double(steps)).squareRoot())
  }

  @Test(arguments: StochasticDepthMode.allCases) func theSameMaskBackward(mode: StochasticDepthMode) {
    let layer = Self.layer(0.5, mode: mode)
    var numbers = TestNumbers(seed: 3)
    let v = Variable(Tensor(numbers.floats(16 * 12), shape: [16, 3, 2, 2]))
    for step in UInt64(1)...4 {
      let pass = valueWithGradients(of: [v], mode: .training, noise: Noise(seed: 1, step: step)) {
        let y = layer(v.tracked)
        return (y.sum(), y)
      }
      let mask = pass.gradients[v]!.scalars
      #expect(Set(mask).isSubset(of: [0, 2]))
      let expected = zip(mask, v.value.scalars).map { Double($0 * $1) }
      expectClose(actual: pass.auxiliary.scalars, expected: expected)
    }
  }

  @Test func everyPathAndStepDrawsForItself() {
    let layers = Sequential([StochasticDepth(0.5), StochasticDepth(0.5)])
    layers.initialize(seed: 0)
    let x = Tensor(ones: [64, 2])
    func mask(_ layer: Int, step: UInt64 = 1) -> [Float] {
      withMode(.training, noise: Noise(seed: 1, step: step)) { layers.elements[layer](x).scalars }
    }
    #expect(mask(0) == mask(0) && mask(0) != mask(1) && mask(0) != mask(0, step: 2))
  }

  @Test func nothingFallsInUseWhenFrozenOrWithoutARate() throws {
    let x = Tensor(ones: [64, 2])
    let layers = Sequential([StochasticDepth(0.5), StochasticDepth(0)])
    layers.initialize(seed: 0)
    #expect(layers(x).scalars == x.scalars)
    #expect(withMode(.training) { layers.elements[1](x).scalars } == x.scalars)
    #expect(Self.draw(layers, x) != x.scalars)
    #expect(withMode(.training, dropping: false) { layers(x).scalars } == x.scalars)
    try layers.freeze(["0"])
    #expect(Self.draw(layers, x) == x.scalars)
  }

  @Test func aRateOfOneLeavesNothingButWhatIsNoNumber() {
    let y = Self.draw(Self.layer(1), Tensor([1, -2, .infinity, .nan], shape: [2, 2]))
    #expect(y[0] == 0 && y[1] == 0 && y[2].isNaN && y[3].isNaN)
  }

  @Test func statisticsAreEstimatedAnewAfterIt() {
    let layers = Sequential([StochasticDepth(0.5), BatchNorm1d(3)])
    layers.initialize(seed: 1)
    #expect(layers.dropsBeforeNormalizing { _ = layers(Tensor(zeros: [2, 3])) })
  }

  @Test func ratesGrowLinearly() {
    let rates = (0..<4).map { StochasticDepth.linearRate(block: $0, of: 4, last: 0.2) }
    expectClose(actual: rates, expected: [0, 0.05, 0.1, 0.15])
    #expect(StochasticDepth.linearRate(block: 0, of: 0, last: 0.2) == 0)
  }
}
