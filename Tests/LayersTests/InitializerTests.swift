import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryLayers

/// Bounds and deviations are PyTorch's, and what is drawn has them.
@Suite struct InitializerTests {
  struct Golden: Decodable {
    struct Distribution: Decodable {
      let distribution: String
      let bound: Double?
      let deviation: Double?
    }

    let shape: [Int]
    let pytorchDefaultWeight, pytorchDefaultBias: Distribution
    let kaimingNormalFanOutRelu, kaimingNormalFanInRelu, kaimingUniformFanInRelu: Distribution
    let xavierUniform, xavierNormal: Distribution

    var pairs: [(String, Distribution, Initializer)] {
      [
        ("default weight", pytorchDefaultWeight, .pytorchWeight),
        ("default bias", pytorchDefaultBias, .pytorchBias(weight: shape)),
        ("kaiming normal, fan out", kaimingNormalFanOutRelu, .kaimingNormal(.out)),
        ("kaiming normal, fan in", kaimingNormalFanInRelu, .kaimingNormal(.in)),
        ("kaiming uniform", kaimingUniformFanInRelu, .kaimingUniform()),
        ("xavier uniform", xavierUniform, .xavierUniform), ("xavier normal", xavierNormal, .xavierNormal),
      ]
    }
  }

  func goldens() throws -> [Golden] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let goldens = try decoder.decode(
      [Golden].self, from: Data(contentsOf: Goldens.url("initialisers.json", of: "LayersTests")))
    try #require(!goldens.isEmpty)
    return goldens
  }

  @Test func distributionsArePyTorchs() throws {
    for golden in try goldens() {
      for (name, expected, initializer) in golden.pairs {
        let name = "\(name) of \(golden.shape)"
        switch initializer.distribution(shape: golden.shape) {
        case .uniform(let bound):
          #expect(expected.distribution == "uniform", "\(name)")
          #expect(abs(Double(bound) / (expected.bound ?? 0) - 1) < 1e-6, "\(name): \(bound)")
        case .normal(let mean, let deviation):
          #expect(expected.distribution == "normal" && mean == 0, "\(name)")
          #expect(abs(Double(deviation) / (expected.deviation ?? 0) - 1) < 1e-6, "\(name): \(deviation)")
        case .constant, .truncatedNormal, .orthogonal: Issue.record("\(name) is neither uniform nor normal")
        }
      }
    }
  }

  @Test func whatIsDrawnHasThem() throws {
    for golden in try goldens() where golden.shape.reduce(1, *) >= 5000 {
      for (name, expected, initializer) in golden.pairs {
        let values = initializer.tensor(shape: golden.shape, seed: 1, path: name).scalars.map(Double.init)
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let wanted = expected.deviation ?? (expected.bound ?? 0) / 3.0.squareRoot()
        // Five standard errors.
        #expect(abs(mean) < 5 * wanted / count.squareRoot(), "\(name) of \(golden.shape): mean \(mean)")
        #expect(abs(deviation / wanted - 1) < 5 / count.squareRoot(), "\(name) of \(golden.shape): \(deviation)")
        if let bound = expected.bound {
          let largest = values.map(abs).max() ?? 0
          #expect(largest <= bound * (1 + 1e-6) && largest > 0.99 * bound, "\(name) of \(golden.shape): \(largest)")
        } else {
          #expect(values.contains { abs($0) > 2.5 * wanted }, "\(name) of \(golden.shape): tails")
        }
      }
    }
  }

  @Test func oneSeedAndPathGiveOneTensor() {
    let draw = { (seed: UInt64, path: String) in
      Initializer.normal(mean: 0, deviation: 1).tensor(shape: [50], seed: seed, path: path).scalars
    }
    #expect(draw(1, "a.weight") == draw(1, "a.weight"))
    #expect(draw(1, "a.weight") != draw(2, "a.weight"))
    #expect(draw(1, "a.weight") != draw(1, "b.weight"))
  }

  @Test func aModelIsFilledFromItsSeedAlone() {
    let first = TinyNetwork.filled(seed: 3)
    let second = TinyNetwork.filled(seed: 3)
    let third = TinyNetwork.filled(seed: 4)
    let values = { (network: TinyNetwork) in network.parameters.map(\.tensor.scalars) }
    #expect(values(first) == values(second))
    #expect(first.conv1.weight.tensor.scalars != third.conv1.weight.tensor.scalars)
    #expect(first.blocks.parameters[0].tensor.scalars != first.blocks.parameters[2].tensor.scalars)
    _ = withMode(.training) { first(TinyNetwork.images()).scalars }
    #expect(first.bn1.numBatchesTracked.value == 1)
    first.initialize(seed: 3)
    #expect(values(first) == values(second), "filling again begins anew")
    #expect(first.bn1.runningMean.tensor.scalars == [0, 0, 0, 0] && first.bn1.numBatchesTracked.value == 0)
    #expect(first.bn1.runningVar.tensor.scalars == [1, 1, 1, 1])
    #expect(first.bn1.weight.tensor.scalars == [1, 1, 1, 1] && first.bn1.bias.tensor.scalars == [0, 0, 0, 0])
  }

  @Test func aBiasHasTheBoundOfItsWeight() {
    let layer = Linear(400, 5000)
    layer.initialize(seed: 1)
    let largest = layer.bias?.tensor.scalars.map(abs).max() ?? 0
    #expect(largest <= 0.05 && largest > 0.0499)
  }
}
