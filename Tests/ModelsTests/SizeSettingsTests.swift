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
