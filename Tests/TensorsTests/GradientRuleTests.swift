import AviaryLayers
import AviaryTensors
import Testing

@Suite struct GradientRuleTests {
  private let x = Tensor([-2, -1, 1, 2], shape: [4])
  private let scale = Tensor([1, 1, -1, 1], shape: [4])

  private func tripled(_ x: Tensor) -> Tensor { x * 3 }

  private func gradient() -> [Float]? {
    let (_, gradients, input) = valueWithGradients(of: [Parameter](), mode: .inference) {
      let input = watched(x)
      return ((relu(input) * scale).sum(), input)
    }
    return gradients[input]?.scalars
  }

  @Test func anOperationsGradientIsChangedWithinTheScope() {
    #expect(gradient() == [0, 0, -1, 1])
    let (changed, calls) = changingGradients(of: "relu", by: relu) { gradient() }
    #expect(changed == [0, 0, 0, 1] && calls == 1)
    #expect(changingGradients(of: "relu", by: tripled) { gradient() }.result == [0, 0, -3, 3])
    #expect(gradient() == [0, 0, -1, 1], "nothing stays behind")
  }

  @Test func otherOperationsAreLeftAlone() {
    let (same, calls) = changingGradients(of: "gelu", by: tripled) { gradient() }
    #expect(same == [0, 0, -1, 1] && calls == 0)
  }

  /// In training a relu is a part of the normalisation before it, or of the convolution, and of the pooling behind it.
  @Test(arguments: [Mode.training, .inference]) func fusedOperationsFollowTheRule(mode: Mode) throws {
    let model = Sequential([
      Conv2d(2, 3, kernel: 3, padding: 1, bias: false), BatchNorm2d(3), Activation.relu, Conv2d(3, 3, kernel: 1),
      Activation.relu, MaxPool2d(2), Flatten(), Linear(12, 2),
    ])
    model.initialize(seed: 4)
    let images = Tensor(normal: 0, deviation: 1, seed: 2, shape: [2, 2, 4, 4])
    func gradient(_ forward: (Tensor) -> Tensor) throws -> [Float] {
      let (_, gradients, input) = valueWithGradients(of: [Parameter](), mode: mode) {
        let input = watched(images)
        return (forward(input).sum(), input)
      }
      return try #require(gradients[input]).scalars
    }
    let guided = try changingGradients(of: "relu", by: relu) { try gradient { model($0) } }
    #expect(guided.calls == 2)
    // The same with a relu of one's own.
    func guidedRelu(_ x: Tensor) -> Tensor {
      customOperation("guided", inputs: [x]) {
        relu($0[0])
      } pullback: { gradient, inputs, _ in
        [relu(gradient) * Tensor(inputs[0] .> 0)]
      }
    }
    let written = try gradient { x in
      let y = guidedRelu(model[3](guidedRelu(model[1](model[0](x)))))
      return model[7](model[6](model[5](y)))
    }
    for (a, b) in zip(guided.result, written) { #expect(abs(a - b) <= 1e-5 * max(1, abs(b))) }
    if mode == .training { #expect(guided.result != (try gradient { model($0) })) }
  }
}
