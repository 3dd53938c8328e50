import CKernels
import Testing

/// The optimizers' C kernels against PyTorch's formulas, written out here in double precision.
@Suite struct OptimizerKernelTests {
  /// Lengths about a vector, a cache line and the grain; the last runs on several threads.
  static let lengths = [1, 7, 16, 17, 1000, 100_003]

  static func numbers(_ count: Int, _ salt: Int) -> [Float] {
    (0..<count).map { Float((($0 + 1) * (2 * salt + 7919)) % 2003) / 1001.5 - 1 }
  }

  /// Ten steps with a new gradient each, in C and in double precision; the parameters must agree within 1e-6 of the
  /// largest value.
  func compare(
    _ count: Int, sourceLocation: SourceLocation = #_sourceLocation,
    kernel: (_ step: Int, _ p: inout [Float], _ g: [Float], _ m: inout [Float], _ v: inout [Float]) -> Void,
    reference: (_ step: Int, _ p: inout Double, _ g: Double, _ m: inout Double, _ v: inout Double) -> Void
  ) {
    var p = Self.numbers(count, 0)
    var m = [Float](repeating: 0, count: count)
    var v = m
    var expected = p.map(Double.init)
    var m64 = [Double](repeating: 0, count: count)
    var v64 = m64
    for step in 1...10 {
      let g = Self.numbers(count, step)
      kernel(step, &p, g, &m, &v)
      for i in 0..<count { reference(step, &expected[i], Double(g[i]), &m64[i], &v64[i]) }
    }
    #expect(error(p, expected) <= 1e-6, "parameters", sourceLocation: sourceLocation)
    #expect(error(m, m64) <= 1e-6, "first state", sourceLocation: sourceLocation)
    #expect(error(v, v64) <= 1e-6, "second state", sourceLocation: sourceLocation)
  }

  /// The largest difference over the largest expected value.
  func error(_ actual: [Float], _ expected: [Double]) -> Double {
    let difference = zip(actual, expected).map { abs(Double($0) - $1) }.max() ?? 0
    let largest = expected.map(abs).max() ?? 0
    return largest == 0 ? difference : difference / largest
  }

  @Test(arguments: lengths, [0, 0.1])
  func plainDescent(count: Int, decay: Double) {
    let scalars = ak_sgd_scalars(learning_rate: 0.05, weight_decay: Float(decay), momentum: 0, nesterov: 0)
    compare(count) { _, p, g, _, _ in
      ak_sgd(&p, g, nil, count, scalars)
    } reference: { _, p, g, _, _ in
      p -= 0.05 * (g + decay * p)
    }
  }

  @Test(arguments: lengths, [false, true])
  func momentum(count: Int, nesterov: Bool) {
    let scalars = ak_sgd_scalars(learning_rate: 0.05, weight_decay: 0.01, momentum: 0.9, nesterov: nesterov ? 1 : 0)
    compare(count) { _, p, g, m, _ in
      ak_sgd(&p, g, &m, count, scalars)
    } reference: { step, p, g, m, _ in
      let d = g + 0.01 * p
      m = step == 1 ? d : 0.9 * m + d
      p -= 0.05 * (nesterov ? d + 0.9 * m : m)
    }
  }

  @Test(arguments: lengths, [false, true])
  func adam(count: Int, decoupled: Bool) {
    let (rate, decay, beta1, beta2, epsilon) = (0.01, 0.1, 0.9, 0.999, 1e-8)
    compare(count) { step, p, g, m, v in
      let scalars = ak_adam_at(rate, decay, beta1, beta2, epsilon, Int64(step), decoupled ? 1 : 0)
      ak_adam(&p, g, &m, &v, count, scalars)
    } reference: { step, p, g, m, v in
      var d = g
      if decoupled { p *= 1 - rate * decay } else { d += decay * p }
      m += (d - m) * (1 - beta1)
      v = beta2 * v + (1 - beta2) * d * d
      var (power1, power2) = (1.0, 1.0)
      for _ in 0..<step { (power1, power2) = (power1 * beta1, power2 * beta2) }
      p -= rate / (1 - power1) * m / (v.squareRoot() / (1 - power2).squareRoot() + epsilon)
    }
  }

  /// The mean is `torch.lerp`'s, which computes from the nearer end: a large mean takes no digits from a small gradient.
  @Test(arguments: [(0, 1e-3), (0.25, 0.25 * 1e-3 + 0.75 * 3e-3)])
  func smallGradientsKeepTheirDigitsAfterLargeOnes(beta1: Double, expected: Double) {
    var (p, m, v): ([Float], [Float], [Float]) = ([1], [beta1 == 0 ? 1e8 : 1e-3], [0])
    let g: [Float] = [beta1 == 0 ? 1e-3 : 3e-3]
    ak_adam(&p, g, &m, &v, 1, ak_adam_at(0.01, 0, beta1, 0.999, 1e-8, 1, 0))
    #expect(abs(Double(m[0]) - expected) <= 1e-9)
    var mean: [Float] = [1e8]
    ak_adam(&p, g, &mean, &v, 1, ak_adam_at(0.01, 0, beta1, 0.999, 1e-8, 2, 0))
    #expect(mean[0] == g[0] - (g[0] - 1e8) * Float(beta1))
  }

  @Test func resultsDoNotDependOnTheNumberOfThreads() {
    let count = 100_003
    let before = ak_threads()
    defer { ak_set_threads(before) }
    func run(threads: Int32) -> [Float] {
      ak_set_threads(threads)
      var p = Self.numbers(count, 0)
      var m = [Float](repeating: 0, count: count)
      var v = m
      for step in 1...3 {
        ak_adam(&p, Self.numbers(count, step), &m, &v, count, ak_adam_at(0.01, 0.1, 0.9, 0.999, 1e-8, Int64(step), 1))
      }
      return p
    }
    #expect(run(threads: 1) == run(threads: 3))
  }
}
