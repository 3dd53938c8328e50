import AviaryTensors
import AviaryTestSupport

@testable import AviaryLayers

/// A network with everything that layers can be: convolution, normalisation, dropout, a residual sum, a head.
struct TinyNetwork: Classifier {
  struct Configuration: ImageConfiguration {
    var classes = 3
    var inputChannels = 2

    func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireImages("tiny", input: input, least: 4)
    }
  }

  let configuration: Configuration
  let conv1 = Conv2d(2, 4, kernel: 3, padding: 1, bias: false)
  let bn1 = BatchNorm2d(4)
  let blocks: Sequential
  let drop = Dropout(0.5)
  let fc: Linear

  var headPath: String { "fc" }

  init(_ configuration: Configuration) {
    self.configuration = configuration
    blocks = Sequential([
      Conv2d(4, 4, kernel: 3, padding: 1), Activation.relu, MaxPool2d(2),
      Sequential([Conv2d(4, 4, kernel: 1), BatchNorm2d(4)]),
    ])
    fc = Linear(4, configuration.classes)
  }

  /// A network with values, whose cells know their paths.
  static func filled(seed: UInt64 = 1) -> TinyNetwork {
    let network = TinyNetwork(Configuration())
    network.initialize(seed: seed)
    return network
  }

  func features(_ x: Tensor) -> Tensor {
    drop(blocks(relu(bn1(conv1(x)))).mean(over: [2, 3]))
  }

  func head(_ features: Tensor) -> Tensor { fc(features) }

  static func images(_ count: Int = 5, seed: UInt64 = 2) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(count * 2 * 8 * 8), shape: [count, 2, 8, 8])
  }

  func loss(_ x: Tensor) -> Tensor {
    crossEntropy(self(x), labels: IntTensor((0..<x.shape[0]).map { Int32($0 % 3) }))
  }
}
