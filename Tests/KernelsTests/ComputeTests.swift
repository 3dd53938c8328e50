import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import CKernels
import Foundation
import Testing

/// The compute thread, from one caller and from many.
@Suite struct ComputeTests {
  @Test func workRunsOnTheComputeThread() {
    #expect(!ak_on_compute_thread())
    let nested = Compute.run { (ak_on_compute_thread(), Compute.run { ak_on_compute_thread() }) }
    #expect(nested == (true, true))
    #expect(!ak_on_compute_thread())
  }

  @Test func errorsComeBackWithTheirType() {
    struct Stop: Swift.Error, Equatable { let number: Int }
    do {
      try Compute.run { () throws(Stop) -> Void in throw Stop(number: 3) }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error.number == 3)
    }
  }

  /// A small network on inputs of its own.
  static func network(_ seed: UInt64) -> [Float] {
    var numbers = TestNumbers(seed: seed)
    let size = 4 + Int(seed % 5)
    let x = Tensor(numbers.floats(16 * size * size), shape: [1, 16, size, size])
    let weight = Tensor(numbers.floats(16 * 16 * 9), shape: [16, 16, 3, 3])
    let bias = Tensor(numbers.floats(16), shape: [16])
    let y = convolution(x, weight: weight, bias: bias, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
    let z = relu(y + x * Float(0.5))
    return (z.mean(over: [2, 3]) * 2).scalars
  }

  @Test func callersOnManyThreadsGetTheirOwnResults() async {
    let expected = (0..<40).map { Self.network(UInt64($0)) }
    await withTaskGroup(of: (Int, [Float]).self) { group in
      for index in 0..<200 { group.addTask { (index % 40, Self.network(UInt64(index % 40))) } }
      for await (index, result) in group { #expect(result == expected[index]) }
    }
  }

  @Test func oneTensorIsReadOnManyThreads() async {
    let shared = inference { () -> Tensor in
      let x = Tensor(repeating: 0.5, shape: [1, 16, 8, 8])
      return throughConvolution(x) + x
    }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 { group.addTask { shared.scalars.allSatisfy { $0 == 1 } } }
      for await isRight in group { #expect(isRight) }
    }
  }

  @Test func sameThreadsSameBits() async {
    // In a process of its own: the number of threads belongs to everybody.
    await #expect(processExitsWith: .success) {
      for threads in [1, 2] {
        Compute.threads = threads
        if Compute.threads != threads { exit(1) }
        let first = gradients()
        for _ in 0..<5 where gradients() != first { exit(2) }
      }
    }
  }
}

/// The gradients of a step over a convolution, a normalisation and a linear map.
private func gradients() -> [Float] {
  var numbers = TestNumbers(seed: 3)
  let x = Tensor(numbers.floats(8 * 3 * 20 * 20), shape: [8, 3, 20, 20])
  let weight = Variable(Tensor(numbers.floats(32 * 3 * 9), shape: [32, 3, 3, 3]))
  let next = Variable(Tensor(numbers.floats(32 * 32 * 9), shape: [32, 32, 3, 3]))
  let scale = Variable(Tensor(ones: [32]))
  let shift = Variable(Tensor(zeros: [32]))
  let variables = [weight, next, scale, shift]
  let pass = valueWithGradients(of: variables, mode: .training, noise: Noise(seed: 1, step: 1)) {
    var y = x
    for weight in [weight, next] {
      y = convolution(y, weight: weight.tracked, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
      y = relu(batchNormalization(y, scale: scale.tracked, shift: shift.tracked, epsilon: 1e-5))
    }
    let loss = crossEntropy(dropout(y, rate: 0.2).mean(over: [2, 3]), labels: IntTensor([0, 1, 2, 3, 4, 5, 6, 7]))
    return (loss, ())
  }
  return variables.flatMap { pass.gradients[$0]!.scalars } + [pass.value.scalar, pass.gradients.globalNorm]
}
