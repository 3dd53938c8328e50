import AviaryTensors
import AviaryTestSupport
import Testing

/// Operations that a user brings along.
@Suite struct CustomOperationTests {
  /// a · b³, with a planted error where it is asked for.
  static func product(_ a: Tensor, _ b: Tensor, error: Float = 0) -> Tensor {
    customOperation("cubedProduct", inputs: [a, b], attributes: ["power": .integer(3)]) { inputs in
      inputs[0] * inputs[1] * inputs[1] * inputs[1]
    } pullback: { gradient, inputs, _ in
      let square = inputs[1] * inputs[1]
      return [gradient * square * inputs[1], gradient * inputs[0] * square * (3 + 3 * error)]
    }
  }

  let operands = ["a": GradientCheckTests.random([3, 4], 1), "b": GradientCheckTests.random([3, 4], 2)]

  @Test func pullbackAgreesWithDifferences() {
    checkGradient(at: operands) { Self.product($0["a"]!, $0["b"]!) }
    checkGradient(at: operands) { relu(Self.product(exp($0["a"]!), $0["b"]!) * 2).sum(over: [1]) }
  }

  @Test func aPlantedErrorIsFound() {
    withKnownIssue { checkGradient(at: operands) { Self.product($0["a"]!, $0["b"]!, error: 0.02) } }
  }

  /// d Σ a·b³ = (b³, 3·a·b²), by hand in float64.
  @Test func gradientsEqualGoldenValues() {
    let (y, gradients) = differentiated(operands) { Self.product($0["a"]!, $0["b"]!) }
    let (a, b) = (operands["a"]!.scalars.map(Double.init), operands["b"]!.scalars.map(Double.init))
    expectClose(actual: y.scalars, expected: zip(a, b).map { $0 * $1 * $1 * $1 })
    expectClose(actual: gradients["a"]!.scalars, expected: b.map { $0 * $0 * $0 })
    expectClose(actual: gradients["b"]!.scalars, expected: zip(a, b).map { 3 * $0 * $1 * $1 })
  }

  @Test func itIsOneOperationOfATrace() {
    let (_, trace) = tracing(operands["a"]!) { relu(Self.product(operands["a"]!, operands["b"]!)) }
    #expect(trace.nodes.map(\.operation.name) == ["cubedProduct", "relu"])
    #expect(trace.nodes[0].operation.attributes == ["power": .integer(3)])
    #expect(trace.nodes[0].operands.compactMap { $0 }.map { trace.values[$0].source } == [.input(0), .constant])
  }

  @Test func inputsWithoutAGradientGetNone() {
    let (_, gradients) = differentiated(operands) {
      customOperation("first", inputs: [$0["a"]!, $0["b"]!]) {
        $0[0] + $0[1]
      } pullback: { gradient, _, _ in
        [gradient, nil]
      }
    }
    #expect(gradients["a"]?.scalars == Array(repeating: 1, count: 12) && gradients["b"] == nil)
  }

  @Test func aGradientOfAnotherShapeIsRefused() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = differentiated(["x": Tensor([1, 2], shape: [2])]) {
        customOperation("wrong", inputs: [$0["x"]!]) {
          $0[0] * 2
        } pullback: { _, _, _ in
          [Tensor(1)]
        }
      }
    }
    expectMessage(result, "wrong: the gradient of input 0 has shape [], the input [2]")
  }
}
