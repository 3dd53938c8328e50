import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

/// Batches of no rows, and what else has no elements, pass through operators and layers with the shapes that PyTorch gives.
@Suite struct EmptyBatchTests {
  static let images = Tensor(zeros: [0, 3, 8, 8])
  static let rows = Tensor(zeros: [0, 5])

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let operand: Tensor
    let shape: [Int]
    let operation: @Sendable (Tensor) -> Tensor
    var joinsNothing: Bool { ["padded", "padded to rows", "concatenated"].contains(name) }
    var testDescription: String { name }

    init(_ name: String, _ operand: Tensor, _ shape: [Int], _ operation: @escaping @Sendable (Tensor) -> Tensor) {
      self.name = name
      self.operand = operand
      self.shape = shape
      self.operation = operation
    }
  }

  static let weight = Tensor(ones: [4, 3, 3, 3])

  static let cases: [Case] = [
    Case("linear", rows, [0, 2]) { linear($0, weight: Tensor(ones: [2, 5]), bias: Tensor(ones: [2])) },
    Case("matmul", rows, [0, 2]) { matmul($0, Tensor(ones: [5, 2])) },
    Case("convolution", images, [0, 4, 4, 4]) {
      convolution($0, weight: weight, bias: Tensor(ones: [4]), stride: [2, 2], padding: [1, 1], dilation: [1, 1])
    },
    Case("convolution, normalisation, relu", images, [0, 4, 8, 8]) {
      let y = convolution($0, weight: weight, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
      let one = Tensor(ones: [4])
      return relu(batchNormalization(y, mean: one, variance: one, scale: one, shift: one, epsilon: 1e-5) + y)
    },
    Case("transposed convolution", images, [0, 4, 10, 10]) {
      transposedConvolution(
        $0, weight: Tensor(ones: [3, 4, 3, 3]), stride: [1, 1], padding: [0, 0], outputPadding: [0, 0],
        dilation: [1, 1])
    },
    Case("maximum pool", images, [0, 3, 4, 4]) { maxPool($0, kernel: [2, 2]) },
    Case("average pool", images, [0, 3, 4, 4]) { averagePool($0, kernel: [2, 2]) },
    Case("average pool, rounding up", images, [0, 3, 3, 3]) { averagePool($0, kernel: [3, 3], rounding: .up) },
    Case("minimum pool", images, [0, 3, 4, 4]) { minPool($0, kernel: [2, 2]) },
    Case("adaptive pools", images, [0, 3, 3, 3]) {
      adaptiveAveragePool($0, output: [3, 3]) + adaptiveMaxPool($0, output: [3, 3])
    },
    Case("global mean", images, [0, 3]) { $0.mean(over: [2, 3]) },
    Case("relu", rows, [0, 5]) { relu($0) }, Case("softmax", rows, [0, 5]) { softmax($0) },
    Case("softmax along the rows", rows, [0, 5]) { softmax($0, axis: 0) },
    Case("log softmax", rows, [0, 5]) { logSoftmax($0) }, Case("gelu", rows, [0, 5]) { gelu($0) },
    Case("arithmetic", rows, [0, 5]) { (($0 + $0) * 2 - $0 / Tensor(ones: [5])) % 3 },
    Case("power", rows, [0, 5]) { pow($0, Tensor(ones: [5])) },
    Case("layer normalisation", rows, [0, 5]) { layerNormalization($0, over: [5], scale: Tensor(ones: [5])) },
    Case("group normalisation", images, [0, 3, 8, 8]) { groupNormalization($0, groups: 3) },
    Case("local response normalisation", images, [0, 3, 8, 8]) { localResponseNormalization($0, size: 3) },
    Case("dropout", rows, [0, 5]) { dropout($0, rate: 0.5) },
    Case("flattened", images, [0, 192]) { $0.flattened() }, Case("transposed", rows, [5, 0]) { $0.transposed() },
    Case("reversed", rows, [0, 5]) { $0.reversed(axes: [0, 1]) }, Case("tiled", rows, [0, 10]) { $0.tiled([3, 2]) },
    Case("expanded", rows, [2, 0, 5]) { $0.expanded(to: [2, 0, 5]) },
    Case("padded", rows, [0, 7]) { $0.padded([(1, 1)]) },
    Case("padded to rows", rows, [2, 5]) { $0.padded([(1, 1), (0, 0)]) },
    Case("rolled", rows, [0, 5]) { $0.rolled(by: 1, axis: 0) },
    Case("lower", Tensor(zeros: [0, 3, 3]), [0, 3, 3]) { $0.lowerTriangle() },
    Case("subscript", rows, [0]) { $0[.all, 1] }, Case("no positions", rows, [0, 0]) { $0[.all, IntTensor([])] },
    Case("mask", rows, [0]) { $0[$0 .> 0] },
    Case("concatenated", rows, [2, 5]) { concatenated([$0, Tensor(ones: [2, 5])], axis: 0) },
    Case("sum", rows, [5]) { $0.sum(over: [0]) }, Case("largest", rows, [0]) { $0.max(over: [1]) },
    Case("standard deviation", rows, [0]) { $0.standardDeviation(over: [1]) },
    Case("sorted", rows, [0, 5]) { $0.sorted().values }, Case("top", rows, [0, 2]) { $0.top(2).values },
    Case("running products", rows, [0, 5]) { $0.cumulativeProduct(axis: 1) },
    Case("einsum", rows, [0, 2]) { einsum("ij,jk->ik", $0, Tensor(ones: [5, 2])) },
    Case("einsum over the rows", rows, [5, 5]) { einsum("ij,ik->jk", $0, $0) },
    Case("unfold", images, [0, 27, 36]) { unfold($0, kernel: [3, 3]) },
    Case("fold", Tensor(zeros: [0, 12, 9]), [0, 3, 4, 4]) { fold($0, size: [4, 4], kernel: [2, 2]) },
    Case("inner size of nothing", Tensor(zeros: [2, 0]), [2, 3]) {
      linear($0, weight: Tensor(zeros: [3, 0]), bias: Tensor(ones: [3]))
    },
  ]

  @Test(arguments: cases) func shapesAndGradients(_ one: Case) {
    #expect(one.operation(one.operand).shape == one.shape)
    let (y, gradients) = differentiated(["x": one.operand]) { one.operation($0["x"]!) }
    #expect(y.shape == one.shape)
    // What has no elements is left out of a concatenation.
    if one.joinsNothing { #expect(gradients["x"] == nil) } else { #expect(gradients["x"]?.shape == one.operand.shape) }
    _ = y.scalars
  }

  @Test func biasesOfNothing() {
    #expect(
      linear(Tensor(zeros: [2, 0]), weight: Tensor(zeros: [3, 0]), bias: [1, 2, 3]) == [[1, 2, 3], [1, 2, 3]])
    let (_, gradients) = differentiated(["w": Tensor(ones: [2, 5]), "b": Tensor(ones: [2])]) {
      linear(Self.rows, weight: $0["w"]!, bias: $0["b"]!)
    }
    #expect(gradients["w"] == Tensor(zeros: [2, 5]) && gradients["b"] == Tensor(zeros: [2]))
  }

  @Test func lossesOfNothing() {
    let labels = IntTensor([])
    #expect(crossEntropy(Self.rows, labels: labels).scalar.isNaN)
    #expect(crossEntropy(Self.rows, labels: labels, reduction: .sum).scalar == 0)
    #expect(meanSquaredError(Self.rows, target: Self.rows).scalar.isNaN)
    #expect(meanSquaredError(Self.rows, target: Self.rows, reduction: .sum).scalar == 0)
  }

  @Test func layers() {
    let convolution = Conv2d(3, 4, kernel: 3, padding: 1)
    let normalization = BatchNorm(4)
    let dense = Linear(4, 2)
    convolution.initialize(seed: 1)
    normalization.initialize(seed: 1)
    dense.initialize(seed: 1)
    let y = dense(relu(normalization(convolution(Self.images))).mean(over: [2, 3]))
    #expect(y.shape == [0, 2] && softmax(y).scalars.isEmpty)
  }
}
