// DenseNet: every layer sees the outputs of all layers before it.
//
// Huang, Liu, van der Maaten & Weinberger, "Densely Connected Convolutional Networks", 2016 (arXiv:1608.06993): DenseNet-BC,
// with bottlenecks and with transitions that halve the channels, as torchvision builds it. Left out: the networks without
// these two, those for CIFAR, and computing activations again in the backward pass to save memory. Paths are torchvision's
// names; those of its older files are in ForeignNames.swift.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

private func conv(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false, initializer: .kaimingNormal(.in))
}

/// Normalisation, relu and a 1×1 convolution, the bottleneck, and the same with a 3×3 convolution; the input is kept, and the
/// new channels follow it: [N, C, H, W] → [N, C + growth, H, W].
public struct DenseLayer: UnaryLayer {
  private let norm1: BatchNorm2d
  private let conv1: Conv2d
  private let norm2: BatchNorm2d
  private let conv2: Conv2d
  private let dropout: Dropout

  init(_ inputs: Int, growth: Int, bottleneck: Int, dropout rate: Float) {
    norm1 = BatchNorm2d(inputs)
    conv1 = conv(inputs, bottleneck * growth, kernel: 1)
    norm2 = BatchNorm2d(bottleneck * growth)
    conv2 = conv(bottleneck * growth, growth, kernel: 3)
    dropout = Dropout(rate)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let new = conv2(relu(norm2(conv1(relu(norm1(x))))))
    return concatenated([x, dropout(new)], axis: 1)
  }
}

/// A stem that halves the image twice, four dense blocks with transitions between them that halve it again, and a linear
/// head: [N, 3, H, W] → [N, classes].
public struct DenseNet: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// How many layers each block has.
    public var blocks: [Int]
    /// How many channels each layer adds.
    public var growth = 32
    /// The channels of the stem.
    public var stem = 64
    /// How many times the growth a bottleneck has channels.
    public var bottleneck = 4
    /// The rate of dropout in training.
    public var dropout: Float = 0
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// 7,978,856 parameters.
    public static let densenet121 = Configuration(blocks: [6, 12, 24, 16])
    /// 28,681,000 parameters.
    public static let densenet161 = Configuration(blocks: [6, 12, 36, 24], growth: 48, stem: 96)
    /// 14,149,480 parameters.
    public static let densenet169 = Configuration(blocks: [6, 12, 32, 32])
    /// 20,013,928 parameters.
    public static let densenet201 = Configuration(blocks: [6, 12, 48, 32])
    /// Short blocks that grow by little, for tests.
    public static let toy = Configuration(blocks: [2, 3, 1, 2], growth: 4, stem: 6, bottleneck: 2, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("blocks", blocks.count, in: 4...4)
      for layers in blocks { try require("layers of a block", layers, in: 1...128) }
      try require("growth", growth, in: 1...1024)
      try require("stem", stem, in: 2...4096)
      try require("bottleneck", bottleneck, in: 1...64)
      try requireRate("dropout", dropout)
      try requireImages("densenet", input: input, least: 29)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "features.conv0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "classifier.weight") ?? classes
      stem = shapes.outputs(of: "features.conv0.weight", rank: 4) ?? stem
      let layer = "features.denseblock1.denselayer1"
      guard let added = shapes.outputs(of: "\(layer).conv2.weight", rank: 4) else { return }
      growth = added
      if let inner = shapes.outputs(of: "\(layer).conv1.weight", rank: 4), added > 0 { bottleneck = inner / added }
      blocks = (1...4).map { block in
        shapes.count(from: 1) { "features.denseblock\(block).denselayer\($0).conv1.weight" }
      }
    }
  }

  public let configuration: Configuration
  private let features: Sequential
  private let classifier: Linear

  public var headPath: String { "classifier" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var channels = configuration.stem
    var layers: [(name: String, layer: any UnaryLayer)] = [
      ("conv0", conv(configuration.inputChannels, channels, kernel: 7, stride: 2)), ("norm0", BatchNorm2d(channels)),
      ("relu0", Activation.relu), ("pool0", MaxPool2d(3, stride: 2, padding: 1)),
    ]
    for (index, count) in configuration.blocks.enumerated() {
      let block = (1...count).map { number -> (name: String, layer: any UnaryLayer) in
        defer { channels += configuration.growth }
        return (
          "denselayer\(number)",
          DenseLayer(
            channels, growth: configuration.growth, bottleneck: configuration.bottleneck, dropout: configuration.dropout
          )
        )
      }
      layers.append(("denseblock\(index + 1)", Sequential(named: block)))
      guard index < configuration.blocks.count - 1 else { break }
      layers.append(("transition\(index + 1)", Self.transition(channels)))
      channels /= 2
    }
    layers += [("norm5", BatchNorm2d(channels)), ("relu5", Activation.relu), ("pool5", MeanOverPositions())]
    features = Sequential(named: layers)
    classifier = Linear(channels, configuration.classes, biasInitializer: .zeros)
  }

  /// Halves the channels and the image: [N, C, H, W] → [N, C / 2, H / 2, W / 2].
  private static func transition(_ channels: Int) -> Sequential {
    Sequential([
      "norm": BatchNorm2d(channels), "relu": Activation.relu, "conv": conv(channels, channels / 2, kernel: 1),
      "pool": AvgPool2d(2),
    ])
  }

  public func features(_ x: Tensor) -> Tensor { features.callAsFunction(x) }
  public func head(_ features: Tensor) -> Tensor { classifier(features) }
}

extension Architecture {
  static let denseNets = [
    Architecture(
      "densenet121", "densely connected network with 121 layers (Huang et al., 2016)", DenseNet.self, .densenet121,
      input: [3, 224, 224], olderNames: RenamingRule.olderDenseNets),
    Architecture(
      "densenet161", "densely connected network with 161 layers, which grows faster (Huang et al., 2016)",
      DenseNet.self, .densenet161, input: [3, 224, 224], olderNames: RenamingRule.olderDenseNets),
    Architecture(
      "densenet169", "densely connected network with 169 layers (Huang et al., 2016)", DenseNet.self, .densenet169,
      input: [3, 224, 224], olderNames: RenamingRule.olderDenseNets),
    Architecture(
      "densenet201", "densely connected network with 201 layers (Huang et al., 2016)", DenseNet.self, .densenet201,
      input: [3, 224, 224], olderNames: RenamingRule.olderDenseNets),
  ]
}
