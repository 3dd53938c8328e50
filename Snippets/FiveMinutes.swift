// Five minutes with Aviary: tensors, a network, gradients, training, a file. It needs no data.
import Aviary
import Foundation

// Tensors are values: every operation makes a new one.
let x: Tensor = [[1, 2, 3], [4, 5, 6]]
let centred = x - x.mean(over: [0], keepingAxes: true)
print(centred.shape, centred.sum().scalar)  // [2, 3] 0.0

// A layer declares its parameters; a seed or a file fills them.
struct Perceptron: UnaryLayer {
  let fc1 = Linear(2, 16)
  let fc2 = Linear(16, 2)
  func forward(_ x: Tensor) -> Tensor { fc2(relu(fc1(x))) }
}
let model = Perceptron()
model.initialize(seed: 1)
print(model.parameters.count)  // 4: two weights and two biases

// 128 points, and whether each lies within a circle.
let points = Tensor(uniform: -1, 1, seed: 2, shape: [128, 2])
let inside = IntTensor((points.squared().sum(over: [1]) .< 0.5).tensor)

// Inside of `valueWithGradients` the pass trains; outside of it, it predicts. There is no mode to switch.
let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
for step in 0..<300 {
  let (loss, gradients) = valueWithGradients(of: model) { crossEntropy(model(points), labels: inside) }
  optimizer.step(model.parameters, gradients, learningRate: 0.01)
  if step % 100 == 0 { print("step \(step), loss \(loss.scalar)") }
}
let accuracy = (model(points).argmax(axis: 1) .== inside).tensor.mean().scalar
print("accuracy \(accuracy)")

// The file is HDF5, and its names are the paths of the properties: fc1.weight, fc1.bias, ….
let path = FileManager.default.temporaryDirectory.appendingPathComponent("perceptron-\(UUID()).h5").path
try model.checkpoint().write(to: path)
let twin = Perceptron()
try twin.load(Checkpoint.read(from: path), path: path)
let isSame = twin(points) == model(points)
try FileManager.default.removeItem(atPath: path)
exit(accuracy > 0.9 && isSame ? 0 : 1)
