import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// A network's sizes follow from the shapes of a file's tensors.
@Suite struct TensorSizesTests {
  @Test(arguments: RandomSizes.families.map(\.name), 0..<6)
  func aStateDictionaryGivesTheSameFunction(name: String, seed: Int) throws {
    let family = try #require(RandomSizes.families.first { $0.name == name })
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
  static func stateDictionary(of model: some Layer) -> Checkpoint {
    var result = Checkpoint()
    for entry in model.checkpoint().entries { result.set(entry.array, at: entry.path) }
    return result
  }

  @Test(arguments: 0..<24) func languageModelsHaveTheirVocabulary(seed: Int) throws {
    var sizes = RandomSizes(seed)
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

  @Test func numberedLinearLayersAreAnMLPs() {
    func names(_ layers: [String]) -> [String] {
      MLP.Configuration.ownNames(for: layers.flatMap { [$0 + ".weight", $0 + ".bias"] })
        .map { "\($0.foreign)>\($0.own)" }
    }
    #expect(names(["0", "2", "10"]) == ["0>fc1", "2>fc2", "10>fc3"])
    // No new name is one that is yet to be changed.
    #expect(names(["fc0", "fc1"]) == ["fc1>fc2", "fc0>fc1"])
    #expect(names(["linear"]) == ["linear>fc1"])
    for others in [["fc1", "fc2"], ["conv1", "fc1"], ["a1", "a01"], ["a", "b"]] { #expect(names(others).isEmpty) }
    #expect(MLP.Configuration.ownNames(for: ["0.weight", "1.running_mean"]).isEmpty)
  }

  /// nanoGPT's network for characters has heads of 64 channels.
  @Test func largeCharacterTransformersHaveHeadsOf64() {
    var configuration = CharacterTransformer.Configuration(
      context: 8, layers: 1, heads: 4, width: 128, bias: false, symbols: nil, outputs: 9)
    var shapes = TensorShapes([("transformer.wte.weight", [9, 384]), ("lm_head.weight", [9, 384])])
    configuration.fit(tensors: &shapes)
    #expect(configuration.heads == 6 && shapes.assumed == ["heads"])
  }

  @Test(arguments: 0..<24) func transformersHaveTheirVocabulary(seed: Int) throws {
    var sizes = RandomSizes(seed)
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
    var sizes = RandomSizes(seed)
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
    var sizes = RandomSizes(seed)
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
    var sizes = RandomSizes(seed)
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
    var sizes = RandomSizes(seed)
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
    var sizes = RandomSizes(seed)
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
        (RandomSizes.families.map(\.name) + ["char-rnn", "char-transformer", "sequence-gru", "gcn", "gin", "rbm"]
        + Self.sequences).map {
          "\(type(of: try Registry.zoo.architecture(named: $0).build()))"
        })
    for architecture in Registry.zoo.architectures { #expect(tried.contains("\(type(of: try architecture.build()))")) }
  }
}
