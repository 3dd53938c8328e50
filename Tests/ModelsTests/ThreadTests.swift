import AviaryKernels
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

/// The number of threads decides how sums over the batch are put together in a backward pass, and nothing else.
@Suite struct ThreadTests {
  private struct Pass: Equatable {
    let logits: [Float]
    let loss: Float
    let gradients: [String: [Float]]
  }

  private static func pass(
    _ model: some Network, threads: Int, labels: Int, _ logits: (IntTensor) -> Tensor
  ) -> Pass {
    // In one piece of work, which no other test runs beside.
    Compute.alone {
      let before = Compute.threads
      defer { Compute.threads = before }
      Compute.threads = threads
      model.initialize(seed: 1)
      let wanted = IntTensor((0..<labels).map { Int32($0 % 5) })
      let (loss, gradients, y) = valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
        let y = logits(wanted)
        return (crossEntropy(y, labels: wanted), y)
      }
      let all = model.parameters.map { ($0.path, gradients[$0]?.scalars ?? []) }
      return Pass(logits: y.scalars, loss: loss.scalar, gradients: Dictionary(uniqueKeysWithValues: all))
    }
  }

  private static func check(_ run: (_ threads: Int) -> Pass) {
    let (one, two) = (run(1), run(2))
    #expect(run(2) == two, "the same threads, another result")
    #expect(one.logits == two.logits && one.loss == two.loss)
    let largest = one.gradients.values.joined().reduce(0) { max($0, abs($1)) }
    #expect(largest > 0)
    for (path, gradient) in one.gradients {
      let other = two.gradients[path] ?? []
      #expect(gradient.count == other.count)
      let difference = zip(gradient, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 1e-5 * largest, "\(path): \(difference) of \(largest)")
    }
  }

  @Test(arguments: ZooCase.families) func threadsChangeGradientsByRoundingOnly(_ entry: ZooCase) throws {
    func check(_ model: some Classifier) {
      let x = entry.images(6)
      Self.check { Self.pass(model, threads: $0, labels: 6) { _ in model(x) } }
    }
    check(try entry.model())
  }

  @Test func threadsOfRecurrentNetworks() {
    let model = CharacterModel(.toy)
    Self.check { threads in
      Self.pass(model, threads: threads, labels: 40) { labels in
        model(tokens: IntTensor(labels.scalars, shape: [5, 8])).logits.reshaped(to: [40, -1])
      }
    }
  }
}
