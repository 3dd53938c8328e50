// Weights from elsewhere, and what of them is trained: formats, names, differences, heads, frozen layers.
import Aviary
import Foundation

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weights-\(UUID())").path
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)

// A network of the zoo, by its name; small changes of its configuration are checked before a layer is built.
let resnet = try Registry.zoo.architecture(named: "resnet18")
func build(classes: Int) throws -> any Classifier {
  let network = try resnet.build(fitting: [3, 64, 64], changing: [.init(name: "classes", value: "\(classes)")])
  return try resnet.classifier(network)
}
let source = try build(classes: 10)
source.initialize(seed: 1)

// The extension decides the format: .h5, .safetensors, .pth, .npz. Names are torchvision's.
let file = folder + "/resnet18.safetensors"
try source.checkpoint().write(to: file)

// Formats are recognised by content. The report says what was loaded, and how.
let stored = try Checkpoint.read(from: file)
let model = try build(classes: 10)
let report = try model.load(stored, path: file)
print(report.loaded.count, "tensors, for instance", stored.paths[0], stored[stored.paths[0]]!.shape)

// A difference is an error that lists everything, unless it is allowed by a pattern.
let other = try build(classes: 3)
do {
  try other.load(stored, path: file)
} catch {
  print(error)
}
try other.load(stored, allowing: [.mismatched("fc.**")], path: file)

// A new head for other classes. The backbone is shared; a seed fills the head.
let pets = model.replacingHead(classes: 2, seed: 0)

// Frozen layers run as in inference: no dropout, no new statistics, no gradient, no decay.
pets.freezeBackbone()
print(pets.frozenPaths, pets.trainableParameters.count)
try pets.freeze(["conv1..layer3"])  // now these, and nothing else
try pets.freeze(allBut: ["layer4.1", "head"])

let images = Tensor(uniform: 0, 1, seed: 3, shape: [2, 3, 64, 64])
let statistics = pets.namedBuffers().first { $0.path == "bn1.running_mean" }!.buffer.tensor.scalars
let (_, gradients) = valueWithGradients(of: pets) { crossEntropy(pets(images), labels: [0, 1]) }
let trained = pets.parameters.filter { gradients[$0] != nil }
let unchanged = pets.namedBuffers().first { $0.path == "bn1.running_mean" }!.buffer.tensor.scalars == statistics
print(trained.count, "parameters have a gradient")

// Layers may also learn at rates of their own.
let optimizer = try Optimizer(
  OptimizerConfiguration(.adamw, learningRate: 1e-3), groups: [ParameterGroup(["layer4.**"], learningRateScale: 0.1)],
  for: pets)
optimizer.step(pets.parameters, gradients, learningRate: 1e-3)
try FileManager.default.removeItem(atPath: folder)
exit(trained.count == pets.trainableParameters.count && unchanged ? 0 : 1)
