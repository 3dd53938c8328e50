import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import Testing

/// Operators on operands in layouts of their own, with and without padding, equal those on row-major operands.
@Suite struct LayoutTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let operation: @Sendable (Tensor, Tensor) -> Tensor
    var testDescription: String { name }

    init(_ name: String, _ operation: @escaping @Sendable (Tensor, Tensor) -> Tensor) {
      self.name = name
      self.operation = operation
    }
  }

  static let cases: [Case] = [
    Case("x + 1.5") { x, _ in x + 1.5 }, Case("1 − x") { x, _ in 1 - x }, Case("x · 3") { x, _ in x * 3 },
    Case("−x") { x, _ in -x }, Case("a + b") { $0 + $1 }, Case("b + a") { $1 + $0 }, Case("a − b") { $0 - $1 },
    Case("a · b") { $0 * $1 },
    Case("channels of each image, scaled") { x, y in x * sigmoid(y.mean(over: [2, 3], keepingAxes: true)) },
    Case("factors of channels first") { x, y in y.mean(over: [2, 3], keepingAxes: true) * x },
    Case("channels scaled") { x, y in x * y.mean(over: [0, 2, 3]).reshaped(to: [x.shape[1], 1, 1]) },
    Case("images scaled") { x, y in x * y.mean(over: [1, 2, 3], keepingAxes: true) },
    Case("stochastic depth") { x, _ in stochasticDepth(x, rate: 0.5, path: "s") }, Case("a / b") { $0 / ($1 * $1 + 1) },
    Case("relu(a + b)") { relu($0 + $1) },
    Case("relu") { x, _ in relu(x) }, Case("sum") { x, _ in x.sum() },
    Case("sum over axes") { x, _ in x.sum(over: [0, 2]) },
    Case("mean of positions") { x, _ in x.mean(over: [2, 3]) }, Case("mean") { x, _ in x.mean() },
    Case("softmax of channels") { x, _ in softmax(x, axis: 1) }, Case("logarithms") { x, _ in logSoftmax(x) },
    Case("reshaped") { x, _ in x.reshaped(to: [-1]) }, Case("flattened") { x, _ in x.flattened() },
    Case("transposed") { x, _ in x.transposed([3, 1, 0, 2]) },
    Case("concatenated channels") { concatenated([$0, $1, $0], axis: 1) },
    Case("concatenated images") { concatenated([$0, $1], axis: 0) },
    Case("some channels") { x, _ in x.slice(axis: 1, from: 0, to: x.shape[1] > 8 ? 8 : 2) },
    Case("the last channels") { x, _ in x.slice(axis: 1, from: x.shape[1] > 8 ? 8 : 1, to: x.shape[1]) },
    Case("rows of every image") { x, _ in x.slice(axis: 2, from: 1, to: 4) },
    Case("channels in turns") { x, y in
      stacked([x, y], axis: 2).flattened(from: 1, through: 2)
    },
    Case("interleaved") { interleaved([$0, $1, $0]) },
    Case("channels from anywhere on") { x, _ in x.slice(axis: 1, from: 2, to: x.shape[1]) },
    Case("the parts of one array, and all of it") { x, _ in
      let parts = x.split(sizes: [1, x.shape[1] - 1], axis: 1)
      return concatenated([parts[1] * 3, x, parts[0] * 2, parts[1]], axis: 1)
    },
    Case("maximum pool") { x, _ in maxPool(x, kernel: [3, 3], stride: [2, 2], padding: [1, 1]) },
    Case("average pool") { x, _ in averagePool(x, kernel: [3, 3], stride: [2, 2], padding: [1, 1], rounding: .up) },
    Case("adaptive average") { x, _ in adaptiveAveragePool(x, output: [2, 3]) },
    Case("adaptive maximum") { x, _ in adaptiveMaxPool(x, output: [2, 3]) },
    Case("dropout") { x, _ in dropout(x, rate: 0.4, path: "d") },
    Case("linear") { x, _ in linear(x, weight: numbers([3, x.shape[3]], 8)) },
    Case("convolution") { x, _ in same(x, numbers([7, x.shape[1], 3, 3], 8)) },
    Case("convolution by depth") { x, _ in
      convolution(
        x, weight: numbers([x.shape[1], 1, 3, 3], 8), stride: [2, 2], padding: [1, 1], dilation: [1, 1],
        groups: x.shape[1])
    },
    Case("normalised") { x, _ in
      batchNormalization(x, scale: positiveNumbers([x.shape[1]], 8), shift: numbers([x.shape[1]], 9), epsilon: 1e-5)
    },
    Case("normalised by statistics") { x, _ in normalizedByStatistics(x) },
    Case("normalised by statistics, relu") { x, _ in relu(normalizedByStatistics(x * 1)) },
    Case("normalised by statistics, used twice") { x, _ in
      let y = normalizedByStatistics(x * 1)
      return y + relu(y)
    },
  ]

  @Test(arguments: cases, [3, 16, 19]) func operatorsTakeAnyLayout(_ layoutCase: Case, channels: Int) {
    let operands = ["x": numbers([2, channels, 5, 6], 1), "other": numbers([2, channels, 5, 6], 2)]
    // One operand, or both, arrive from a convolution; and what follows a shift would show padding that is not zero.
    let roads: [(Tensor, Tensor) -> (Tensor, Tensor)] = [
      { (throughConvolution($0), $1) }, { ($0, throughConvolution($1)) },
      { (throughConvolution($0), throughConvolution($1)) }, { (throughConvolution(throughConvolution($0) * 1), $1) },
    ]
    let noise = Noise(seed: 1, step: 1)
    let expected = differentiated(operands, noise: noise) { layoutCase.operation($0["x"]!, $0["other"]!) }
    for (number, road) in roads.enumerated() {
      let found = differentiated(operands, noise: noise) {
        let (x, other) = road($0["x"]!, $0["other"]!)
        return throughConvolution(layoutCase.operation(x, other))
      }
      #expect(found.y.shape == expected.y.shape)
      expectClose(
        actual: found.y.scalars, expected: expected.y.scalars.map(Double.init), name: "\(layoutCase), road \(number)")
      #expect(abs(found.y.sumOfSquares - expected.y.sumOfSquares) <= 1e-4 * expected.y.sumOfSquares + 1e-6)
      #expect(found.gradients.count == expected.gradients.count)
      for (name, gradient) in found.gradients {
        expectClose(
          actual: gradient.scalars, expected: expected.gradients[name]!.scalars.map(Double.init), relativeL2: 1e-4,
          absolute: 1e-4, name: "\(layoutCase), road \(number): gradient of \(name)")
      }
    }
  }

  @Test func scalarsAreTensors() {
    let two = Tensor(2)
    #expect((two * 3 + 1).scalar == 7 && (two + two).scalar == 4 && (two * two / 8).scalar == 0.5)
    #expect(relu(-two).scalar == 0 && two.sumOfSquares == 4 && two.sum().scalar == 2 && two.mean().scalar == 2)
    #expect((two * Tensor([1, 2], shape: [2])).scalars == [2, 4])
    #expect(two.reshaped(to: [1, 1]).scalars == [2] && two.transposed([]).scalar == 2)
    #expect(softmax(two.reshaped(to: [1])).scalars == [1])
  }

  @Test func meansOfMorePositionsThanPoolsTake() {
    let x = numbers([2, 3, 2, 2, 1, 2], 1)
    expectSame(x.mean(over: [2, 3, 4, 5]), x.reshaped(to: [2, 3, -1]).mean(over: [2]))
  }

  @Test func emptyTensors() {
    let empty = Tensor([], shape: [0, 3])
    #expect((empty + empty).scalars.isEmpty && (empty * 2 + 1).scalars.isEmpty && relu(empty).scalars.isEmpty)
    #expect((empty * Tensor(ones: [3])).shape == [0, 3])
    #expect(empty.sum().scalar == 0 && empty.sum(over: [0]).scalars == [0, 0, 0])
    #expect(empty.transposed([1, 0]).shape == [3, 0] && empty.reshaped(to: [3, 0]).scalars.isEmpty)
    #expect(softmax(empty).shape == [0, 3])
    #expect(concatenated([empty, Tensor(ones: [2, 3])], axis: 0).scalars == Array(repeating: 1, count: 6))
  }

  @Test func imagesWithoutChannelsAreRefused() async {
    let refused = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = maxPool(Tensor([], shape: [2, 0, 4, 4]), kernel: [2, 2])
    }
    expectMessage(refused, "maxPool: input [2, 0, 4, 4] is empty")
  }

  @Test func tooManyAxesAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let deep = numbers(Array(repeating: 1, count: 8) + [3], 1)
      _ = deep * numbers([3], 2)
    }
    #expect((numbers(Array(repeating: 1, count: 7) + [3], 1) * numbers([3], 2)).rank == 8)
  }
}

private func normalizedByStatistics(_ x: Tensor) -> Tensor {
  let shape = [x.shape[1]]
  return batchNormalization(
    x, mean: numbers(shape, 7), variance: positiveNumbers(shape, 8), scale: numbers(shape, 9),
    shift: numbers(shape, 10),
    epsilon: 1e-5)
}
