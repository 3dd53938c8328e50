import AviaryKernels
import AviaryTestSupport
import Testing

@testable import AviaryTensors

/// What a trace and a tape know of the operations that a program calls.
@Suite struct TraceTests {
  let x = numbers([2, 16, 6, 6], 1)
  let weight = Variable(numbers([16, 16, 3, 3], 2))
  let scale = Variable(positiveNumbers([16], 3))
  let shift = Variable(numbers([16], 4))

  /// relu(normalisation(convolution(x)) + x), pooled.
  func block(_ x: Tensor) -> Tensor {
    let y = convolution(
      x, weight: weight.tracked(at: "conv.weight"), stride: [1, 1], padding: [1, 1], dilation: [1, 1])
    let scale = scale.tracked(at: "bn.weight")
    let shift = shift.tracked(at: "bn.bias")
    let normalized =
      isRecording
      ? batchNormalization(y, scale: scale, shift: shift, epsilon: 1e-5)
      : batchNormalization(
        y, mean: Tensor(zeros: [16]), variance: Tensor(ones: [16]), scale: scale, shift: shift, epsilon: 1e-5)
    return maxPool(relu(normalized + x), kernel: [2, 2])
  }

  static let names = ["convolution", "batchNormalization", "add", "relu", "maxPool"]

  @Test func fusionHidesNothingInInference() throws {
    let plain = inference { block(x) }
    let (y, trace) = tracing(x) { inference { block(x) } }
    #expect(y.scalars == plain.scalars, "a trace changes nothing")
    #expect(trace.nodes.map(\.operation.name) == Self.names)
    let attributes = trace.nodes[0].operation.attributes
    #expect(
      attributes == [
        "kernel": .integers([3, 3]), "stride": .integers([1, 1]), "padding": .integers([1, 1]),
        "endPadding": .integers([1, 1]), "dilation": .integers([1, 1]), "groups": .integer(1),
      ])
    let convolution = trace.nodes[0]
    #expect(convolution.operands.count == 3 && convolution.operands[2] == nil, "there is no bias")
    #expect(trace.values[convolution.operands[0]!].source == .input(0))
    let weight = trace.values[try #require(convolution.operands[1])]
    #expect(weight.source == .parameter(path: "conv.weight") && weight.cell == ObjectIdentifier(self.weight))
    #expect(trace.nodes[1].operands[0] == convolution.results[0])
    #expect(trace.nodes[1].operation["training"] == .flag(false))
    #expect(trace.values[trace.nodes[1].operands[1]!].source == .constant)
    #expect(trace.nodes[2].operands.compactMap { $0 } == [trace.nodes[1].results[0], convolution.operands[0]!])
    #expect(trace.place(of: y) == trace.nodes[4].results[0] && trace.shapes(of: trace.nodes[4]) == [[2, 16, 3, 3]])
    #expect(trace.place(of: Tensor(1)) == nil)
    #expect(trace.description.contains("convolution(dilation: [1, 1]"))
  }

  @Test func fusionHidesNothingInTraining() throws {
    func step() -> (value: Tensor, gradients: Gradients, auxiliary: Int) {
      valueWithGradients(of: [weight, scale, shift], mode: .training, noise: Noise(seed: 1, step: 1)) {
        (dropout(block(x), rate: 0.5).sum(), 7)
      }
    }
    let plain = step()
    let (traced, trace) = tracing(x, body: step)
    #expect(traced.value.scalars == plain.value.scalars && traced.auxiliary == 7)
    for variable in [weight, scale, shift] {
      #expect(traced.gradients[variable]?.scalars == plain.gradients[variable]?.scalars)
    }
    #expect(trace.nodes.map(\.operation.name) == Self.names + ["dropout", "sum"], "without the backward pass")
    #expect(trace.nodes[1].operation["training"] == .flag(true))
    #expect(Set(trace.nodes[5].operation.attributes.keys) == ["rate", "key", "step"])
    let sources = trace.values.map(\.source)
    for path in ["conv.weight", "bn.weight", "bn.bias"] {
      #expect(sources.filter { $0 == .parameter(path: path) }.count == 1)
    }
  }

  @Test func observedStatisticsAreNoPartOfATrace() {
    var mean = Tensor(zeros: [16])
    let (_, trace) = tracing(x) {
      withMode(.training) {
        let y = batchNormalization(x, scale: scale.value, shift: shift.value, epsilon: 1e-5) { batch, _ in
          mean = mean * 0.9 + batch * 0.1
        }
        return relu(y * 2)
      }
    }
    #expect(trace.nodes.map(\.operation.name) == ["batchNormalization", "affine", "relu"])
    #expect(mean.scalars.contains { $0 != 0 })
  }

