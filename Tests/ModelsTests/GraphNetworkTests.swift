import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// GCN against PyTorch in float64, and what every network does.
@Suite struct GraphNetworkTests {
  static let goldens = ["gcn-two", "gcn-three", "gcn-mean", "gcn-sum", "gcn-max", "gcn-head", "gcn-plain"]

  struct Inputs {
    let features: Tensor
    let adjacency: SparseMatrix
    let graphs: GraphIndex?
    let labels: IntTensor

    init(_ golden: Goldens) throws {
      let x = try golden.array("x")
      features = Tensor(x.floats, shape: x.shape)
      let (rows, columns) = (
        try golden.array("adjacency/rows").integers, try golden.array("adjacency/columns").integers
      )
      adjacency = SparseMatrix(
        rows: x.shape[0], columns: x.shape[0], rows.indices.map { .init(Int(rows[$0]), Int(columns[$0])) }
      ).symmetricallyNormalized()
      let index = golden.arrays["graphs"]?.integers.map { Int32($0) }
      graphs = index.map { GraphIndex($0, count: Int(($0.max() ?? -1) + 1)) }
      labels = IntTensor(try golden.array("labels").integers.map { Int32($0) })
    }
  }

  static func model(_ golden: Goldens) throws -> GCN {
    let configuration = try golden.json("configuration", as: GCN.Configuration.self)
    try configuration.validate(input: [12])
    let model = GCN(configuration)
    var checkpoint = Checkpoint()
    for (path, array) in golden.arrays(under: "weight") {
      checkpoint.set(StoredArray(array.floats, shape: array.shape), at: path)
    }
    try model.load(checkpoint)
    return model
  }

  @Test(arguments: goldens, [true, false]) func equalsPyTorch(name: String, isSparse: Bool) throws {
    let golden = try Goldens(name, of: "ModelsTests")
    let model = try Self.model(golden)
    let inputs = try Inputs(golden)
    let features: NodeFeatures = isSparse ? .sparse(SparseMatrix(inputs.features)) : .dense(inputs.features)
    let expected = try golden.array("logits")
    let predicted = model(features, adjacency: inputs.adjacency, graphs: inputs.graphs)
    expectClose(actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(name): logits")
    // In inference mode, since the golden values are without dropout.
    let (loss, gradients) = valueWithGradients(of: model.parameters, mode: .inference) {
      crossEntropy(model(features, adjacency: inputs.adjacency, graphs: inputs.graphs), labels: inputs.labels)
    }
    expectClose(actual: [loss.scalar], expected: try golden.array("loss").values, name: "\(name): loss")
    for parameter in model.parameters {
      let gradient = try #require(gradients[parameter], "\(parameter.path) has no gradient")
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("gradient/\(parameter.path)"),
        relativeL2: gradientTolerance, name: "\(name): gradient of \(parameter.path)")
    }
  }

  // MARK: - Names, heads, copies

  static func filled(_ configuration: GCN.Configuration = .toy, seed: UInt64 = 1) -> GCN {
    let model = GCN(configuration)
    model.initialize(seed: seed)
    return model
  }

  static func small() throws -> Inputs { try Inputs(try Goldens("gcn-three", of: "ModelsTests")) }

