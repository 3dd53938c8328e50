import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

/// Other people's checkpoints, with the renames that they need, put out what PyTorch makes of them.
@Suite struct ForeignCheckpointTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let architecture: String
    let input: [Int]
    let renames: [String]

    var testDescription: String { file }
  }

  static let cases = [
    Case(
      file: "fashionmnist_lenet5.pth", architecture: "lenet5", input: [1, 28, 28],
      renames: ["^fc1=conv1", "^fc3=conv2", "^fc5=fc1", "^fc6=fc2", "^fc7=fc3"]),
    Case(
      file: "mnist_lenet5_legacy.pt", architecture: "lenet5", input: [1, 32, 32],
      renames: [#"^convnet\.c1=conv1"#, #"^convnet\.c3=conv2"#, #"^convnet\.c5=fc1"#, #"^fc\.f6=fc2"#, #"^fc\.f7=fc3"#]),
    Case(
      file: "mnist_mlp-784-300-100-10.pkl", architecture: "mlp-784-300-100-10", input: [1, 28, 28],
      renames: ["^linear=fc"]),
    // Linear layers that are numbered are layers of a multilayer perceptron, whatever they are called.
    Case(
      file: "mnist_mlp-784-300-100-10.pkl", architecture: "mlp-784-300-100-10", input: [1, 28, 28], renames: []),
    Case(
      file: "resnet20-cifar10-12fca82f.th", architecture: "resnet20", input: [3, 32, 32], renames: []),
  ]

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"), arguments: cases)
  func equalsPyTorch(entry: Case) throws {
    let path = try #require(SharedData.url("checkpoints-pytorch/\(entry.file)")).path
    let adaptation = Adaptation(renames: try entry.renames.map { try RenamingRule($0) })
    let (checkpoint, report) = try Checkpoint.read(from: path).adapted(
      to: Registry.zoo.architecture(named: entry.architecture), by: adaptation, path: path)
    #expect(report.isComplete && !checkpoint.metadata.headAbsent)
    let model = try Registry.zoo.classifier(from: checkpoint, path: path).model
    let golden = try Goldens("foreign", of: "ModelsTests")
    let x = Tensor(
      Goldens.formula(count: 100 * entry.input.reduce(1, *), k: 1, scale: 1), shape: [100] + entry.input)
    func check(_ model: some Classifier) throws {
      expectClose(actual: model(x).scalars, expected: try golden.array("\(entry.file)/logits").values, name: "logits")
    }
    try check(model)
  }

  /// Without the renames nothing fits, and that is said.
  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.absence)"), arguments: cases.filter { $0.architecture == "lenet5" }
  )
  func needsItsRenames(entry: Case) throws {
    let path = try #require(SharedData.url("checkpoints-pytorch/\(entry.file)")).path
    let checkpoint = try Checkpoint.read(from: path)
    #expect(throws: CheckpointFault.self) {
      try checkpoint.adapted(to: Registry.zoo.architecture(named: entry.architecture), path: path)
    }
  }

  @Test func aConvolutionOverAllThatIsLeftIsALinearLayer() throws {
    let architecture = try Registry.zoo.architecture(named: "lenet5")
    let model = LeNet(.lenet5)
    model.initialize(seed: 1)
    let own = model.checkpoint(architecture: "lenet5")
    func checkpoint(_ shape: [Int]) throws -> Checkpoint {
      var foreign = Checkpoint()
      for entry in own.entries {
        let numbers = try #require(entry.array.floats())
        foreign.set(
          entry.path == "fc1.weight" ? StoredArray(numbers, shape: shape) : entry.array, at: entry.path)
      }
      return foreign
    }
    let adapted = try checkpoint([120, 16, 5, 5]).adapted(to: architecture, path: "f.pth").checkpoint
    #expect(adapted["fc1.weight"]?.shape == [120, 400])
    #expect(adapted["fc1.weight"]?.floats() == own["fc1.weight"]?.floats())
    // A window of one element is a layer for every position, and another output is another layer.
    for shape in [[120, 400, 1, 1], [240, 8, 5, 5], [120, 16, 25]] {
      #expect(throws: CheckpointFault.self) { try checkpoint(shape).adapted(to: architecture, path: "f.pth") }
    }
  }
}
