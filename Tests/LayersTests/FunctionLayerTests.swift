import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryLayers

/// Layers of functions, normalisations and drops: their cells, and that they are the operators with PyTorch's defaults.
@Suite struct FunctionLayerTests {
  static func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(shape.reduce(1, *), from: -2, to: 2), shape: shape)
  }

  static let x = numbers([2, 6, 3, 4], 1)

  // MARK: - Functions

  @Test func activationsHavePyTorchsNames() throws {
    #expect(
      Activation.allCases.map(\.name) == [
        "identity", "relu", "leaky_relu", "elu", "gelu", "silu", "hardswish", "sigmoid", "tanh", "relu6", "selu",
        "softplus", "softsign", "exponential", "tanh_gelu", "hardsigmoid", "thresholded_relu", "mish",
        "log_sigmoid", "hardtanh", "tanhshrink", "softshrink", "hardshrink", "squareplus", "sparse_plus",
        "sparse_sigmoid",
      ])
    for activation in Activation.allCases {
      let coded = try JSONEncoder().encode([activation])
      #expect(String(decoding: coded, as: UTF8.self) == "[\"\(activation.name)\"]")
      #expect(try JSONDecoder().decode([Activation].self, from: coded) == [activation])
    }
    let sloped = try JSONEncoder().encode(Activation.leakyRelu(slope: 0.25))
    #expect(String(decoding: sloped, as: UTF8.self) == #"{"leaky_relu":{"slope":0.25}}"#)
    #expect(try JSONDecoder().decode(Activation.self, from: sloped) == .leakyRelu(slope: 0.25))
    for wrong in [#""leakyRelu""#, #"{"relu":{"slope":1}}"#, "1", "{}"] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Activation.self, from: Data(wrong.utf8)) }
    }
  }

  @Test func activationsAreTheFunctions() {
    let x = Self.x
    let expected: [Activation: Tensor] = [
      .identity: x, .relu: relu(x), .leakyRelu(): leakyRelu(x, slope: 0.01), .elu(): elu(x, alpha: 1), .gelu: gelu(x),
      .silu: silu(x), .hardSwish: hardSwish(x), .sigmoid: sigmoid(x), .tanh: AviaryTensors.tanh(x),
      .relu6: relu6(x), .selu: selu(x), .softplus: softplus(x), .softsign: softsign(x),
      .exponential: exp(x), .tanhGelu: gelu(x, approximation: .tanh), .hardSigmoid(): hardSigmoid(x),
      .thresholdedRelu(): relu(x), .mish: x * AviaryTensors.tanh(softplus(x)), .logSigmoid: -softplus(-x),
      .hardTanh: hardTanh(x), .tanhShrink: x - AviaryTensors.tanh(x),
      .softShrink(): x - hardTanh(x, from: -0.5, to: 0.5),
      .hardShrink(): x.replacing(with: 0, where: abs(x) .<= 0.5), .squareplus(): (x + sqrt(x.squared() + 4)) * 0.5,
      .sparsePlus: hardTanh((x + 1) * 0.5, from: 0, to: 1).squared() + relu(x - 1),
      .sparseSigmoid: hardSigmoid(x, slope: 0.5),
    ]
    for activation in Activation.allCases {
      #expect(activation(x).scalars == expected[activation]?.scalars, "\(activation)")
    }
    #expect(expected.count == Activation.allCases.count)
  }

  @Test func preluLearnsItsSlope() throws {
    let layers = Sequential([PReLU(), PReLU(6)])
    layers.initialize(seed: 0)
    #expect(layers.inventory.cells.map(\.path) == ["0.weight", "1.weight"])
    #expect(layers.parameters.map(\.shape) == [[1], [6]])
    #expect(layers.parameters.allSatisfy { $0.tensor.scalars.allSatisfy { $0 == 0.25 } })
    #expect(layers(Self.x).scalars == Self.x.scalars.map { $0 > 0 ? $0 : $0 / 16 })
    let (_, gradients) = valueWithGradients(of: layers) { layers(Self.x).sum() }
    for parameter in layers.parameters { #expect(try #require(gradients[parameter]).shape == parameter.shape) }
  }

  @Test func slopesBelowZeroMayBeGiven() {
    #expect(Activation.leakyRelu(slope: 0.3)(Self.x).scalars == leakyRelu(Self.x, slope: 0.3).scalars)
    #expect(Activation.elu(alpha: 0.5)(Self.x).scalars == elu(Self.x, alpha: 0.5).scalars)
  }

  /// PyTorch's `where(x > 0.5, x, slope * (x - 0.5))`, and its gradient.
  @Test(
    arguments: [
      (0, [0, 0, 0, 2, .infinity], [0, 0, 0, 1, 1]),
      (0.25, [-.infinity, -0.375, 0, 2, .infinity], [0.25, 0.25, 0.25, 1, 1]),
      (.infinity, [-.infinity, -.infinity, .nan, 2, .infinity], [.infinity, .infinity, .infinity, 1, 1]),
    ] as [(Float, [Float], [Float])])
  func thresholdsTakeWhatIsNotFinite(slope: Float, expected: [Float], gradient: [Float]) throws {
    let x = Tensor([-.infinity, -1, 0.5, 2, .infinity], shape: [1, 5])
    let layer = Activation.thresholdedRelu(threshold: 0.5, slope: slope)
    #expect(zip(layer(x).scalars, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    let gradients = LayerGoldenTests.gradients(of: layer, at: x, upstream: Tensor(ones: [1, 5]))
    #expect(try #require(gradients[0].1).scalars == gradient)
    #expect(layer(Tensor([.nan], shape: [1, 1])).scalars[0].isNaN)
  }

  /// PyTorch's softshrink and hardshrink have no slope at their thresholds.
  @Test(arguments: [Activation.softShrink(), .hardShrink()]) func shrinkingEndsAboveTheThreshold(layer: Activation)
    throws
  {
    let x = Tensor([-0.75, -0.5, 0, 0.5, 0.75], shape: [1, 5])
    let gradients = LayerGoldenTests.gradients(of: layer, at: x, upstream: Tensor(ones: [1, 5]))
    #expect(try #require(gradients[0].1).scalars == [1, 0, 0, 0, 1])
  }

  @Test func theRowOfPaddingBeginsAtZeroAndStays() throws {
    let layer = Embedding(4, 3, padding: 1)
    layer.initialize(seed: 0)
    #expect(Array(layer.weight.tensor.scalars[3..<6]) == [0, 0, 0])
    #expect(layer.weight.tensor.scalars.count { $0 != 0 } == 9)
    let (_, gradients) = valueWithGradients(of: layer) { layer(IntTensor([0, 1, 1, 3])).sum() }
    #expect(try #require(gradients[layer.weight]).scalars == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1])
  }

  /// As Keras casts tokens to whole numbers; what is no row then is NaN, where that is allowed.
  @Test func fractionsOfTokensAreCutOff() {
    let layer = Embedding(4, 3)
    layer.initialize(seed: 0)
    let rows = layer(IntTensor([0, 0, 2, 3])).scalars
    #expect(layer(Tensor([0.9, -0.6, 2.5, 3.99], shape: [4])).scalars == rows)
    let others = layer.rowsOrNaN(Tensor([-0.99, 4, -1, .nan], shape: [4])).scalars
    #expect(Array(others[0..<3]) == Array(rows[0..<3]) && others[3...].allSatisfy(\.isNaN))
  }

  @Test func softmaxLayersTakeAnAxis() {
    #expect(Softmax()(Self.x).scalars == softmax(Self.x, axis: 3).scalars)
    #expect(LogSoftmax(axis: 1)(Self.x).scalars == logSoftmax(Self.x, axis: 1).scalars)
  }

  // MARK: - Normalisations

  @Test func layerNormDeclaresItsShape() {
    let layers = Sequential([LayerNorm(4), LayerNorm([3, 4]), LayerNorm(4, affine: false), LayerNorm(4, bias: false)])
    layers.initialize(seed: 0)
    #expect(
      layers.inventory.stateful.map(\.path) == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight"])
    #expect(layers.parameters.map(\.shape) == [[4], [4], [3, 4], [3, 4], [4]])
    #expect(layers.elements[0](Self.x).scalars == layerNormalization(Self.x, over: [4], epsilon: 1e-5).scalars)
    #expect(layers.elements[1](Self.x).scalars == layerNormalization(Self.x, over: [3, 4]).scalars)
    layers.parameters[0].assign(Tensor(repeating: 2, shape: [4]))
    layers.parameters[1].assign(Tensor(repeating: 1, shape: [4]))
    let expected = layerNormalization(Self.x, over: [4]) * 2 + 1
    expectClose(actual: layers.elements[0](Self.x).scalars, expected: expected.scalars.map(Double.init))
  }

  @Test func groupNormHasAFactorForEveryChannel() {
    let layer = GroupNorm(groups: 3, channels: 6)
    layer.initialize(seed: 0)
    #expect(layer.inventory.stateful.map(\.path) == ["weight", "bias"])
    #expect(layer.parameters.map(\.shape) == [[6], [6]])
    #expect(layer(Self.x).scalars == groupNormalization(Self.x, groups: 3, epsilon: 1e-5).scalars)
    layer.parameters[0].assign(Self.numbers([6], 2))
    let expected = groupNormalization(Self.x, groups: 3) * layer.parameters[0].tensor.reshaped(to: [6, 1, 1])
    expectClose(actual: layer(Self.x).scalars, expected: expected.scalars.map(Double.init))
    #expect(GroupNorm(groups: 2, channels: 6, affine: false).parameters.isEmpty)
  }

  @Test func localResponseNormHasPyTorchsDefaults() {
    let expected = localResponseNormalization(Self.x, size: 5, alpha: 1e-4, beta: 0.75, k: 1)
    #expect(LocalResponseNorm(5)(Self.x).scalars == expected.scalars)
    #expect(LocalResponseNorm(5, k: 2)(Self.x).scalars != expected.scalars)
  }

  @Test func batchNormTakesVolumes() {
    let layer = BatchNorm3d(6)
    layer.initialize(seed: 0)
    let y = withMode(.training) { layer(Self.x.reshaped(to: [2, 6, 3, 2, 2])) }
    #expect(y.shape == [2, 6, 3, 2, 2] && abs(y.mean().scalar) < 1e-5)
  }

  // MARK: - Drops

  @Test func dropsAreKeyedByPathAndOffWhereFrozen() throws {
    let layers = Sequential([Dropout2d(0.5), Dropout2d(0.5), DropBlock2d(block: 2, rate: 0.4)])
    layers.initialize(seed: 0)
    let ones = Tensor(ones: [8, 8, 4, 4])
    func mask(_ layer: Int, step: UInt64 = 1) -> [Float] {
      withMode(.training, noise: Noise(seed: 1, step: step)) { layers.elements[layer](ones).scalars }
    }
    for layer in 0..<3 {
      #expect(mask(layer) == mask(layer) && mask(layer) != mask(layer, step: 2) && mask(layer).contains(0))
      #expect(layers.elements[layer](ones).scalars == ones.scalars, "not in use")
    }
    #expect(mask(0) != mask(1), "each path draws for itself")
    try layers.freeze(["**"])
    for layer in 0..<3 { #expect(mask(layer) == ones.scalars) }
  }

  // MARK: - Penalties

  @Test func penaltiesSumOverParameters() throws {
    let layer = Linear(3, 2)
    layer.initialize(seed: 1)
    let all = layer.parameters.flatMap(\.tensor.scalars).map(Double.init)
    expectClose(actual: [l1Penalty(layer.parameters).scalar], expected: [all.reduce(0) { $0 + Swift.abs($1) }])
    let (value, gradients) = valueWithGradients(of: layer) { l2Penalty(layer.parameters) }
    expectClose(actual: [value.scalar], expected: [all.reduce(0) { $0 + $1 * $1 }])
    let found = try layer.parameters.flatMap { try #require(gradients[$0]).scalars }
    expectClose(actual: found, expected: all.map { 2 * $0 })
    #expect(l1Penalty([]).scalar == 0)
  }

  // MARK: - Messages

  @Test func whatDoesNotFitIsRefusedWithItsPath() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Activation.relu, LayerNorm(5)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [2, 4]))
    }
    expect(result, "1: LayerNorm: input [2, 4] does not end with the axes [5]")
    let group = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([GroupNorm(groups: 2, channels: 4)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [2, 6]))
    }
    expect(group, "0: GroupNorm: input [2, 6] does not have 4 channels")
    let drop = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([DropBlock2d(block: 3)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [2, 6]))
    }
    expect(drop, "0: DropBlock2d: input [2, 6] does not go with blocks [3, 3]")
  }
}
