import AviaryTensors
import AviaryTestSupport
import Testing

/// Attention against PyTorch's float64 and finite differences, and what tiles must not change.
@Suite struct AttentionTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("attention", of: "TensorsTests") }

  static func operation(_ golden: GoldenCase) throws -> GoldenOperators.Operation {
    let causal = try golden.flag("causal")
    let scale = (try? golden.number("scale")).map { Float($0) }
    if let seen = golden.optionalArray("seen") {
      let mask = Mask(seen.integers.map { $0 != 0 }, shape: seen.shape)
      return {
        scaledDotProductAttention($0["query"]!, $0["key"]!, $0["value"]!, seeing: mask, causal: causal, scale: scale)
      }
    }
    let kept = golden.optionalArray("mask").map { Tensor($0.floats, shape: $0.shape) }
    return {
      scaledDotProductAttention(
        $0["query"]!, $0["key"]!, $0["value"]!, mask: $0["mask"] ?? kept, causal: causal, scale: scale)
    }
  }

  @Test func valuesAndGradientsArePyTorchs() throws {
    let cases = try Self.goldens.get().cases(of: "attention")
    #expect(cases.count == 17)
    for golden in cases {
      let operation = try Self.operation(golden)
      let operands = try GoldenOperators.operands(golden)
      let expected = try golden.array("y")
      let predicted = inference { operation(operands) }
      expectClose(
        actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(golden.name): inference")
      let (y, gradients) = differentiated(
        operands, upstream: try GoldenOperators.tensor(golden, "dy"), road: .forced, operation)
      expectClose(actual: y.scalars, shape: y.shape, golden: expected, name: golden.name)
      #expect(gradients.count == operands.count, "\(golden.name): a gradient for every operand")
      for (operand, gradient) in gradients {
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
          relativeL2: gradientTolerance, name: "\(golden.name): gradient of \(operand)")
      }
    }
  }

  @Test func pullbackAgreesWithDifferences() throws {
    for golden in try Self.goldens.get().cases(of: "attention") {
      checkGradient(
        at: try GoldenOperators.operands(golden), step: 1e-2, name: golden.name, of: try Self.operation(golden))
    }
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test func plantedErrorIsFound() throws {
    for golden in try Self.goldens.get().cases(of: "attention") {
      let (operation, operands) = (try Self.operation(golden), try GoldenOperators.operands(golden))
      for operand in operands.keys {
        let (_, gradients) = differentiated(operands, upstream: try GoldenOperators.tensor(golden, "dy")) {
          operation(flawed(operand, in: $0))
        }
        let closeness = Closeness(
          actual: gradients[operand]?.scalars ?? [], expected: try golden.array("d_\(operand)").values)
        #expect(
          !closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(golden.name), \(operand)")
      }
    }
  }

  private func random(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }

  /// Few attentions are cut into blocks for the threads, and many are not; both give the same bits.
  @Test func eachAttentionIsTheSameAloneAndInABatch() {
    let operands = ["q": random([64, 200, 9], 1), "k": random([64, 150, 9], 2), "v": random([64, 150, 5], 3)]
    let upstream = random([64, 200, 5], 4)
    func attend(_ operands: [String: Tensor], _ upstream: Tensor) -> (y: Tensor, gradients: [String: Tensor]) {
      differentiated(operands, upstream: upstream) {
        scaledDotProductAttention($0["q"]!, $0["k"]!, $0["v"]!, causal: true)
      }
    }
    let together = attend(operands, upstream)
    for place in [0, 63] {
      func part(_ x: Tensor) -> Tensor { x.slice(axis: 0, from: place, to: place + 1) }
      let alone = attend(operands.mapValues(part), part(upstream))
      #expect(alone.y.scalars == part(together.y).scalars)
      for (name, gradient) in alone.gradients { #expect(gradient.scalars == part(together.gradients[name]!).scalars) }
    }
  }

  /// Dropped weights are drawn by the pass's noise and the path: the same step drops the same again, and the pullback too.
  @Test func droppedWeightsAreThoseOfTheStep() {
    let (q, k, v) = (random([2, 6, 4], 1), random([2, 6, 4], 2), random([2, 6, 3], 3))
    func attend(_ noise: Noise, path: String = "a") -> [Float] {
      withMode(.training, noise: noise) { scaledDotProductAttention(q, k, v, dropout: 0.5, path: path).scalars }
    }
    let first = attend(Noise(seed: 1, step: 1))
    #expect(first == attend(Noise(seed: 1, step: 1)))
    #expect(first != attend(Noise(seed: 1, step: 2)) && first != attend(Noise(seed: 1, step: 1), path: "b"))
    #expect(first != inference { scaledDotProductAttention(q, k, v).scalars })
    #expect(
      inference { scaledDotProductAttention(q, k, v, dropout: 0.5).scalars }
        == inference { scaledDotProductAttention(q, k, v).scalars })
    checkGradient(at: ["q": q, "k": k, "v": v], step: 1e-3, name: "with dropout") {
      scaledDotProductAttention($0["q"]!, $0["k"]!, $0["v"]!, causal: true, dropout: 0.3, path: "a")
    }
  }

  @Test func emptyOperandsGiveEmptyOrZeroResults() {
    let q = random([2, 3, 4], 1)
    #expect(
      scaledDotProductAttention(q, Tensor(zeros: [2, 0, 4]), Tensor(zeros: [2, 0, 5])).scalars.allSatisfy { $0 == 0 })
    #expect(
      scaledDotProductAttention(Tensor(zeros: [0, 3, 4]), Tensor(zeros: [0, 2, 4]), Tensor(zeros: [0, 2, 5])).shape == [
        0, 3, 5,
      ])
    #expect(scaledDotProductAttention(q, random([2, 6, 4], 2), Tensor(zeros: [2, 6, 0])).shape == [2, 3, 0])
  }
}
