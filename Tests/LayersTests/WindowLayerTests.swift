import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryLayers

/// Convolutions and pools over one to three axes: what they are called, how they begin, what they pass on.
@Suite struct WindowLayerTests {
  private func random(_ shape: [Int]) -> Tensor {
    var numbers = TestNumbers(seed: 4)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }

  @Test func cellsHavePyTorchsNames() {
    let layers = Sequential([
      Conv1d(2, 3, kernel: 3), Conv2d(2, 3, kernel: [3, 5]), Conv3d(2, 3, kernel: 2, bias: false),
      ConvTranspose1d(2, 4, kernel: 3), ConvTranspose2d(2, 4, kernel: [3, 2], groups: 2),
      ConvTranspose3d(2, 4, kernel: 2, bias: false), MaxPool1d(2), MinPool2d(2), AvgPool3d(2), AdaptiveMaxPool1d(2),
    ])
    let cells = layers.namedParameters().map { "\($0.path) \($0.parameter.shape)" }
    #expect(
      cells == [
        "0.weight [3, 2, 3]", "0.bias [3]", "1.weight [3, 2, 3, 5]", "1.bias [3]", "2.weight [3, 2, 2, 2, 2]",
        "3.weight [2, 4, 3]", "3.bias [4]", "4.weight [2, 2, 3, 2]", "4.bias [4]", "5.weight [2, 4, 2, 2, 2]",
      ])
    let lines = layers.tree.split(separator: "\n").map { $0.split(separator: " ")[1] }
    #expect(
      lines[1...10] == [
        "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "MaxPool1d",
        "MinPool2d", "AvgPool3d", "AdaptiveMaxPool1d",
      ])
  }

  /// Every setting reaches its operator: one number for all axes, or one for each.
  @Test func settingsReachTheOperators() {
    let wide = Conv2d(2, 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2)
    let deep = ConvTranspose2d(
      4, 6, kernel: [3, 2], stride: [2, 3], padding: [1, 0], outputPadding: [1, 2], groups: 2, dilation: [2, 1])
    wide.initialize(seed: 1)
    deep.initialize(seed: 2)
    let (x, z) = (random([2, 2, 7, 6]), random([1, 4, 3, 4]))
    #expect(
      wide(x).scalars
        == convolution(
          x, weight: wide.weight.tensor, bias: wide.bias?.tensor, stride: [2, 1], padding: [1, 0], dilation: [1, 2],
          groups: 2
        ).scalars)
    #expect(
      deep(z).scalars
        == transposedConvolution(
          z, weight: deep.weight.tensor, bias: deep.bias?.tensor, stride: [2, 3], padding: [1, 0],
          outputPadding: [1, 2], dilation: [2, 1], groups: 2
        ).scalars)
    #expect(deep(z).shape == [1, 6, 8, 13])
    #expect(
      MaxPool2d([3, 2], stride: [1, 2], padding: [1, 0], rounding: .up)(x).scalars
        == maxPool(x, kernel: [3, 2], stride: [1, 2], padding: [1, 0], rounding: .up).scalars)
    #expect(
      MaxPool2d(2, stride: 1, dilation: [3, 2])(x).scalars
        == maxPool(x, kernel: [2, 2], stride: [1, 1], dilation: [3, 2]).scalars)
    #expect(
      MinPool2d(3, stride: 2, padding: 1)(x).scalars
        == (-maxPool(-x, kernel: [3, 3], stride: [2, 2], padding: [1, 1])).scalars)
    #expect(
      AvgPool2d([3, 2], stride: 1, padding: 1, rounding: .up, countingPadding: false)(x).scalars
        == averagePool(
          x, kernel: [3, 2], stride: [1, 1], padding: [1, 1], rounding: .up, countingPadding: false
        ).scalars)
    #expect(AdaptiveAvgPool2d([3, 4])(x).scalars == adaptiveAveragePool(x, output: [3, 4]).scalars)
    #expect(AdaptiveMaxPool2d(3)(x).scalars == adaptiveMaxPool(x, output: [3, 3]).scalars)
  }

  @Test func everyNumberOfAxes() {
    let (rows, volumes) = (random([2, 3, 9]), random([1, 3, 4, 5, 6]))
    #expect(MaxPool1d(3)(rows).shape == [2, 3, 3] && MaxPool3d(2)(volumes).shape == [1, 3, 2, 2, 3])
    #expect(
      AvgPool1d(3, stride: 2)(rows).shape == [2, 3, 4] && AvgPool3d([1, 2, 3])(volumes).shape == [1, 3, 4, 2, 2])
    #expect(MinPool1d(4)(rows).shape == [2, 3, 2] && MinPool3d(2, rounding: .up)(volumes).shape == [1, 3, 2, 3, 3])
    #expect(AdaptiveAvgPool1d(4)(rows).shape == [2, 3, 4])
    #expect(AdaptiveAvgPool3d([1, 2, 4])(volumes).shape == [1, 3, 1, 2, 4])
    #expect(AdaptiveMaxPool1d(2)(rows).shape == [2, 3, 2] && AdaptiveMaxPool3d(3)(volumes).shape == [1, 3, 3, 3, 3])
    let (signal, volume) = (Conv1d(3, 2, kernel: 3), Conv3d(3, 2, kernel: 2, stride: [1, 2, 2]))
    let (longer, larger) = (ConvTranspose1d(3, 2, kernel: 4, stride: 2), ConvTranspose3d(3, 2, kernel: 2))
    for layer: any Layer in [signal, volume, longer, larger] { layer.initialize(seed: 1) }
    #expect(signal(rows).shape == [2, 2, 7] && volume(volumes).shape == [1, 2, 3, 2, 3])
    #expect(longer(rows).shape == [2, 2, 20] && larger(volumes).shape == [1, 2, 5, 6, 7])
  }

  @Test func layersBeginAsPyTorchs() throws {
    struct Beginning: Decodable {
      let kind: String
      let shape: [Int]
      let bound: Double
    }
    let goldens = try Goldens("windows", of: "TensorsTests").json("initialisations", as: [Beginning].self)
    let layers: [String: any Layer] = [
      "conv1d": Conv1d(6, 8, kernel: 5, groups: 2), "conv3d": Conv3d(3, 4, kernel: [2, 3, 1]),
      "conv_transpose1d": ConvTranspose1d(6, 8, kernel: 5),
      "conv_transpose2d": ConvTranspose2d(6, 8, kernel: [3, 2], groups: 2),
      "conv_transpose3d": ConvTranspose3d(4, 8, kernel: 3, groups: 4),
    ]
    #expect(Set(goldens.map(\.kind)) == Set(layers.keys))
    for golden in goldens {
      let parameters = try #require(layers[golden.kind]).parameters
      #expect(parameters.count == 2 && parameters[0].shape == golden.shape, "\(golden.kind)")
      for parameter in parameters {
        guard case .uniform(let bound) = parameter.initializer.distribution(shape: parameter.shape) else {
          Issue.record("\(golden.kind): \(parameter.path) is not uniform")
          continue
        }
        #expect(abs(Double(bound) / golden.bound - 1) < 1e-6, "\(golden.kind): \(parameter.path)")
      }
    }
  }

  @Test func wiringIsNamed() async {
    let transposed = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Activation.relu, ConvTranspose2d(3, 2, kernel: 2)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [1, 2, 4, 4]))
    }
    expect(transposed, "1: ConvTranspose2d: input [1, 2, 4, 4] does not go with weight [3, 2, 2, 2]")
    let pool = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let layers = Sequential([Activation.relu, MinPool3d(3, rounding: .up)])
      layers.initialize(seed: 0)
      _ = layers(Tensor(zeros: [1, 1, 3, 0, 3]))
    }
    expect(pool, "1: MinPool3d: input [1, 1, 3, 0, 3] is smaller than the window [3, 3, 3]")
    let sizes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Conv3d(1, 1, kernel: [3, 3])
    }
    expect(sizes, "[3, 3] are not the sizes along 3 axes")
  }
}