  @Test func namesAndCountsAreThoseOfPyTorchGeometric() {
    let published = GCN(.gcn)
    #expect(
      published.cellDescriptions.map(\.path) == ["conv1.lin.weight", "conv1.bias", "conv2.lin.weight", "conv2.bias"])
    #expect(published.parameters.map(\.count).reduce(0, +) == 23_063)
    #expect(published.headPath == "conv2" && GCN(.toy).headPath == "conv3")
    let pooled = GCN(.init(features: 5, hidden: [4, 3], classes: 2, readout: .max))
    #expect(
      pooled.cellDescriptions.map(\.path) == [
        "conv1.lin.weight", "conv1.bias", "conv2.lin.weight", "conv2.bias", "lin.weight", "lin.bias",
      ])
    #expect(pooled.headPath == "lin")
    #expect(GCN(.init(features: 5, hidden: [], classes: 2)).headPath == "conv1")
    let graphs = GCN(.graph)
    #expect(graphs.cellDescriptions.suffix(4).map(\.path) == ["lin1.weight", "lin1.bias", "lin2.weight", "lin2.bias"])
    #expect(graphs.parameters.map(\.count).reduce(0, +) == 13_122 && graphs.headPath == "lin2")
  }

  @Test func whatTheHeadIsGiven() throws {
    let inputs = try Self.small()
    let graphs = GraphIndex((0..<20).map { Int32($0 / 5) }, count: 4)
    func embeddings(_ model: GCN, _ graphs: GraphIndex? = nil) -> NodeFeatures {
      model.embeddings(.dense(inputs.features), adjacency: inputs.adjacency, graphs: graphs)
    }
    #expect(embeddings(Self.filled()).shape == [20, 6])
    #expect(embeddings(Self.filled(.init(features: 12, hidden: [], classes: 3))).shape == [20, 12])
    let pooled = GCN.Configuration(features: 12, hidden: [8, 6], classes: 4, readout: .sum)
    #expect(embeddings(Self.filled(pooled), graphs).shape == [4, 6])
    var deeper = pooled
    deeper.head = [5, 3]
    let model = Self.filled(deeper)
    guard case .dense(let rows) = embeddings(model, graphs) else { return #expect(Bool(false), "sparse") }
    #expect(rows.shape == [4, 3])
    let last = try #require(model.children.first { $0.name == "lin3" })
    #expect(last.name + "" == model.headPath)
    let logits = model(inputs.features, adjacency: inputs.adjacency, graphs: graphs)
    let parameters = Dictionary(uniqueKeysWithValues: model.namedParameters().map { ($0.path, $0.parameter) })
    let weight = try #require(parameters["lin3.weight"])
    let bias = try #require(parameters["lin3.bias"])
    #expect(linear(rows, weight: weight.tensor, bias: bias.tensor).scalars == logits.scalars)
  }

  @Test func namesOfPyTorchGeometricsModels() {
    typealias Configuration = GCN.Configuration
    let own = ["conv1.bias", "conv1.lin.weight", "conv2.lin.weight", "lin.weight"]
    #expect(Configuration.ownNames(for: own).isEmpty)
    let benchmark = Configuration.ownNames(for: ["conv1.bias", "convs.0.bias", "convs.1.bias", "lin1.weight"])
    #expect(benchmark.map(\.foreign) == ["convs.0", "convs.1"] && benchmark.map(\.own) == ["conv2", "conv3"])
    let plain = Configuration.ownNames(for: ["convs.0.bias", "convs.1.bias"])
    #expect(plain.map(\.own) == ["conv1", "conv2"])
  }

  @Test func configurationsAreWrittenAndRead() throws {
    for configuration in [GCN.Configuration.gcn, .toy, .init(features: 3, hidden: [2], classes: 2, readout: .mean)] {
      let text = GCN(configuration).configurationValue.serialized
      #expect(try JSONValue(parsing: text).decoded(as: GCN.Configuration.self) == configuration)
    }
  }

  @Test(arguments: [GCN.Configuration.toy, .init(features: 12, hidden: [8, 6], classes: 4, readout: .mean)])
  func aNewHeadSharesTheBackbone(configuration: GCN.Configuration) throws {
    let model = Self.filled(configuration)
    let changed = model.replacingHead(outputs: 3, seed: 5)
    let inputs = try Self.small()
    let rows = configuration.readout == nil ? 20 : 1
    #expect(changed(inputs.features, adjacency: inputs.adjacency).shape == [rows, 3])
    #expect(model(inputs.features, adjacency: inputs.adjacency).shape == [rows, 4])
    let old = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.path, $0) })
    for parameter in changed.parameters {
      let isHead = parameter.path.hasPrefix(model.headPath + ".")
      #expect((old[parameter.path]?.identity == parameter.identity) != isHead, "\(parameter.path)")
    }
    #expect(changed.configuration.outputs == 3 && changed.headPath == model.headPath)
    func weight(_ model: GCN) -> [Float] { model.parameters.suffix(2).flatMap { $0.tensor.scalars } }
    #expect(weight(model.replacingHead(outputs: 3, seed: 5)) == weight(changed))
    #expect(weight(model.replacingHead(outputs: 3, seed: 6)) != weight(changed))
  }

  @Test func copiesAndCheckpointsHaveTheSameLogits() throws {
    let model = Self.filled()
    let inputs = try Self.small()
    func logits(_ model: GCN) -> [Float] { model(inputs.features, adjacency: inputs.adjacency).scalars }
    let copy = model.copy()
    #expect(logits(copy) == logits(model))
    copy.parameters[0].assign(Tensor(zeros: copy.parameters[0].shape))
    #expect(logits(copy) != logits(model))
    let loaded = GCN(model.configuration)
    try loaded.load(model.checkpoint(architecture: "gcn"))
    #expect(logits(loaded) == logits(model))
  }

  @Test func whatIsFrozenGetsNoGradient() throws {
    let model = Self.filled()
    let inputs = try Self.small()
    model.freezeBackbone()
    #expect(model.isBackboneFrozen)
    let (_, gradients) = valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
      crossEntropy(model(inputs.features, adjacency: inputs.adjacency), labels: inputs.labels)
    }
    for parameter in model.parameters {
      #expect((gradients[parameter] != nil) == parameter.path.hasPrefix("conv3."), "\(parameter.path)")
    }
  }

  @Test func dropoutFollowsTheNoise() throws {
    let model = Self.filled()
    let inputs = try Self.small()
    func logits(_ step: UInt64) -> [Float] {
      withMode(.training, noise: Noise(seed: 1, step: step)) {
        model(SparseMatrix(inputs.features), adjacency: inputs.adjacency).scalars
      }
    }
    #expect(logits(1) == logits(1) && logits(1) != logits(2))
    #expect(logits(1) != model(inputs.features, adjacency: inputs.adjacency).scalars)
  }

  @Test func configurationsThatDescribeNoNetworkAreRefused() throws {
    let refused: [(GCN.Configuration, String)] = [
      (.init(features: 0), "features"), (.init(features: 1 << 40), "features"), (.init(hidden: [4, 0]), "hidden"),
      (.init(hidden: [1 << 20]), "hidden"), (.init(hidden: Array(repeating: 4, count: 65)), "hidden layers"),
      (.init(hidden: [], readout: .sum), "hidden layers"), (.init(classes: 0), "classes"),
      (.init(head: [3]), "layers of the head"), (.init(readout: .sum, head: [0]), "head"),
      (.init(readout: .sum, headDropout: 1), "headDropout"), (.init(dropout: 1), "dropout"),
      (.init(dropout: -0.1), "dropout"), (.init(dropout: .nan), "dropout"),
    ]
    for (configuration, name) in refused {
      let fault = #expect(throws: ConfigurationFault.self) { try configuration.validate(input: nil) }
      guard case .outOfRange(name, _, _) = fault else {
        Issue.record("\(name): \(String(describing: fault))")
        continue
      }
    }
    for input in [[], [13], [12, 1]] {
      #expect(throws: ConfigurationFault.self) { try GCN.Configuration.toy.validate(input: input) }
    }
    var fitted = GCN.Configuration.toy
    fitted.fit(input: [13])
    #expect(throws: Never.self) { try fitted.validate(input: [13]) }
  }

  // MARK: - Somebody else's network

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)")) func anotherProgramsWeightsGiveItsLogits() throws {
    let folder = try #require(SharedData.folder)
    let checkpoint = try Checkpoint.read(
      from: folder.appendingPathComponent("checkpoints-pytorch/gcn_cora.pth").path)
    let model = GCN(.gcn)
    let report = try model.load(checkpoint)
    #expect(report.loaded.count == 4 && !report.headAbsent)
    let cora = try GraphDataset(path: folder.appendingPathComponent("cora/planetoid/ind.cora").path)
    let logits = model(cora.features, adjacency: cora.adjacency.symmetricallyNormalized())
    let golden = try Goldens("gcn-cora", of: "ModelsTests")
    let some = matmul(SparseMatrix(selecting: Array(stride(from: 0, to: 2708, by: 27)), of: 2708), logits)
    expectClose(actual: some.scalars, shape: some.shape, golden: try golden.array("logits"), name: "logits")
    let predicted = logits.argmax()
    let correct = cora.split.test.count { predicted[$0] == Int(cora.labels.scalars[$0]) }
    #expect(correct == Int(golden.metadata["correct"] ?? ""), "\(correct) of 1,000 test nodes")
  }
}
