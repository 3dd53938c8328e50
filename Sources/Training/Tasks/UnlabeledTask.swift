import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// Learning what data look like, without labels, by contrastive divergence. The loss is the mean squared error of the
/// reconstruction, unless the data say otherwise: it falls as the network learns, though it is not what is learned.
final class UnlabeledTask<Model: EnergyModel>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let monitors: [Monitor]?
  private let source: any UnlabeledSource
  private let seed: UInt64

  init(_ model: Model, _ source: any UnlabeledSource, metadata: Checkpoint.Metadata, seed: UInt64) {
    self.model = model
    self.source = source
    self.metadata = metadata
    self.seed = seed
    monitors = source.monitors(of: model)
  }

  var items: String { source.items }
  var skipped: Int { source.skipped }
  var batchesPerEpoch: Int { source.batchesPerEpoch }

  func prepare() throws { try source.prepare(model) }

  func batches(epoch: Int, startingAt start: Int) throws -> AnySequence<Tensor?> {
    try source.batches(epoch: epoch, startingAt: start)
  }

  func checkBatches() throws { try source.checkBatches() }

  func count(_ batch: Tensor?) -> Int { batch?.shape[0] ?? 0 }

  /// For a look at the network: `step` does not learn along its gradients.
  func loss(_ batch: Tensor?, step number: Int) -> (loss: Tensor, outputs: Tensor) {
    guard let batch else { return (Tensor(0), Tensor(0)) }
    let made = model.reconstruction(batch, completing: false)
    return ((batch - made).squared().mean(), made)
  }

  func step(_ batch: Tensor?, _ step: TrainingStep) throws -> StepResult {
    guard let batch else { return StepResult(loss: 0, count: 0) }
    let (gradients, error) = model.divergence(batch, seed: seed, update: UInt64(step.number))
    let loss = source.trainingLoss(batch, model) ?? Double(error)
    try step.update(gradients)
    return StepResult(loss: loss, count: batch.shape[0])
  }

  func validate() throws -> Scores? { try source.validate(model) }

  func test() throws -> Scores? { try source.test(model) }

  var testedNumbers: RegressionMetrics? { source.testedNumbers }
}

/// Where the visible values of a run come from.
protocol UnlabeledSource {
  /// What an item is called.
  var items: String { get }
  var batchesPerEpoch: Int { get }
  var skipped: Int { get }
  /// Before the first epoch of a session; where nothing has been learned, the visible biases are set.
  func prepare(_ model: any EnergyModel) throws
  /// [N, visible] each; nil for a batch of which nothing can be read.
  func batches(epoch: Int, startingAt start: Int) throws -> AnySequence<Tensor?>
  func checkBatches() throws
  /// What a batch's loss is, before the step; nil for the mean squared error of the reconstruction.
  func trainingLoss(_ batch: Tensor, _ model: any EnergyModel) -> Double?
  func validate(_ model: any EnergyModel) throws -> Scores?
  func test(_ model: any EnergyModel) throws -> Scores?
  /// How well the last `test` predicted numbers; nil where there are none to predict.
  var testedNumbers: RegressionMetrics? { get }
  /// What `validate` reports.
  func monitors(of model: any EnergyModel) -> [Monitor]
}

extension UnlabeledSource {
  var skipped: Int { 0 }
  var testedNumbers: RegressionMetrics? { nil }
  func checkBatches() throws {}
  func trainingLoss(_ batch: Tensor, _ model: any EnergyModel) -> Double? { nil }
  func monitors(of model: any EnergyModel) -> [Monitor] { [.loss] + (model.isBinary ? [.pseudoLikelihood] : []) }
}

/// How well an energy model knows visible values, summed up batch by batch.
public struct UnlabeledMetrics {
  /// How many there are.
  public private(set) var count = 0
  private var squares = 0.0
  private var values = 0
  private var energies = 0.0
  private var likelihoods = 0.0
  private let isBinary: Bool
  private let seed: UInt64

  /// - Parameter seed: of the visible values that the pseudo-likelihood looks at.
  public init(of model: any EnergyModel, seed: UInt64 = 0) {
    isBinary = model.isBinary
    self.seed = seed
  }

  /// Adds a batch [N, visible].
  public mutating func add(_ visible: Tensor, _ model: any EnergyModel) {
    let stream = RandomStream(seed: seed, purpose: "pseudo-likelihood", step: UInt64(count))
    let (error, energy, likelihood) = inference {
      (
        (visible - model.reconstruction(visible, completing: false)).squared().sum().scalar,
        model.freeEnergies(visible).sum().scalar, model.pseudoLogLikelihoods(visible, stream: stream)?.sum().scalar
      )
    }
    count += visible.shape[0]
    values += visible.count
    squares += Double(error)
    energies += Double(energy)
    likelihoods += Double(likelihood ?? 0)
  }

  /// The mean squared error of the reconstruction, over all values; nil without any.
  public var reconstructionError: Double? { values > 0 ? squares / Double(values) : nil }
  /// The mean free energy; nil of nothing.
  public var freeEnergy: Double? { count > 0 ? energies / Double(count) : nil }
  /// nil also where not all visible units are binary.
  public var pseudoLikelihood: Double? { isBinary && count > 0 ? likelihoods / Double(count) : nil }

  var scores: Scores? {
    reconstructionError.map {
      var scores = Scores(loss: $0)
      scores.pseudoLikelihood = pseudoLikelihood
      return scores
    }
  }
}
