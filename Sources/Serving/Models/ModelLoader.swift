import Aviary
import AviaryArchives

/// Why a file is not served.
package enum LoadingFault: Error, Equatable, CustomStringConvertible {
  /// The network is for data of another kind than images and rows of tables.
  case unsuited(path: String, what: String)
  /// The outputs are numbers, and there is nothing to say what they mean.
  case noClasses(path: String)
  /// The network takes more than one input, or gives more than one output.
  case manyInputs(path: String)
  /// The file does not say what the numbers of a row are.
  case unprepared(path: String, inputs: String)
  /// A folder is no checkpoint.
  case folder(path: String)
  /// The network was tried, and does not work.
  case broken(path: String, reason: String)

  package var description: String {
    switch self {
    case .unsuited(let path, let what):
      "\(path): is for \(what), and only classifiers of images and networks for rows of tables are served"
    case .noClasses(let path): "\(path): it does not classify images; only image classifiers can be served"
    case .manyInputs(let path):
      "\(path): takes several inputs or texts, or gives several outputs, which is not served; use aviary predict"
    case .unprepared(let path, let inputs):
      "\(path): takes \(inputs), and its file does not say what they are; fine-tune it on their table, which keeps the columns (aviary finetune --from \(path) --data TABLE.csv --target COLUMN), or use aviary predict; if they are pixels, add --preprocessing with aviary convert"
    case .folder(let path): "\(path): is a folder and no run; give the checkpoints in it, as \(path)/NAME.h5"
    case .broken(let path, let reason): "\(path): the network was tried and does not work: \(reason)"
    }
  }
}

/// Makes models of files.
package struct ModelLoader: Sendable {
  let registry: Registry
  let limits: ServedModel.Limits
  let metrics: ServingMetrics

  package init(registry: Registry, limits: ServedModel.Limits, metrics: ServingMetrics) {
    self.registry = registry
    self.limits = limits
    self.metrics = metrics
  }

  /// Reads a file into memory: whatever happens to the file later, the model stays what it is.
  ///
  /// The calling thread is busy for as long as that takes.
  package func load(_ path: String, name: String, version: Int) throws -> ServedModel {
    if FileSystem.isFolder(path) { throw LoadingFault.folder(path: path) }
    var checkpoint = try Checkpoint.read(from: path, options: .init(map: false))
    if checkpoint.metadata.architecture == nil {
      if let known = try registry.recognized(checkpoint, path: path) {
        checkpoint = known.checkpoint
      } else if checkpoint.kerasModel?.configuration != nil {
        checkpoint = try checkpoint.kerasNetwork(path: path).checkpoint
      }
    }
    guard let architecture = checkpoint.metadata.architecture else { throw registry.unnamed(checkpoint) }
    if checkpoint.metadata.headAbsent { throw PredictionFault.headAbsent(path: path) }
    let parts =
      switch try checkpoint.inputPreparation() {
      case .images: try images(checkpoint, path)
      case .table(let preprocessing): try rows(checkpoint, preprocessing, path)
      case nil: try undescribed(checkpoint, architecture, path)
      case .series: throw LoadingFault.unsuited(path: path, what: "a time series")
      case .textColumn, .tags, .translation, .generation, .text: throw LoadingFault.unsuited(path: path, what: "texts")
      case .unlabeled: throw LoadingFault.unsuited(path: path, what: "data without labels")
      case .graph, .graphs: throw LoadingFault.unsuited(path: path, what: "graphs")
      }
    if let configuration = (parts.model as? KerasNetwork)?.configuration {
      let isSingle = configuration.inputs.count == 1 && configuration.namedOutputs.count == 1
      if configuration.takesTexts || configuration.takesTokens || !isSingle {
        throw LoadingFault.manyInputs(path: path)
      }
    }
    func frozen(_ model: some Classifier) -> InferenceClassifier { model.frozenForInference() }
    let model = ServedModel(
      name: name, version: "\(version)", architecture: architecture, kind: parts.kind, classes: parts.classes,
      outputCount: parts.model.configuration.outputs, decision: checkpoint.metadata.decision,
      frozen: frozen(parts.model), limits: limits, metrics: metrics)
    do throws(ServingFault) { try model.check() } catch {
      throw LoadingFault.broken(path: path, reason: error.description)
    }
    return model
  }

  /// Throws, and says what is missing of a file that does not say how its inputs are prepared.
  private func undescribed(_ checkpoint: Checkpoint, _ architecture: String, _ path: String) throws -> Parts {
    let known = try registry.architecture(named: architecture)
    if known.kinds == [.tables] { throw LoadingFault.unprepared(path: path, inputs: "rows of numbers") }
    let network = try known.build(configuration: checkpoint.metadata.configuration)
    guard let configuration = (network as? KerasNetwork)?.configuration else { return try images(checkpoint, path) }
    if configuration.inputs.count > 1 || configuration.takesTexts || configuration.takesTokens {
      throw LoadingFault.manyInputs(path: path)
    }
    let extents = configuration.input.map { $0.map(String.init) ?? "any number of" }
    switch configuration.input.count {
    case 1: throw LoadingFault.unprepared(path: path, inputs: "rows of \(extents[0]) numbers")
    case 2:
      throw LoadingFault.unprepared(path: path, inputs: "sequences of \(extents[1]) rows of \(extents[0]) numbers")
    default: return try images(checkpoint, path)
    }
  }

  private typealias Parts = (model: any Classifier, kind: ServedModel.Kind, classes: [String])

  private func images(_ checkpoint: Checkpoint, _ path: String) throws -> Parts {
    let predictor = try ImagePredictor(checkpoint, registry: registry, path: path)
    if (predictor.model as? KerasNetwork)?.configuration.output == .values { throw LoadingFault.noClasses(path: path) }
    return (predictor.model, .images(predictor.preprocessing), predictor.classes)
  }

  private func rows(_ checkpoint: Checkpoint, _ preprocessing: TablePreprocessing, _ path: String) throws -> Parts {
    let (model, architecture, _) = try registry.classifier(from: checkpoint, path: path)
    _ = try architecture.build(
      configuration: checkpoint.metadata.configuration, input: [preprocessing.featureCount])
    let classes = preprocessing.classes ?? []
    let outputs = model.configuration.outputs
    guard outputs == max(1, classes.count) else {
      throw PredictionFault.classCount(path: path, names: max(1, classes.count), outputs: outputs)
    }
    return (model, .rows(preprocessing), classes)
  }
}
