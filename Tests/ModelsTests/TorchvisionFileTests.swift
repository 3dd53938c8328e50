import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// State dictionaries of torchvision as they are: under older names, with auxiliary heads and without.
@Suite struct TorchvisionFileTests {
  /// The tensors alone, under other names.
  private func stateDictionary(of model: some Layer, named name: (String) -> String = { $0 }) -> Checkpoint {
    var result = Checkpoint()
    for entry in model.checkpoint().entries { result.set(entry.array, at: name(entry.path)) }
    return result
  }

  private func outputs(_ model: some Classifier, _ x: Tensor) -> [Float] { inference { model(x).scalars } }

  private func images(_ shape: [Int]) -> Tensor {
    var numbers = TestNumbers(seed: 7)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }

  /// torchvision's published DenseNets have the names of 2017.
  @Test(arguments: [true, false]) func denseNetsOfOlderNamesLoad(counters: Bool) throws {
    let model = DenseNet(.toy)
    model.initialize(seed: 1)
    var older = Checkpoint()
    var changed = 0
    for entry in stateDictionary(of: model).entries {
      if !counters, entry.path.hasSuffix("num_batches_tracked") { continue }
      let name =
        entry.path.contains("denselayer")
        ? entry.path.replacing(#/(norm|conv)([12])\./#) { "\($0.1).\($0.2)." } : entry.path
      changed += name == entry.path ? 0 : 1
      older.set(entry.array, at: name)
    }
    #expect(older["features.denseblock1.denselayer1.norm.1.weight"] != nil && changed > 40)
    let architecture = try Registry.zoo.architecture(named: "densenet169")
    let (adapted, report) = try older.adapted(to: architecture, path: "f.pth")
    #expect(report.missingCounters.isEmpty == counters)
    let again = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
    let x = images([2, 3, 33, 41])
    #expect(outputs(again, x) == outputs(model, x))
    // So does a file of which somebody else says what network it is for.
    var named = older
    named.metadata.architecture = "densenet169"
    named.metadata.configuration = try JSONValue(encoding: model.configuration)
    #expect(outputs(try Registry.zoo.classifier(from: named, path: "f.pth").model, x) == outputs(model, x))
    // No other network takes these names for its own.
    #expect(throws: CheckpointFault.self) {
      try older.adapted(to: Registry.zoo.architecture(named: "resnet18"), path: "f.pth")
    }
  }

  /// Two names that become one are refused, not merged.
  @Test func anOlderAndANewNameAtOnceAreRefused() throws {
    let model = DenseNet(.toy)
    model.initialize(seed: 1)
    var both = stateDictionary(of: model)
    let path = "features.denseblock1.denselayer1.norm1.weight"
    both.set(try #require(both[path]), at: "features.denseblock1.denselayer1.norm.1.weight")
    #expect(throws: CheckpointFault.self) {
      try both.adapted(to: Registry.zoo.architecture(named: "densenet121"), path: "f.pth")
    }
  }

  static let heads: [(name: String, side: Int, build: @Sendable (Bool) -> any AuxiliaryClassifier)] = [
    ("googlenet", 40, { GoogLeNet(.init(auxiliaryHeads: $0, divisor: 8, classes: 6)) }),
    ("inception_v3", 80, { InceptionV3(.init(auxiliaryHeads: $0, divisor: 16, classes: 6)) }),
  ]

  @Test(arguments: heads.map(\.name), [true, false])
  func filesWithAndWithoutAuxiliaryHeadsLoad(name: String, auxiliary: Bool) throws {
    let entry = try #require(Self.heads.first { $0.name == name })
    func check(_ model: some AuxiliaryClassifier) throws {
      model.initialize(seed: 3)
      let adapted = try stateDictionary(of: model).adapted(
        to: Registry.zoo.architecture(named: name), path: "f.pth"
      ).checkpoint
      let again = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
      #expect(again.parameters.count == model.parameters.count)
      #expect(again.auxiliaryHeadPaths.isEmpty != auxiliary)
      let x = images([2, 3, entry.side, entry.side])
      #expect(outputs(again, x) == outputs(model, x))
    }
    try check(entry.build(auxiliary))
  }

