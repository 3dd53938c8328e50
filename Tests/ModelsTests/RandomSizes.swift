import AviaryCheckpoints
import AviaryTestSupport

@testable import AviaryModels

/// Small numbers, the same for the same seed.
struct RandomSizes {
  var stream: TestNumbers

  init(_ seed: Int) { stream = TestNumbers(seed: UInt64(seed) &* 7919 &+ 1) }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + stream.integers(1, below: range.count)[0]
  }

  mutating func numbers(_ count: Int, _ range: ClosedRange<Int>) -> [Int] { (0..<count).map { _ in number(range) } }
}

extension RandomSizes {
  /// A configuration of random sizes of each family, and an input for it. What no shape says is as the registry has it.
  static let families: [(name: String, configuration: @Sendable (Int) -> (JSONValue, [Int]))] = [
    (
      "resnet50",
      { seed in
        var sizes = RandomSizes(seed)
        var value = ResNet.Configuration.toy
        value.block = seed % 2 == 0 ? .basic : .bottleneck
        (value.blocks, value.widths) = (sizes.numbers(4, 1...3), sizes.numbers(4, 4...9))
        if value.block == .bottleneck {
          (value.groups, value.widthPerGroup) = (sizes.number(1...3), sizes.number(16...150))
        }
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 20, 20])
      }
    ),
    (
      "resnet110",
      { seed in
        var sizes = RandomSizes(seed)
        let value = CIFARResNet.Configuration(
          blocks: sizes.number(1...4), widths: sizes.numbers(3, 1...9).sorted(), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 9, 9])
      }
    ),
    (
      "squeezenet1_1",
      { seed in
        var sizes = RandomSizes(seed)
        let value = SqueezeNet.Configuration(
          seed % 3 == 0 ? .original : .revised, divisor: 1 << sizes.number(2...4),
          head: seed % 2 == 0 ? .linear : .convolution,
          inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "mobilenet_v2",
      { seed in
        var sizes = RandomSizes(seed)
        var value = MobileNetV2.Configuration.mobilenetV2
        value.widthMultiplier = Double(sizes.number(10...60)) / 100
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "mobilenet_v3_large",
      { seed in
        var sizes = RandomSizes(seed)
        var value = MobileNetV3.Configuration.large
        for row in value.rows.indices {
          value.rows[row].channels = sizes.number(1...9)
          // Equal to what the block is given, where it expands nothing.
          value.rows[row].expanded =
            sizes.number(0...2) == 0
            ? (row == 0 ? 8 : value.rows[row - 1].channels) : sizes.number(1...20)
          value.rows[row].kernel = 2 * sizes.number(0...3) + 1
          value.rows[row].squeezes = sizes.number(0...1) == 0
        }
        (value.stemWidth, value.hidden) = (8, sizes.number(1...20))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "mnasnet1_3",
      { seed in
        var sizes = RandomSizes(seed)
        var value = MNASNet.Configuration.toy
        // As of torchvision's first version, whose stem did not narrow.
        value.widths = [32, 16] + sizes.numbers(6, 1...9)
        value.dropout = 0.2
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "efficientnet_b3",
      { seed in
        var sizes = RandomSizes(seed)
        var value = EfficientNet.Configuration.b3
        for stage in value.stages.indices {
          value.stages[stage].block = sizes.number(0...1) == 0 ? .inverted : .fused
          value.stages[stage].expansion = sizes.number(1...5)
          value.stages[stage].kernel = 2 * sizes.number(0...2) + 1
          value.stages[stage].channels = 8 * sizes.number(1...3)
          value.stages[stage].blocks = sizes.number(1...3)
        }
        (value.stemWidth, value.lastWidth) = (8 * sizes.number(1...2), sizes.number(1...30))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "regnet_y_8gf",
      { seed in
        var sizes = RandomSizes(seed)
        var value = RegNet.Configuration.toyY
        let stages = sizes.number(1...4)
        value.depths = sizes.numbers(stages, 1...3)
        value.groupWidths = sizes.numbers(stages, 1...5)
        value.widths = value.groupWidths.map { $0 * sizes.number(1...3) }
        value.squeezeRatio = [0, 0.25, 0.5, 1][seed % 4]
        value.stemWidth = 8
        // A ratio that leaves nothing of a narrow stage describes no network.
        if value.squeezeRatio > 0, let least = value.widths.min(), Double(least) * value.squeezeRatio <= 0.5 {
          value.squeezeRatio = 1
        }
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "convnext_base",
      { seed in
        var sizes = RandomSizes(seed)
        var value = ConvNeXt.Configuration.base
        (value.blocks, value.widths) = (sizes.numbers(seed % 2 + 2, 1...3), sizes.numbers(seed % 2 + 2, 1...9))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "vit_b_16",
      { seed in
        var sizes = RandomSizes(seed)
        var value = VisionTransformer.Configuration.vitB16
        (value.patch, value.layers) = (sizes.number(2...5), sizes.number(1...3))
        (value.width, value.hidden) = (12 * sizes.number(1...3), sizes.number(1...20))
        value.imageSize = value.patch * sizes.number(1...4)
        value.representation = seed % 2 == 0 ? nil : sizes.number(1...9)
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, value.imageSize, value.imageSize])
      }
    ),
    (
      "swin_b",
      { seed in
        var sizes = RandomSizes(seed)
        var value = SwinTransformer.Configuration.base
        (value.version, value.window) = (seed % 2 == 0 ? .v1 : .v2, sizes.number(2...4))
        (value.patch, value.blocks) = (sizes.number(1...3), sizes.numbers(seed % 3 + 1, 1...3))
        value.heads = sizes.numbers(seed % 3 + 1, 1...2)
        (value.width, value.mlpRatio) = (2 * sizes.number(1...4), sizes.number(1...4))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 21, 17])
      }
    ),
    (
      "maxvit_t",
      { seed in
        var sizes = RandomSizes(seed)
        var value = MaxViT.Configuration.tiny
        (value.stem, value.headWidth) = (sizes.number(1...9), 4 * sizes.number(1...2))
        (value.widths, value.layers) = (sizes.numbers(2, 1...2).map { value.headWidth * $0 }, sizes.numbers(2, 1...3))
        value.partition = seed % 2 + 1
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 16, 16])
      }
    ),
    (
      "vgg19_bn",
      { seed in
        var sizes = RandomSizes(seed)
        let value = VGG.Configuration(
          VGG.Depth.allCases[sizes.number(0...3)], batchNorm: seed % 2 == 0, divisor: 1 << sizes.number(4...6),
          inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "alexnet",
      { seed in
        var sizes = RandomSizes(seed)
        let value = AlexNet.Configuration(
          seed % 2 == 0 ? .torchvision : .original, divisor: 16,
          inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 70, 70])
      }
    ),
    (
      "densenet161",
      { seed in
        var sizes = RandomSizes(seed)
        var value = DenseNet.Configuration(
          blocks: sizes.numbers(4, 1...4), growth: sizes.number(1...6), stem: sizes.number(2...9),
          bottleneck: sizes.number(1...5))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "googlenet",
      { seed in
        var sizes = RandomSizes(seed)
        let value = GoogLeNet.Configuration(
          auxiliaryHeads: seed % 2 == 0, divisor: 1 << sizes.number(1...3), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "inception_v3",
      { seed in
        var sizes = RandomSizes(seed)
        let value = InceptionV3.Configuration(
          auxiliaryHeads: seed % 2 == 0, divisor: 1 << sizes.number(2...4), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 75, 75])
      }
    ),
    (
      "shufflenet_v2_x1_5",
      { seed in
        var sizes = RandomSizes(seed)
        var value = ShuffleNetV2.Configuration(
          blocks: sizes.numbers(3, 1...3),
          widths: sizes.numbers(1, 1...9) + sizes.numbers(3, 1...9).map { 2 * $0 } + sizes.numbers(1, 1...9))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "xai",
      { seed in
        var sizes = RandomSizes(seed)
        let value = XAINet.Configuration(
          divisor: 1 << sizes.number(3...6), inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 36, 36])
      }
    ),
    (
      "lenet5",
      { seed in
        var sizes = RandomSizes(seed)
        let value = LeNet.Configuration(
          .modern, inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 28, 28])
      }
    ),
    (
      "fashion-cnn",
      { seed in
        var sizes = RandomSizes(seed)
        let value = FashionCNN.Configuration(
          inputSide: 4 * sizes.number(3...9), inputChannels: sizes.number(1...4), divisor: 1 << sizes.number(0...3),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, value.inputSide, value.inputSide])
      }
    ),
    (
      "simple-convnet",
      { seed in
        var sizes = RandomSizes(seed)
        let value = SimpleConvNet.Configuration(
          inputSide: 2 * sizes.number(4...20), inputChannels: sizes.number(1...4), filters: sizes.number(1...9),
          hidden: sizes.number(1...9), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, value.inputSide, value.inputSide])
      }
    ),
    (
      "mlp",
      { seed in
        var sizes = RandomSizes(seed)
        let value = MLP.Configuration(
          inputs: sizes.number(1...20), hidden: sizes.numbers(sizes.number(0...6), 1...9), outputs: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputs])
      }
    ),
    (
      "sequence-lstm",
      { seed in
        var sizes = RandomSizes(seed)
        let value = SequenceClassifier.Configuration(
          kind: [.lstm, .gru, .rnnTanh][seed % 3], inputs: sizes.number(1...6), hidden: sizes.number(1...6),
          layers: sizes.number(1...3), bidirectional: sizes.number(0...1) == 1,
          headWidths: sizes.numbers(seed % 4 == 0 ? 0 : seed % 3, 1...5), outputs: sizes.number(1...4))
        return (ZooCase.value(of: value), [5, value.inputs])
      }
    ),
    (
      "text-cnn",
      { seed in
        var sizes = RandomSizes(seed)
        let value = TextCNN.Configuration(
          inputs: sizes.number(1...6), kernels: sizes.numbers(sizes.number(1...3), 1...5), filters: sizes.number(1...6),
          outputs: sizes.number(1...4))
        return (ZooCase.value(of: value), [5, value.inputs])
      }
    ),
    (
      "text-transformer",
      { seed in
        var sizes = RandomSizes(seed)
        let value = TextTransformer.Configuration(
          inputs: sizes.number(1...6), width: 4 * sizes.number(1...3), layers: sizes.number(1...3),
          hidden: sizes.number(1...6), readout: seed % 2 == 0 ? .mean : .cls, outputs: sizes.number(1...4))
        return (ZooCase.value(of: value), [5, value.inputs])
      }
    ),
  ]
}
