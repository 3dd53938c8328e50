import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryLayers

@Suite struct SqueezeExcitationTests {
  /// The definition, in Double: [N, C, P] by W1 [S, C], W2 [C, S].
  private static func expected(
    _ x: [Float], _ shape: [Int], _ layer: SqueezeExcitation, squeezed: Int, _ activation: (Double) -> Double,
    _ scale: (Double) -> Double
  ) -> [Double] {
    let (channels, positions) = (shape[1], shape[2] * shape[3])
    let parameters = layer.parameters.map { $0.tensor.scalars.map(Double.init) }
    func apply(_ weight: [Double], _ bias: [Double], _ input: [Double]) -> [Double] {
      bias.indices.map { row in
        bias[row] + input.indices.reduce(0) { $0 + weight[row * input.count + $1] * input[$1] }
      }
    }
    var result = x.map(Double.init)
    for item in 0..<shape[0] {
      let means = (0..<channels).map { channel in
        (0..<positions).reduce(0) { $0 + Double(x[(item * channels + channel) * positions + $1]) } / Double(positions)
      }
      let inner = apply(parameters[0], parameters[1], means).map(activation)
      let scales = apply(parameters[2], parameters[3], inner).map(scale)
      for channel in 0..<channels {
        for position in 0..<positions { result[(item * channels + channel) * positions + position] *= scales[channel] }
      }
    }
    return result
  }

  @Test func everyChannelIsScaledByItsWeight() {
    var numbers = TestNumbers(seed: 1)
    let shape = [2, 6, 3, 5]
    let x = numbers.floats(shape.reduce(1, *))
    let layer = SqueezeExcitation(6, squeezed: 4)
    layer.initialize(seed: 2)
    #expect(layer.inventory.stateful.map(\.path) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
    #expect(layer.parameters.map(\.shape) == [[4, 6, 1, 1], [4], [6, 4, 1, 1], [6]])
    let expected = Self.expected(x, shape, layer, squeezed: 4, { Swift.max($0, 0) }, { 1 / (1 + exp(-$0)) })
    expectClose(actual: layer(Tensor(x, shape: shape)).scalars, expected: expected)
  }

  @Test func activationsAreAChoice() {
    var numbers = TestNumbers(seed: 1)
    let shape = [2, 16, 4, 4]
    let x = numbers.floats(shape.reduce(1, *))
    let layer = SqueezeExcitation(
      16, squeezed: 8, activation: .silu, scaleActivation: .hardSigmoid(), initializer: .kaimingNormal(.out),
      biasInitializer: .zeros)
    layer.initialize(seed: 2)
    let expected = Self.expected(
      x, shape, layer, squeezed: 8, { $0 / (1 + exp(-$0)) }, { Swift.min(Swift.max($0 / 6 + 0.5, 0), 1) })
    expectClose(actual: layer(Tensor(x, shape: shape)).scalars, expected: expected)
  }

  @Test func otherChannelsAreRefused() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layer = Sequential([SqueezeExcitation(6, squeezed: 2)])
      layer.initialize(seed: 0)
      _ = layer(Tensor(zeros: [1, 5, 2, 2]))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("0.fc1: SqueezeExcitation: input [1, 5, 2, 2]"), "\(message)")
  }
}
