// The convolutional network for Fashion-MNIST of many PyTorch tutorials ("FashionCNN").
//
// Two convolutions with batch normalisation, relu and pooling, and three fully connected layers with nothing but dropout
// between them, as its source has it. The source drops by PyTorch's `Dropout2d`, which on rows is the dropout of single
// elements that stands here. Names are its source's.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// Two convolutions of 32 and 64 channels, and fully connected layers of 600 and 120: [N, 1, 28, 28] → [N, classes].
public struct FashionCNN: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The side of the images.
    public var inputSide: Int
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// By how much all inner widths are divided; 1 for the real network.
    public var divisor: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(
      inputSide: Int = 28, inputChannels: Int = 1, divisor: Int = 1, dropout: Float = 0.25, classes: Int = 10
    ) {
      self.inputSide = inputSide
      self.inputChannels = inputChannels
      self.divisor = divisor
      self.dropout = dropout
      self.classes = classes
    }

    /// For Fashion-MNIST: 1,475,338 parameters.
    public static let fashionCNN = Configuration()
    /// An eighth of the widths, for tests.
    public static let toy = Configuration(divisor: 8, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireDivisor(divisor, of: 8)
      try requireRate("dropout", dropout)
      try require("inputSide", inputSide, in: 8...1024)
      try requireImages("fashion-cnn", input: input, side: inputSide)
    }

    public mutating func fit(input: [Int]) {
      guard input.count == 3 else { return }
      inputChannels = input[0]
      inputSide = input[1]
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "layer1.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc3.weight") ?? classes
      divisor = shapes.divisor(of: 32, giving: "layer1.0.weight") ?? divisor
      guard let inputs = shapes.inputs(of: "fc1.weight"), divisor > 0, inputs != maps else { return }
      if let side = shapes.side(of: inputs, maps: 64 / divisor), side < 1024 {
        // Both pools drop the last row of an odd number of them.
        inputSide = 4 * side + 4
        shapes.assume("inputSide")
      }
    }

    /// How many values the pooled maps have: 64 maps of 6×6 at 28×28.
    var maps: Int {
      let side = (inputSide / 2 - 2) / 2
      return 64 / divisor * side * side
    }
  }

  public let configuration: Configuration
  private let layer1: Sequential
  private let layer2: Sequential
  private let fc1: Linear
  private let drop: Dropout
  private let fc2: Linear
  private let fc3: Linear

  public var headPath: String { "fc3" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let d = configuration.divisor
    func stage(_ inputs: Int, _ outputs: Int, padding: Int) -> Sequential {
      Sequential([
        Conv2d(inputs, outputs, kernel: 3, padding: padding), BatchNorm2d(outputs), Activation.relu, MaxPool2d(2),
      ])
    }
    layer1 = stage(configuration.inputChannels, 32 / d, padding: 1)
    layer2 = stage(32 / d, 64 / d, padding: 0)
    fc1 = Linear(configuration.maps, 600 / d)
    drop = Dropout(configuration.dropout)
    fc2 = Linear(600 / d, 120 / d)
    fc3 = Linear(120 / d, configuration.classes)
  }

  public func features(_ x: Tensor) -> Tensor {
    fc2(drop(fc1(layer2(layer1(x)).flattened())))
  }

  public func head(_ features: Tensor) -> Tensor { fc3(features) }
}

extension Architecture {
  static let fashionCNNs = [
    Architecture(
      "fashion-cnn", "convolutional network for Fashion-MNIST with batch normalisation", FashionCNN.self, .fashionCNN,
      input: [1, 28, 28])
  ]
}