  @Test func composedOperatorsAreOne() {
    let (_, trace) = tracing(x) {
      let y = softplus(prelu(x, slope: Tensor([0.1], shape: [1])))
      return softmax(channelDropout(y, rate: 0.5), axis: 1).mean(over: [2, 3])
    }
    #expect(trace.nodes.map(\.operation.name) == ["prelu", "softplus", "softmax", "mean"])
    #expect(trace.nodes[3].operation.attributes == ["axes": .integers([2, 3]), "keepingAxes": .flag(false)])
  }

  @Test func whatReturnsItsOperandIsNotListed() {
    let (_, trace) = tracing(x) { dropout(x.reshaped(to: x.shape), rate: 0.5).slice(axis: 0, from: 0, to: 2) }
    #expect(trace.nodes.isEmpty)
  }

  @Test func recurrentLayersHaveSeveralResults() {
    let input = numbers([5, 2, 3], 1)
    let weights = RecurrentWeights(input: numbers([16, 3], 2), recurrent: numbers([16, 4], 3))
    let (result, trace) = tracing(input) { recurrent(input, kind: .lstm, weights: weights, lengths: [5, 3]) }
    #expect(trace.nodes.count == 1 && trace.nodes[0].operation.name == "lstm")
    #expect(trace.nodes[0].operands.map { $0 == nil } == [false, false, false, true, true, true, true])
    let results = [result.y, result.hidden, result.cell!].map { trace.place(of: $0) }
    #expect(results == trace.nodes[0].results)
    #expect(trace.nodes[0].operation["lengths"] == .indices(IntTensor([5, 3])))
  }

  /// The tape keeps each operation beside its pullback, and knows its operands.
  @Test func theTapeCarriesOperations() throws {
    let value = valueWithGradients(of: [weight, scale, shift], mode: .training, noise: nil) {
      let loss = block(x).sum()
      let tape = try! #require(Pass.current.onComputeThread.tape)
      let leaves = tape.nodes.indices.filter { tape.nodes[$0].operation == nil }
      let others = tape.nodes.indices.filter { tape.nodes[$0].operation != nil }
      #expect(leaves.count == 3)
      #expect(others.map { tape.nodes[$0].operation!.name } == Self.names + ["sum"])
      #expect(tape.operands(of: others[0]) == [nil, leaves[0], nil], "neither the input nor a bias")
      #expect(tape.operands(of: others[1]) == [others[0], leaves[1], leaves[2]])
      #expect(tape.operands(of: others[3]) == [others[2]])
      #expect(tape.nodes[others[0]].operation?["padding"] == .integers([1, 1]))
      return (loss, others.count)
    }
    #expect(value.auxiliary == 6)
  }

  @Test func descriptionsTakeAFewWords() {
    #expect(MemoryLayout<AttributeForm>.size <= 7 * 8)
    #expect(MemoryLayout<Tape.Node>.stride <= 14 * 8)
  }

  @Test func anOperatorThatSaysNothingGoesByItsFunction() {
    func halved(_ x: Tensor) -> Tensor {
      operation { recorded(Tensor(x.buffer.scaled(by: 0.5), shape: x.shape), from: x) { _, _ in } }
    }
    let (_, trace) = tracing(x) { halved(x) }
    #expect(trace.nodes.map(\.operation.name) == ["halved"] && !trace.nodes[0].operation.isComplete)
  }

  @Test func profilesNameTheOperation() {
    let path = "a block in TraceTests"
    let recording = Profile.recording {
      _ = valueWithGradients(of: [weight, scale, shift], mode: .training, noise: nil) {
        (profiled(path) { block(x).sum() }, ())
      }
    }
    let own = recording.events.filter { $0.path == path && $0.operation != Profile.reorder }
    func origins(_ operation: String) -> Set<String> { Set(own.filter { $0.operation == operation }.map(\.origin)) }
    #expect(origins("convolution") == ["convolution"])
    #expect(origins("batch normalisation") == ["batchNormalization"])
    #expect(origins("convolution, gradient of weights") == ["convolution"])
    #expect(origins("pooling, gradient") == ["maxPool"])
    #expect(own.allSatisfy { !$0.origin.isEmpty }, "\(own.filter(\.origin.isEmpty).map(\.operation))")
  }
}
