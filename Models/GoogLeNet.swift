// GoogLeNet: convolutions of several sizes side by side.
//
// Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke & Rabinovich, "Going Deeper with Convolutions", 2014
// (arXiv:1409.4842), as torchvision builds it: with batch normalisation, without local response normalisation, and with 3×3
// convolutions where the paper has 5×5 ones, since the weights that people have were trained so. Two auxiliary heads learn
// beside the main one; a file without them gives a network without them. Left out: the paper's average over seven networks
// and 144 crops. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A 1×1 convolution, two 3×3 ones after 1×1 ones, and a pool with a 1×1 one, side by side and joined:
/// [N, I, H, W] → [N, O, H, W].
public struct GoogLeNetBlock: UnaryLayer {
  private let branch1: InceptionConvolution
  private let branch2, branch3, branch4: Sequential

  /// - Parameter widths: the paper's row: 1×1, then 3×3 reduced and 3×3, 5×5 reduced and 5×5, and the pool's projection.
  init(_ inputs: Int, _ widths: [Int]) {
    func conv(_ inputs: Int, _ outputs: Int, kernel: Int = 1) -> InceptionConvolution {
      InceptionConvolution(
        inputs, outputs, kernel: [kernel, kernel], padding: [kernel / 2, kernel / 2], deviation: GoogLeNet.deviation)
    }
    branch1 = conv(inputs, widths[0])
    branch2 = Sequential([conv(inputs, widths[1]), conv(widths[1], widths[2], kernel: 3)])
    branch3 = Sequential([conv(inputs, widths[3]), conv(widths[3], widths[4], kernel: 3)])
    branch4 = Sequential([MaxPool2d(3, stride: 1, padding: 1, rounding: .up), conv(inputs, widths[5])])
  }

  public func forward(_ x: Tensor) -> Tensor {
    concatenated([branch1(x), branch2(x), branch3(x), branch4(x)], axis: 1)
  }
}

/// A head that looks at inner feature maps in training: [N, C, H, W] → [N, classes].
struct GoogLeNetAuxiliaryHead: UnaryLayer {
  private let conv: InceptionConvolution
  private let fc1, fc2: Linear
  private let dropout: Dropout

  init(_ inputs: Int, _ configuration: GoogLeNet.Configuration) {
    let (channels, hidden) = (128 / configuration.divisor, 1024 / configuration.divisor)
    conv = InceptionConvolution(inputs, channels, kernel: [1, 1], deviation: GoogLeNet.deviation)
    fc1 = Linear(channels * 16, hidden, initializer: .normal(mean: 0, deviation: GoogLeNet.deviation))
    fc2 = Linear(hidden, configuration.classes, initializer: .normal(mean: 0, deviation: GoogLeNet.deviation))
    dropout = Dropout(configuration.auxiliaryDropout)
  }

  func forward(_ x: Tensor) -> Tensor {
    fc2(dropout(relu(fc1(conv(adaptiveAveragePool(x, output: [4, 4])).flattened()))))
  }
}

/// A stem that reduces the image to an eighth, nine blocks of parallel convolutions with two pools between them, the mean
/// over positions, and a linear head: [N, 3, H, W] → [N, classes].
public struct GoogLeNet: AuxiliaryClassifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: InceptionConfiguration {
    /// Whether there are heads that only learn.
    public var auxiliaryHeads = true
    /// Whether images normalised for other networks are normalised anew, as torchvision's published weights want it.
    public var transformInput = false
    /// By how much all inner widths are divided; 1 for the real network.
    public var divisor = 1
    /// The rate of dropout in training.
    public var dropout: Float = 0.2
    /// The rate of dropout in the auxiliary heads in training.
    public var auxiliaryDropout: Float = 0.7
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// 13,004,888 parameters, 6,624,904 without the auxiliary heads.
    public static let googlenet = Configuration()
    /// An eighth of the widths, for tests.
    public static let toy = Configuration(divisor: 8, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireDivisor(divisor, of: 8)
      try requireRate("dropout", dropout)
      try requireRate("auxiliaryDropout", auxiliaryDropout)
      try requireColors()
      try requireImages("googlenet", input: input, least: 15)
    }

