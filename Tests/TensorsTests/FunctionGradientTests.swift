import AviaryTensors
import AviaryTestSupport
import Testing

/// The pullbacks of functions, products, slices, normalisations and losses against finite differences.
@Suite struct FunctionGradientTests {
  typealias Case = GradientCheckTests.Case

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

  // MARK: - Operators

  static let cases: [Case] = functions + pairs + shapes + normalizations + drops + losses

  static func random(_ shape: [Int], _ seed: UInt64) -> Tensor { GradientCheckTests.random(shape, seed) }
  static func positive(_ shape: [Int], _ seed: UInt64) -> Tensor { GradientCheckTests.positive(shape, seed) }

  /// Numbers in 0.1..<0.9.
  static func probabilities(_ shape: [Int], _ seed: UInt64) -> Tensor { (positive(shape, seed) - 1) * 0.8 + 0.5 }

  static func function(_ name: String, _ call: @escaping @Sendable (Tensor) -> Tensor) -> Case {
    Case(name: name, operands: ["x": random([4, 9], 1)]) { call($0["x"]!) }
  }

  static let functions: [Case] = [
    function("leaky relu") { leakyRelu($0, slope: 0.2) }, function("elu") { elu($0, alpha: 0.8) },
    function("gelu") { gelu($0) }, function("gelu by tanh") { gelu($0, approximation: .tanh) },
    function("silu") { silu($0) }, function("hard swish") { hardSwish($0) }, function("sigmoid") { sigmoid($0) },
    function("tanh") { tanh($0) }, function("exp") { exp($0) }, function("magnitude") { abs($0) },
    function("square") { $0.squared() }, function("clamped") { ($0 * 2).clamped(to: -0.05...3) },
    Case(name: "logarithm", operands: ["x": positive([4, 9], 1)]) { log($0["x"]!) },
    Case(name: "square root", operands: ["x": positive([4, 9], 1)]) { sqrt($0["x"]!) },
  ]

  static let pairs: [Case] = [
    Case(
      name: "maximum", operands: ["a": GradientCheckTests.distinct([3, 4], 1), "b": random([4], 2) * 0.2], step: 1e-3
    ) { maximum($0["a"]!, $0["b"]! + 0.25) },
    Case(
      name: "minimum", operands: ["a": GradientCheckTests.distinct([3, 4], 1), "b": random([3, 1], 2) * 0.2], step: 1e-3
    ) { minimum($0["a"]!, $0["b"]! + 0.25) },
    Case(name: "prelu", operands: ["x": random([3, 4, 2], 1), "slope": positive([4], 2)]) {
      prelu($0["x"]!, slope: $0["slope"]!)
    },
    Case(name: "matrix product", operands: ["a": random([3, 4], 1), "b": random([4, 5], 2)]) {
      matmul($0["a"]!, $0["b"]!)
    },
    Case(name: "products of batches", operands: ["a": random([2, 3, 3, 4], 1), "b": random([3, 4, 5], 2)]) {
      matmul($0["a"]!, $0["b"]!)
    },
    Case(name: "a batch by one matrix", operands: ["a": random([2, 3, 4], 1), "b": random([4, 5], 2)]) {
      matmul($0["a"]!, $0["b"]!)
    },
  ]

  static let shapes: [Case] = [
    Case(name: "slice", operands: ["x": random([2, 5, 3], 1)]) { $0["x"]!.slice(axis: 1, from: 1, to: 4) },
    Case(name: "slice at", operands: ["x": random([2, 5, 3], 1)]) { $0["x"]!.slice(axis: -1, at: 2) },
    Case(name: "interleaved", operands: ["a": random([2, 3, 2], 1), "b": random([2, 3, 2], 2)]) {
      interleaved([$0["a"]!, $0["b"]!, $0["a"]!])
    },
    Case(name: "stacked", operands: ["a": random([2, 3], 1), "b": random([2, 3], 2)]) {
      stacked([$0["a"]!, $0["b"]!, $0["a"]!], axis: 1)
    },
    Case(name: "split", operands: ["x": random([2, 5], 1)]) {
      let parts = $0["x"]!.split(size: 2, axis: 1)
      return parts[0] * parts[1] + parts[2]
    },
  ]

