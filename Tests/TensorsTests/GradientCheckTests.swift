import AviaryTensors
import AviaryTestSupport
import Testing

/// Every operator's pullback against finite differences.
@Suite struct GradientCheckTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// Shapes, or the operands themselves.
    let operands: [String: Tensor]
    var step = 1e-2
    var mode = Mode.training
    let operation: @Sendable ([String: Tensor]) -> Tensor
    var testDescription: String { name }
  }

  @Test(arguments: cases) func pullbackAgreesWithDifferences(_ operatorCase: Case) {
    checkGradient(
      at: operatorCase.operands, step: operatorCase.step, mode: operatorCase.mode, name: operatorCase.name,
      of: operatorCase.operation)
  }

  /// The check itself: 2 % too much in the pullback of any operand is found, for every operator.
  @Test(arguments: cases) func plantedErrorIsFound(_ operatorCase: Case) {
    for name in operatorCase.operands.keys {
      withKnownIssue("\(operatorCase.name), \(name)") {
        checkGradient(
          at: operatorCase.operands, step: operatorCase.step, mode: operatorCase.mode, name: operatorCase.name
        ) { operatorCase.operation(flawed(name, in: $0)) }
      }
    }
  }

  // MARK: - Operands

  /// Numbers whose magnitude is in 0.3..<1: away from kinks and from division by nothing.
  static func random(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floatsAwayFromZero(shape.reduce(1, *), least: 0.3), shape: shape)
  }

  static func positive(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(shape.reduce(1, *), from: 0.5, to: 1.5), shape: shape)
  }

  /// Numbers no two of which are nearer to each other than 0.5: a small step changes no maximum.
  static func distinct(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    let count = shape.reduce(1, *)
    return Tensor((0..<count).map { Float($0 - count / 2) / 2 }.shuffled(using: &numbers), shape: shape)
  }

  // MARK: - Operators

  static let cases: [Case] = convolutions + normalizations + pools + arithmetic + activations + shapes

  static let convolutions: [Case] = [
    convolutionCase("convolution 3×3", [2, 3, 6, 5], [4, 3, 3, 3], 1, 1, 1, 1),
    convolutionCase("convolution of one channel", [2, 1, 6, 6], [5, 1, 3, 3], 2, 1, 1, 1),
    convolutionCase("convolution, 19 to 21 channels", [1, 19, 5, 4], [21, 19, 3, 3], 1, 1, 1, 1),
    convolutionCase("convolution, Winograd", [2, 16, 16, 16], [16, 16, 3, 3], 1, 1, 1, 1),
    convolutionCase("convolution in groups", [2, 6, 5, 5], [4, 3, 3, 3], 1, 1, 1, 2),
    convolutionCase("convolution by depth", [2, 16, 5, 5], [16, 1, 3, 3], 2, 1, 1, 16),
    convolutionCase("convolution, dilated", [1, 3, 7, 7], [2, 3, 3, 3], 1, 2, 2, 1),
    convolutionCase("convolution of rows", [2, 3, 9], [4, 3, 3], 2, 1, 1, 1),
    convolutionCase("convolution of volumes", [1, 2, 4, 5, 4], [3, 2, 3, 3, 3], 1, 1, 1, 1),
    Case(
      name: "convolution twice",
      operands: ["x": random([2, 8, 5, 5], 1), "w": random([16, 8, 3, 3], 2), "v": random([8, 16, 1, 1], 3)]
    ) {
      let inner = convolution($0["x"]!, weight: $0["w"]!, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
      return convolution(inner, weight: $0["v"]!, stride: [1, 1], padding: [0, 0], dilation: [1, 1])
    },
    Case(name: "linear", operands: ["x": random([3, 5], 1), "w": random([4, 5], 2), "b": random([4], 3)]) {
      linear($0["x"]!, weight: $0["w"]!, bias: $0["b"]!)
    },
    Case(name: "linear of rank 3", operands: ["x": random([2, 3, 5], 1), "w": random([4, 5], 2)]) {
      linear($0["x"]!, weight: $0["w"]!)
    },
    Case(name: "linear of a vector", operands: ["x": random([5], 1), "w": random([4, 5], 2), "b": random([4], 3)]) {
      linear($0["x"]!, weight: $0["w"]!, bias: $0["b"]!)
    },
  ]

  static func convolutionCase(
    _ name: String, _ x: [Int], _ weight: [Int], _ stride: Int, _ padding: Int, _ dilation: Int, _ groups: Int
  ) -> Case {
    let axes = x.count - 2
    func each(_ number: Int) -> [Int] { Array(repeating: number, count: axes) }
    return Case(
      name: name, operands: ["x": random(x, 1), "weight": random(weight, 2), "bias": random([weight[0]], 3)]
    ) {
      convolution(
        $0["x"]!, weight: $0["weight"]!, bias: $0["bias"]!, stride: Array(repeating: stride, count: axes),
        padding: Array(repeating: padding, count: axes), dilation: Array(repeating: dilation, count: axes),
        groups: groups)
    }
  }

  static let normalizations: [Case] = [[8, 5], [3, 4, 5, 6], [2, 16, 3, 3], [2, 21, 3, 3], [4, 3, 5]].flatMap {
    shape -> [Case] in
    let channels = [shape[1]]
    let operands = ["x": random(shape, 1), "scale": positive(channels, 2), "shift": random(channels, 3)]
    let (mean, variance) = (random(channels, 4), positive(channels, 5))
    return [
      Case(name: "batch normalisation of \(shape)", operands: operands) {
        batchNormalization($0["x"]!, scale: $0["scale"]!, shift: $0["shift"]!, epsilon: 1e-5)
      },
      Case(name: "batch normalisation of \(shape) by kept statistics", operands: operands, mode: .inference) {
        batchNormalization(
          $0["x"]!, mean: mean, variance: variance, scale: $0["scale"]!, shift: $0["shift"]!, epsilon: 1e-5)
      },
    ]
  }

  static let pools: [Case] = [
    Case(name: "maximum pooling", operands: ["x": distinct([2, 3, 7, 6], 1)], step: 1e-3) {
      maxPool($0["x"]!, kernel: [3, 3], stride: [2, 2], padding: [1, 1], rounding: .up)
    },
    Case(name: "maximum pooling, 17 channels", operands: ["x": distinct([1, 17, 4, 4], 1)], step: 1e-4) {
      maxPool($0["x"]!, kernel: [3, 3], stride: [1, 1])
    },
    Case(name: "average pooling", operands: ["x": random([2, 3, 7, 6], 1)]) {
      averagePool($0["x"]!, kernel: [3, 3], stride: [2, 2], padding: [1, 1], rounding: .up)
    },
    Case(name: "average pooling without the padding", operands: ["x": random([2, 3, 7, 6], 1)]) {
      averagePool($0["x"]!, kernel: [3, 2], stride: [2, 2], padding: [1, 1], countingPadding: false)
    },
    Case(name: "average pooling of rows", operands: ["x": random([2, 3, 8], 1)]) { averagePool($0["x"]!, kernel: [2]) },
    Case(name: "adaptive average", operands: ["x": random([2, 3, 7, 5], 1)]) {
      adaptiveAveragePool($0["x"]!, output: [3, 2])
    },
    Case(name: "adaptive maximum", operands: ["x": distinct([2, 3, 7, 5], 1)], step: 1e-3) {
      adaptiveMaxPool($0["x"]!, output: [3, 2])
    },
  ]

  static let arithmetic: [Case] =
    ([([2, 3, 4], [2, 3, 4]), ([2, 3, 4], [3, 1]), ([4], [2, 3, 4]), ([], [2, 2])]).flatMap {
      (a: [Int], b: [Int]) -> [Case] in
      let operands = ["a": random(a, 1), "b": random(b, 2)]
      return [
        Case(name: "\(a) + \(b)", operands: operands) { $0["a"]! + $0["b"]! },
        Case(name: "\(a) − \(b)", operands: operands) { $0["a"]! - $0["b"]! },
        Case(name: "\(a) · \(b)", operands: operands) { $0["a"]! * $0["b"]! },
        Case(name: "\(a) / \(b)", operands: operands, step: 1e-3) { $0["a"]! / $0["b"]! },
      ]
    } + [
      Case(name: "numbers", operands: ["x": random([3, 4], 1)]) { 1 - (2 * (0.5 + $0["x"]! * 3 - 1) / 4 + 2) },
      Case(name: "negation", operands: ["x": random([3, 4], 1)]) { -$0["x"]! },
      Case(name: "numbers and a scalar", operands: ["x": random([], 1)]) { -($0["x"]! * 3 + 1) },
      Case(name: "a tensor with itself", operands: ["x": random([3, 4], 1)]) { ($0["x"]! + $0["x"]!) * $0["x"]! },
      Case(name: "sum", operands: ["x": random([2, 3, 4], 1)]) { $0["x"]!.sum() },
      Case(name: "sum over axes", operands: ["x": random([2, 3, 4], 1)]) { $0["x"]!.sum(over: [0, 2]) },
      Case(name: "mean", operands: ["x": random([2, 3, 4], 1)]) { $0["x"]!.mean() },
      Case(name: "mean over an axis", operands: ["x": random([2, 3, 4], 1)]) {
        $0["x"]!.mean(over: [1], keepingAxes: true)
      },
      Case(name: "mean over positions", operands: ["x": random([2, 3, 4, 5], 1)]) { $0["x"]!.mean(over: [3, 2]) },
    ]

  static let activations: [Case] = [
    Case(name: "relu", operands: ["x": random([4, 9], 1)]) { relu($0["x"]!) },
    Case(name: "softmax", operands: ["x": random([4, 5], 1)]) { softmax($0["x"]!) },
    Case(name: "softmax along the first axis", operands: ["x": random([4, 3, 2], 1)]) { softmax($0["x"]!, axis: 0) },
    Case(name: "logarithm of softmax", operands: ["x": random([4, 5], 1)]) { logSoftmax($0["x"]!) },
    Case(name: "logarithm of softmax, middle axis", operands: ["x": random([4, 3, 2], 1)]) {
      logSoftmax($0["x"]!, axis: 1)
    },
    Case(name: "cross entropy", operands: ["x": random([4, 3], 1)]) {
      crossEntropy($0["x"]!, labels: IntTensor([0, 2, 1, 2]))
    },
    Case(name: "negative log likelihood", operands: ["x": random([4, 3], 1)]) {
      negativeLogLikelihood($0["x"]!, labels: IntTensor([0, 2, 1, 2]))
    },
    Case(name: "dropout", operands: ["x": random([10, 9], 1)]) { dropout($0["x"]!, rate: 0.4, path: "a") },
    Case(
      name: "normalisation and relu",
      operands: ["x": random([4, 16, 4, 4], 1), "scale": positive([16], 2), "shift": random([16], 3)], step: 1e-5
    ) { relu(batchNormalization($0["x"]! * 100, scale: $0["scale"]!, shift: $0["shift"]! * 10, epsilon: 1e-5)) },
  ]

  static let shapes: [Case] = [
    Case(name: "reshaped", operands: ["x": random([2, 6], 1)]) { $0["x"]!.reshaped(to: [3, -1]) },
    Case(name: "flattened", operands: ["x": random([2, 3, 4], 1)]) { $0["x"]!.flattened() },
    Case(name: "transposed", operands: ["x": random([2, 3, 4], 1)]) { $0["x"]!.transposed([2, 0, 1]) },
    Case(name: "concatenated", operands: ["a": random([2, 3, 2], 1), "b": random([2, 1, 2], 2)]) {
      concatenated([$0["a"]!, $0["b"]!, $0["a"]!], axis: 1)
    },
    Case(name: "concatenated, many", operands: ["a": random([2, 3], 1), "b": random([1, 3], 2)]) {
      concatenated(Array(repeating: $0["a"]!, count: 9) + [$0["b"]!], axis: 0)
    },
  ]
}
