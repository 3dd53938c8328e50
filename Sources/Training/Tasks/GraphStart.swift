import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// From a collection of graphs and the beginning of a run to a task.
struct GraphStart {
  /// The share of the graphs that is the test.
  static let testShare = 0.1

  private let beginning: Beginning
  private let options: TrainingOptions
  private let collection: GraphCollection
  private let encoding: NodeEncoding

  init(_ beginning: Beginning, _ options: TrainingOptions, _ graph: GraphOptions) throws {
    self.beginning = beginning
    self.options = options
    collection = try GraphCollection(path: options.data)
    guard collection.labels != nil else { throw GraphDataFault.noLabels(path: options.data) }
    guard collection.classNames.count > 1 else {
      throw GraphDataFault.malformed(path: options.data, part: "the classes of the graphs", reason: "there are not two")
    }
    try beginning.requireSameClasses(collection.classNames, options)
    if let known = try Self.known(by: beginning.checkpoint) {
      if beginning.isSource, graph.nodeFeatures != nil {
        throw TrainingFault.keptNodeFeatures(path: beginning.checkpoint?.path ?? "")
      }
      encoding = known
    } else {
      encoding = try NodeEncoding(fitting: collection, parts: graph.nodeFeatures)
    }
    if beginning.isSource { report() }
  }

  /// How the network of a checkpoint takes nodes; nil where its file does not say.
  private static func known(by checkpoint: (checkpoint: Checkpoint, path: String)?) throws -> NodeEncoding? {
    guard let (checkpoint, path) = checkpoint, let preparation = try checkpoint.inputPreparation() else { return nil }
    guard case .graphs(let encoding) = preparation else {
      throw TrainingFault.otherKind(path: path, known: preparation.description)
    }
    return encoding
  }

  private func report() {
    for remark in collection.remarks { beginning.report(remark) }
    let unknown = encoding.unknown(in: collection)
    if !unknown.isEmpty {
      beginning.report(
        "\(options.data): labels of nodes that the network does not know count as none: "
          + unknown.prefix(8).map(String.init).joined(separator: ", ") + (unknown.count > 8 ? ", …" : ""))
    }
    beginning.report(
      "\(options.data): \(collection.count) graphs of \(collection.classNames.count) classes, \(collection.nodes) nodes, "
        + "\(collection.edges) edges; features of a node: \(encoding.description)")
  }

  func task() throws -> any TrainingTask {
    let classes = collection.classNames
    for (name, file) in [("validation", options.partFiles.validation), ("test", options.partFiles.test)] {
      if let file { throw TrainingFault.invalidSetting(name: name, value: file, allowed: "a share of the graphs") }
    }
    var split = RecordedSplit(options.splitPlan(test: Self.testShare))
    let labels = try collection.labels(among: classes)
    let division = try split.division(of: labels, classes: classes)
    split.held = HeldOut(division)
    let features = try encoding.features(of: collection)
    let start = try beginning.start(
      input: [encoding.columns], outputs: classes.count, head: beginning.knownHead(for: classes),
      data: collection.fingerprint(features: features, labels: labels, division), options)
    var metadata = start.metadata
    metadata.classes = classes
    metadata.preprocessing = try InputPreparation.graphs(encoding).json()
    try beginning.keep(split, in: &metadata) { former in
      guard
        let found = collection.division(
          recorded: former.split, former.data, features: features, labels: labels, classes: classes)
      else { return nil }
      var division = former.split
      division.held = HeldOut(found)
      return division
    }
    func open(_ model: some NodeClassifier) throws -> any TrainingTask {
      let data = GraphClassification(collection, encoding, features: features, propagation: model.propagation)
      try data.check(model)
      try TrainingFault.check(
        "batch size", options.batchSize, options.batchSize > 1 || !model.learnsFromStatistics,
        "at least 2 for a network with batch normalisation")
      let parts = data.parts(division, labels: labels)
      let task = SupervisedTask(
        model, on: parts, options, items: "graphs", metadata: metadata, mostAtOnce: data.examples.mostAtOnce,
        purpose: "graph order"
      ) { model($0.features, adjacency: $0.adjacency, graphs: $0.graphs) }
      task.monitors = Monitor.ofClasses
      // Counted from 1, as in the files.
      task.itemNames = { $0.inputs.graphs.map { "\($0 + 1)" } }
      return task
    }
    return try open(start.model(as: (any NodeClassifier).self, for: .graphs))
  }
}
