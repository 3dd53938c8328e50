import AviaryTensors
import Foundation
import Testing

/// Losses that PyTorch does not have, against their definitions in double precision.
@Suite struct NumberLossTests {
  private let x: [Float] = [0, 1.5, -2, 1e-3, 80, -300]
  private let target: [Float] = [0, 1, 2, 0, -20, 300]

  private func expect(_ found: Tensor, _ expected: [Double], isMean: Bool) {
    let sum = expected.reduce(0, +)
    #expect(abs(Double(found.scalar) - (isMean ? sum / 6 : sum)) < 1e-5 * abs(sum))
  }

  @Test func logCoshIsKeras() {
    let (a, b) = (Tensor(x, shape: [6]), Tensor(target, shape: [6]))
    let values = zip(x, target).map { a, b -> Double in
      let error = abs(Double(a) - Double(b))
      return error < 300 ? log(cosh(error)) : error - log(2)
    }
    expect(logCosh(a, target: b), values, isMean: true)
    expect(logCosh(a, target: b, reduction: .sum), values, isMean: false)
    #expect(logCosh(Tensor([1, 1], shape: [2]), target: Tensor([1, 1], shape: [2])).scalar == 0)
  }

  @Test(arguments: [0.1, 0.5, 0.9]) func quantileLossIsScikitLearns(share: Double) {
    let (a, b) = (Tensor(x, shape: [6]), Tensor(target, shape: [6]))
    let values = zip(x, target).map { a, b -> Double in
      let error = Double(b) - Double(a)
      return error >= 0 ? share * error : (share - 1) * error
    }
    expect(quantileLoss(a, target: b, quantile: Float(share)), values, isMean: true)
    expect(quantileLoss(a, target: b, quantile: Float(share), reduction: .sum), values, isMean: false)
  }

  /// The loss's minimum is the quantile.
  @Test func quantilesAreEstimated() {
    let values = Tensor((1...9).map { Float($0) }, shape: [9])
    let losses = stride(from: Float(1), through: 9, by: 0.5).map { guess in
      (guess, quantileLoss(Tensor(repeating: guess, shape: [9]), target: values, quantile: 0.75).scalar)
    }
    #expect(losses.min { $0.1 < $1.1 }?.0 == 7)
  }
}
