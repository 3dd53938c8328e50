import AviaryCheckpoints
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryLayers
@testable import AviaryModels

/// Small networks of every family against PyTorch in float64: outputs, loss, gradients and updated statistics.
/// ResNet-18 and SqueezeNet have tests of their own at full size.
@Suite struct ZooGoldenTests {
  static let cases: [(golden: String, model: @Sendable () -> any Classifier)] = [
    ("zoo-resnet-bottleneck", { ResNet(.bottleneckToy) }),
    ("zoo-resnet-cifar", { CIFARResNet(.toy) }),
    ("zoo-alexnet", { AlexNet(.init(.torchvision, divisor: 16, dropout: 0, classes: 5)) }),
    ("zoo-alexnet-original", { AlexNet(.init(.original, divisor: 16, dropout: 0, classes: 5)) }),
    ("zoo-vgg", { VGG(.init(.layers11, divisor: 16, dropout: 0, classes: 5)) }),
    ("zoo-vgg-batch-norm", { VGG(.init(.layers11, batchNorm: true, divisor: 16, dropout: 0, classes: 5)) }),
    ("zoo-xai", { XAINet(.init(dropout: [0, 0, 0], divisor: 16, classes: 5)) }),
    ("zoo-lenet5", { LeNet(.lenet5) }),
    ("zoo-lenet5-original", { LeNet(.init(.original, inputChannels: 3, classes: 5)) }),
    ("zoo-mlp", { MLP(.init(inputs: 48, hidden: [9, 7], outputs: 5)) }),
    ("zoo-dbn", { MLP(.init(inputs: 48, hidden: [9, 7], activation: .sigmoid, pretraining: 1, outputs: 5)) }),
    ("zoo-fashion-cnn", { FashionCNN(.init(divisor: 8, dropout: 0, classes: 5)) }),
    ("zoo-simple-convnet", { SimpleConvNet(.toy) }),
    ("zoo-efficientnet", { EfficientNet(.toy) }),
    ("zoo-efficientnet-v2", { EfficientNet(.v2Toy) }),
    ("zoo-mobilenet-v3", { MobileNetV3(.toy) }),
    ("zoo-mnasnet", { MNASNet(.toy) }),
    ("zoo-regnet-x", { RegNet(.toyX) }),
    ("zoo-regnet-y", { RegNet(.toyY) }),
    ("torchvision-densenet", { DenseNet(.toy) }),
    ("torchvision-googlenet", { GoogLeNet(.init(divisor: 8, dropout: 0, auxiliaryDropout: 0, classes: 5)) }),
    (
      "torchvision-googlenet-transformed",
      { GoogLeNet(.init(auxiliaryHeads: false, transformInput: true, divisor: 8, dropout: 0, classes: 5)) }
    ),
    ("torchvision-inception", { InceptionV3(.init(auxiliaryHeads: false, divisor: 16, dropout: 0, classes: 5)) }),
    (
      "torchvision-resnext",
      {
        ResNet(
          .init(
            block: .bottleneck, blocks: [2, 1, 1, 1], widths: [4, 8, 16, 32], groups: 2, widthPerGroup: 48, classes: 5))
      }
    ),
    (
      "torchvision-wide-resnet",
      {
        ResNet(
          .init(block: .bottleneck, blocks: [1, 2, 1, 1], widths: [4, 8, 16, 32], widthPerGroup: 128, classes: 5))
      }
    ),
    (
      "torchvision-shufflenet",
      { ShuffleNetV2(.init(blocks: [2, 1, 3], widths: [6, 8, 12, 16, 20], classes: 5)) }
    ),
    ("torchvision-squeezenet1_0", { SqueezeNet(.init(.original, divisor: 8, dropout: 0, classes: 5)) }),
  ]

  @Test(arguments: cases.map(\.golden))
  func equalsPyTorch(name: String) throws {
    let entry = try #require(Self.cases.first { $0.golden == name })
    let golden = try Goldens(name, of: "ModelsTests")
    func check(_ model: some Classifier) throws { try NetworkGoldens.compare(model, with: golden) }
    try check(entry.model())
  }
}

/// Inception's auxiliary head against torchvision's: its gradients alone, and its place in the network.
@Suite struct AuxiliaryHeadGoldenTests {
  @Test func theHeadEqualsPyTorch() throws {
    let head = InceptionAuxiliaryHead(InceptionBlocks(divisor: 16), classes: 5)
    try NetworkGoldens.compare(head, with: try Goldens("torchvision-inception-head", of: "ModelsTests"))
  }

