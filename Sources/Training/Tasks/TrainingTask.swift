import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// What is learned in a run: the data in batches, and what the model's loss on a batch is. Everything that does not depend
/// on the kind of the data belongs to `NetworkRun`.
protocol TrainingTask {
  associatedtype Model: Network
  associatedtype Batches: Sequence

  var model: Model { get }
  /// What an item is called, for a person: `images` of images a second.
  var items: String { get }
  /// What checkpoints say about the model, but for its configuration, its frozen set and its scores.
  var metadata: Checkpoint.Metadata { get }
  /// The names of the classes; empty where there are none.
  var classes: [String] { get }
  /// The most batches that an epoch can have.
  var batchesPerEpoch: Int { get }
  /// How many items were left out because they cannot be read.
  var skipped: Int { get }

  /// Computes, once before the first epoch, what does not change from epoch to epoch.
  /// - Throws: `EvaluationInterrupted` where somebody interrupts.
  func prepare() throws
  /// The batches of an epoch (counted from 0), without the first `startingAt`. They depend on nothing else.
  func batches(epoch: Int, startingAt: Int) throws -> Batches
  /// The number of items in the batch; 0 where there is nothing to be learned from it.
  func count(_ batch: Batches.Element) -> Int
  /// The mean loss over a batch, and what the model made of it. What is drawn at random depends on the step's number.
  func loss(_ batch: Batches.Element, step number: Int) -> (loss: Tensor, outputs: Tensor)
  /// How many of the batch's items the outputs are right about; nil where there is no right and wrong.
  func correct(_ outputs: Tensor, _ batch: Batches.Element) -> Int?
  /// How the model does on the items held back for validation; nil where there are none.
  /// - Throws: `EvaluationInterrupted` where somebody interrupts.
  func validate() throws -> Scores?
  /// How the model does on the test items; nil where there are none.
  func test() throws -> Scores?
}

extension TrainingTask {
  var classes: [String] { metadata.classes ?? [] }
  var skipped: Int { 0 }
  func prepare() throws {}
}
