import AviaryTensors
import AviaryTestSupport
import Testing

/// NaN passes through what is fused as through its parts, and -infinity becomes zero in a relu.
@Suite struct NonfiniteTests {
  private static let shape = [2, 16, 8, 8]

  private static func input(_ value: Float) -> Tensor {
    var numbers = TestNumbers(seed: 3)
    var x = numbers.floats(shape.reduce(1, *))
    x[200] = value
    return Tensor(x, shape: shape)
  }

  private static func weight() -> Tensor {
    var numbers = TestNumbers(seed: 4)
    return Tensor(numbers.floats(16 * 16 * 9), shape: [16, 16, 3, 3])
  }

  private static func conv(_ x: Tensor) -> Tensor {
    convolution(x, weight: weight(), stride: [1, 1], padding: [1, 1], dilation: [1, 1])
  }

  private func expectSame(_ fused: Tensor, _ apart: Tensor) {
    for (a, b) in zip(fused.scalars, apart.scalars) {
      #expect(a.isNaN == b.isNaN && a.isInfinite == b.isInfinite)
    }
  }

  /// Read before the relu, a result is no longer deferred.
  private static func apart(_ x: Tensor) -> Tensor { relu(Tensor(x.scalars, shape: x.shape)) }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func convolutionAndRelu(value: Float) {
    let x = Self.input(value)
    let y = relu(Self.conv(x))
    expectSame(y, Self.apart(Self.conv(x)))
    #expect(y.scalars.contains { !$0.isFinite })
  }

  /// Of all channels, of each alone, in groups, and by Winograd's algorithm, which ends with no such activation.
  private static let convolutions: [@Sendable (Tensor) -> Tensor] = [
    conv,
    { x in
      var numbers = TestNumbers(seed: 4)
      let weight = Tensor(numbers.floats(16 * 25), shape: [16, 1, 5, 5])
      return convolution(x, weight: weight, stride: [2, 2], padding: [2, 2], dilation: [1, 1], groups: 16)
    },
    { x in
      var numbers = TestNumbers(seed: 4)
      let weight = Tensor(numbers.floats(24 * 16), shape: [24, 16, 1, 1])
      return convolution(x, weight: weight, stride: [1, 1], padding: [0, 0], dilation: [1, 1])
    },
    { x in
      var numbers = TestNumbers(seed: 4)
      let weight = Tensor(numbers.floats(16 * 8 * 9), shape: [16, 8, 3, 3])
      return convolution(x, weight: weight, stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 2)
    },
  ]

  private static let activations: [@Sendable (Tensor) -> Tensor] = [
    { relu6($0) }, { silu($0) }, { hardSwish($0) },
  ]

  @Test(arguments: [Float.nan, .infinity, -.infinity, 1e37, -1e37, 1], 0..<3)
  func convolutionAndActivation(value: Float, activation: Int) {
    let activate = Self.activations[activation]
    for convolve in Self.convolutions {
      let x = Self.input(value)
      let fused = activate(convolve(x))
      let bare = convolve(x)
      let apart = activate(Tensor(bare.scalars, shape: bare.shape))
      expectSame(fused, apart)
      let pairs = zip(fused.scalars, apart.scalars).filter { $0.isFinite && $1.isFinite }
      expectClose(actual: pairs.map(\.0), expected: pairs.map { Double($0.1) }, relativeL2: 1e-6)
      let zeros = zip(fused.scalars, apart.scalars).count { ($0 == 0) != ($1 == 0) && abs($0 - $1) > 1e-30 }
      #expect(zeros == 0)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func convolutionAdditionAndRelu(value: Float) {
    let x = Self.input(value)
    var numbers = TestNumbers(seed: 5)
    let finite = Tensor(numbers.floats(x.count), shape: x.shape)
    expectSame(relu(Self.conv(x) + finite), Self.apart(Self.conv(x) + finite))
    expectSame(relu(Self.conv(finite) + x), Self.apart(Self.conv(finite) + x))
    // An addend that nothing else holds.
    expectSame(relu(Self.conv(finite) + (x + 0)), Self.apart(Self.conv(finite) + x))
    expectSame(relu(Self.conv(x) + (finite + 0)), Self.apart(Self.conv(x) + finite))
  }

  @Test(arguments: [Float.nan, .infinity]) func normalizationAndRelu(value: Float) throws {
    let x = Self.input(value)
    let (scale, shift) = (
      Tensor([Float](repeating: 1, count: 16), shape: [16]), Tensor([Float](repeating: 0, count: 16), shape: [16])
    )
    let variable = Variable(x)
    let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) {
      let y = relu(batchNormalization(variable.tracked, scale: scale, shift: shift, epsilon: 1e-5))
      return (y.sum(), y)
    }
    let bare = batchNormalization(x, scale: scale, shift: shift, epsilon: 1e-5)
    expectSame(pass.auxiliary, Self.apart(bare))
    let loss = pass.value.scalar
    #expect(loss.isNaN)
    let gradient = try #require(pass.gradients[variable])
    #expect(gradient.scalars.contains { $0.isNaN })
  }

  @Test func maximumOfWindows() {
    let x = Self.input(.nan)
    let y = maxPool(x, kernel: [2, 2])
    #expect(y.scalars.count { $0.isNaN } == 1)
    #expect(maxPool(x, kernel: [8, 8]).scalars.count { $0.isNaN } == 1)
    // The flag of one NaN does not stay.
    let clean = maxPool(Self.input(1), kernel: [2, 2]).scalars
    #expect(clean.allSatisfy { $0.isFinite })
  }

  @Test func theGradientOfReluPassesNaN() throws {
    let variable = Variable(Tensor([.nan, -1, 2], shape: [3]))
    let pass = valueWithGradients(of: [variable], mode: .training, noise: nil) { (relu(variable.tracked).sum(), ()) }
    // PyTorch's.
    let gradient = try #require(pass.gradients[variable])
    #expect(gradient.scalars == [1, 0, 1])
  }
}
