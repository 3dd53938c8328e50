import Aviary

// What networks make of a graph's nodes, and of the graphs of a collection.

extension DataEvaluation {
  /// The network, checked against a graph.
  struct NodeSetting {
    let dataset: GraphDataset
    let task: NodeClassification
    let model: any NodeClassifier
    /// The names of the network's outputs.
    let classes: [String]
  }

  /// The same for a collection.
  struct GraphSetting {
    let data: GraphClassification
    let model: any NodeClassifier
    let classes: [String]
  }

  private func nodeClassifier() throws -> any NodeClassifier {
    guard let model = model as? any NodeClassifier else { throw unsuited(.graphs) }
    return model
  }

  /// - Parameter needsLabels: whether the graph has to say the classes of its nodes.
  func nodeSetting(_ data: String, needsLabels: Bool) throws -> NodeSetting {
    let model = try nodeClassifier()
    var preparation = InputPreparation.GraphPreparation(normalizesFeatures: true)
    if case .graph(let stored)? = try checkpoint.inputPreparation() { preparation = stored }
    func open(_ model: some NodeClassifier) throws -> NodeSetting {
      // A graph without a split is split as in training.
      let dataset = try GraphDataset(
        path: data, seed: preparation.splitSeed ?? 0, features: inputWidth, needsLabels: needsLabels)
      for remark in dataset.remarks { tell(remark) }
      let task = NodeClassification(
        dataset, normalizingFeatures: preparation.normalizesFeatures, propagation: model.propagation)
      try task.check(model)
      let outputs = model.configuration.outputs
      let own = dataset.classes == outputs ? dataset.classNames : nil
      return NodeSetting(dataset: dataset, task: task, model: model, classes: try classes(own))
    }
    return try open(model)
  }

  /// How many features the network takes, as far as its configuration says so.
  private var inputWidth: Int? { model.configurationValue["features"]?.integer }

  func graphSetting(_ data: String) throws -> GraphSetting {
    let collection = try GraphCollection(path: data)
    let encoding: NodeEncoding
    switch try checkpoint.inputPreparation() {
    case .graphs(let known)?: encoding = known
    case nil: encoding = try NodeEncoding(fitting: collection)
    case let other?: throw TrainingFault.otherKind(path: path, known: other.description)
    }
    for remark in collection.remarks { tell(remark) }
    let unknown = encoding.unknown(in: collection)
    if !unknown.isEmpty {
      tell(
        "\(data): \(counted(unknown.count, "label")) of nodes that the network does not know count as none: "
          + unknown.prefix(8).map(String.init).joined(separator: ", "))
    }
    func open(_ model: some NodeClassifier) throws -> GraphSetting {
      let data = try GraphClassification(collection, encoding, propagation: model.propagation)
      try data.check(model)
      let own = collection.classNames
      return GraphSetting(
        data: data, model: model, classes: try classes(own.count == model.configuration.outputs ? own : nil))
    }
    return try open(try nodeClassifier())
  }

  /// The names of the outputs: the checkpoint's, else the data's, else numbers.
  private func classes(_ own: [String]?) throws -> [String] {
    let outputs = model.configuration.outputs
    guard let known = checkpoint.metadata.classes, !checkpoint.metadata.headAbsent else {
      return own ?? (0..<outputs).map(String.init)
    }
    guard known.count == outputs else {
      throw CommandFault.classCount(source: path, found: known.count, expected: outputs)
    }
    return known
  }

  // MARK: Evaluation

  /// On the test nodes, by default, or the test graphs of a collection.
  func graph(_ data: String) throws -> EvaluationReport {
    if GraphCollection.isPresent(at: data) { return try graphs(data) }
    let setting = try nodeSetting(data, needsLabels: true)
    let (dataset, outputs) = (setting.dataset, model.configuration.outputs)
    guard outputs == dataset.classes else {
      throw CommandFault.classCount(source: data, found: dataset.classes, expected: outputs)
    }
    let name = part ?? .test
    tell(
      "\(data): graph, \(counted(dataset.nodes, "node")), \(counted(dataset.edges, "edge")); "
        + (name == .all ? "the nodes of all parts" : "\(name.word) nodes"))
    let parts: [NodeClassification.Part] =
      switch name {
      case .all: NodeClassification.Part.allCases
      case .train: [.training]
      case .validation: [.validation]
      case .test: [.test]
      }
    let decision = announcedDecision()
    func open(_ model: some NodeClassifier) -> ClassificationMetrics {
      setting.task.metrics(model, on: parts, keepsProbabilities: true, decision: decision)
    }
    let split = dataset.split
    let nodes = parts.flatMap { part in
      switch part {
      case .training: split.training
      case .validation: split.validation
      case .test: split.test
      }
    }
    return EvaluationReport(open(setting.model), item: "node").named(nodes.map(String.init)).onPart(name)
  }

  private func graphs(_ data: String) throws -> EvaluationReport {
    let setting = try graphSetting(data)
    let collection = setting.data.collection
    if checkpoint.metadata.classes == nil, collection.classNames.count != model.configuration.outputs {
      throw CommandFault.classCount(
        source: data, found: collection.classNames.count, expected: model.configuration.outputs)
    }
    let labels = try collection.labels(among: setting.classes)
    let (name, chosen) = try chosenGraphs(data, setting)
    let decision = announcedDecision()
    func open(_ model: some NodeClassifier) -> ClassificationMetrics {
      setting.data.metrics(
        model, on: chosen, labels: labels, classes: setting.classes, keepsProbabilities: true, decision: decision)
    }
    let graphs = chosen ?? Array(0..<collection.count)
    return EvaluationReport(open(setting.model), item: "graph").named(graphs.map { "\($0 + 1)" }).onPart(name)
  }
}

extension DataEvaluation {
  /// The graphs of the part that is evaluated; nil for all.
  func chosenGraphs(_ data: String, _ setting: GraphSetting) throws -> (part: EvaluationPart, graphs: [Int]?) {
    let collection = setting.data.collection
    let division = setting.data.division(recorded: checkpoint.metadata)
    let familiarity: Familiarity =
      if let split = checkpoint.metadata.split {
        division != nil
          ? .divided(split) : setting.data.wereLearnedBefore(checkpoint.metadata) ? .learnedBefore : .otherFile
      } else {
        .unknown
      }
    let choice = PartChoice(given: part, checkpoint: checkpoint, path: path, data: data, noun: "collection")
    guard let (part, _) = try choice.division(all: counted(collection.count, "graph"), familiarity) else {
      return (.all, nil)
    }
    let chosen = division?.graphs(of: part)
    choice.tellPart(part, count: chosen?.count ?? 0, of: collection.count, "graph")
    return (part, chosen)
  }
}

extension DataSplit {
  fileprivate func graphs(of part: EvaluationPart) -> [Int]? {
    switch part {
    case .train: training
    case .validation: validation
    case .test: test
    case .all: nil
    }
  }
}
