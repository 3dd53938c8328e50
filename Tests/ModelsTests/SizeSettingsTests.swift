import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// What a person says of sizes beside the shapes of a file's tensors, files that say too little, and networks of programs.
@Suite struct SizeSettingsTests {
  private static func perceptron(_ widths: [Int]) -> Checkpoint {
    let model = MLP(.init(inputs: widths[0], hidden: Array(widths[1..<widths.count - 1]), outputs: widths.last ?? 1))
    model.initialize(seed: 1)
    return TensorSizesTests.stateDictionary(of: model)
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

  private static func shapes(_ model: some Layer) -> TensorShapes {
    TensorShapes(model.cellDescriptions.map { ($0.path, $0.shape) })
  }

  /// No shape says strides, activations and epsilons: they are those of the published network that has the shapes.
  @Test func aSiblingsShapesAreTheSiblings() {
    var small = MobileNetV3.Configuration.small
    for row in small.rows.indices { small.rows[row].channels /= 2 }
    var (found, shapes) = (MobileNetV3.Configuration.large, Self.shapes(MobileNetV3(small)))
    found.fit(tensors: &shapes)
    #expect(found == small && shapes.assumed.isEmpty)
    // Rows that nobody published are a guess.
    small.rows[3].kernel = 7
    (found, shapes) = (.large, Self.shapes(MobileNetV3(small)))
    found.fit(tensors: &shapes)
    #expect(shapes.assumed == ["rows"])
  }

  @Test func anEfficientNetsEpsilonIsThatOfItsSizes() {
    func fitted(
      _ named: EfficientNet.Configuration, to stored: EfficientNet.Configuration, given: Set<String> = []
    ) -> (configuration: EfficientNet.Configuration, assumed: Set<String>) {
      var (found, shapes) = (named, Self.shapes(EfficientNet(stored)))
      shapes.given = given
      found.fit(tensors: &shapes)
      return (found, shapes.assumed)
    }
    for (named, stored) in [
      (EfficientNet.Configuration.b0, EfficientNet.Configuration.b5), (.b5, .b2), (.b0, .v2Small), (.v2Small, .b1),
    ] {
      let (found, assumed) = fitted(named, to: stored)
      #expect(found.stages == stored.stages && found.lastWidth == stored.lastWidth)
      #expect(found.normEpsilon == stored.normEpsilon && found.normMomentum == stored.normMomentum)
      #expect(assumed.isEmpty)
    }
    let (told, _) = fitted(.b0, to: .b5, given: ["normEpsilon"])
    #expect(told.normEpsilon == 1e-5)
    var narrow = EfficientNet.Configuration.b0
    for stage in narrow.stages.indices { narrow.stages[stage].channels = 8 }
    #expect(fitted(.b0, to: narrow).assumed == ["normEpsilon"])
  }

  /// nanoGPT says beside the weights how many heads there are; a person knows better.
  @Test func whatAFileSaysBesideItsTensorsIsHeeded() throws {
    let architecture = try Registry.zoo.architecture(named: "char-transformer")
    // Of the published sizes, and of others.
    for width in [128, 48] {
      let model = CharacterTransformer(.init(context: 256, heads: 8, width: width, activation: .tanhGelu))
      model.initialize(seed: 1)
      var checkpoint = TensorSizesTests.stateDictionary(of: model)
      checkpoint.metadata.extra["model_args.n_head"] = "8"
      let adapted = try checkpoint.adapted(to: architecture, path: "f.pt").checkpoint
      #expect(adapted.metadata.configuration?["heads"]?.integer == 8)
      #expect(adapted.notes.contains { $0.contains("beside its tensors") && $0.contains("heads=8") })
      #expect(!adapted.notes.contains { $0.contains("assumed") })
      let settings: [ConfigurationChange] = [
        .init(name: "heads", value: "2"), .init(name: "activation", value: "tanh_gelu"),
      ]
      let told = try checkpoint.adapted(to: architecture, by: Adaptation(changing: settings), path: "f.pt").checkpoint
      #expect(told.metadata.configuration?["heads"]?.integer == 2)
      #expect(told.metadata.configuration?["activation"]?.text == "tanh_gelu")
    }
  }

  /// The mask of attention among the tensors is a sign of GPT-2's gelu, and none of its heads.
  @Test func masksOfAttentionLeaveTheGeluOpen() throws {
    let model = CharacterTransformer(.toy)
    model.initialize(seed: 1)
    var checkpoint = TensorSizesTests.stateDictionary(of: model)
    checkpoint.set(StoredArray([Float](repeating: 1, count: 64), shape: [1, 1, 8, 8]), at: "transformer.h.0.attn.bias")
    let adaptation = Adaptation(allowing: [try .unexpected("transformer.h.*.attn.bias")])
    let adapted = try checkpoint.adapted(
      to: Registry.zoo.architecture(named: "char-transformer"), by: adaptation, path: "f.pt"
    ).checkpoint
    #expect(adapted.notes.contains { $0.contains("assumed") && $0.contains("activation=gelu") })
  }

  /// The backbone of DeepLab has the tensors of a plain one, and dilated convolutions.
  @Test func backbonesOfSegmentationAreSaidToBeThat() throws {
    let model = ResNet(.toy)
    model.initialize(seed: 1)
    var checkpoint = Checkpoint()
    for entry in TensorSizesTests.stateDictionary(of: model).entries where !entry.path.hasPrefix("fc.") {
      checkpoint.set(entry.array, at: "backbone.\(entry.path)")
    }
    let toy = try Registry.zoo.architecture(named: "resnet-toy")
    let rule = try RenamingRule("^backbone\\.=")
    let plain = try checkpoint.adapted(to: toy, by: Adaptation(renames: [rule]), path: "f.pth").checkpoint
    #expect(!plain.notes.contains { $0.contains("segmentation") })
    for (name, shape) in [
      ("classifier.0.convs.0.0.weight", [1, 1, 1, 1]), ("classifier.4.weight", [1, 1, 1, 1]),
      ("decode_head.conv_seg.bias", [1]), ("decoder.aspp.0.project.0.weight", [1, 1, 1, 1]),
    ] {
      var whole = checkpoint
      whole.set(StoredArray([1.0 as Float], shape: shape), at: name)
      let adaptation = Adaptation(renames: [rule], allowing: [try .unexpected(name)])
      let notes = try whole.adapted(to: toy, by: adaptation, path: "f.pth").checkpoint.notes
      #expect(notes.contains { $0.contains("'\(name)' is of a network for segmentation") }, "\(name)")
    }
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
        var sizes = RandomSizes(seed)
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
    let adapted = try TensorSizesTests.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    let again = try registry.classifier(from: adapted, path: "f.pth").model
    let x = Tensor([1, 2, 3], shape: [1, 3])
    func outputs(_ model: some Classifier) -> [Float] { inference { model(x).scalars } }
    #expect(outputs(again) == outputs(model))
  }
}
