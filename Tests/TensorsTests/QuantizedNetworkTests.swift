import AviaryKernels
import Testing

@testable import AviaryTensors

/// Chains of operators in integers against the same in floats, with every input rounded where it becomes integers.
@Suite(.enabled(if: Quantization.isSupported)) struct QuantizedNetworkTests {
  /// Weights as integers, and the same as floats.
  struct Filters {
    let integers: Tensor
    let floats: Tensor
    let form: QuantizedForm
    let scale: Tensor
    let shift: Tensor

    init(_ name: String, _ inputs: Int, _ outputs: Int, kernel: Int, inputScale: Float, isSigned: Bool = false) {
      var random = RandomStream(seed: 5, purpose: name)
      let shape = [outputs, inputs, kernel, kernel]
      let values = (0..<shape.reduce(1, *)).map { _ in Int8(random.integer(below: 255) - 127) }
      let scales = (0..<outputs).map { _ in Float(50 + random.integer(below: 100)) * 1e-5 / Float(kernel) }
      form = QuantizedForm(scale: inputScale, isSigned: isSigned)
      integers = Tensor(
        quantized: values.span, shape: shape,
        Quantization(scales: scales, inputScale: inputScale, inputIsSigned: isSigned))
      let columns = values.count / outputs
      floats = Tensor(values.enumerated().map { Float($1) * scales[$0 / columns] }, shape: shape)
      scale = Tensor((0..<outputs).map { _ in Float(random.integer(below: 100) - 20) * 0.02 }, shape: [outputs])
      shift = Tensor((0..<outputs).map { _ in Float(random.integer(below: 100) - 40) * 0.01 }, shape: [outputs])
    }

    func callAsFunction(_ x: Tensor, stride: Int = 1, inIntegers: Bool) -> Tensor {
      let kernel = floats.shape[2]
      let y = convolution(
        inIntegers ? x : QuantizedNetworkTests.rounded(x, form), weight: inIntegers ? integers : floats,
        stride: [stride, stride],
        padding: [kernel / 2, kernel / 2], dilation: [1, 1])
      let channels = [floats.shape[0]]
      return batchNormalization(
        y, mean: Tensor(zeros: channels), variance: Tensor(ones: channels), scale: scale, shift: shift, epsilon: 0)
    }
  }

  /// The numbers that the integers stand for.
  static func rounded(_ x: Tensor, _ form: QuantizedForm) -> Tensor {
    let range: ClosedRange<Float> = form.isSigned ? -128...127 : 0...255
    return Tensor(
      x.scalars.map {
        min(range.upperBound, max(range.lowerBound, ($0 / form.scale).rounded(.toNearestOrEven))) * form.scale
      }, shape: x.shape)
  }

  /// How far two results are from each other, of the second's length.
  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    let pairs = zip(a.scalars, b.scalars)
    let difference = pairs.reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return (difference / pairs.reduce(0.0) { $0 + Double($1.1) * Double($1.1) }).squareRoot()
  }

  private let x = Tensor(
    normal: 0, deviation: 1, stream: RandomStream(seed: 1, purpose: "x"), shape: [4, 3, 32, 32])
  private let stem = Filters("stem", 3, 32, kernel: 7, inputScale: 0.03, isSigned: true)
  private let first = Filters("first", 32, 32, kernel: 3, inputScale: 0.03)
  private let second = Filters("second", 32, 32, kernel: 3, inputScale: 0.02)
  private let third = Filters("third", 32, 64, kernel: 3, inputScale: 0.03)
  private let fourth = Filters("fourth", 64, 64, kernel: 3, inputScale: 0.02)
  private let shortcut = Filters("shortcut", 32, 64, kernel: 1, inputScale: 0.03)
  private let last = Filters("last", 64, 16, kernel: 1, inputScale: 0.03)

  /// What integers cannot hold is computed in floats: every result is NaN or infinite where the float network's is.
  @Test(arguments: [Float.nan, .infinity, -.infinity]) func whatIsNotFiniteStaysSo(value: Float) {
    var scalars = x.scalars
    scalars[3 * 32 * 32 + 500] = value
    let odd = Tensor(scalars, shape: x.shape)
    func run(_ inIntegers: Bool) -> Tensor {
      func layer(_ filters: Filters, _ x: Tensor, stride: Int = 1) -> Tensor {
        let half = filters.floats.shape[2] / 2
        return convolution(
          x, weight: inIntegers ? filters.integers : filters.floats, stride: [stride, stride], padding: [half, half],
          dilation: [1, 1])
      }
      let y = maxPool(relu(layer(stem, odd, stride: 2)), kernel: [3, 3], stride: [2, 2], padding: [1, 1])
      return relu(layer(second, relu(layer(first, y))) + y)
    }
    let (found, expected) = (run(true), run(false))
    let differing = zip(found.scalars, expected.scalars).count { $0.isFinite != $1.isFinite }
    #expect(differing == 0)
    let oddOnes = found.scalars.prefix(32 * 64).count { !$0.isFinite }
    #expect(oddOnes == 0, "the first image is finite")
    #expect(found.scalars.contains { !$0.isFinite })
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func rowsThatAreNotFiniteStaySo(value: Float) {
    let weights: [Int8] = (0..<24).map { Int8($0 * 9 - 100) }
    let scales: [Float] = [0.01, 0.02, 0.03]
    let integers = Tensor(
      quantized: weights.span, shape: [3, 8], Quantization(scales: scales, inputScale: 0.05, inputIsSigned: true))
    let floats = Tensor(weights.enumerated().map { Float($1) * scales[$0 / 8] }, shape: [3, 8])
    var rows = (0..<16).map { Float($0) * 0.05 - 0.4 }
    rows[11] = value
    let x = Tensor(rows, shape: [2, 8])
    let (found, expected) = inference { (linear(x, weight: integers).scalars, linear(x, weight: floats).scalars) }
    #expect(found.map(\.isFinite) == [true, true, true, false, false, false])
    let differing = zip(found, expected).count { $0.isNaN != $1.isNaN || $0.isInfinite != $1.isInfinite }
    #expect(differing == 0)
  }

  @Test func aStem() {
    func run(_ inIntegers: Bool) -> Tensor {
      let y = relu(stem(x, stride: 2, inIntegers: inIntegers))
      return first(maxPool(y, kernel: [3, 3], stride: [2, 2], padding: [1, 1]), inIntegers: inIntegers)
    }
    #expect(distance(run(true), run(false)) < 1e-3)
  }

  @Test func aResidualBlock() {
    func run(_ inIntegers: Bool) -> Tensor {
      let x = relu(stem(x, stride: 2, inIntegers: inIntegers))
      let y = second(relu(first(x, inIntegers: inIntegers)), inIntegers: inIntegers)
      return first(relu(y + (inIntegers ? x : Self.rounded(x, first.form))), inIntegers: inIntegers)
    }
    #expect(distance(run(true), run(false)) < 1e-3)
  }

  @Test func aBlockWithAShortcut() {
    func run(_ inIntegers: Bool) -> Tensor {
      let x = relu(stem(x, stride: 2, inIntegers: inIntegers))
      let y = fourth(relu(third(x, stride: 2, inIntegers: inIntegers)), inIntegers: inIntegers)
      var added = shortcut(x, stride: 2, inIntegers: inIntegers)
      // What waits to be added has half the precision of the result.
      if !inIntegers { added = Self.rounded(added, QuantizedForm(scale: 2 * last.form.scale, isSigned: true)) }
      return last(relu(y + added), inIntegers: inIntegers)
    }
    #expect(distance(run(true), run(false)) < 1e-3)
  }

  @Test func aBlockInFloatsAtTheEnd() {
    func run(_ inIntegers: Bool) -> Tensor {
      let x = relu(stem(x, stride: 2, inIntegers: inIntegers))
      let y = second(relu(first(x, inIntegers: inIntegers)), inIntegers: inIntegers)
      return relu(y + (inIntegers ? x : Self.rounded(x, first.form)))
    }
    #expect(distance(run(true), run(false)) < 1e-3)
  }

  @Test(arguments: [[20], [6, 7], [5, 6, 4]], [1, 8]) func anyNumberOfAxes(sizes: [Int], groups: Int) {
    var random = RandomStream(seed: 2, purpose: "axes")
    let (shape, axes) = ([16, 8 / groups] + sizes.map { _ in 3 }, sizes.count)
    let values = (0..<shape.reduce(1, *)).map { _ in Int8(random.integer(below: 255) - 127) }
    let quantization = Quantization(
      scales: [Float](repeating: 0.01, count: 16), inputScale: 0.02, inputIsSigned: true)
    let x = Tensor(normal: 0, deviation: 1, stream: RandomStream(seed: 1, purpose: "x"), shape: [2, 8] + sizes)
    func run(_ x: Tensor, _ weight: Tensor) -> Tensor {
      convolution(
        x, weight: weight, stride: Array(repeating: 1, count: axes), padding: Array(repeating: 1, count: axes),
        dilation: Array(repeating: 1, count: axes), groups: groups)
    }
    let integers = run(x, Tensor(quantized: values.span, shape: shape, quantization))
    let floats = run(
      Self.rounded(x, quantization.input), Tensor(values.map { Float($0) * 0.01 }, shape: shape))
    let unrounded = run(x, Tensor(values.map { Float($0) * 0.01 }, shape: shape))
    // What oneDNN has no convolution of integers for is computed in floats, whose input is not rounded.
    #expect(min(distance(integers, floats), distance(integers, unrounded)) < 1e-4)
  }

  /// What watches, trains or differentiates is given the numbers that the integers stand for.
  @Test func onlyInferenceIsInIntegers() {
    let x = x
    func floats(_ body: () -> Tensor) -> Bool {
      distance(body(), convolution(x, weight: stem.floats, stride: [2, 2], padding: [3, 3], dilation: [1, 1])) < 1e-5
    }
    func integers() -> Tensor {
      convolution(x, weight: stem.integers, stride: [2, 2], padding: [3, 3], dilation: [1, 1])
    }
    #expect(!floats { integers() })
    #expect(floats { withMode(.training) { integers() } })
    let variable = Variable(Tensor(ones: [1]))
    var seen: Tensor?
    _ = valueWithGradients(of: [variable], mode: .inference, noise: nil) { () -> (Tensor, Void) in
      seen = integers()
      return (variable.tracked.sum(), ())
    }
    #expect(floats { seen ?? x })
  }

  /// The floats of a result are those that its integers stand for, however often and by whomever they are read.
  @Test func aResultIsKept() {
    let y = relu(stem(x, stride: 2, inIntegers: true))
    let once = first(y, inIntegers: true).scalars
    let numbers = y.scalars
    #expect(numbers.allSatisfy { ($0 / 0.03 - ($0 / 0.03).rounded()).magnitude < 1e-3 })
    #expect(y.scalars == numbers && first(y, inIntegers: true).scalars == once)
  }
}
