import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// What the tests know of a network of the registry that sorts images: its published size, and a small configuration that
/// is quick to run.
struct ZooCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// How many parameters the published network has.
  let parameters: Int
  /// A small configuration of the same network.
  let configuration: JSONValue
  /// The shape of the images that the tests of the small configuration use.
  let input: [Int]
  /// The least side of an image; nil where the network takes one or two sizes only.
  let least: Int?
  /// Whether there are biases of which batch normalisation leaves nothing: their gradients are zero but for rounding.
  let hasIdleBiases: Bool

  init(
    _ name: String, _ parameters: Int, _ configuration: some NetworkConfiguration, _ input: [Int], least: Int? = nil,
    hasIdleBiases: Bool = false
  ) {
    self.name = name
    self.parameters = parameters
    self.configuration = Self.value(of: configuration)
    self.input = input
    self.least = least
    self.hasIdleBiases = hasIdleBiases
  }

  static func value(of configuration: some NetworkConfiguration) -> JSONValue {
    (try? JSONValue(encoding: configuration)) ?? .null
  }

  var testDescription: String { name }

  static let all: [ZooCase] = [
    ZooCase("resnet18", 11_689_512, ResNet.Configuration.toy, [3, 64, 64], least: 17),
    ZooCase("resnet34", 21_797_672, ResNet.Configuration.toy, [3, 64, 64], least: 17),
    ZooCase("resnet50", 25_557_032, ResNet.Configuration.bottleneckToy, [3, 64, 64], least: 17),
    ZooCase("resnet101", 44_549_160, ResNet.Configuration.bottleneckToy, [3, 64, 64], least: 17),
    ZooCase("resnet152", 60_192_808, ResNet.Configuration.bottleneckToy, [3, 64, 64], least: 17),
    ZooCase("resnext50_32x4d", 25_028_904, ResNet.Configuration.groupedToy, [3, 64, 64], least: 17),
    ZooCase("resnext101_32x8d", 88_791_336, ResNet.Configuration.groupedToy, [3, 64, 64], least: 17),
    ZooCase("resnext101_64x4d", 83_455_272, ResNet.Configuration.groupedToy, [3, 64, 64], least: 17),
    ZooCase("wide_resnet50_2", 68_883_240, ResNet.Configuration.wideToy, [3, 64, 64], least: 17),
    ZooCase("wide_resnet101_2", 126_886_696, ResNet.Configuration.wideToy, [3, 64, 64], least: 17),
    ZooCase("resnet20", 269_722, CIFARResNet.Configuration.toy, [3, 16, 16], least: 8),
    ZooCase("resnet32", 464_154, CIFARResNet.Configuration.toy, [3, 16, 16], least: 8),
    ZooCase("resnet44", 658_586, CIFARResNet.Configuration.toy, [3, 16, 16], least: 8),
    ZooCase("resnet56", 853_018, CIFARResNet.Configuration.toy, [3, 16, 16], least: 8),
    ZooCase("resnet110", 1_727_962, CIFARResNet.Configuration.toy, [3, 16, 16], least: 8),
    ZooCase("resnet-toy", 38_333, ResNet.Configuration.toy, [3, 64, 64], least: 17),
    ZooCase("squeezenet1_0", 1_248_424, SqueezeNet.Configuration.toyOfThePaper, [3, 64, 64], least: 21),
    ZooCase("squeezenet1_1", 1_235_496, SqueezeNet.Configuration.toy, [3, 64, 64], least: 17),
    ZooCase("squeezenet-toy", 12_125, SqueezeNet.Configuration.toy, [3, 64, 64], least: 17),
    ZooCase("mobilenet_v2", 3_504_872, MobileNetV2.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("alexnet", 61_100_840, AlexNet.Configuration.toy, [3, 96, 96], least: 63),
    ZooCase("alexnet-original", 60_965_224, AlexNet.Configuration.originalToy, [3, 96, 96], least: 67),
    ZooCase("vgg11", 132_863_336, VGG.Configuration.toy, [3, 64, 64], least: 32),
    ZooCase("vgg13", 133_047_848, VGG.Configuration.toy, [3, 64, 64], least: 32),
    ZooCase("vgg16", 138_357_544, VGG.Configuration.toy, [3, 64, 64], least: 32),
    ZooCase("vgg19", 143_667_240, VGG.Configuration.toy, [3, 64, 64], least: 32),
    ZooCase("vgg11_bn", 132_868_840, VGG.Configuration.batchNormToy, [3, 64, 64], least: 32, hasIdleBiases: true),
    ZooCase("vgg13_bn", 133_053_736, VGG.Configuration.batchNormToy, [3, 64, 64], least: 32, hasIdleBiases: true),
    ZooCase("vgg16_bn", 138_365_992, VGG.Configuration.batchNormToy, [3, 64, 64], least: 32, hasIdleBiases: true),
    ZooCase("vgg19_bn", 143_678_248, VGG.Configuration.batchNormToy, [3, 64, 64], least: 32, hasIdleBiases: true),
    ZooCase("densenet121", 7_978_856, DenseNet.Configuration.toy, [3, 48, 48], least: 29),
    ZooCase("densenet161", 28_681_000, DenseNet.Configuration.toy, [3, 48, 48], least: 29),
    ZooCase("densenet169", 14_149_480, DenseNet.Configuration.toy, [3, 48, 48], least: 29),
    ZooCase("densenet201", 20_013_928, DenseNet.Configuration.toy, [3, 48, 48], least: 29),
    ZooCase("googlenet", 13_004_888, GoogLeNet.Configuration.toy, [3, 64, 64], least: 15),
    // Its auxiliary head needs images of 299 pixels: TorchvisionFileTests has some.
    ZooCase("inception_v3", 27_161_264, InceptionV3.Configuration.plainToy, [3, 107, 107], least: 75),
    ZooCase(
      "shufflenet_v2_x0_5", 1_366_792, ShuffleNetV2.Configuration.toy, [3, 64, 64], least: 1, hasIdleBiases: true),
    ZooCase(
      "shufflenet_v2_x1_0", 2_278_604, ShuffleNetV2.Configuration.toy, [3, 64, 64], least: 1, hasIdleBiases: true),
    ZooCase(
      "shufflenet_v2_x1_5", 3_503_624, ShuffleNetV2.Configuration.toy, [3, 64, 64], least: 1, hasIdleBiases: true),
    ZooCase(
      "shufflenet_v2_x2_0", 7_393_996, ShuffleNetV2.Configuration.toy, [3, 64, 64], least: 1, hasIdleBiases: true),
    ZooCase("xai", 14_983_106, XAINet.Configuration.toy, [3, 66, 66], least: 34),
    ZooCase("lenet5", 61_706, LeNet.Configuration.lenet5, [1, 28, 28]),
    ZooCase("lenet5-original", 61_706, LeNet.Configuration.original, [1, 32, 32]),
    ZooCase("mlp", 235_146, MLP.Configuration.mlp, [1, 28, 28]),
    ZooCase("mlp-784-300-100-10", 266_610, MLP.Configuration.mlp300, [784]),
    ZooCase("dbn", 520_260, MLP.Configuration.deepBelief, [1, 28, 28]),
    ZooCase("fashion-dnn", 235_146, MLP.Configuration.mlp, [1, 28, 28]),
    ZooCase("fashion-cnn", 1_475_338, FashionCNN.Configuration.toy, [1, 28, 28], hasIdleBiases: true),
    ZooCase("simple-convnet", 433_890, SimpleConvNet.Configuration.toy, [1, 28, 28]),
  ]

  /// Those of each class of networks once, for tests that would do the same again.
  static let families: [ZooCase] = {
    var seen: Set<String> = []
    return all.filter { seen.insert($0.configuration.serialized).inserted }
  }()

  /// The small network, its cells filled from a seed.
  func model(seed: UInt64 = 1) throws -> any Classifier {
    let model = try Registry.zoo.architecture(named: name).buildClassifier(configuration: configuration, input: input)
    model.initialize(seed: seed)
    return model
  }

  /// Images for it.
  func images(_ count: Int = 3, seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(count * input.reduce(1, *)), shape: [count] + input)
  }
}
