import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// A network's sizes follow from the shapes of a file's tensors.
@Suite struct TensorSizesTests {
  /// Small numbers, the same for the same seed.
  private struct Sizes {
    var stream: TestNumbers

    init(_ seed: Int) { stream = TestNumbers(seed: UInt64(seed) &* 7919 &+ 1) }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + stream.integers(1, below: range.count)[0]
    }

    mutating func numbers(_ count: Int, _ range: ClosedRange<Int>) -> [Int] { (0..<count).map { _ in number(range) } }
  }

  /// A configuration of random sizes of each family, and an input for it. What no shape says is as the registry has it.
  static let families: [(name: String, configuration: @Sendable (Int) -> (JSONValue, [Int]))] = [
    (
      "resnet50",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        let value = CIFARResNet.Configuration(
          blocks: sizes.number(1...4), widths: sizes.numbers(3, 1...9).sorted(), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 9, 9])
      }
    ),
    (
      "squeezenet1_1",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        var value = MobileNetV2.Configuration.mobilenetV2
        value.widthMultiplier = Double(sizes.number(10...60)) / 100
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "mobilenet_v3_large",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        var value = ConvNeXt.Configuration.base
        (value.blocks, value.widths) = (sizes.numbers(seed % 2 + 2, 1...3), sizes.numbers(seed % 2 + 2, 1...9))
        (value.inputChannels, value.classes) = (sizes.number(1...4), sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "vit_b_16",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        let value = VGG.Configuration(
          VGG.Depth.allCases[sizes.number(0...3)], batchNorm: seed % 2 == 0, divisor: 1 << sizes.number(4...6),
          inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "alexnet",
      { seed in
        var sizes = Sizes(seed)
        let value = AlexNet.Configuration(
          seed % 2 == 0 ? .torchvision : .original, divisor: 16,
          inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 70, 70])
      }
    ),
    (
      "densenet161",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        let value = GoogLeNet.Configuration(
          auxiliaryHeads: seed % 2 == 0, divisor: 1 << sizes.number(1...3), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 33, 33])
      }
    ),
    (
      "inception_v3",
      { seed in
        var sizes = Sizes(seed)
        let value = InceptionV3.Configuration(
          auxiliaryHeads: seed % 2 == 0, divisor: 1 << sizes.number(2...4), inputChannels: sizes.number(1...4),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 75, 75])
      }
    ),
    (
      "shufflenet_v2_x1_5",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        let value = XAINet.Configuration(
          divisor: 1 << sizes.number(3...6), inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 36, 36])
      }
    ),
    (
      "lenet5",
      { seed in
        var sizes = Sizes(seed)
        let value = LeNet.Configuration(
          .modern, inputChannels: sizes.number(1...4), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, 28, 28])
      }
    ),
    (
      "fashion-cnn",
      { seed in
        var sizes = Sizes(seed)
        let value = FashionCNN.Configuration(
          inputSide: 4 * sizes.number(3...9), inputChannels: sizes.number(1...4), divisor: 1 << sizes.number(0...3),
          classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, value.inputSide, value.inputSide])
      }
    ),
    (
      "simple-convnet",
      { seed in
        var sizes = Sizes(seed)
        let value = SimpleConvNet.Configuration(
          inputSide: 2 * sizes.number(4...20), inputChannels: sizes.number(1...4), filters: sizes.number(1...9),
          hidden: sizes.number(1...9), classes: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputChannels, value.inputSide, value.inputSide])
      }
    ),
    (
      "mlp",
      { seed in
        var sizes = Sizes(seed)
        let value = MLP.Configuration(
          inputs: sizes.number(1...20), hidden: sizes.numbers(sizes.number(0...6), 1...9), outputs: sizes.number(1...7))
        return (ZooCase.value(of: value), [value.inputs])
      }
    ),
    (
      "sequence-lstm",
      { seed in
        var sizes = Sizes(seed)
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
        var sizes = Sizes(seed)
        let value = TextCNN.Configuration(
          inputs: sizes.number(1...6), kernels: sizes.numbers(sizes.number(1...3), 1...5), filters: sizes.number(1...6),
          outputs: sizes.number(1...4))
        return (ZooCase.value(of: value), [5, value.inputs])
      }
    ),
    (
      "text-transformer",
      { seed in
        var sizes = Sizes(seed)
        let value = TextTransformer.Configuration(
          inputs: sizes.number(1...6), width: 4 * sizes.number(1...3), layers: sizes.number(1...3),
          hidden: sizes.number(1...6), readout: seed % 2 == 0 ? .mean : .cls, outputs: sizes.number(1...4))
        return (ZooCase.value(of: value), [5, value.inputs])
      }
    ),
  ]

  @Test(arguments: families.map(\.name), 0..<6)
  func aStateDictionaryGivesTheSameFunction(name: String, seed: Int) throws {
    let family = try #require(Self.families.first { $0.name == name })
    let architecture = try Registry.zoo.architecture(named: name)
    let (configuration, input) = family.configuration(seed)
    let model = try architecture.buildClassifier(configuration: configuration, input: input)
    model.initialize(seed: UInt64(seed))
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
    var numbers = TestNumbers(seed: 5)
    let x = Tensor(numbers.floats(2 * input.reduce(1, *)), shape: [2] + input)
    func outputs(_ model: some Classifier) -> [Float] { inference { model(x).scalars } }
    #expect(outputs(again) == outputs(model), "\(configuration.serialized)")
  }

  /// The tensors alone, as another program keeps them.
  private static func stateDictionary(of model: some Layer) -> Checkpoint {
    var result = Checkpoint()
    for entry in model.checkpoint().entries { result.set(entry.array, at: entry.path) }
    return result
  }

  @Test(arguments: 0..<24) func languageModelsHaveTheirVocabulary(seed: Int) throws {
    var sizes = Sizes(seed)
    let outputs = sizes.number(2...9)
    let configuration = CharacterModel.Configuration(
      kind: [.lstm, .gru, .rnnTanh][seed % 3], embedding: sizes.number(1...6), hidden: sizes.number(1...6),
      layers: sizes.number(1...3), symbols: seed % 2 == 0 ? nil : outputs + sizes.number(1...3), outputs: outputs)
    let model = CharacterModel(configuration)
    model.initialize(seed: UInt64(seed))
    let architecture = try Registry.zoo.architecture(named: "char-rnn")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? CharacterModel)
    #expect(again.configuration == configuration)
    let tokens = IntTensor((0..<6).map { Int32($0 % outputs) }, shape: [2, 3])
    #expect(inference { again(tokens: tokens).logits.scalars } == inference { model(tokens: tokens).logits.scalars })
  }

  @Test(arguments: 0..<24) func transformersHaveTheirVocabulary(seed: Int) throws {
    var sizes = Sizes(seed)
    let outputs = sizes.number(2...9)
    // As many heads as the published one has: no shape says it.
    let configuration = CharacterTransformer.Configuration(
      context: sizes.number(3...9), layers: sizes.number(1...3), heads: 4, width: 4 * sizes.number(1...3),
      bias: seed % 3 == 0, symbols: seed % 2 == 0 ? nil : outputs + sizes.number(1...3), outputs: outputs)
    let model = CharacterTransformer(configuration)
    model.initialize(seed: UInt64(seed))
    let architecture = try Registry.zoo.architecture(named: "char-transformer")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? CharacterTransformer)
    #expect(again.configuration == configuration)
    let tokens = IntTensor((0..<6).map { Int32($0 % outputs) }, shape: [2, 3])
    #expect(inference { again(tokens: tokens).logits.scalars } == inference { model(tokens: tokens).logits.scalars })
  }

  @Test(arguments: 0..<12) func tokensHaveTheirTable(seed: Int) throws {
    var sizes = Sizes(seed)
    let configuration = SequenceClassifier.Configuration(
      kind: .lstm, inputs: sizes.number(1...6), symbols: sizes.number(1...9), hidden: sizes.number(1...6),
      layers: sizes.number(1...3), bidirectional: seed % 2 == 0, outputs: sizes.number(1...4))
    let model = SequenceClassifier(configuration)
    model.initialize(seed: 1)
    let architecture = try Registry.zoo.architecture(named: "sequence-gru")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    #expect(try Registry.zoo.model(from: adapted, path: "f.pth").model.configurationValue == model.configurationValue)
  }

  /// Networks that label tokens, or write texts.
  @Test(arguments: 0..<6) func sequencesHaveTheirSizes(seed: Int) throws {
    var sizes = Sizes(seed)
    let kind: RecurrentKind = [.lstm, .gru, .rnnTanh][seed % 3]
    let tagger = RecurrentTagger.Configuration(
      kind: kind, symbols: sizes.number(1...9), embedding: sizes.number(1...6), hidden: sizes.number(1...6),
      layers: sizes.number(1...3), bidirectional: seed % 2 == 0, outputs: sizes.number(1...4))
    let translator = Seq2Seq.Configuration(
      kind: kind, symbols: sizes.number(1...9), targetSymbols: seed % 2 == 0 ? nil : 11, embedding: sizes.number(1...6),
      hidden: sizes.number(1...6), layers: sizes.number(1...3), attention: DecoderAttention.allCases[seed % 3],
      outputs: sizes.number(1...9))
    let generator = SequenceGenerator.Configuration(
      kind: kind, inputs: sizes.number(1...9), targetSymbols: seed % 2 == 0 ? 11 : nil, embedding: sizes.number(1...6),
      hidden: sizes.number(1...6), layers: sizes.number(1...3), outputs: sizes.number(1...9))
    func check(_ model: some Network, _ name: String) throws {
      model.initialize(seed: 1)
      let architecture = try Registry.zoo.architecture(named: name)
      let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
      let again = try Registry.zoo.model(from: adapted, path: "f.pth").model
      #expect(again.configurationValue == model.configurationValue)
    }
    try check(RecurrentTagger(tagger), "sequence-tagger-gru")
    try check(Seq2Seq(translator), "seq2seq-gru")
    try check(SequenceGenerator(generator), "sequence-generator-lstm")
  }

  @Test(arguments: 0..<12) func graphNetworksHaveTheirLayers(seed: Int) throws {
    var sizes = Sizes(seed)
    let configuration = GCN.Configuration(
      features: sizes.number(1...9), hidden: sizes.numbers(sizes.number(1...4), 1...9), classes: sizes.number(1...7),
      readout: seed % 2 == 0 ? nil : .mean)
    let model = GCN(configuration)
    model.initialize(seed: 1)
    let architecture = try Registry.zoo.architecture(named: "gcn")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? GCN)
    #expect(again.configuration == configuration)
    // Which readout it was is in no shape, and that is said.
    #expect(adapted.notes.contains { $0.contains("assumed") && $0.contains("readout=mean") } == (seed % 2 == 1))
  }

  @Test(arguments: 0..<6) func networksOfGraphsHaveTheirHead(seed: Int) throws {
    var sizes = Sizes(seed)
    let head = sizes.numbers(seed % 3, 1...9)
    let configuration = GCN.Configuration(
      features: sizes.number(1...9), hidden: sizes.numbers(sizes.number(1...4), 1...9), classes: sizes.number(1...7),
      dropout: 0, readout: .mean, head: head, headDropout: 0.5, activatesLast: true)
    let model = GCN(configuration)
    model.initialize(seed: 1)
    let architecture = try Registry.zoo.architecture(named: "gcn-graph")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? GCN)
    #expect(again.configuration == configuration)
  }

  @Test(arguments: 0..<6) func boltzmannMachinesHaveTheirUnits(seed: Int) throws {
    var sizes = Sizes(seed)
    let configuration = BoltzmannMachine.Configuration(
      visible: sizes.number(1...9), hidden: sizes.number(1...9), chains: seed % 2 * sizes.number(1...5))
    let model = BoltzmannMachine(configuration)
    model.initialize(seed: 1)
    let architecture = try Registry.zoo.architecture(named: "rbm")
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? BoltzmannMachine)
    #expect(again.configuration == configuration)
  }

  private static let sequences = ["sequence-tagger-lstm", "seq2seq-gru", "sequence-generator-gru"]

  @Test func everyFamilyOfTheRegistryIsHere() throws {
    let tried = Set(
      try
        (Self.families.map(\.name) + ["char-rnn", "char-transformer", "sequence-gru", "gcn", "gin", "rbm"]
        + Self.sequences).map {
          "\(type(of: try Registry.zoo.architecture(named: $0).build()))"
        })
    for architecture in Registry.zoo.architectures { #expect(tried.contains("\(type(of: try architecture.build()))")) }
  }

  // MARK: Settings

  private static func perceptron(_ widths: [Int]) -> Checkpoint {
    let model = MLP(.init(inputs: widths[0], hidden: Array(widths[1..<widths.count - 1]), outputs: widths.last ?? 1))
    model.initialize(seed: 1)
    return stateDictionary(of: model)
  }

  @Test func aSettingSaysWhatNoShapeSays() throws {
    let mlp = try Registry.zoo.architecture(named: "mlp")
    let adaptation = Adaptation(changing: [
      .init(name: "activation", value: "tanh"), .init(name: "dropout", value: "[0.5,0,0.1]"),
    ])
    let (checkpoint, _) = try Self.perceptron([5, 4, 3, 2, 6]).adapted(to: mlp, by: adaptation, path: "f.pth")
    #expect(checkpoint.metadata.configuration?["activation"]?.text == "tanh")
    #expect(checkpoint.metadata.configuration?["hidden"]?.serialized == "[4,3,2]")
    #expect(checkpoint.metadata.configuration?["dropout"]?.serialized == "[0.5,0,0.1]")
    #expect(checkpoint.notes.first == "read from the shapes of the tensors: classes=6, hidden=[4,3,2], inputs=5")
  }

  @Test(arguments: [("hidden", "[4,9]", "[4,3]"), ("inputs", "784", "5"), ("classes", "10", "6")])
  func aSettingThatTheTensorsContradictIsRefused(name: String, value: String, stored: String) throws {
    let mlp = try Registry.zoo.architecture(named: "mlp")
    let adaptation = Adaptation(changing: [.init(name: name, value: value)])
    let fault = try #require(throws: ArchitectureFault.self) {
      try Self.perceptron([5, 4, 3, 6]).adapted(to: mlp, by: adaptation, path: "f.pth")
    }
    #expect(fault == .contradicted(architecture: "mlp", name: name, value: value, stored: stored))
    #expect(fault.description.contains(value) && fault.description.contains("\(name)=\(stored)"))
  }

  @Test func sizesAreReadByStructureWhereTheNumberOfTensorsAgrees() throws {
    let mlp = try Registry.zoo.architecture(named: "mlp")
    let known = Self.perceptron([5, 4, 3, 6])
    var foreign = Checkpoint()
    for (index, entry) in known.entries.enumerated() { foreign.set(entry.array, at: "x\(index)") }
    let adapted = try foreign.adapted(to: mlp, by: Adaptation(byStructure: true), path: "f.pth").checkpoint
    #expect(adapted["fc2.weight"]?.floats() == known["fc2.weight"]?.floats())
    // A setting says how many layers there are.
    let deep = Self.perceptron([5, 4, 3, 2, 6])
    var deeper = Checkpoint()
    for (index, entry) in deep.entries.enumerated() { deeper.set(entry.array, at: "x\(index)") }
    let told = Adaptation(
      byStructure: true,
      changing: [
        .init(name: "inputs", value: "5"), .init(name: "hidden", value: "[4,3,2]"), .init(name: "classes", value: "6"),
      ])
    #expect(try deeper.adapted(to: mlp, by: told, path: "f.pth").checkpoint.paths == deep.paths)
  }

  @Test func matricesStoredTheOtherWayRoundAreFoundOut() throws {
    let mlp = try Registry.zoo.architecture(named: "mlp")
    let known = Self.perceptron([5, 4, 3, 6])
    var turned = known
    for entry in known.entries where entry.array.shape.count == 2 {
      turned.set(entry.array.permuted([1, 0]), at: entry.path)
    }
    let fault = try #require(throws: CheckpointFault.self) { try turned.adapted(to: mlp, path: "f.pth") }
    #expect(fault.description.contains("it fits transposed: use --transpose 'fc1.weight'"), "\(fault)")
    for patterns in [["**"], ["fc1.weight", "fc2", "fc3.*"]] {
      let adaptation = Adaptation(transposing: try patterns.map { try PathPattern($0) })
      let adapted = try turned.adapted(to: mlp, by: adaptation, path: "f.pth").checkpoint
      for path in known.paths { #expect(adapted[path]?.floats() == known[path]?.floats()) }
    }
    let idle = Adaptation(transposing: [try PathPattern("fc1.bias")])
    #expect(throws: CheckpointFault.nothingToTranspose(pattern: "fc1.bias")) {
      try turned.adapted(to: mlp, by: idle, path: "f.pth")
    }
    // A file that no transposing helps is told nothing of it.
    var other = known
    other.set(StoredArray([1, 2, 3] as [Float], shape: [3]), at: "fc1.bias")
    let plain = try #require(throws: CheckpointFault.self) { try other.adapted(to: mlp, path: "f.pth") }
    #expect(!plain.description.contains("transpose"))
  }

  /// Shapes come from strangers: none traps, whatever network they are taken for.
  @Test func noShapesTrap() throws {
    let extents = [0, 1, 7, 64, 1 << 40, Int.max]
    for architecture in Registry.zoo.architectures {
      let cells = try architecture.build().cellDescriptions
      for seed in 0..<4 {
        var sizes = Sizes(seed)
        var shapes = TensorShapes(
          cells.map { cell in
            (cell.path, cell.shape.map { _ in extents[sizes.number(0...extents.count - 1)] } + (seed == 3 ? [2] : []))
          })
        var configuration = try architecture.build().configuration
        configuration.fit(tensors: &shapes)
        try? configuration.validate(input: nil)
      }
    }
  }

  // MARK: A program's own network

  /// A network of a program, which says itself what its shapes mean.
  struct Own: Classifier {
    struct Configuration: ClassifierConfiguration {
      var width = 4
      var classes = 2

      func validate(input: [Int]?) throws(ConfigurationFault) { try require("width", width, in: 1...100) }

      mutating func fit(tensors shapes: inout TensorShapes) {
        width = shapes.outputs(of: "body.weight") ?? width
        classes = shapes.outputs(of: "top.weight") ?? classes
      }
    }

    let configuration: Configuration
    let body: Linear
    let top: Linear
    var headPath: String { "top" }

    init(_ configuration: Configuration) {
      self.configuration = configuration
      body = Linear(3, configuration.width)
      top = Linear(configuration.width, configuration.classes)
    }

    func features(_ x: Tensor) -> Tensor { relu(body(x)) }
    func head(_ features: Tensor) -> Tensor { top(features) }
  }

  @Test func aProgramsOwnNetworkHasTheSizesOfItsFile() throws {
    let architecture = Architecture("own", "a network of a program", Own.self, .init(), input: [3], kinds: [.tables])
    let registry = Registry.zoo.adding(architecture)
    var configuration = Own.Configuration()
    (configuration.width, configuration.classes) = (9, 5)
    let model = Own(configuration)
    model.initialize(seed: 3)
    let adapted = try Self.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try registry.classifier(from: adapted, path: "f.pth").model
    let x = Tensor([1, 2, 3], shape: [1, 3])
    func outputs(_ model: some Classifier) -> [Float] { inference { model(x).scalars } }
    #expect(outputs(again) == outputs(model))
  }
}