    /// No shape says whether the input is transformed. Auxiliary heads of other classes than the main one, which was
    /// replaced without them, are none of this network's.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "conv1.conv.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      divisor = shapes.divisor(of: 64, giving: "conv1.conv.weight") ?? divisor
      if shapes.contains("conv1.conv.weight"), shapes.outputs(of: "aux1.fc2.weight") != classes {
        auxiliaryHeads = false
      }
      shapes.assume("transformInput")
    }
  }

  static let deviation: Float = 0.01

  public let configuration: Configuration
  private let input: InceptionInput?
  private let conv1: InceptionConvolution
  private let maxpool1 = MaxPool2d(3, stride: 2, rounding: .up)
  private let conv2, conv3: InceptionConvolution
  private let maxpool2 = MaxPool2d(3, stride: 2, rounding: .up)
  private let inception3a, inception3b: GoogLeNetBlock
  private let maxpool3 = MaxPool2d(3, stride: 2, rounding: .up)
  private let inception4a, inception4b, inception4c, inception4d, inception4e: GoogLeNetBlock
  private let maxpool4 = MaxPool2d(2, stride: 2, rounding: .up)
  private let inception5a, inception5b: GoogLeNetBlock
  private let aux1, aux2: GoogLeNetAuxiliaryHead?
  private let avgpool = MeanOverPositions()
  private let dropout: Dropout
  private let fc: Linear

  public var headPath: String { "fc" }
  /// The last layers: what comes before them was learned with them and serves other classes as well.
  public var auxiliaryHeadPaths: [String] { configuration.auxiliaryHeads ? ["aux1.fc2", "aux2.fc2"] : [] }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let d = configuration.divisor
    func conv(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) -> InceptionConvolution {
      InceptionConvolution(
        inputs, outputs / d, kernel: [kernel, kernel], stride: stride, padding: [kernel / 2, kernel / 2],
        deviation: Self.deviation)
    }
    func block(_ inputs: Int, _ widths: Int...) -> GoogLeNetBlock {
      GoogLeNetBlock(inputs / d, widths.map { $0 / d })
    }
    input = configuration.transformInput ? InceptionInput() : nil
    conv1 = conv(configuration.inputChannels, 64, kernel: 7, stride: 2)
    conv2 = conv(64 / d, 64, kernel: 1)
    conv3 = conv(64 / d, 192, kernel: 3)
    // The paper's table 1.
    inception3a = block(192, 64, 96, 128, 16, 32, 32)
    inception3b = block(256, 128, 128, 192, 32, 96, 64)
    inception4a = block(480, 192, 96, 208, 16, 48, 64)
    inception4b = block(512, 160, 112, 224, 24, 64, 64)
    inception4c = block(512, 128, 128, 256, 24, 64, 64)
    inception4d = block(512, 112, 144, 288, 32, 64, 64)
    inception4e = block(528, 256, 160, 320, 32, 128, 128)
    inception5a = block(832, 256, 160, 320, 32, 128, 128)
    inception5b = block(832, 384, 192, 384, 48, 128, 128)
    aux1 = configuration.auxiliaryHeads ? GoogLeNetAuxiliaryHead(512 / d, configuration) : nil
    aux2 = configuration.auxiliaryHeads ? GoogLeNetAuxiliaryHead(528 / d, configuration) : nil
    dropout = Dropout(configuration.dropout)
    fc = Linear(1024 / d, configuration.classes, initializer: .normal(mean: 0, deviation: Self.deviation))
  }

  /// What the first auxiliary head is given.
  private func early(_ x: Tensor) -> Tensor {
    let x = maxpool2(conv3(conv2(maxpool1(conv1(input?(x) ?? x)))))
    return inception4a(maxpool3(inception3b(inception3a(x))))
  }

  /// What the second one is given.
  private func middle(_ x: Tensor) -> Tensor { inception4d(inception4c(inception4b(x))) }

  private func late(_ x: Tensor) -> Tensor {
    avgpool(inception5b(inception5a(maxpool4(inception4e(x)))))
  }

  public func features(_ x: Tensor) -> Tensor { late(middle(early(x))) }
  public func head(_ features: Tensor) -> Tensor { fc(dropout(features)) }

  public func trainingOutputs(_ x: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput]) {
    let early = early(x)
    let middle = middle(early)
    // The paper's section 5 weights them so.
    let auxiliary = [aux1.map { $0(early) }, aux2.map { $0(middle) }].compactMap { $0 }
    return (head(late(middle)), auxiliary.map { AuxiliaryOutput($0, weight: 0.3) })
  }
}

extension Architecture {
  static let googLeNets = [
    Architecture(
      "googlenet", "GoogLeNet with batch normalisation (Szegedy et al., 2014)", GoogLeNet.self, .googlenet,
      input: [3, 224, 224])
  ]
}
