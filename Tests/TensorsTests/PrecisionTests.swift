import AviaryLayers
import AviaryTensors
import Testing

/// Products of bfloat16: exactly the products of the rounded factors, but for the order of their sums.
@Suite(.enabled(if: Precision.bfloat16.isAvailable, "this processor has no instructions for bfloat16"))
struct PrecisionTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let input: [Int]
    let weight: [Int]
    /// Whether it is sure to be computed so: for the other cases a library may have float32 alone.
    var isSure = true
    let operation: @Sendable (_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> Tensor
    var biasCount: Int

    init(
      _ name: String, _ input: [Int], _ weight: [Int], bias: Int, isSure: Bool = true,
      _ operation: @escaping @Sendable (Tensor, Tensor, Tensor) -> Tensor
    ) {
      (description, self.input, self.weight, biasCount, self.isSure) = (name, input, weight, bias, isSure)
      self.operation = operation
    }

    static func window(
      _ name: String, _ input: [Int], _ weight: [Int], stride: Int = 1, padding: Int = 1, groups: Int = 1,
      isSure: Bool = true
    ) -> Case {
      let axes = input.count - 2
      return Case(name, input, weight, bias: weight[0], isSure: isSure) { x, weight, bias in
        convolution(
          x, weight: weight, bias: bias, stride: Array(repeating: stride, count: axes),
          padding: Array(repeating: padding, count: axes), dilation: Array(repeating: 1, count: axes), groups: groups)
      }
    }

    static let all = [
      window("3×3", [2, 16, 9, 9], [32, 16, 3, 3]),
      window("3×3 with a stride", [2, 32, 10, 10], [16, 32, 3, 3], stride: 2),
      window("7×7 of colours", [2, 3, 20, 20], [16, 3, 7, 7], stride: 2, padding: 3),
      window("1×1", [2, 64, 5, 5], [16, 64, 1, 1], padding: 0),
      window("channels that fill no block", [3, 5, 8, 8], [7, 5, 3, 3], isSure: false),
      window("groups", [2, 32, 8, 8], [32, 8, 3, 3], groups: 4, isSure: false),
      window("depthwise", [2, 32, 8, 8], [32, 1, 3, 3], groups: 32, isSure: false),
      window("one axis", [2, 16, 30], [16, 16, 3], isSure: false),
      window("three axes", [1, 16, 5, 5, 5], [16, 16, 3, 3, 3], isSure: false),
      Case("transposed", [2, 16, 7, 7], [16, 8, 3, 3], bias: 8, isSure: false) { x, weight, bias in
        transposedConvolution(
          x, weight: weight, bias: bias, stride: [2, 2], padding: [1, 1], outputPadding: [0, 0], dilation: [1, 1])
      },
      Case("linear", [20, 48], [32, 48], bias: 32) { linear($0, weight: $1, bias: $2) },
      Case("linear of rows along two axes", [4, 5, 48], [32, 48], bias: 32) { linear($0, weight: $1, bias: $2) },
      Case("linear of one row", [1, 100], [10, 100], bias: 10, isSure: false) { linear($0, weight: $1, bias: $2) },
      Case("product of one matrix and a batch", [24, 32], [3, 32, 16], bias: 16) { matmul($0, $1) + $2 },
      Case("product of batches", [3, 24, 32], [3, 32, 16], bias: 16) { matmul($0, $1) + $2 },
    ]
  }

  /// The nearest number with 8 significant bits, ties to even.
  private func rounded(_ x: Tensor) -> Tensor {
    let values = x.scalars.map { value -> Float in
      let bits = value.bitPattern
      return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    }
    return Tensor(values, shape: x.shape)
  }

  private func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
    Tensor(normal: 0, deviation: 1, seed: seed, shape: shape)
  }

  private struct Results {
    var values: [[Float]]

    /// The greatest difference to others, of the result and of each gradient, by the greatest number there.
    func distances(to others: Results) -> [Float] {
      zip(values, others.values).map { own, others in
        let greatest = others.map(abs).max() ?? 1
        return zip(own, others).map { abs($0 - $1) }.max()! / greatest
      }
    }
  }

  /// The result, and the gradients of input, weight and bias.
  private func results(
    _ test: Case, _ x: Tensor, _ weight: Tensor, _ bias: Tensor, upstream: Tensor?, _ precision: Precision
  ) throws -> Results {
    let (_, gradients, kept) = valueWithGradients(of: [Parameter](), mode: .training) {
      let (x, weight, bias) = (watched(x), watched(weight), watched(bias))
      let y = withPrecision(precision) { test.operation(x, weight, bias) }
      // The pullbacks run outside of the scope.
      return ((y * (upstream ?? Tensor(ones: y.shape))).sum(), [x, weight, bias, y])
    }
    return Results(values: [kept[3].scalars] + (try kept.prefix(3).map { try #require(gradients[$0]).scalars }))
  }

  @Test(arguments: Case.all) func productsAreThoseOfRoundedFactors(test: Case) throws {
    let (x, weight, bias) = (numbers(test.input, 1), numbers(test.weight, 2), numbers([test.biasCount], 3))
    let upstream = rounded(numbers(test.operation(x, weight, bias).shape, 4))
    let low = try results(test, x, weight, bias, upstream: upstream, .bfloat16)
    let full = try results(test, x, weight, bias, upstream: upstream, .float32)
    let exact = try results(test, rounded(x), rounded(weight), bias, upstream: upstream, .float32)
    for (index, distance) in low.distances(to: exact).enumerated() {
      let isFull = !test.isSure && low.distances(to: full)[index] < 2e-6
      #expect(distance < 1e-5 || isFull, "\(test): value \(index) is \(distance) away")
    }
    if test.isSure { #expect(low.distances(to: full)[0] > 1e-4, "\(test) is computed in float32") }
  }

  @Test func scopesEndAndNest() async {
    let (x, weight) = (numbers([8, 64], 1), numbers([16, 64], 2))
    func value() -> [Float] { linear(x, weight: weight).scalars }
    let full = value()
    let low = withPrecision(.bfloat16) { value() }
    #expect(low != full)
    #expect(withPrecision(.bfloat16) { withPrecision(.float32) { value() } } == full)
    #expect(value() == full)
    #expect(Compute.run { withPrecision(.bfloat16) { value() } } == low, "on a compute thread")
    #expect(withPrecision(.bfloat16) { Compute.run { value() } } == low)
    let inside = Compute.run { withPrecision(.bfloat16) { [Compute.precision] } + [Compute.precision] }
    #expect(inside == [.bfloat16, .float32])
    #expect(withPrecision(.bfloat16) { Compute.precision } == .bfloat16 && Compute.precision == .float32)
    #expect(await Compute.enqueue { withPrecision(.bfloat16) { linear(x, weight: weight).scalars } } == low)
    #expect(withPrecision(.bfloat16) { inference(weightsStay: true) { value() } } == low, "other scopes keep it")
  }

  /// What is prepared of weights for one precision is not taken for the other, and goes when they change.
  @Test func aNetworkGoesFromOneToTheOtherAndBack() throws {
    let model = Sequential([
      Conv2d(3, 16, kernel: 3, padding: 1), BatchNorm2d(16), Activation.relu, MaxPool2d(2),
      Conv2d(16, 16, kernel: 3, padding: 1), Activation.relu, Flatten(), Linear(16 * 8 * 8, 5),
    ])
    model.initialize(seed: 1)
    let images = numbers([4, 3, 16, 16], 5)
    func logits() -> [Float] { inference(weightsStay: true) { model(images).scalars } }
    let full = logits()
    let low = withPrecision(.bfloat16) { logits() }
    let greatest = try #require(full.map(abs).max())
    let distance = zip(full, low).map { abs($0 - $1) }.max()! / greatest
    #expect(distance > 1e-4 && distance < 0.02)
    #expect(logits() == full)
    #expect(withPrecision(.bfloat16) { logits() } == low)
    model.initialize(seed: 2)
    #expect(withPrecision(.bfloat16) { logits() } != low)
  }

  @Test func whatIsNotANumberStaysSo() {
    let x = Tensor([.nan, 1, 2, .infinity], shape: [1, 1, 2, 2])
    let y = withPrecision(.bfloat16) {
      relu(convolution(x, weight: Tensor(ones: [16, 1, 1, 1]), stride: [1, 1], padding: [0, 0], dilation: [1, 1]))
        .scalars
    }
    #expect(y[0].isNaN && y[1] == 1 && y[2] == 2 && y[3] == .infinity)
  }
}
