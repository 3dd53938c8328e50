import AviaryTensors
import Foundation
import Testing

@testable import AviaryLayers

@Suite struct NamedInitializerTests {
  @Test func namesOfBothLibrariesAreKnown() {
    for (names, expected) in [
      (["he-normal", "he_normal", "HeNormal", "he_normal_"], Initializer.heNormal),
      (["kaiming-normal", "kaiming_normal_"], .kaimingNormal(.in)),
      (["he_uniform", "HeUniform", "kaiming_uniform_"], .kaimingUniform()),
      (["glorot_normal", "GlorotNormal"], .glorotNormal), (["xavier_normal_"], .xavierNormal),
      (["glorot_uniform", "xavier-uniform"], .xavierUniform),
      (["lecun_normal", "LecunNormal", "LeCunNormal"], .lecunNormal),
      (["lecun_uniform", "LecunUniform"], .lecunUniform),
      (["orthogonal", "orthogonal_", "Orthogonal", "orthogonal=1"], .orthogonal(gain: 1)),
      (["normal=0.02", "random_normal=0.02", "RandomNormal=0.02"], .normal(mean: 0, deviation: 0.02)),
      (["uniform", "RandomUniform"], .uniform(bound: 0.05)),
      (["trunc_normal_=0.1", "TruncatedNormal=0.1"], .truncatedNormal(deviation: 0.1)),
      (["constant=-0.5"], .constant(-0.5)), (["zeros", "Zeros", "zeros_"], .zeros), (["ones"], .ones),
    ] {
      for name in names { #expect(Initializer(named: name) == expected, "\(name)") }
    }
    for name in [
      "", "he", "he-normal=2", "constant", "normal=", "normal=x", "normal=nan", "normal=0", "uniform=-1", "=1",
    ] {
      #expect(Initializer(named: name) == nil, "\(name)")
    }
    for name in Initializer.names where name != "constant" { #expect(Initializer(named: name) != nil, "\(name)") }
  }

  private func moments(_ values: [Float]) -> (mean: Double, deviation: Double, most: Double) {
    let doubles = values.map(Double.init)
    let mean = doubles.reduce(0, +) / Double(doubles.count)
    let variance = doubles.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(doubles.count)
    return (mean, variance.squareRoot(), doubles.map(abs).max() ?? 0)
  }

  /// Keras divides by the deviation of what is left within two deviations, so that the variance is the one asked for.
  @Test func truncatedNumbersHaveTheirVariance() {
    let shape = [40, 30, 3, 3]
    let (fanIn, fanOut) = (270.0, 360.0)
    for (initializer, variance) in [
      (Initializer.heNormal, 2 / fanIn), (.glorotNormal, 2 / (fanIn + fanOut)), (.lecunNormal, 1 / fanIn),
    ] {
      let found = moments(initializer.tensor(shape: shape, seed: 3, path: "w").scalars)
      #expect(abs(found.deviation / variance.squareRoot() - 1) < 0.02 && abs(found.mean) < 0.02 * variance.squareRoot())
      #expect(found.most <= 2 * variance.squareRoot() / 0.879 && found.most > 1.9 * variance.squareRoot() / 0.88)
    }
    let plain = moments(Initializer.truncatedNormal(deviation: 0.5).tensor(shape: shape, seed: 3, path: "w").scalars)
    #expect(abs(plain.deviation - 0.5 * 0.8796) < 0.01 && plain.most <= 1)
    let uniform = moments(Initializer.lecunUniform.tensor(shape: shape, seed: 3, path: "w").scalars)
    #expect(uniform.most <= (3 / fanIn).squareRoot() && abs(uniform.deviation - (1 / fanIn).squareRoot()) < 0.002)
  }

  @Test(arguments: [[5, 5], [3, 8], [8, 3], [70, 130], [4, 2, 3, 3], [1, 4], [6, 1]]) func orthogonalIsOrthogonal(
    shape: [Int]
  ) {
    let gain: Float = 1.5
    let values = Initializer.orthogonal(gain: gain).tensor(shape: shape, seed: 2, path: "w").scalars
    let (rows, columns) = (shape[0], shape.dropFirst().reduce(1, *))
    let isWide = rows <= columns
    func element(_ vector: Int, _ place: Int) -> Double {
      Double(isWide ? values[vector * columns + place] : values[place * columns + vector])
    }
    for a in 0..<min(rows, columns) {
      for b in 0...a {
        let product = (0..<max(rows, columns)).reduce(0.0) { $0 + element(a, $1) * element(b, $1) }
        #expect(abs(product - (a == b ? 2.25 : 0)) < 1e-5, "\(shape) \(a) \(b)")
      }
    }
    #expect(values != Initializer.orthogonal(gain: gain).tensor(shape: shape, seed: 3, path: "w").scalars)
  }

  private struct Model: Layer {
    let conv = Conv2d(2, 3, kernel: 3)
    let norm = BatchNorm2d(3)
    let embedding = Embedding(5, 4)
    let linear = Linear(4, 2)
  }

  @Test func weightsAloneAreFilled() {
    let (model, plain) = (Model(), Model())
    model.initialize(seed: 1)
    plain.initialize(seed: 1)
    #expect(model.initializeWeights(by: .constant(7), seed: 1) == 2)
    for (own, other) in zip(model.namedParameters(), plain.namedParameters()) {
      let isWeight = ["conv.weight", "linear.weight"].contains(own.path)
      #expect(
        own.parameter.tensor.scalars
          == (isWeight ? Array(repeating: 7, count: own.parameter.count) : other.parameter.tensor.scalars),
        "\(own.path)")
    }
  }
}
