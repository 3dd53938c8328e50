import AviaryLayers
import AviaryTensors

/// Whether explanations depend on what a model has learned (Adebayo et al., "Sanity Checks for Saliency Maps", 2018): its
/// layers become random one after the other, from the output to the input, and maps are compared with the original's.
///
/// A method whose maps of random weights look like the trained model's shows the photograph's edges, not the decision.
public struct SanityCheck: Sendable {
  /// The map after more layers have been made random.
  public struct Stage: Sendable {
    /// The layer that was made random last; all that work after it are random, too.
    public let layer: String
    /// Spearman's correlation of the magnitudes of both maps; 0 where that of random weights is the same everywhere.
    public let correlation: Double
  }

  /// From the layer that works last to the one that works first; none where there is nothing to compare: the map is the same
  /// everywhere, or the model has no weights.
  public let stages: [Stage]

  init(stages: [Stage]) { self.stages = stages }

  /// From here on, maps of random weights are too much like the trained model's.
  public static let limit = 0.5

  /// The mean of all stages. A method that shows edges keeps its map for as long as the first convolutions are trained ones,
  /// so that the last stage alone would not give it away. Nil without stages.
  public var correlation: Double? {
    stages.isEmpty ? nil : stages.reduce(0) { $0 + $1.correlation } / Double(stages.count)
  }

  /// Whether the explanation means anything: without what was learned it is another one. Nil where nothing was compared.
  public var dependsOnWeights: Bool? { correlation.map { $0 < Self.limit } }
}

extension SanityCheck {
  /// - Parameters:
  ///   - model: a copy of the model, whose parameters are random afterwards.
  ///   - mostStages: how many maps are compared at most; where there are more layers, several become random at once.
  ///   - run: a pass of the model, which shows the order in which its layers work.
  ///   - explain: the map of the model as it is at the time; it should be signed where the method gives signs.
  ///   - seed: of everything random.
  public init<Model: Layer>(
    randomizing model: Model, seed: UInt64 = 0, mostStages: Int = 10, run: (Model) -> Void,
    explain: (Model) throws(ExplanationFault) -> Tensor
  ) throws(ExplanationFault) {
    let original = abs(try explain(model)).scalars
    guard original.contains(where: { $0 != original[0] }) else {
      self.init(stages: [])
      return
    }
    let layers = Self.cascade(of: model, run)
    let perStage = max(1, (layers.count + mostStages - 1) / max(1, mostStages))
    var stages: [Stage] = []
    for (place, layer) in layers.enumerated() {
      model.randomize(layer.cells, seed: seed)
      // The last stage is a model without any learned weight.
      guard (layers.count - 1 - place) % perStage == 0 else { continue }
      let correlation = rankCorrelation(original, abs(try explain(model)).scalars) ?? 0
      stages.append(Stage(layer: layer.path, correlation: correlation))
    }
    self.init(stages: stages)
  }

  /// The layers that hold parameters themselves, from the last to work to the first, and the paths of these.
  private static func cascade<Model: Layer>(
    of model: Model, _ run: (Model) -> Void
  ) -> [(path: String, cells: Set<String>)] {
    let order = inference { model.executionOrder { run(model) } }.map(\.path)
    var cells: [String: Set<String>] = [:]
    for (path, parameter) in model.namedParameters() where !parameter.shape.isEmpty {
      let layer = path.split(separator: ".").dropLast().joined(separator: ".")
      cells[layer, default: []].insert(path)
    }
    var cascade: [(path: String, cells: Set<String>)] = []
    for path in order.reversed() {
      if let own = cells.removeValue(forKey: path) { cascade.append((path, own)) }
    }
    // Those of layers that cannot be seen working, such as a transformer's positions, go last.
    return cascade + cells.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

extension Layer {
  /// Fills parameters anew, and the statistics beside them. What its layer would begin with as one number everywhere, such as
  /// a head of zeros, becomes random, too: a map of nothing is like no other.
  fileprivate func randomize(_ paths: Set<String>, seed: UInt64) {
    let layers = Set(paths.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
    initialize(seed: seed) { path in
      paths.contains(path) || layers.contains(path.split(separator: ".").dropLast().joined(separator: "."))
    }
    for (path, parameter) in namedParameters() where paths.contains(path) && parameter.shape.count >= 2 {
      let scalars = parameter.tensor.scalars
      guard let first = scalars.first, scalars.allSatisfy({ $0 == first }) else { continue }
      let inputs = parameter.shape.dropFirst().reduce(1, *)
      parameter.assign(
        Tensor(
          normal: 0, deviation: 1 / Float(inputs).squareRoot(),
          stream: RandomStream(seed: seed, purpose: "sanity check", path: path), shape: parameter.shape))
    }
  }
}
