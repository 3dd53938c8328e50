import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Learning the classes of whole graphs, from their files to checkpoints.
@Suite struct GraphClassificationTests {
  /// A folder that is removed when the test lets go of it.
  private final class Place {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-graphs-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let place = Place()

  /// Rings, the class 7, and paths, the class 3, of as many nodes.
  ///
  /// - Parameter labelled: whether nodes have labels, the number of the graph's nodes.
  private func rings(_ name: String = "rings", count: Int = 60, labelled: Bool = false) throws -> String {
    var (edges, indicator, labels, nodeLabels, first) = ("", "", "", "", 1)
    for graph in 0..<count {
      let size = 4 + graph / 2 % 4
      let isRing = graph % 2 == 0
      for node in 0..<(isRing ? size : size - 1) {
        edges += "\(first + node), \(first + (node + 1) % size)\n\(first + (node + 1) % size), \(first + node)\n"
      }
      indicator += String(repeating: "\(graph + 1)\n", count: size)
      nodeLabels += String(repeating: "\(size)\n", count: size)
      labels += isRing ? "7\n" : "3\n"
      first += size
    }
    let folder = place.path + "/" + name
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var files = ["A": edges, "graph_indicator": indicator, "graph_labels": labels]
    if labelled { files["node_labels"] = nodeLabels }
    for (part, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)_\(part).txt")) }
    return folder
  }

  private func options(_ data: String, epochs: Int) -> TrainingOptions {
    var options = TrainingOptions(
      data: data, epochs: epochs, optimizer: OptimizerConfiguration(.adam, learningRate: 0.02), schedule: .constant,
      workers: 1)
    options.batchSize = 16
    return options
  }

  private func train(
    _ source: NetworkTraining.Source, _ options: TrainingOptions, run: String = "run",
    _ report: @escaping (String) -> Void = { _ in }
  ) throws -> RunSummary {
    try #require(
      try NetworkTraining.start(
        options, from: source, registry: .zoo, at: place.path + "/" + run, report: report
      ).summary)
  }

  private func scratch(_ name: String) throws -> NetworkTraining.Source {
    .scratch(try Registry.zoo.architecture(named: name))
  }

  @Test func ringsAndPathsAreToldApart() throws {
    let data = try rings()
    var lines: [String] = []
    let summary = try train(scratch("gin-toy"), options(data, epochs: 12)) { lines.append($0) }
    #expect(summary.classes == ["3", "7"] && summary.items == "graphs")
    #expect(try #require(summary.testAccuracy) == 1)
    #expect(
      lines.contains {
        $0.hasSuffix("60 graphs of 2 classes, 326 nodes, 296 edges; features of a node: degrees from 0 to 2")
      },
      "\(lines)")
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    let encoding = NodeEncoding(attributes: 0, labels: [], mostNeighbours: 2)
    #expect(try best.inputPreparation() == .graphs(encoding))