  @Test func theLossEqualsPyTorch() throws {
    let golden = try Goldens("torchvision-inception-auxiliary", of: "ModelsTests")
    let model = InceptionV3(.init(divisor: 16, dropout: 0, classes: 5))
    let x = try NetworkGoldens.filling(model, for: golden)
    let labels = IntTensor(try golden.array("labels").integers.map { Int32($0) })
    let (logits, auxiliary) = withMode(.training) { model.trainingOutputs(x) }
    try NetworkGoldens.expect(
      logits.scalars, golden.array("logits/training"), "logits",
      tolerance: NetworkGoldens.tolerance(1e-5, of: "logits", golden))
    let output = try #require(auxiliary.first)
    let wide = NetworkGoldens.tolerance(1e-5, of: "logits", golden)
    try NetworkGoldens.expect(
      output.logits.scalars, golden.array("logits/auxiliary"), "logits of the auxiliary head", tolerance: wide)
    let loss = crossEntropy(logits, labels: labels) + crossEntropy(output.logits, labels: labels) * output.weight
    try NetworkGoldens.expect([loss.scalar], golden.array("loss"), "loss", tolerance: wide)
  }
}

/// What networks do that others do not.
@Suite struct ZooDetailTests {
  private func numbers(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }

  @Test func perceptronsTakeImagesAndTheirRowsAlike() {
    let model = MLP(.init(inputs: 48, hidden: [9], activation: .tanh, outputs: 5))
    model.initialize(seed: 1)
    let x = numbers([4, 3, 4, 4])
    #expect(model(x).scalars == model(x.reshaped(to: [4, 48])).scalars)
  }

  @Test func aPerceptronMayHaveNoHiddenLayer() throws {
    let model = MLP(.init(inputs: 6, hidden: [], outputs: 3))
    try model.configuration.validate(input: [6])
    model.initialize(seed: 1)
    #expect(model.parameters.map(\.path) == ["fc1.weight", "fc1.bias"] && model.headPath == "fc1")
    #expect(model(numbers([2, 6])).shape == [2, 3])
  }

  @Test func perceptronsDropWhereTheyAreToldTo() throws {
    let model = MLP(.init(inputs: 6, hidden: [2000, 9], activation: .sigmoid, dropout: [0.25, 0], outputs: 3))
    model.initialize(seed: 1)
    #expect(model.inventory.cells.filter { $0.cell is Site }.count == 1)
    let (_, outputs) = observing(["drop1"], of: model) {
      withMode(.training, noise: Noise(seed: 1, step: 1)) { model(numbers([1, 6])) }
    }
    // A sigmoid is never zero.
    let dropped = try #require(outputs["drop1"]).scalars.count { $0 == 0 }
    #expect(abs(Double(dropped) / 2000 - 0.25) < 0.04)
  }

  /// Padding 28 pixels to 32 is what 32 pixels with a black border are.
  @Test func leNetTakesBothSizes() {
    let model = LeNet(.lenet5)
    model.initialize(seed: 1)
    let small = numbers([2, 1, 28, 28])
    let row = Tensor(zeros: [2, 1, 2, 28])
    let column = Tensor(zeros: [2, 1, 32, 2])
    let large = concatenated([column, concatenated([row, small, row], axis: 2), column], axis: 3)
    expectClose(actual: model(large).scalars, expected: model(small).scalars.map(Double.init))
  }

  @Test func theXAINetPutsOutLogProbabilities() {
    let model = XAINet(.toy)
    model.initialize(seed: 1)
    let y = model(numbers([2, 3, 34, 34])).scalars
    for row in 0..<2 {
      let sum = y[row * 5..<(row + 1) * 5].reduce(0) { $0 + exp(Double($1)) }
      #expect(abs(sum - 1) < 1e-6)
    }
  }

  /// Checkpoints from before there were bottlenecks do not say which block they have.
  @Test func aResNetWithoutABlockIsOfBasicOnes() throws {
    let text = #"{"blocks":[2,2,1,1],"widths":[8,16,24,32],"inputChannels":3,"classes":5}"#
    let model = try Registry.zoo.architecture(named: "resnet-toy").buildClassifier(
      configuration: JSONValue(parsing: text))
    #expect(model.configurationValue == ZooCase.value(of: ResNet.Configuration.toy))
  }

  @Test func depthsAreThePapers() {
    // Every block has two or three convolutions; the stem and the head are two layers more.
    let resNets: [(Int, ResNet.Configuration)] = [
      (18, .resnet18), (34, .resnet34), (50, .resnet50), (101, .resnet101), (152, .resnet152),
    ]
    for (depth, configuration) in resNets {
      let inABlock = configuration.block == .basic ? 2 : 3
      #expect(configuration.blocks.reduce(0, +) * inABlock + 2 == depth)
    }
    for depth in CIFARResNet.Depth.allCases {
      #expect(CIFARResNet.Configuration(depth).blocks * 6 + 2 == depth.rawValue)
    }
  }
}
