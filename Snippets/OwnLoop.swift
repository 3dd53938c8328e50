// Data and a loop of your own: a dataset, batches prepared ahead, a schedule, clipping, and a state to resume from.
import Aviary
import Foundation

/// Sine waves with noise, whose frequency is to be found. An item depends on its place and on nothing else.
struct Waves: Dataset {
  let count: Int
  let length = 32
  func item(at place: Int, epoch: Int) -> (wave: [Float], frequency: Float) {
    let frequency = 1 + 3 * Float(place) / Float(count)
    let noise = Tensor(normal: 0, deviation: 0.1, seed: UInt64(place), shape: [length]).scalars
    return ((0..<length).map { sin(frequency * Float($0) / 5) + noise[$0] }, frequency)
  }
  func batch(of items: [(wave: [Float], frequency: Float)]) -> (inputs: Tensor, targets: Tensor) {
    (
      Tensor(items.flatMap(\.wave), shape: [items.count, 1, length]),
      Tensor(items.map(\.frequency), shape: [items.count, 1])
    )
  }
}

let model = Sequential([
  Conv1d(1, 8, kernel: 5), Activation.relu, MaxPool1d(2), Flatten(), Linear(8 * 14, 1),
])
model.initialize(seed: 1)

let data = Waves(count: 256)
let parts = try DatasetParts(splitting: data, validation: 0.25)
let optimizer = try Optimizer(OptimizerConfiguration(.adamw, learningRate: 0.01))
let (epochs, batchSize) = (12, 32)
let schedule = Schedule.cosine().warmedUp(over: 6)
let clipping = GradientClipping(norm: 1)

@MainActor func validationLoss() throws -> Double {
  var (sum, count) = (0.0, 0)
  for batch in DataLoader(parts.validation!, batchSize: batchSize) {
    sum += Double(meanSquaredError(model(batch.inputs), target: batch.targets, reduction: .sum).scalar)
    count += batch.targets.count
  }
  return sum / Double(count)
}

let before = try validationLoss()
var step = 0
for epoch in 0..<epochs {
  // Two threads prepare items ahead of time; the order depends on the seed and the epoch, not on them.
  let batches = DataLoader(
    parts.training, batchSize: batchSize, seed: 1, shuffled: true, epoch: epoch, workers: 2)
  for batch in batches {
    let (loss, gradients) = valueWithGradients(of: model) {
      meanSquaredError(model(batch.inputs), target: batch.targets)
    }
    let rate = schedule.learningRate(base: 0.01, step: step, stepsPerEpoch: batches.count, epochs: epochs)
    optimizer.step(model.parameters, clipping.clipped(gradients), learningRate: rate)
    if step % 24 == 0 { print("epoch \(epoch + 1), loss \(loss.scalar)") }
    step += 1
  }
  try batches.check()  // throws what ended the batches early
}
let after = try validationLoss()
print("validation loss \(before) → \(after)")

// Weights and optimizer go into one file, from which a later run continues.
let path = FileManager.default.temporaryDirectory.appendingPathComponent("waves-\(UUID()).h5").path
var saved = model.checkpoint()
saved.trainingState = Checkpoint.TrainingState(optimizer: optimizer.state(for: model))
try saved.write(to: path)
let read = try Checkpoint.read(from: path)
let resumed = try Optimizer(optimizer.configuration)
try model.load(read, path: path)
try resumed.restore(read.trainingState?.optimizer ?? [:], for: model, path: path)
let isSame = try validationLoss() == after
try FileManager.default.removeItem(atPath: path)
exit(after < before / 4 && isSame ? 0 : 1)
