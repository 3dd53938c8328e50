import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import Testing

/// What a profile records. Other tests compute meanwhile, so that events are told apart by the layer that they name.
@Suite struct ProfileTests {
  /// The events of `body` under a name that no other test has.
  private func events(_ path: String, _ body: () -> Void) -> [Profile.Event] {
    let recording = Profile.recording { profiled(path, body) }
    #expect(recording.duration > 0)
    return recording.events.filter { $0.path == path }
  }

  @Test func operationsAreRecordedWithTheirArithmetic() throws {
    let a = Tensor(repeating: 1, shape: [6, 5])
    let b = Tensor(repeating: 2, shape: [5, 7])
    let found = events("profile of a product") { _ = relu(matmul(a, b)).scalars }
    #expect(found.map(\.operation) == ["matrix product", "relu"])
    let product = try #require(found.first)
    #expect(product.arithmetic == Double(2 * 6 * 5 * 7) && product.bytes == 4 * (30 + 35 + 42))
    #expect(product.implementation?.isEmpty == false && found[1].implementation == nil)
    #expect(product.shapes == "[6, 5] [5, 7] [6, 7]" && found[1].shapes == "[6, 7]")
    #expect(found[1].arithmetic == 0 && found[1].bytes == 2 * 4 * 42)
    #expect(
      found.allSatisfy { $0.duration >= 0 && !$0.isBackward } && found[1].start >= product.start + product.duration)
  }

  @Test func aConvolutionCountsTwoOperationsAMultiplication() throws {
    let x = Tensor(repeating: 1, shape: [2, 3, 8, 8])
    let weight = Tensor(repeating: 1, shape: [4, 3, 3, 3])
    let found = events("profile of a convolution") {
      _ = convolution(x, weight: weight, stride: [1, 1], padding: [1, 1], dilation: [1, 1]).scalars
    }
    let event = try #require(found.first { $0.operation == "convolution" })
    #expect(event.arithmetic == Double(2 * 2 * 4 * 64 * 27))
  }

  @Test func whatIsDoneLaterBelongsToWhoAskedForIt() throws {
    let variable = Variable(Tensor(repeating: 0.5, shape: [16, 16, 3, 3]))
    let x = Tensor(repeating: 1, shape: [2, 16, 8, 8])
    let recording = Profile.recording {
      _ = valueWithGradients(of: [variable], mode: .training, noise: nil) {
        // The convolution is computed with the relu, outside of its layer.
        let y = profiled("a convolution's layer") {
          convolution(x, weight: variable.tracked, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
        }
        return (profiled("a relu's layer") { relu(y) }.sum(), ())
      }
    }
    let own = recording.events.filter { $0.path == "a convolution's layer" }
    #expect(own.contains { $0.operation == "convolution" && !$0.isBackward })
    #expect(own.contains { $0.operation == "convolution, gradient of weights" && $0.isBackward })
    #expect(!own.contains { $0.operation == "relu, gradient" })
    #expect(recording.events.contains { $0.path == "a relu's layer" && $0.operation == "relu, gradient" })
    #expect(recording.blocks > 0)
  }

  @Test func nothingIsRecordedAfterTheEnd() {
    let first = Profile.recording {}
    profiled("after the end") { _ = relu(Tensor([1, -1], shape: [2])).scalars }
    let second = Profile.recording {}
    #expect(!(first.events + second.events).contains { $0.path == "after the end" })
  }
}
