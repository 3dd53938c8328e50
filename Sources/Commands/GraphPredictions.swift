import Aviary

/// The predictions of `aviary predict` for the nodes of a graph, and for the graphs of a collection.
struct GraphPredictions {
  /// The number of classes that are printed.
  let top: Int
  private(set) var lines: [String] = []
  /// Items without a prediction, a line each.
  private(set) var faults: [String] = []
  /// As JSON has them.
  private(set) var predictions: [JSONValue] = []

  /// Which class is predicted.
  private let decision: ClassDecision
  private let temperature: Double?

  init(top: Int, decision: ClassDecision, temperature: Double? = nil) {
    self.top = top
    self.decision = decision
    self.temperature = temperature
  }

  var count: Int { predictions.count }
  /// Predicts the nodes of a graph.
  ///
  /// - Parameter chosen: which of them; nil for all.
  mutating func addNodes(_ path: String, _ chosen: ItemNumbers?, _ evaluation: DataEvaluation) throws {
    let setting = try evaluation.nodeSetting(path, needsLabels: false)
    let last = setting.dataset.nodes - 1
    let nodes = try chosen?.numbers("--nodes", of: path, items: "nodes", in: 0...last) ?? Array(0...last)
    func open(_ model: some NodeClassifier) -> [Float] { setting.task.probabilities(model) }
    let probabilities = open(setting.model)
    let count = setting.classes.count
    add(
      path, "node", nodes.map { ($0, Array(probabilities[$0 * count..<($0 + 1) * count])) }, setting.classes,
      evaluation.model)
  }

  /// Predicts the graphs of a collection, counted from 1 as in its files.
  mutating func addGraphs(_ path: String, _ chosen: ItemNumbers?, _ evaluation: DataEvaluation) throws {
    let setting = try evaluation.graphSetting(path)
    let last = setting.data.collection.count
    let graphs = try chosen?.numbers("--graphs", of: path, items: "graphs", in: 1...last) ?? Array(1...last)
    func open(_ model: some NodeClassifier) -> [[Float]] {
      setting.data.probabilities(model, of: graphs.map { $0 - 1 })
    }
    add(path, "graph", Array(zip(graphs, open(setting.model))), setting.classes, evaluation.model)
  }

  private mutating func add(
    _ path: String, _ item: String, _ answers: [(number: Int, probabilities: [Float])], _ classes: [String],
    _ model: some Network
  ) {
    // The weights are looked through once.
    var weights: String??
    for (number, probabilities) in answers {
      let place: [JSONValue.Member] = [.init("data", .text(path)), .init(item, .integer(number))]
      let name = "\(path) \(item) \(number)"
      guard probabilities.allSatisfy(\.isFinite) else {
        let cause = weights ?? model.checkpoint(architecture: nil).nonfinite.first?.description
        weights = .some(cause)
        let fault = "\(PredictionFault.notFinite(item: name, weights: cause))"
        faults.append(fault)
        lines.append("\(name): not predicted")
        predictions.append(.object(place + [.init("error", .text(fault))]))
        continue
      }
      let best = decision.order(probabilities).prefix(top)
      let probabilities = probabilities.scaled(temperature)
      lines.append(
        "\(name): " + best.map { "\(classes[$0]) \(percent(Double(probabilities[$0])))" }.joined(separator: ", "))
      let found = best.map { place -> JSONValue in
        .members(["name": .text(classes[place]), "probability": .real(probabilities[place])])
      }
      predictions.append(.object(place + [.init("classes", .array(found))]))
    }
  }
}
