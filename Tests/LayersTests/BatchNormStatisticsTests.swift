import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// Statistics of batch normalisation that are estimated anew.
@Suite struct BatchNormStatisticsTests {
  private func network() -> Sequential {
    let network = Sequential([
      Linear(4, 6), Dropout(0.5), BatchNorm1d(6), Activation.relu, Linear(6, 3), BatchNorm1d(3),
    ])
    network.initialize(seed: 1)
    return network
  }

  private func batches(_ count: Int) -> [Tensor] {
    (0..<count).map {
      var numbers = TestNumbers(seed: UInt64($0))
      return Tensor(numbers.floats(8 * 4, from: -1, to: Float($0 + 2)), shape: [8, 4])
    }
  }

  /// The means over the batches of what each has without dropout, by the definition.
  @Test func statisticsAreTheMeansOverTheBatches() throws {
    let network = network()
    let batches = batches(3)
    let norms = network.elements.compactMap { $0 as? BatchNorm }
    for norm in norms { norm.runningMean.assign(Tensor(repeating: 7, shape: norm.runningMean.shape)) }
    network.estimateStatistics(over: batches) { _ = network($0) }
    // Of the first one: its input is the linear map alone.
    let inputs = batches.map { network.elements[0]($0).scalars.map(Double.init) }
    var means = [Double](repeating: 0, count: 6)
    var variances = means
    for values in inputs {
      for unit in 0..<6 {
        let column = (0..<8).map { values[$0 * 6 + unit] }
        let mean = column.reduce(0, +) / 8
        means[unit] += mean / 3
        variances[unit] += column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 7 / 3
      }
    }
    expectClose(actual: norms[0].runningMean.tensor.scalars, expected: means)
    expectClose(actual: norms[0].runningVar.tensor.scalars, expected: variances)
    #expect(norms.allSatisfy { $0.momentum.value == 0.1 && $0.numBatchesTracked.value == 0 })
    // Once more comes to the same: nothing is drawn at random.
    let before = norms[1].runningVar.tensor.scalars
    network.estimateStatistics(over: batches) { _ = network($0) }
    #expect(norms[1].runningVar.tensor.scalars == before)
  }

  @Test func frozenStatisticsAndEmptyDataChangeNothing() throws {
    let network = network()
    try network.freeze(["2"])
    let norms = network.elements.compactMap { $0 as? BatchNorm }
    network.estimateStatistics(over: batches(2)) { _ = network($0) }
    #expect(norms[0].runningMean.tensor.scalars == [Float](repeating: 0, count: 6))
    #expect(norms[1].runningMean.tensor.scalars != [0, 0, 0])
    let before = norms[1].runningMean.tensor.scalars
    network.estimateStatistics(over: []) { _ = network($0) }
    #expect(norms[1].runningMean.tensor.scalars == before)
  }

  @Test func whetherSomethingIsDroppedBefore() {
    let network = network()
    #expect(network.dropsBeforeNormalizing { for batch in batches(1) { _ = network(batch) } })
    func drops(_ model: some UnaryLayer) -> Bool {
      model.initialize(seed: 1)
      return model.dropsBeforeNormalizing { _ = model(Tensor(zeros: [2, 3])) }
    }
    #expect(!drops(Sequential([BatchNorm1d(3), Dropout(0.5), Linear(3, 2)])))
    #expect(!drops(Sequential([Dropout(0), BatchNorm1d(3)])))
    #expect(drops(Sequential([Dropout1d(0.1), Linear(3, 3), BatchNorm1d(3)])))
    // The order of the calls counts, not that of the properties.
    let backwards = ObservationTests.Backwards()
    backwards.initialize(seed: 1)
    #expect(backwards.dropsBeforeNormalizing { _ = backwards(Tensor(zeros: [2, 4])) })
  }
}
