import AviaryTensors
import Testing

@testable import AviaryLayers

@Suite struct BlockDroppingTests {
  /// Two stages of maps, 8×8 and 4×4, and a head.
  private struct Model: UnaryLayer {
    let first = Conv2d(1, 2, kernel: 3, padding: 1)
    let norm1 = BatchNorm2d(2)
    let second = Conv2d(2, 4, kernel: 3, stride: 2, padding: 1)
    let norm2 = BatchNorm2d(4)
    let fc = Linear(4, 2)

    func forward(_ x: Tensor) -> Tensor {
      let maps = norm2(second(relu(norm1(first(x)))))
      return fc(relu(maps).mean(over: [2, 3]))
    }
  }

  private let model = Model()
  private let x = Tensor(normal: 0, deviation: 1, seed: 2, shape: [3, 1, 8, 8])

  init() { model.initialize(seed: 1) }

  private func loss(_ dropping: BlockDropping?, progress: Double, step: UInt64 = 0) -> Float {
    let body = { withMode(.training, noise: Noise(seed: 5, step: step)) { model(x).squared().sum().scalar } }
    return dropping.map { $0(progress: progress, body) } ?? body()
  }

  @Test func layersAreThoseOfTheSmallestMaps() throws {
    let forward = { _ = inference { model(x).scalars } }
    let all = try #require(BlockDropping(in: model, block: 2, rate: 0.5, forward: forward))
    #expect(all.layers == ["norm1", "norm2"])
    let one = try #require(
      BlockDropping(in: model, layers: [PathPattern("norm2")], block: 2, rate: 0.5, forward: forward))
    #expect(one.layers == ["norm2"])
    #expect(BlockDropping(in: model, layers: [try PathPattern("fc")], block: 2, rate: 0.5, forward: forward) == nil)
    try model.freeze(["norm2"])
    #expect(BlockDropping(in: model, block: 2, rate: 0.5, forward: forward)?.layers == ["norm1"])
    try model.freeze([])
  }

  @Test func dropsInTrainingAloneAndMoreAndMore() throws {
    let dropping = try #require(BlockDropping(in: model, block: 3, rate: 0.4) { _ = inference { model(x).scalars } })
    let plain = loss(nil, progress: 0)
    #expect(loss(dropping, progress: 0) == plain, "the paper's schedule begins with nothing")
    let dropped = loss(dropping, progress: 1)
    #expect(dropped != plain && dropped == loss(dropping, progress: 1), "a step drops the same again")
    #expect(dropped != loss(dropping, progress: 1, step: 1))
    #expect(loss(dropping, progress: 0.5) != dropped)
    let used = inference { model(x).scalars }
    #expect(dropping(progress: 1) { inference { model(x).scalars } } == used)
  }

  /// The output that loses blocks is the layer's own, and gradients flow through what is left of it.
  @Test func equalsTheLayerBehindTheOther() throws {
    let dropping = try #require(
      BlockDropping(in: model, layers: [PathPattern("norm2")], block: 2, rate: 0.3) {
        _ = inference { model(x).scalars }
      })
    func explicit() -> Tensor {
      let maps = dropBlock(
        model.norm2(model.second(relu(model.norm1(model.first(x))))), block: 2, rate: 0.3, path: "norm2")
      return model.fc(relu(maps).mean(over: [2, 3])).squared().sum()
    }
    let noise = Noise(seed: 9, step: 4)
    let (a, gradientsA) = dropping(progress: 1) {
      valueWithGradients(of: model, noise: noise) { model(x).squared().sum() }
    }
    let (b, gradientsB) = valueWithGradients(of: model, noise: noise) { explicit() }
    #expect(a.scalar == b.scalar)
    for parameter in model.parameters { #expect(gradientsA[parameter]?.scalars == gradientsB[parameter]?.scalars) }
  }
}