  static let normalizations: [Case] = [
    Case(
      name: "layer normalisation",
      operands: ["x": random([3, 4, 6], 1), "scale": positive([6], 2), "shift": random([6], 3)]
    ) { layerNormalization($0["x"]!, over: [6], scale: $0["scale"]!, shift: $0["shift"]!) },
    Case(name: "layer normalisation over two axes", operands: ["x": random([3, 4, 6], 1)]) {
      layerNormalization($0["x"]!, over: [4, 6])
    },
    Case(
      name: "group normalisation",
      operands: ["x": random([2, 6, 3, 3], 1), "scale": positive([6], 2), "shift": random([6], 3)]
    ) { groupNormalization($0["x"]!, groups: 2, scale: $0["scale"]!, shift: $0["shift"]!) },
    Case(name: "group normalisation of features", operands: ["x": random([4, 8], 1)]) {
      groupNormalization($0["x"]!, groups: 2)
    },
    Case(name: "local response normalisation", operands: ["x": random([2, 7, 3, 3], 1)]) {
      localResponseNormalization($0["x"]!, size: 4, alpha: 2)
    },
  ]

  static let drops: [Case] = [
    Case(name: "channel dropout", operands: ["x": random([8, 9, 2, 2], 1)]) {
      channelDropout($0["x"]!, rate: 0.4, path: "a")
    },
    Case(name: "stochastic depth", operands: ["x": random([8, 9, 2, 2], 1)]) {
      stochasticDepth($0["x"]!, rate: 0.4, path: "a")
    },
    Case(name: "DropBlock", operands: ["x": random([3, 4, 7, 6], 1)]) {
      dropBlock($0["x"]!, block: 3, rate: 0.3, path: "a")
    },
  ]

  static let losses: [Case] = {
    let pair = ["x": random([4, 3], 1), "target": random([4, 3], 2) * 3]
    let labels = IntTensor([0, 2, 1, 2])
    let weights = positive([3], 5)
    let ones = Tensor([1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0], shape: [4, 3])
    return [
      Case(name: "mean absolute error", operands: pair) { meanAbsoluteError($0["x"]!, target: $0["target"]!) },
      Case(name: "mean squared error", operands: pair) { meanSquaredError($0["x"]!, target: $0["target"]!) },
      Case(name: "root mean squared error", operands: pair) { rootMeanSquaredError($0["x"]!, target: $0["target"]!) },
      Case(name: "Huber's loss", operands: pair, step: 1e-3) { huber($0["x"]!, target: $0["target"]!, delta: 1.5) },
      Case(name: "smooth L1 loss", operands: pair, step: 1e-3) { smoothL1($0["x"]!, target: $0["target"]!, beta: 1.5) },
      Case(name: "log-cosh", operands: pair) { logCosh($0["x"]!, target: $0["target"]!) },
      Case(name: "quantile loss", operands: pair) { quantileLoss($0["x"]!, target: $0["target"]!, quantile: 0.8) },
      Case(name: "binary cross entropy", operands: ["x": probabilities([4, 3], 1)]) {
        binaryCrossEntropy($0["x"]!, target: ones)
      },
      Case(name: "binary cross entropy of logits", operands: ["x": random([4, 3], 1)]) {
        binaryCrossEntropyWithLogits($0["x"]!, target: ones, positiveWeight: 2, reduction: .sum)
      },
      Case(name: "smoothed and weighted cross entropy", operands: ["x": random([4, 3], 1)]) {
        crossEntropy($0["x"]!, labels: labels, labelSmoothing: 0.2, classWeights: weights)
      },
      Case(
        name: "cross entropy of distributions",
        operands: ["x": random([4, 3], 1), "target": probabilities([4, 3], 2)]
      ) { crossEntropy($0["x"]!, target: $0["target"]!, labelSmoothing: 0.1, classWeights: weights) },
      Case(name: "cross entropy along an axis, without a class", operands: ["x": random([2, 3, 4], 1)]) {
        crossEntropy(
          $0["x"]!, labels: IntTensor([0, 2, 1, 2, 1, 1, 0, 2], shape: [2, 4]), labelSmoothing: 0.1,
          classWeights: weights, ignoring: 1)
      },
      Case(name: "negative log likelihood without a label", operands: ["x": random([4, 3], 1)]) {
        negativeLogLikelihood($0["x"]!, labels: IntTensor([0, -100, 1, 2]), ignoring: -100)
      },
      Case(name: "weighted negative log likelihood", operands: ["x": random([4, 3], 1)]) {
        negativeLogLikelihood($0["x"]!, labels: labels, classWeights: weights)
      },
    ]
  }()
}