    // What was held out is found again, and scores as it did.
    let model = try #require(try Registry.zoo.model(from: best, path: "best.h5").model as? GIN)
    let collection = try GraphCollection(path: data)
    let prepared = try GraphClassification(collection, encoding, propagation: model.propagation)
    let division = try #require(prepared.division(recorded: best.metadata))
    #expect(division.test.count == 6 && division.validation.count == 6 && division.training.count == 48)
    let labels = try collection.labels(among: ["3", "7"])
    let metrics = prepared.metrics(
      model, on: division.test, labels: labels, classes: ["3", "7"], decision: .mostProbable)
    #expect(metrics.count == 6 && metrics.accuracy == 1)
    // Graphs do not touch: alone they have the same probabilities as among others.
    let all = prepared.probabilities(model)
    #expect(all.count == 60 && all[0].count == 2 && abs(all[0].reduce(0, +) - 1) < 1e-5)
    let alone = prepared.probabilities(model, of: [5])[0]
    #expect(zip(alone, all[5]).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(prepared.embeddings(model, of: [3, 4]).map(\.count) == [3, 3])
    // Other graphs are not those of the training.
    let other = try GraphClassification(
      try GraphCollection(path: rings("more", count: 62)), encoding, propagation: model.propagation)
    #expect(other.division(recorded: best.metadata) == nil)
  }

  @Test(arguments: ["gin-toy", "gcn-graph"]) func aRunThatStopsGoesOnAsIfItHadNot(name: String) throws {
    let data = try rings(count: 30)
    var options = options(data, epochs: 4)
    if name == "gcn-graph" {
      options.configuration = [.init(name: "hidden", value: "[6,5]"), .init(name: "head", value: "[4]")]
    }
    _ = try train(scratch(name), options, run: "whole")
    options.epochs = 2
    _ = try train(scratch(name), options, run: "parts")
    _ = try NetworkTraining.resume(
      at: place.path + "/parts", registry: .zoo, changes: ResumeChanges(epochs: 4)
    ) { _ in }
    let (whole, parts) = try (
      Checkpoint.read(from: place.path + "/whole/last.h5"), Checkpoint.read(from: place.path + "/parts/last.h5")
    )
    #expect(whole.entries.count == parts.entries.count)
    for (a, b) in zip(whole.entries, parts.entries) {
      #expect(a.path == b.path && a.array.floats() == b.array.floats(), "\(a.path)")
    }
    // Data that have changed are refused.
    _ = try rings(count: 32)
    #expect(throws: TrainingFault.self) {
      try NetworkTraining.resume(at: place.path + "/parts", registry: .zoo, changes: ResumeChanges(epochs: 6)) { _ in }
    }
  }

  /// The graphs that are held out now were learned in a training before the last one.
  @Test func whatWasLearnedBeforeIsKept() throws {
    let data = try rings(count: 40)
    var source = try scratch("gin-toy")
    for (run, seed) in [("first", UInt64(1)), ("second", 2), ("third", 2), ("fourth", 1)] {
      var options = options(data, epochs: 1)
      options.seed = seed
      var lines: [String] = []
      _ = try train(source, options, run: run) { lines.append($0) }
      let path = place.path + "/\(run)/best.h5"
      let checkpoint = try Checkpoint.read(from: path)
      let split = try #require(checkpoint.metadata.split)
      #expect(split.wasLearnedBefore(.test) == (run != "first") && !split.wasLearnedBefore(.train))
      #expect(lines.contains { $0.contains("in another division") } == (run != "first"), "\(run): \(lines)")
      let advice = lines.contains { $0.hasSuffix("; give --seed 1 --validation 0.1 to hold out the same") }
      #expect(advice == (run == "second"), "\(lines)")
      // The third one is divided as the second was.
      #expect(checkpoint.metadata.formerTrainings.count == ["first": 0, "second": 1][run] ?? 2)
      source = .checkpoint(checkpoint, path: path)
    }
  }

  @Test func fineTuningKeepsTheFeaturesThatTheNetworkKnows() throws {
    let data = try rings(count: 40, labelled: true)
    _ = try train(scratch("gin-toy"), options(data, epochs: 1))
    let path = place.path + "/run/best.h5"
    let checkpoint = try Checkpoint.read(from: path)
    let encoding = NodeEncoding(attributes: 0, labels: [.init(first: 4, count: 4)], mostNeighbours: nil)
    #expect(try checkpoint.inputPreparation() == .graphs(encoding))
    // Fewer labels than the network knows.
    let small = try rings("small", count: 20, labelled: true)
    try Data(String(repeating: "5\n", count: try GraphCollection(path: small).nodes).utf8).write(
      to: URL(filePath: small + "/small_node_labels.txt"))
    _ = try train(.checkpoint(checkpoint, path: path), options(small, epochs: 1), run: "tuned")
    let tuned = try Checkpoint.read(from: place.path + "/tuned/best.h5")
    #expect(try tuned.inputPreparation() == .graphs(encoding))
    // Nodes without labels.
    let bare = try rings("bare", count: 20)
    #expect(throws: GraphDataFault.otherNodes(path: bare, part: "columns of labels", found: 0, expected: 1)) {
      try train(.checkpoint(checkpoint, path: path), options(bare, epochs: 1), run: "bare-run")
    }
    var asking = options(small, epochs: 1)
    var graph = GraphOptions()
    graph.nodeFeatures = [.degree]
    asking.kind = .graph(graph)
    #expect(throws: TrainingFault.keptNodeFeatures(path: path)) {
      try train(.checkpoint(checkpoint, path: path), asking, run: "asking")
    }
    let own = try train(scratch("gin-toy"), asking, run: "degrees")
    #expect(own.epochs == 1)
    #expect(
      try Checkpoint.read(from: place.path + "/degrees/best.h5").inputPreparation()
        == .graphs(NodeEncoding(attributes: 0, labels: [], mostNeighbours: 2)))
  }

  @Test func networksAndDataThatDoNotGoTogether() throws {
    let data = try rings(count: 20)
    func fault(_ name: String, _ options: TrainingOptions) -> String {
      do { _ = try train(scratch(name), options, run: "none") } catch { return "\(error)" }
      return "no fault"
    }
    #expect(
      fault("gcn", options(data, epochs: 1))
        == "readout is none; it has to be mean, sum or max to classify whole graphs")
    var single = options(data, epochs: 1)
    single.batchSize = 1
    #expect(fault("gin-toy", single).contains("batch size"))
    try Data("1\n1\n".utf8).write(to: URL(filePath: data + "/rings_graph_labels.txt"))
    #expect(fault("gin-toy", options(data, epochs: 1)).contains("graph_indicator.txt: line"))
    try Data(String(repeating: "1\n", count: 20).utf8).write(to: URL(filePath: data + "/rings_graph_labels.txt"))
    #expect(fault("gin-toy", options(data, epochs: 1)).hasSuffix("the classes of the graphs: there are not two"))
    try FileManager.default.removeItem(atPath: data + "/rings_graph_labels.txt")
    #expect(fault("gin-toy", options(data, epochs: 1)).contains("the graphs have no classes"))
    #expect(!FileManager.default.fileExists(atPath: place.path + "/none"))
  }

  @Test func optionsAreWrittenAndRead() throws {
    var options = options("x", epochs: 1)
    var graph = GraphOptions()
    for parts in [nil, [NodeEncoding.Part.labels, .degree]] {
      graph.nodeFeatures = parts
      options.kind = .graph(graph)
      let text = try JSONEncoder().encode(options)
      #expect(try JSONDecoder().decode(TrainingOptions.self, from: text) == options)
    }
    graph.nodeFeatures = []
    options.kind = .graph(graph)
    #expect(throws: TrainingFault.self) { try options.validate() }
    graph.nodeFeatures = [.degree, .degree]
    options.kind = .graph(graph)
    #expect(throws: TrainingFault.self) { try options.validate() }
  }
}
