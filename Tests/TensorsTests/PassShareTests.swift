import AviaryKernels
import Testing

@testable import AviaryTensors

/// Parts of a batch that several processes have come to what the whole comes to.
@Suite struct PassShareTests {
  private static let x = Tensor(normal: 0.5, deviation: 2, seed: 1, shape: [5, 3, 2, 2])

  private func part(_ x: Tensor, _ rows: Range<Int>) -> Tensor {
    let width = x.count / x.shape[0]
    return Tensor(
      Array(x.scalars[rows.lowerBound * width..<rows.upperBound * width]), shape: [rows.count] + x.shape.dropFirst())
  }

  /// A pass with batch normalisation and a relu: the result, the gradients, and what was to be added up.
  private func pass(
    _ x: Tensor, rank: Int, adding others: [[Double]]
  ) -> (y: [Float], gradients: [[Float]], own: [[Double]]) {
    let variables = [
      Variable(x), Variable(Tensor([1, 2, -0.5], shape: [3])), Variable(Tensor([0.1, -0.3, 0.2], shape: [3])),
    ]
    var share = PassShare(first: 0, count: x.shape[0], rank: rank)
    var own: [[Double]] = []
    share.sum = { values in
      defer { own.append(values) }
      guard own.count < others.count else { return values }
      return zip(values, others[own.count]).map(+)
    }
    let weights = Tensor(normal: 0, deviation: 1, seed: 9, shape: [3, 2, 2])
    let (_, gradients, y) = sharing(share) {
      valueWithGradients(of: variables, mode: .training, noise: nil) {
        let y = relu(
          batchNormalization(
            variables[0].tracked, scale: variables[1].tracked, shift: variables[2].tracked, epsilon: 1e-3))
        return ((y * y * weights).sum(), y.detached())
      }
    }
    return (y.scalars, variables.map { gradients[$0]!.scalars }, own)
  }

  /// Rows 0 and 1 are one part, even a single row may be; the sums of the other one come from passes before.
  @Test(arguments: [1, 2, 4]) func synchronisedStatisticsAreThoseOfTheWhole(cut: Int) {
    let whole = pass(Self.x, rank: 0, adding: [])
    let parts = [part(Self.x, 0..<cut), part(Self.x, cut..<5)]
    // First what each adds in the forward pass, then in the backward pass, which needs the former.
    var sums = parts.map { Array(pass($0, rank: 0, adding: []).own.prefix(1)) }
    sums = [0, 1].map { pass(parts[$0], rank: $0, adding: sums[1 - $0]).own }
    let results = [0, 1].map { pass(parts[$0], rank: $0, adding: sums[1 - $0]) }
    func close(_ a: [Float], _ b: [Float]) -> Bool {
      a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($1)) }
    }
    #expect(close(results.flatMap(\.y), whole.y))
    #expect(close(results.flatMap { $0.gradients[0] }, whole.gradients[0]))
    for number in 1...2 {
      let sum = zip(results[0].gradients[number], results[1].gradients[number]).map(+)
      #expect(close(sum, whole.gradients[number]))
    }
  }

  /// What is dropped of a part is what is dropped of it in the whole.
  @Test(arguments: [1, 3]) func dropoutIsKeyedByTheNumberInTheWhole(cut: Int) {
    func dropped(_ x: Tensor, _ share: PassShare?) -> [[Float]] {
      func all() -> [[Float]] {
        withMode(.training, noise: Noise(seed: 3, step: 4)) {
          [
            dropout(x, rate: 0.4, path: "a").scalars, channelDropout(x, rate: 0.4, path: "b").scalars,
            stochasticDepth(x, rate: 0.4, path: "c").scalars,
          ]
        }
      }
      return share.map { sharing($0, all) } ?? all()
    }
    let whole = dropped(Self.x, nil)
    let first = dropped(part(Self.x, 0..<cut), PassShare(first: 0, count: cut, rank: 0))
    let second = dropped(part(Self.x, cut..<5), PassShare(first: cut, count: 5 - cut, rank: 1))
    #expect(zip(first, second).map(+) == whole)
  }

  /// Each gradient is told once, complete, and those of the last layers first.
  @Test func gradientsAreToldAsTheyBecomeFinal() {
    let variables = (0..<3).map { Variable(Tensor(normal: 0, deviation: 1, seed: UInt64($0), shape: [2, 2])) }
    var told: [(place: Int, gradient: [Float])] = []
    var share = PassShare(first: 0, count: 1, rank: 0)
    share.gradientIsFinal = { variable, gradient in
      told.append((variables.firstIndex { $0 === variable } ?? -1, gradient.scalars))
    }
    let (_, gradients, _) = sharing(share) {
      valueWithGradients(of: variables, mode: .training, noise: nil) {
        // The first is used twice.
        let hidden = tanh(matmul(variables[0].tracked, variables[1].tracked))
        return (matmul(matmul(hidden, variables[2].tracked), variables[0].tracked).sum(), ())
      }
    }
    #expect(told.map(\.place) == [2, 1, 0])
    for (place, gradient) in told { #expect(gradient == gradients[variables[place]]?.scalars) }
  }
}
