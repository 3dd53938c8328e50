import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// What the golden cases do not show: layouts, kinks, limits and messages.
@Suite struct FunctionTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether f(0) is 0, so that a layout with padding can stay.
    let keepsZero: Bool
    let call: @Sendable (Tensor) -> Tensor
    var testDescription: String { name }

    init(_ name: String, keepsZero: Bool = true, _ call: @escaping @Sendable (Tensor) -> Tensor) {
      self.name = name
      self.keepsZero = keepsZero
      self.call = call
    }
  }

  static let functions: [Function] = [
    Function("leaky relu") { leakyRelu($0) }, Function("elu") { elu($0) }, Function("gelu") { gelu($0) },
    Function("gelu by tanh") { gelu($0, approximation: .tanh) }, Function("silu") { silu($0) },
    Function("hard swish") { hardSwish($0) }, Function("sigmoid", keepsZero: false) { sigmoid($0) },
    Function("tanh") { tanh($0) }, Function("exp", keepsZero: false) { exp($0) },
    Function("logarithm", keepsZero: false) { log($0) }, Function("square root", keepsZero: false) { sqrt($0) },
    Function("magnitude") { abs($0) }, Function("square") { $0.squared() },
    Function("clamped") { $0.clamped(to: -0.2...0.9) },
    Function("relu6") { relu6($0) },
    Function("clamped above 0", keepsZero: false) { $0.clamped(to: 0.2...0.9) },
    Function("sine") { sin($0) }, Function("cosine", keepsZero: false) { cos($0) }, Function("tangent") { tan($0) },
    Function("expm1") { expm1($0) }, Function("log1p") { log1p($0) }, Function("asinh") { asinh($0) },
    Function("erf") { erf($0) }, Function("erfc", keepsZero: false) { erfc($0) },
    Function("reciprocal", keepsZero: false) { reciprocal($0) }, Function("rsqrt", keepsZero: false) { rsqrt($0) },
    Function("power", keepsZero: false) { pow($0, 2.5) },
  ]

  /// Results stay in the layout of the operand, and what belongs to no element stays zero: the sum of squares, which
  /// counts all of the memory, shows it.
  @Test(arguments: functions, [16, 19]) func layoutsAreKept(_ function: Function, channels: Int) {
    let x = positiveNumbers([2, channels, 3, 4], 1)
    let variable = Variable(x)
    let (_, gradients, extra) = valueWithGradients(of: [variable], mode: .training, noise: nil) {
      let blocked = watched(throughConvolution(variable.tracked))
      let y = function.call(blocked)
      return ((y * numbers(x.shape, 3)).sum(), (x: blocked, y: y))
    }
    let expected = differentiated(["x": x], upstream: numbers(x.shape, 3)) { function.call($0["x"]!) }
    expectClose(actual: extra.y.scalars, expected: expected.y.scalars.map(Double.init))
    let squares = expected.y.scalars.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(abs(extra.y.sumOfSquares - squares) <= 1e-5 * squares)
    #expect(!isRowMajor(extra.x), "else the test shows nothing")
    if function.keepsZero || channels % 16 == 0 { #expect(!isRowMajor(extra.y)) }
    let gradient = gradients[extra.x]!
    expectClose(
      actual: gradient.scalars, expected: expected.gradients["x"]!.scalars.map(Double.init), relativeL2: 1e-5)
    let slopes = expected.gradients["x"]!.scalars.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(abs(gradient.sumOfSquares - slopes) <= 1e-5 * slopes)
  }

  /// PyTorch's choices where there is no derivative.
  /// Logits of −∞ mask classes; what counts for nothing comes to nothing beside them, as in PyTorch.
  @Test func maskedClassesCountForNothing() {
    let logits = Tensor([1, -.infinity, 2, 0.5, 1, -.infinity], shape: [2, 3])
    let weights = Tensor([1, 2, 3], shape: [3])
    let expected = log1p(Foundation.exp(-1.0))
    let result = differentiated(["x": logits]) {
      crossEntropy($0["x"]!, labels: IntTensor([2, -1]), classWeights: weights, ignoring: -1)
    }
    #expect((Double(result.y.scalar) - expected).magnitude < 1e-6)
    let slopes = result.gradients["x"]?.scalars ?? []
    #expect(slopes.count == 6 && slopes.allSatisfy { $0.isFinite })
    let likelihood = differentiated(["x": logSoftmax(Tensor([-.infinity, 1, 2, 0, 1, 0], shape: [2, 3]))]) {
      negativeLogLikelihood($0["x"]!, labels: IntTensor([-100, 1]), ignoring: -100)
    }
    #expect(likelihood.y.scalar.isFinite && likelihood.gradients["x"]!.scalars == [0, 0, 0, 0, -1, 0])
  }

  @Test func softplusKeepsWhatIsSmall() {
    let x: [Float] = [-80, -20, -5, -0.3, 0, 0.3, 5, 20, 80]
    let y = softplus(Tensor(x, shape: [x.count])).scalars
    for (x, y) in zip(x, y) {
      let expected = log1p(Foundation.exp(-Double(x).magnitude)) + max(0, Double(x))
      #expect((Double(y) - expected).magnitude <= 2e-7 * expected, "\(x)")
    }
  }

  @Test func gradientsAtKinks() {
    func slope(_ at: [Float], _ function: (Tensor) -> Tensor) -> [Float] {
      differentiated(["x": Tensor(at, shape: [at.count])]) { function($0["x"]!) }.gradients["x"]!.scalars
    }
    #expect(slope([0, -0.0]) { leakyRelu($0, slope: 0.1) } == [0.1, 0.1])
    #expect(slope([0]) { elu($0, alpha: 2) } == [2])
    #expect(slope([-3, 3, -4, 4]) { hardSwish($0) } == [0, 1, 0, 1])
    #expect(slope([0, -0.0]) { abs($0) } == [0, 0])
    #expect(slope([-1, 0.5, -1.1, 0.6]) { $0.clamped(to: -1...0.5) } == [1, 1, 0, 0])
    #expect(slope([0, -0.0, 2]) { prelu($0, slope: Tensor([0.25], shape: [1])) } == [0.25, 0.25, 1])
  }

  @Test func theLargerOfWhatIsNoNumberIsNone() {
    let (a, b) = (Tensor([.nan, 1, 2], shape: [3]), Tensor([1, .nan, 3], shape: [3]))
    #expect(maximum(a, b).scalars.map(\.isNaN) == [true, true, false])
    #expect(minimum(a, b).scalars.map(\.isNaN) == [true, true, false])
  }

  @Test func scalarsAndEmptyTensors() {
    #expect(exp(Tensor(0)).scalar == 1 && maximum(Tensor(2), Tensor(3)).scalar == 3)
    let empty = Tensor([], shape: [0, 3])
    #expect(gelu(empty).shape == [0, 3] && empty.squared().scalars.isEmpty)
    #expect(empty.slice(axis: 1, from: 0, to: 2).shape == [0, 2])
    #expect(numbers([2, 3], 1).slice(axis: 0, from: 1, to: 1).shape == [0, 3])
  }

  /// Rows of 512 floats fall together in a cache, so that other means compute these gradients.
  @Test(arguments: [true, false]) func gradientsOfWideLinearMaps(hasBias: Bool) {
    let (rows, inputs, outputs) = (70, 128, 512)
    let x = numbers([rows, inputs], 1)
    let factors = numbers([rows, outputs], 2)
    let weight = Variable(numbers([outputs, inputs], 3))
    let bias = Variable(numbers([outputs], 4))
    let pass = valueWithGradients(of: [weight, bias], mode: .training, noise: nil) {
      ((linear(x, weight: weight.tracked, bias: hasBias ? bias.tracked : nil) * factors).sum(), ())
    }
    let found = pass.gradients[weight]!
    #expect(found.shape == [outputs, inputs])
    let (left, right) = (factors.scalars, x.scalars)
    // Some of them: in a debug build all of them would take seconds.
    let places = stride(from: 0, to: outputs * inputs, by: 97).map { $0 }
    let expected = places.map { place in
      (0..<rows).reduce(0.0) {
        $0 + Double(left[$1 * outputs + place / inputs]) * Double(right[$1 * inputs + place % inputs])
      }
    }
    let all = found.scalars
    expectClose(actual: places.map { all[$0] }, expected: expected)
    guard hasBias else { return }
    let sums = (0..<outputs).map { column in (0..<rows).reduce(0.0) { $0 + Double(left[$1 * outputs + column]) } }
    expectClose(actual: pass.gradients[bias]!.scalars, expected: sums)
  }

  @Test func slicesAndPartsMakeTheWhole() {
    let x = numbers([2, 5, 3], 1)
    #expect(concatenated(x.split(sizes: [2, 0, 3], axis: 1), axis: 1).scalars == x.scalars)
    #expect(x.split(size: 2, axis: -2).map(\.shape) == [[2, 2, 3], [2, 2, 3], [2, 1, 3]])
    #expect(stacked((0..<5).map { x.slice(axis: 1, at: $0) }, axis: 1).scalars == x.scalars)
    #expect(stacked([x], axis: -1).shape == [2, 5, 3, 1])
  }

  @Test func whatDoesNotGoTogetherIsRefused() async {
    let product = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = matmul(Tensor(ones: [2, 3]), Tensor(ones: [4, 5]))
    }
    expectMessage(product, "matmul: [2, 3] does not go with [4, 5]")
    let slice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(ones: [2, 3]).slice(axis: 1, from: 2, to: 4)
    }
    expectMessage(slice, "slice: [2, 3] has no part 2..<4 along axis 1")
    let loss = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = meanSquaredError(Tensor(ones: [2, 1]), target: Tensor(ones: [2]))
    }
    expectMessage(loss, "mean squared error: [2, 1] does not go with a target of [2]")
    let label = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = crossEntropy(Tensor(ones: [2, 3]), labels: IntTensor([0, 3]), labelSmoothing: 0.1)
    }
    expectMessage(label, "cross entropy: the label 3 is not one of the 3 classes")
  }

  // MARK: - Losses

  @Test func theShortCrossEntropyIsTheLongOne() {
    let (logits, labels) = (numbers([5, 4], 1), IntTensor([0, 1, 2, 3, 1]))
    let short = crossEntropy(logits, labels: labels).scalar
    #expect(crossEntropy(logits, labels: labels, labelSmoothing: 0).scalar == short)
    expectClose(
      actual: [crossEntropy(logits, labels: labels, reduction: .sum).scalar], expected: [Double(short) * 5])
    expectClose(
      actual: [negativeLogLikelihood(logSoftmax(logits), labels: labels).scalar], expected: [Double(short)])
  }

  /// Certain and wrong: the logarithm of nothing counts as −100, and the gradient is finite.
  @Test func certainProbabilities() {
    let (_, gradients, y) = {
      let x = Tensor([0, 1, 1, 0], shape: [4])
      let target = Tensor([1, 0, 1, 0], shape: [4])
      let (y, gradients) = differentiated(["x": x]) {
        binaryCrossEntropy($0["x"]!, target: target, reduction: .sum)
      }
      return (target, gradients, y)
    }()
    #expect(y.scalar == 200)
    #expect(gradients["x"]!.scalars == [-1e12, 1e12, 0, 0])
  }

  @Test func noErrorHasNoSlope() {
    let x = numbers([3], 1)
    let (y, gradients) = differentiated(["x": x]) { rootMeanSquaredError($0["x"]!, target: x) }
    #expect(y.scalar == 0 && gradients["x"]!.scalars == [0, 0, 0])
  }
}
