import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// What is learned in a run: a model, the data in batches, and what the model's loss on a batch is. Everything that does
/// not depend on them belongs to the run: see `fit`.
///
/// A task of one's own needs a model, batches and a loss; the rest has defaults. `SupervisedTask` makes one of any dataset.
/// For a run to resume exactly, a step must depend on nothing but the weights, the optimizer's state, the batch and the
/// step's number, and the batches of an epoch on nothing but the epoch's number.
public protocol TrainingTask {
  /// The model that learns.
  associatedtype Model: Layer
  /// The batches of an epoch.
  associatedtype Batches: Sequence

  /// The model that learns.
  var model: Model { get }
  /// What an item is called, for a person: `images` of images per second.
  var items: String { get }
  /// What checkpoints say about the model, except its configuration, its frozen set and its scores.
  var metadata: Checkpoint.Metadata { get }
  /// The most batches that an epoch can have.
  var batchesPerEpoch: Int { get }
  /// The number of items left out because they cannot be read.
  var skipped: Int { get }

  /// Computes, once before the first epoch, what does not change from epoch to epoch.
  /// - Throws: `EvaluationInterrupted` where the run is interrupted.
  func prepare() throws
  /// The batches of an epoch (counted from 0), without the first `startingAt`. They depend on nothing else.
  func batches(epoch: Int, startingAt: Int) throws -> Batches
  /// Called after an epoch's last batch: throws if the batches ended early because data could not be read.
  func checkBatches() throws
  /// The number of items in the batch; 0 where nothing can be learned from it.
  func count(_ batch: Batches.Element) -> Int
  /// The mean loss over a batch, and what the model made of it. What is drawn at random depends on the step's number.
  func loss(_ batch: Batches.Element, step number: Int) throws -> (loss: Tensor, outputs: Tensor)
  /// The number of the batch's items that the outputs predict correctly; nil where the task has no accuracy.
  func correct(_ outputs: Tensor, _ batch: Batches.Element) -> Int?
  /// Learns from one batch. By default one step of the optimizer along the gradients of `loss`; a task with another step,
  /// such as two models that learn against each other, writes its own.
  func step(_ batch: Batches.Element, _ step: TrainingStep) throws -> StepResult
  /// How the model does on the items held out for validation; nil where there are none.
  /// - Throws: `EvaluationInterrupted` where the run is interrupted.
  func validate() throws -> Scores?
  /// How the model does on the test items; nil where there are none.
  func test() throws -> Scores?
  /// What `validate()` reports; nil where that shows when it does.
  var monitors: [Monitor]? { get }
  /// What the model makes of each item of a part that it did not learn from; nil where there is no such part, or the items
  /// have no single answer.
  func predictions(of part: HeldOutPart) throws -> PredictionTable?
  /// How well the last `test()` estimated numbers, in the data's own units; nil where classes are predicted.
  var testedNumbers: RegressionMetrics? { get }
  /// How the last `validate()` predicted classes; nil where it did not, or does not keep it.
  var validatedClasses: ClassificationMetrics? { get }
  /// The classes that are learned and the training items' labels; nil where anything else is learned.
  var trainingClasses: TrainingClasses? { get }
  /// Takes over how classes are learned; called once, where there are any, before the first epoch.
  func learn(_ learning: ClassLearning)
  /// Called between two epochs where layers have been unfrozen: what was computed of frozen ones does not serve any more.
  /// - Throws: `EvaluationInterrupted` where the run is interrupted.
  func frozenLayersChanged() throws
  /// Chooses thresholds of the classes by a score of the validation part, by which `test()` predicts from then on; nil where
  /// there is no such part, or the task does not predict classes.
  func chooseThresholds(by criterion: Monitor) throws -> ClassThresholds?
  /// Several processes learn together from now on: from here on `batches` prepares this process's share of each. Returns
  /// false where the task cannot be shared, as by default. Such a task has the usual `step`.
  func join(_ place: ProcessPlace) -> Bool
  /// The number of items of a batch of the current epoch that are this process's; 0 where the batch that comes in its place
  /// stands in for none.
  func ownCount(ofBatch number: Int) -> Int
  /// What the mean loss over a batch was divided by: its items, unless they weigh differently.
  func lossWeight(_ batch: Batches.Element) -> Double
  /// Whether a pass goes over this process's own items; false where it goes over all, and only the loss is of its own.
  var passesOwnItems: Bool { get }
  /// The images of a batch as the network sees them, [N, C, H, W]; nil where there are none.
  func images(_ batch: Batches.Element) -> Tensor?
}

extension TrainingTask {
  public var items: String { "items" }
  public var metadata: Checkpoint.Metadata { Checkpoint.Metadata() }
  public var skipped: Int { 0 }
  public func prepare() throws {}
  public func checkBatches() throws {}
  public func correct(_ outputs: Tensor, _ batch: Batches.Element) -> Int? { nil }
  public func validate() throws -> Scores? { nil }
  public func test() throws -> Scores? { nil }
  public var monitors: [Monitor]? { nil }
  public func predictions(of part: HeldOutPart) throws -> PredictionTable? { nil }
  public var testedNumbers: RegressionMetrics? { nil }
  public var validatedClasses: ClassificationMetrics? { nil }
  public var trainingClasses: TrainingClasses? { nil }
  public func learn(_ learning: ClassLearning) {}
  public func frozenLayersChanged() throws {}
  public func chooseThresholds(by criterion: Monitor) throws -> ClassThresholds? { nil }
  public func join(_ place: ProcessPlace) -> Bool { false }
  public func ownCount(ofBatch number: Int) -> Int { 1 }
  public func lossWeight(_ batch: Batches.Element) -> Double { Double(count(batch)) }
  public var passesOwnItems: Bool { true }
  public func images(_ batch: Batches.Element) -> Tensor? { nil }

  public func step(_ batch: Batches.Element, _ step: TrainingStep) throws -> StepResult {
    let count = count(batch)
    guard count > 0 else { return StepResult(loss: 0, correct: 0, count: 0) }
    let (loss, outputs) = try step.optimizer.trainingStep(
      step.parameters, learningRate: step.learningRate, noise: step.noise, transform: step.transformGradients
    ) { try self.loss(batch, step: step.number) }
    return StepResult(loss: Double(loss), correct: correct(outputs, batch), count: count)
  }
}

/// One step of a run: what a task's own step works with.
public struct TrainingStep {
  /// Counted from 0 over the whole run.
  public let number: Int
  /// All parameters of the model.
  public let parameters: [Parameter]
  /// What dropout is keyed by, so that a resumed run draws the same.
  public let noise: Noise
  /// The schedule's value.
  public let learningRate: Double
  /// What changes the parameters.
  public let optimizer: Optimizer
  let transformGradients: GradientTransform?

  /// Brings gradients through the run's hook, clipping included, and takes a step of the optimizer.
  ///
  /// - Parameter parameters: nil for all of the model.
  public func update(_ gradients: Gradients, of parameters: [Parameter]? = nil) throws {
    let changed = try transformGradients?(gradients) ?? gradients
    optimizer.step(parameters ?? self.parameters, changed, learningRate: learningRate)
  }
}
