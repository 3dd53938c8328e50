import AviaryLayers
import AviaryTensors
import COneDNN
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

  /// The largest distance of two numbers next to each other, as a share of their size.
  private let step: Float = 1 / 128

  /// Where no gradient will be asked for, what a convolution gives the next one is rounded once more.
  @Test(arguments: Case.all) func resultsOfConvolutionsAreRoundedInInference(test: Case) throws {
    let (x, weight, bias) = (numbers(test.input, 1), numbers(test.weight, 2), numbers([test.biasCount], 3))
    let y = withPrecision(.bfloat16) { test.operation(x, weight, bias) }
    let exact = test.operation(rounded(x), rounded(weight), bias).scalars
    let full = test.operation(x, weight, bias).scalars
    let greatest = try #require(exact.map(abs).max())
    let isFull = !test.isSure && zip(y.scalars, full).allSatisfy { abs($0 - $1) <= 2e-6 * greatest }
    for (own, exact) in zip(y.scalars, exact) where !isFull {
      #expect(abs(own - exact) <= step * abs(exact) + 1e-5 * greatest, "\(test): \(own) for \(exact)")
    }
    if test.isSure && test.description != "linear" && test.input.count == 4 {
      #expect(rounded(y).scalars == y.scalars, "\(test): the result is not rounded")
    }
  }

  /// A convolution by 3×3, a maximum, a convolution to which its input is added, and both side by side.
  private func branches(
    _ x: Tensor, _ first: Tensor, _ second: Tensor, rounding: (Tensor) -> Tensor = { $0 },
    convolved: (Tensor, Tensor) -> Tensor = {
      convolution($0, weight: $1, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
    }
  ) -> Tensor {
    let pooled = maxPool(rounding(relu(convolved(x, first))), kernel: [3, 3], stride: [2, 2], padding: [1, 1])
    let sum = rounding(relu(convolved(pooled, second) + pooled))
    return concatenated([sum, pooled], axis: 1)
  }

  /// The same convolution element by element, in which what is not finite reaches no neighbour.
  private func plainly(_ x: Tensor, _ weight: Tensor) -> Tensor {
    let (channels, height, width, filters) = (x.shape[1], x.shape[2], x.shape[3], weight.shape[0])
    let (input, factors) = (x.scalars, weight.scalars)
    var result: [Float] = []
    for filter in 0..<filters {
      for row in 0..<height {
        for column in 0..<width {
          var sum: Float = 0
          for channel in 0..<channels {
            for tap in 0..<9 {
              let (i, j) = (row + tap / 3 - 1, column + tap % 3 - 1)
              guard (0..<height).contains(i), (0..<width).contains(j) else { continue }
              sum += input[(channel * height + i) * width + j] * factors[(filter * channels + channel) * 9 + tap]
            }
          }
          result.append(sum)
        }
      }
    }
    return Tensor(result, shape: [1, filters, height, width])
  }

  @Test func whatLiesBetweenConvolutionsStaysRounded() throws {
    let (x, first, second) = (
      numbers([2, 16, 9, 9], 1), numbers([32, 16, 3, 3], 2) * 0.1, numbers([32, 32, 3, 3], 3) * 0.1
    )
    let own = withPrecision(.bfloat16) { branches(x, first, second) }
    let expected = branches(rounded(x), rounded(first), rounded(second), rounding: rounded)
    #expect(rounded(own).scalars == own.scalars, "the result is not rounded")
    let greatest = try #require(expected.scalars.map(abs).max())
    // A sum that is all but halfway between two numbers may be rounded either way.
    for (own, expected) in zip(own.scalars, expected.scalars) { #expect(abs(own - expected) <= step * greatest) }
    let different = zip(own.scalars, expected.scalars).count { $0 != $1 }
    #expect(different < own.count / 20, "\(different) of \(own.count) differ")
  }

  /// Also where somebody looks at it in between.
  @Test func lookingAtRoundedNumbersChangesNothing() {
    let (x, first, second) = (
      numbers([2, 16, 9, 9], 1), numbers([32, 16, 3, 3], 2) * 0.1, numbers([32, 32, 3, 3], 3) * 0.1
    )
    let quietly = withPrecision(.bfloat16) { branches(x, first, second).scalars }
    let watched = withPrecision(.bfloat16) {
      branches(x, first, second) { between in
        _ = between.scalars
        return between
      }.scalars
    }
    #expect(quietly == watched)
  }

  @Test func whatIsNotFinitePassesBetweenConvolutions() {
    let (first, second) = (numbers([32, 16, 3, 3], 2) * 0.1, numbers([32, 32, 3, 3], 3) * 0.1)
    for value in [Float.nan, .infinity, -.infinity] {
      var scalars = numbers([1, 16, 9, 9], 1).scalars
      scalars[40] = value
      let x = Tensor(scalars, shape: [1, 16, 9, 9])
      let own = withPrecision(.bfloat16) { branches(x, first, second) }.scalars
      let expected = branches(
        rounded(x), rounded(first), rounded(second), rounding: rounded, convolved: plainly
      ).scalars
      #expect(expected.contains { !$0.isFinite } && expected.contains { $0.isFinite })
      for (own, expected) in zip(own, expected) {
        #expect(own.isNaN == expected.isNaN && (own == expected || own.isFinite == expected.isFinite))
      }
    }
  }

  /// A maximum over nothing but −infinity, and one over a window with a NaN.
  @Test func maximaOfRoundedNumbersKeepWhatIsNotFinite() {
    func maxima(_ value: Float) -> [Float] {
      withPrecision(.bfloat16) {
        let bias = Tensor([value] + Array(repeating: 1, count: 15), shape: [16])
        let y = convolution(
          numbers([1, 16, 4, 4], 1), weight: numbers([16, 16, 3, 3], 2), bias: bias, stride: [1, 1], padding: [1, 1],
          dilation: [1, 1])
        return maxPool(y, kernel: [2, 2]).scalars
      }
    }
    #expect(maxima(-.infinity).prefix(4).allSatisfy { $0 == -.infinity })
    #expect(maxima(.nan).prefix(4).allSatisfy { $0.isNaN })
    #expect(Array(maxima(.nan).dropFirst(4)) == Array(maxima(-.infinity).dropFirst(4)))
  }

  /// Floats that are added stay what they are.
  @Test func sumsWithFloatsAreFloats() {
    let (x, weight, addend) = (numbers([1, 16, 6, 6], 1), numbers([16, 16, 3, 3], 2), numbers([1, 16, 6, 6], 3))
    func sum() -> Tensor {
      convolution(x, weight: weight, stride: [1, 1], padding: [1, 1], dilation: [1, 1]) + addend
    }
    let own = withPrecision(.bfloat16) { sum() }
    #expect(rounded(own).scalars != own.scalars)
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
    #expect(y[0].isNaN && y[1] == 1 && y[3] == .infinity)
    // Version 3 of oneDNN multiplies pairs, and the neighbour of an odd channel by zero: here infinity.
    #expect(y[2] == 2 || ad_version() >= 3_00_00, "\(y.prefix(4))")
  }
}