  /// A head that was replaced alone leaves auxiliary heads of other classes behind: they are named, and left out on request.
  @Test(arguments: heads.map(\.name)) func auxiliaryHeadsOfOtherClassesAreNamed(name: String) throws {
    let entry = try #require(Self.heads.first { $0.name == name })
    let architecture = try Registry.zoo.architecture(named: name)
    func check(_ model: some AuxiliaryClassifier) throws {
      model.initialize(seed: 3)
      let other = model.replacingHead(classes: 2, seed: 4)
      var file = stateDictionary(of: model)
      let own = stateDictionary(of: other)
      for path in ["fc.weight", "fc.bias"] { file.set(try #require(own[path]), at: path) }
      let fault = try #require(throws: CheckpointFault.self) { try file.adapted(to: architecture, path: "f.pth") }
      #expect(fault.description.contains(name == "googlenet" ? "aux1" : "AuxLogits"), "\(fault)")
      let patterns = name == "googlenet" ? ["aux1.**", "aux2.**"] : ["AuxLogits.**"]
      let allowances = Set(try patterns.map { try Allowance.unexpected($0) })
      let adapted = try file.adapted(to: architecture, by: Adaptation(allowing: allowances), path: "f.pth").checkpoint
      let again = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
      let x = images([2, 3, entry.side, entry.side])
      #expect(outputs(again, x) == outputs(other, x) && again.auxiliaryHeadPaths.isEmpty)
    }
    try check(entry.build(true))
  }

  /// Whether the input is transformed stands in no shape: it is said what was assumed, and a setting changes it.
  @Test(arguments: heads.map(\.name)) func theTransformationOfTheInputIsSaid(name: String) throws {
    let architecture = try Registry.zoo.architecture(named: name)
    // The published size and a narrow one, whose widths are read from the file.
    let published = try architecture.buildClassifier()
    published.initialize(seed: 1)
    let narrow = try #require(Self.heads.first { $0.name == name }).build(true)
    narrow.initialize(seed: 1)
    for file in [stateDictionary(of: published), stateDictionary(of: narrow)] {
      let plain = try file.adapted(to: architecture, path: "f.pth").checkpoint
      #expect(plain.notes.contains { $0.contains("assumed") && $0.contains("transformInput=false") })
      let told = Adaptation(changing: [.init(name: "transformInput", value: "true")])
      let transformed = try file.adapted(to: architecture, by: told, path: "f.pth").checkpoint
      #expect(!transformed.notes.contains { $0.contains("transformInput") })
      #expect(transformed.metadata.configuration?["transformInput"]?.serialized == "true")
    }
  }

  /// What torchvision's `transform_input` does to colours, computed by hand.
  @Test func theInputIsTransformedAsTorchvisionDoes() {
    let x = Tensor([0, 1, -1, 2, 0.5, -0.5], shape: [1, 3, 1, 2])
    let expected = [
      -0.03, 0.229 / 0.5 - 0.03, -0.224 / 0.5 - 0.088, 2 * 0.224 / 0.5 - 0.088, 0.5 * 0.225 / 0.5 - 0.188,
      -0.5 * 0.225 / 0.5 - 0.188,
    ]
    expectClose(actual: InceptionInput().forward(x).scalars, expected: expected)
  }

  /// The auxiliary heads learn in training and nothing of them is computed in use.
  @Test(arguments: heads.map(\.name)) func auxiliaryHeadsOnlyLearn(name: String) throws {
    let entry = try #require(Self.heads.first { $0.name == name })
    func check(_ model: some AuxiliaryClassifier) {
      model.initialize(seed: 2)
      let x = images([3, 3, 299, 299])
      let weight: Float = name == "googlenet" ? 0.3 : 0.4
      let (logits, auxiliary) = withMode(.training, noise: Noise(seed: 1, step: 1)) { model.trainingOutputs(x) }
      #expect(logits.shape == [3, 6] && auxiliary.count == (name == "googlenet" ? 2 : 1))
      #expect(auxiliary.allSatisfy { $0.weight == weight && $0.logits.shape == [3, 6] })
      #expect(model.auxiliaryHeadPaths.count == auxiliary.count)
      let gradients = step(model, x)
      for parameter in model.parameters {
        #expect((gradients[parameter]?.sumOfSquares ?? 0) > 0, "\(parameter.path)")
      }
      let (_, trace) = tracing(x) { inference { model(x) } }
      #expect(!trace.nodes.contains { node in node.path.lowercased().hasPrefix("aux") })
    }
    check(entry.build(true))
  }

  /// Maps that leave the auxiliary head nothing do not stop a training with small images.
  @Test func smallImagesTrainInceptionWithoutItsAuxiliaryHead() {
    let model = InceptionV3(.toy)
    model.initialize(seed: 1)
    let x = images([4, 3, 107, 299])
    let (logits, auxiliary) = withMode(.training, noise: Noise(seed: 1, step: 1)) { model.trainingOutputs(x) }
    #expect(auxiliary.isEmpty && logits.shape == [4, 5] && logits.scalars.allSatisfy { $0.isFinite })
  }

  /// The halves of a block's channels come by turns.
  @Test func shuffledChannelsComeByTurns() {
    // The block keeps its first half: every other channel of its result.
    let block = ShuffleBlock(6, 6, stride: 1)
    block.initialize(seed: 1)
    let x = images([2, 6, 3, 4])
    let y = inference { block(x) }
    for channel in 0..<3 {
      #expect(y.slice(axis: 1, at: 2 * channel).scalars == x.slice(axis: 1, at: channel).scalars)
    }
  }
}
