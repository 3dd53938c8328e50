import Aviary

let photographs = try ImageDataset("PHOTOS")
let pretrained = try Checkpoint.read(from: "squeezenet.h5")
let preprocessing = try pretrained.preprocessing() ?? .torchvision()
let (network, architecture, _) = try Registry.zoo.classifier(from: pretrained, path: "squeezenet.h5")
let model = network.replacingHead(classes: photographs.classes.count, seed: 0)
model.freezeBackbone()
let optimizer = try Optimizer(OptimizerConfiguration(.adamw, learningRate: 1e-3))
for epoch in 0..<5 {
  let batches = try ImageBatches(
    photographs.training.entries, preprocessing: preprocessing, batchSize: 32, shuffled: true, epoch: epoch)
  while let batch = batches.next() {
    let (loss, gradients) = valueWithGradients(of: model) {
      crossEntropy(model(batch.inputs), labels: batch.labels)
    }
    optimizer.step(model.parameters, gradients, learningRate: 1e-3)
    print("epoch \(epoch + 1), loss \(loss.scalar)")
  }
}
try model.checkpoint(
  architecture: architecture.name, classes: photographs.classes, preprocessing: preprocessing
).write(to: "classifier.h5")
