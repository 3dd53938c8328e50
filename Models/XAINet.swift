// The XAI net: a small relative of VGG-16 for small images, much used to explain what convolutional networks see.
//
// After S. Liu & W. Deng, "Very Deep Convolutional Neural Network Based Image Classification Using Small Training Sample
// Size", 2015: VGG-16's convolutions without bias, batch normalisation after each and dropout between them, and one hidden
// layer instead of two. Its first convolution is unpadded. It puts out log-probabilities, of which the cross entropy is that
// of the logits. Left out: its source flattens with `view(-1, 512)`, which at 100×100 pixels makes nine rows of one image;
// the mean over positions that stands here is the same where one position is left.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// The XAI net: thirteen 3×3 convolutions in five groups with a pool after each, and two fully connected layers:
/// [N, 3, H, W] → [N, classes], log-probabilities.
public struct XAINet: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The rates of dropout: after the first convolution, between the others of a group, and in the classifier.
    public var dropout: [Float]
    /// By how much all inner widths are divided; 1 for the real network.
    public var divisor: Int
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels: Int
    /// The number of classes, which is that of the head's outputs.
    public var classes: Int

    /// A configuration of these values.
    public init(
      dropout: [Float] = [0.3, 0.4, 0.5], divisor: Int = 1, inputChannels: Int = 3, classes: Int = 2
    ) {
      self.dropout = dropout
      self.divisor = divisor
      self.inputChannels = inputChannels
      self.classes = classes
    }

    /// The network for two classes: 14,983,106 parameters.
    public static let xai = Configuration()
    /// A sixteenth of the widths, for tests.
    public static let toy = Configuration(divisor: 16, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireDivisor(divisor, of: 64)
      try require("rates of dropout", dropout.count, in: 3...3)
      for rate in dropout { try requireRate("dropout", rate) }
      try requireImages("xai", input: input, least: 34)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.5.weight") ?? classes
      divisor = shapes.divisor(of: 64, giving: "features.0.weight") ?? divisor
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let avgpool: MeanOverPositions
  private let classifier: Sequential

  public var headPath: String { "classifier.5" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    features = Self.features(configuration)
    avgpool = MeanOverPositions()
    let width = 512 / configuration.divisor
    let rate = configuration.dropout[2]
    classifier = Sequential([
      Linear(width, width, bias: false), Dropout(rate), BatchNorm1d(width), Activation.relu, Dropout(rate),
      Linear(width, configuration.classes),
    ])
  }

  private static func features(_ configuration: Configuration) -> Sequential {
    var layers: [any UnaryLayer] = []
    var inputs = configuration.inputChannels
    for (width, count) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
      let outputs = width / configuration.divisor
      for number in 1...count {
        let isFirst = layers.isEmpty
        layers += [
          Conv2d(inputs, outputs, kernel: 3, padding: isFirst ? 0 : 1, bias: false), BatchNorm2d(outputs),
          Activation.relu,
        ]
        // None before a pool.
        if number < count { layers.append(Dropout(configuration.dropout[isFirst ? 0 : 1])) }
        inputs = outputs
      }
      layers.append(MaxPool2d(2))
    }
    return Sequential(layers)
  }

  public func features(_ x: Tensor) -> Tensor {
    classifier[0..<5](avgpool(features.callAsFunction(x)))
  }

  /// The log-probabilities: [N, F] → [N, classes].
  public func head(_ features: Tensor) -> Tensor { logSoftmax(classifier.elements[5](features)) }
}

extension Architecture {
  static let xaiNets = [
    Architecture(
      "xai", "VGG-like network for small images (Liu & Deng, 2015)", XAINet.self, .xai, input: [3, 100, 100])
  ]
}
