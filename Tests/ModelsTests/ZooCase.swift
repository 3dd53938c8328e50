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

  /// With squeezes so wide that relu leaves something of each.
  private static let regNetY: RegNet.Configuration = {
    var configuration = RegNet.Configuration.toyY
    configuration.squeezeRatio = 1
    return configuration
  }()

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
    ZooCase(
      "mobilenet_v3_large", 5_483_032, MobileNetV3.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase(
      "mobilenet_v3_small", 2_542_856, MobileNetV3.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("mnasnet0_5", 2_218_512, MNASNet.Configuration.toy, [3, 48, 48], least: 1, hasIdleBiases: true),
    ZooCase("mnasnet0_75", 3_170_208, MNASNet.Configuration.toy, [3, 48, 48], least: 1, hasIdleBiases: true),
    ZooCase("mnasnet1_0", 4_383_312, MNASNet.Configuration.toy, [3, 48, 48], least: 1, hasIdleBiases: true),
    ZooCase("mnasnet1_3", 6_282_256, MNASNet.Configuration.toy, [3, 48, 48], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b0", 5_288_548, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b1", 7_794_184, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b2", 9_109_994, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b3", 12_233_232, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b4", 19_341_616, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b5", 30_389_784, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b6", 43_040_704, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("efficientnet_b7", 66_347_960, EfficientNet.Configuration.toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase(
      "efficientnet_v2_s", 21_458_488, EfficientNet.Configuration.v2Toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase(
      "efficientnet_v2_m", 54_139_356, EfficientNet.Configuration.v2Toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase(
      "efficientnet_v2_l", 118_515_272, EfficientNet.Configuration.v2Toy, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_400mf", 4_344_144, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_800mf", 6_432_512, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_1_6gf", 11_202_430, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_3_2gf", 19_436_338, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_8gf", 39_381_472, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_16gf", 83_590_140, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_32gf", 145_046_770, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_y_128gf", 644_812_894, Self.regNetY, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_400mf", 5_495_976, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_800mf", 7_259_656, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_1_6gf", 9_190_136, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_3_2gf", 15_296_552, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_8gf", 39_572_648, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_16gf", 54_278_536, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("regnet_x_32gf", 107_811_560, RegNet.Configuration.toyX, [3, 40, 40], least: 1, hasIdleBiases: true),
    ZooCase("convnext_tiny", 28_589_128, ConvNeXt.Configuration.toy, [3, 40, 40], least: 32),
    ZooCase("convnext_small", 50_223_688, ConvNeXt.Configuration.toy, [3, 40, 40], least: 32),
    ZooCase("convnext_base", 88_591_464, ConvNeXt.Configuration.toy, [3, 40, 40], least: 32),
    ZooCase("convnext_large", 197_767_336, ConvNeXt.Configuration.toy, [3, 40, 40], least: 32),
    ZooCase("vit_b_16", 86_567_656, VisionTransformer.Configuration.toy, [3, 16, 16]),
    ZooCase("vit_b_32", 88_224_232, VisionTransformer.Configuration.toy, [3, 16, 16]),
    ZooCase("vit_l_16", 304_326_632, VisionTransformer.Configuration.toy, [3, 16, 16]),
    ZooCase("vit_l_32", 306_535_400, VisionTransformer.Configuration.toy, [3, 16, 16]),
    ZooCase("vit_h_14", 632_045_800, VisionTransformer.Configuration.toy, [3, 16, 16]),
    ZooCase("swin_t", 28_288_354, SwinTransformer.Configuration.toy, [3, 22, 18], least: 2),
    ZooCase("swin_s", 49_606_258, SwinTransformer.Configuration.toy, [3, 22, 18], least: 2),
    ZooCase("swin_b", 87_768_224, SwinTransformer.Configuration.toy, [3, 22, 18], least: 2),
    ZooCase("swin_v2_t", 28_351_570, SwinTransformer.Configuration.toyV2, [3, 22, 18], least: 2),
    ZooCase("swin_v2_s", 49_737_442, SwinTransformer.Configuration.toyV2, [3, 22, 18], least: 2),
    ZooCase("swin_v2_b", 87_930_848, SwinTransformer.Configuration.toyV2, [3, 22, 18], least: 2),
    ZooCase("maxvit_t", 30_919_624, MaxViT.Configuration.toy, [3, 16, 16]),
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
    Self.fillHead(of: model)
    return model
  }

  /// Gives a head that begins with zeros, through which no gradient flows, other numbers.
  static func fillHead(of model: some Classifier) {
    for parameter in model.parameters
    where parameter.path.hasPrefix(model.headPath) && parameter.initializer == .zeros && parameter.shape.count == 2 {
      var numbers = TestNumbers(seed: 9)
      parameter.assign(Tensor(numbers.floats(parameter.tensor.count), shape: parameter.shape))
    }
  }

  /// Images for it.
  func images(_ count: Int = 3, seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(count * input.reduce(1, *)), shape: [count] + input)
  }
}
