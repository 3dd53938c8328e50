import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// GIN against PyTorch in float64, and what every network does.
@Suite struct GraphIsomorphismTests {
  /// The adjacency of ones, which GIN multiplies by.
  static func adjacency(_ golden: Goldens, nodes: Int) throws -> SparseMatrix {
    let (rows, columns) = (
      try golden.array("adjacency/rows").integers, try golden.array("adjacency/columns").integers
    )
    return SparseMatrix(
      rows: nodes, columns: nodes, rows.indices.map { .init(Int(rows[$0]), Int(columns[$0])) })
  }

  @Test(arguments: ["gin", "gin-epsilon"], [true, false]) func equalsPyTorch(name: String, isSparse: Bool) throws {
    let golden = try Goldens(name, of: "ModelsTests")
    let configuration = try golden.json("configuration", as: GIN.Configuration.self)
    try configuration.validate(input: [12])
    let model = GIN(configuration)
    var checkpoint = Checkpoint()
    for (path, array) in golden.arrays(under: "weight") {
      checkpoint.set(StoredArray(array.floats, shape: array.shape), at: path)
    }
    try model.load(checkpoint)
    let inputs = try GraphNetworkTests.Inputs(golden)
    let adjacency = try Self.adjacency(golden, nodes: inputs.features.shape[0])
    #expect(model.propagation(adjacency) == adjacency)
    let features: NodeFeatures = isSparse ? .sparse(SparseMatrix(inputs.features)) : .dense(inputs.features)
    let predicted = model(features, adjacency: adjacency, graphs: inputs.graphs)
    expectClose(
      actual: predicted.scalars, shape: predicted.shape, golden: try golden.array("logits"), name: "\(name): logits")
    // By the statistics of the batch.
    let (loss, gradients) = valueWithGradients(of: model) {
      crossEntropy(model(features, adjacency: adjacency, graphs: inputs.graphs), labels: inputs.labels)
    }
    expectClose(actual: [loss.scalar], expected: try golden.array("loss").values, name: "\(name): loss")
    #expect(model.parameters.contains { $0.path == "convs.0.eps" } == configuration.learnsEpsilon)
    for parameter in model.parameters {
      let gradient = try #require(gradients[parameter], "\(parameter.path) has no gradient")
      let expected = try golden.array("gradient/\(parameter.path)")
      // Normalisation takes away what the bias before it adds.
      if parameter.path.hasSuffix("nn.lins.0.bias") {
        #expect(gradient.scalars.allSatisfy { abs($0) < 1e-6 })
        continue
      }
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: expected, relativeL2: gradientTolerance,
        name: "\(name): gradient of \(parameter.path)")
    }
    let after = Dictionary(
      uniqueKeysWithValues: model.checkpoint(architecture: "gin").entries.map { ($0.path, $0.array) })
    for (path, array) in golden.arrays(under: "after") {
      let found = try #require(after[path]?.floats())
      expectClose(actual: found, expected: array.values, name: "\(name): \(path) after the step")
    }
  }

  @Test func namesAndCountsAreThoseOfPyTorchGeometric() {
    let model = GIN(.gin)
    #expect(
      model.cellDescriptions.prefix(10).map(\.path) == [
        "convs.0.eps", "convs.0.nn.lins.0.weight", "convs.0.nn.lins.0.bias", "convs.0.nn.lins.1.weight",
        "convs.0.nn.lins.1.bias", "convs.0.nn.norms.0.module.weight", "convs.0.nn.norms.0.module.bias",
        "convs.0.nn.norms.0.module.running_mean", "convs.0.nn.norms.0.module.running_var",
        "convs.0.nn.norms.0.module.num_batches_tracked",
      ])
    #expect(model.parameters.map(\.count).reduce(0, +) == 11_202)
    #expect(
      model.headPath == "mlp.lins.1"
        && GIN(.init(features: 3, hidden: [2], head: [], classes: 2)).headPath == "mlp.lins.0")
  }

  @Test func aNewHeadSharesTheBackbone() throws {
    let model = GIN(.toy)
    model.initialize(seed: 1)
    let changed = model.replacingHead(outputs: 3, seed: 5)
    let old = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.path, $0) })
    for parameter in changed.parameters {
      let isHead = parameter.path.hasPrefix("mlp.lins.1.")
      #expect((old[parameter.path]?.identity == parameter.identity) != isHead, "\(parameter.path)")
    }
    let graph = SparseMatrix(rows: 4, columns: 4, [.init(0, 1), .init(1, 0)])
    let features = Tensor(ones: [4, 5])
    let index = GraphIndex([0, 0, 1, 2], count: 3)
    #expect(changed(features, adjacency: graph, graphs: index).shape == [3, 3])
    #expect(model.embeddings(.dense(features), adjacency: graph, graphs: index).shape == [3, 3])
    #expect(model(features, adjacency: graph).shape == [1, 2])
  }

  @Test func sizesAreReadFromTensors() throws {
    let configuration = GIN.Configuration(features: 4, hidden: [6, 3, 5], head: [7, 2], classes: 9, dropout: 0.5)
    let model = GIN(configuration)
    model.initialize(seed: 1)
    var checkpoint = Checkpoint()
    for entry in model.checkpoint(architecture: nil).entries { checkpoint.set(entry.array, at: entry.path) }
    #expect(Registry.zoo.names(fitting: checkpoint) == ["gin"])
    let adapted = try checkpoint.adapted(to: try Registry.zoo.architecture(named: "gin"), path: "f.pth").checkpoint
    let again = try #require(try Registry.zoo.model(from: adapted, path: "f.pth").model as? GIN)
    #expect(again.configuration == configuration)
  }

  @Test func configurationsThatDescribeNoNetworkAreRefused() throws {
    func changed(_ change: (inout GIN.Configuration) -> Void) -> GIN.Configuration {
      var result = GIN.Configuration.toy
      change(&result)
      return result
    }
    let refused: [(GIN.Configuration, String)] = [
      (changed { $0.features = 0 }, "features"), (changed { $0.hidden = [] }, "hidden layers"),
      (changed { $0.hidden = [0] }, "hidden"), (changed { $0.head = [-1] }, "head"),
      (changed { $0.head = Array(repeating: 1, count: 17) }, "layers of the head"),
      (changed { $0.classes = 0 }, "classes"), (changed { $0.dropout = 1 }, "dropout"),
      (changed { $0.epsilon = .nan }, "epsilon"),
    ]
    for (configuration, name) in refused {
      let fault = #expect(throws: ConfigurationFault.self) { try configuration.validate(input: nil) }
      guard case .outOfRange(name, _, _) = fault else {
        Issue.record("\(name): \(String(describing: fault))")
        continue
      }
    }
    #expect(throws: ConfigurationFault.self) { try GIN.Configuration.toy.validate(input: [6]) }
  }
}
