import CKernels
import Testing

/// The C kernels of Adagrad, Adadelta and RMSprop against PyTorch's formulas, written out here in double precision.
@Suite struct AdaptiveOptimizerKernelTests {
  /// Ten steps with a new gradient each, in C and in double precision: p and three states.
  func compare(
    _ count: Int, startingAt start: Float = 0, tolerance: Double = 1e-6,
    sourceLocation: SourceLocation = #_sourceLocation,
    kernel: (_ step: Int, _ p: inout [Float], _ g: [Float], _ s: inout [[Float]]) -> Void,
    reference: (_ step: Int, _ p: inout Double, _ g: Double, _ s: inout [Double]) -> Void
  ) {
    var p = OptimizerKernelTests.numbers(count, 0)
    var states = Array(repeating: [Float](repeating: start, count: count), count: 3)
    var p64 = p.map(Double.init)
    var states64 = Array(repeating: Array(repeating: Double(start), count: 3), count: count)
    for step in 1...10 {
      let g = OptimizerKernelTests.numbers(count, step)
      kernel(step, &p, g, &states)
      for i in 0..<count { reference(step, &p64[i], Double(g[i]), &states64[i]) }
    }
    func error(_ actual: [Float], _ expected: [Double]) -> Double {
      let largest = expected.map(abs).max() ?? 0
      return (zip(actual, expected).map { abs(Double($0) - $1) }.max() ?? 0) / (largest == 0 ? 1 : largest)
    }
    #expect(error(p, p64) <= tolerance, "parameters", sourceLocation: sourceLocation)
    for index in 0..<3 {
      #expect(error(states[index], states64.map { $0[index] }) <= 2e-6, "state", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: OptimizerKernelTests.lengths, [0, 0.1])
  func adagrad(count: Int, decay: Double) {
    compare(count, startingAt: 0.25) { step, p, g, s in
      ak_adagrad(&p, g, &s[0], count, ak_adagrad_at(0.05, 0.1, decay, 1e-10, Int64(step)))
    } reference: { step, p, g, s in
      let d = g + decay * p
      s[0] += d * d
      p -= 0.05 / (1 + Double(step - 1) * 0.1) * d / (s[0].squareRoot() + 1e-10)
    }
  }

  @Test(arguments: OptimizerKernelTests.lengths, [0, 0.1])
  func adadelta(count: Int, decay: Double) {
    let scalars = ak_adadelta_scalars(
      learning_rate: 1, weight_decay: Float(decay), rho: 0.9, one_minus_rho: 0.1, epsilon: 1e-6)
    compare(count) { _, p, g, s in
      var (first, second) = (s[0], s[1])
      ak_adadelta(&p, g, &first, &second, count, scalars)
      (s[0], s[1]) = (first, second)
    } reference: { _, p, g, s in
      let d = g + decay * p
      s[0] = 0.9 * s[0] + 0.1 * d * d
      let change = d * (s[1] + 1e-6).squareRoot() / (s[0] + 1e-6).squareRoot()
      s[1] = 0.9 * s[1] + 0.1 * change * change
      p -= change
    }
  }

  @Test(arguments: OptimizerKernelTests.lengths, [(false, 0), (false, 0.9), (true, 0), (true, 0.9)])
  func rmsprop(count: Int, kind: (isCentered: Bool, momentum: Double)) {
    let scalars = ak_rmsprop_scalars(
      learning_rate: 0.01, weight_decay: 0.05, alpha: 0.9, one_minus_alpha: 0.1, epsilon: 1e-8,
      momentum: Float(kind.momentum))
    // The difference of the squares of a centred step cancels digits.
    compare(count, tolerance: kind.isCentered ? 4e-6 : 1e-6) { _, p, g, s in
      var (square, mean, velocity) = (s[0], s[1], s[2])
      switch (kind.isCentered, kind.momentum > 0) {
      case (false, false): ak_rmsprop(&p, g, &square, nil, nil, count, scalars)
      case (false, true): ak_rmsprop(&p, g, &square, nil, &velocity, count, scalars)
      case (true, false): ak_rmsprop(&p, g, &square, &mean, nil, count, scalars)
      case (true, true): ak_rmsprop(&p, g, &square, &mean, &velocity, count, scalars)
      }
      s = [square, mean, velocity]
    } reference: { _, p, g, s in
      let d = g + 0.05 * p
      s[0] = 0.9 * s[0] + 0.1 * d * d
      if kind.isCentered { s[1] += (d - s[1]) * 0.1 }
      let change = d / ((s[0] - s[1] * s[1]).squareRoot() + 1e-8)
      s[2] = kind.momentum > 0 ? kind.momentum * s[2] + change : 0
      p -= 0.01 * (kind.momentum > 0 ? s[2] : change)
    }
  }

  @Test func gradientsThatDoNotChangeGiveACenteredStepThatIsANumber() {
    let scalars = ak_rmsprop_scalars(
      learning_rate: 1e-9, weight_decay: 0, alpha: 0.5, one_minus_alpha: 0.5, epsilon: 1e-8, momentum: 0)
    let count = 1000
    let g = (1...count).map { 1 / Float($0) }
    var p = [Float](repeating: 0, count: count)
    var (square, mean) = (p, p)
    for _ in 0..<100 { ak_rmsprop(&p, g, &square, &mean, nil, count, scalars) }
    #expect(p.allSatisfy { $0.isFinite })
  }

  @Test(arguments: OptimizerKernelTests.lengths)
  func clippingAndAveraging(count: Int) {
    var x = OptimizerKernelTests.numbers(count, 3)
    x[count / 2] = .nan
    var y = [Float](repeating: 9, count: count)
    ak_clip(x, 0.25, &y, count)
    #expect(y[count / 2].isNaN)
    #expect(x.indices.allSatisfy { $0 == count / 2 || y[$0] == min(max(x[$0], -0.25), 0.25) })
    let start = OptimizerKernelTests.numbers(count, 1)
    let target = OptimizerKernelTests.numbers(count, 2)
    var average = start
    ak_average(&average, target, 0.125, count)
    #expect(average.indices.allSatisfy { abs(average[$0] - (0.875 * start[$0] + 0.125 * target[$0])) < 1e-6 })
  }
}
