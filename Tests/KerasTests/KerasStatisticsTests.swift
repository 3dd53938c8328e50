import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryKeras

/// Statistics of batch normalisation, estimated anew in a chain whose dropout comes before it.
@Suite struct KerasStatisticsTests {
  static func model() -> KerasNetwork {
    let model = KerasNetwork(
      .init(
        input: [3],
        layers: [
          KerasLayer("dense", "dense", KerasDense(units: 4, bias: true), .relu),
          KerasLayer("dropout", "dropout", KerasDropout(rate: 0.5)),
          KerasLayer(
            "norm", "batch_normalization",
            KerasBatchNormalization(epsilon: 1e-3, momentum: 0.01, scale: true, center: true)),
          KerasLayer("head", "dense_1", KerasDense(units: 2, bias: true), .softmax),
        ]))
    model.initialize(seed: 1)
    return model
  }

  static let batches = (0..<3).map {
    Tensor(Goldens.formula(count: 24, k: $0 + 1, scale: 1), shape: [8, 3])
  }

  @Test func theyAreThoseOfTheBatchesWithNothingDropped() throws {
    let model = Self.model()
    let norm = try #require(model.namedLayers.first { $0.path == "norm" }?.layer as? BatchNorm)
    model.estimateStatistics(over: Self.batches) { _ = model($0) }
    let hidden = try Self.batches.map { batch in
      let outputs = inference { observing(["dense"], of: model) { model(batch) }.outputs }
      return try #require(outputs["dense"])
    }
    let mean = hidden.map { $0.mean(over: [0]) }.reduce(Tensor(zeros: [4]), +) * (1 / 3)
    expectClose(actual: norm.runningMean.tensor.scalars, expected: mean.scalars.map(Double.init))
    let variances = hidden.map { x in (x - x.mean(over: [0])).squared().sum(over: [0]) * (1 / 7) }
    let variance = variances.reduce(Tensor(zeros: [4]), +) * (1 / 3)
    expectClose(actual: norm.runningVar.tensor.scalars, expected: variance.scalars.map(Double.init))
    #expect(norm.momentum.value == 0.01 && norm.numBatchesTracked.value == 0)
  }

  @Test func dropoutIsSeenBeforeTheNormalisation() {
    let model = Self.model()
    #expect(model.dropsBeforeNormalizing { _ = model(Self.batches[0]) })
    var configuration = model.configuration
    configuration.layers.swapAt(1, 2)
    let other = KerasNetwork(configuration)
    other.initialize(seed: 1)
    #expect(!other.dropsBeforeNormalizing { _ = other(Self.batches[0]) })
    let order = model.executionOrder { _ = model(Self.batches[0]) }.map(\.path)
    #expect(Array(order.prefix(3)) == ["dense", "dropout", "norm"], "\(order)")
  }

  /// What a layer is shows in the tree, and its cells have the paths of the layer.
  @Test func layersAreNamedDirectly() {
    let model = Self.model()
    #expect(model.parameters.prefix(3).map(\.path) == ["dense.weight", "dense.bias", "norm.weight"])
    #expect(model.tree.contains("norm: BatchNorm"))
  }
}
