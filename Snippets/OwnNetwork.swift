// A network of your own: registered, trained on arrays in memory by the package's run, interrupted and resumed bit for bit.
// With arguments it is the command `aviary` that knows the network: `OwnNetwork models`.
import Aviary
import AviaryCommands
import Foundation

struct SpiralNet: Classifier {
  struct Configuration: ClassifierConfiguration {
    var hidden = 24
    var classes = 2
    func validate(input: [Int]?) throws(ConfigurationFault) {
      if let input, input != [2] { throw .wrongInput(architecture: "spiral", input: input, expected: "points [2]") }
    }
  }
  let configuration: Configuration
  let fc1, fc2: Linear
  var headPath: String { "fc2" }
  init(_ configuration: Configuration) {
    self.configuration = configuration
    fc1 = Linear(2, configuration.hidden)
    fc2 = Linear(configuration.hidden, configuration.classes)
  }
  func features(_ x: Tensor) -> Tensor { tanh(fc1(x)) }
  func head(_ features: Tensor) -> Tensor { fc2(features) }
}

let registry = Registry.zoo.adding(
  Architecture("spiral", "two linear layers for spirals", SpiralNet.self, .init(), input: [2], kinds: [.tables]))
if CommandLine.arguments.count > 1 {
  AviaryCommand.main(registry: registry)
  exit(0)
}
let labels = (0..<400).map { Int32($0 % 2) }  // two arms of a spiral
let points = (0..<400).flatMap { i -> [Float] in
  let (radius, angle) = (Float(i) / 400, Float(i) / 80 + Float(i % 2) * .pi)
  return [radius * cos(angle), radius * sin(angle)]
}
let examples = Examples(TensorRows(Tensor(points, shape: [400, 2])), labels: labels)
let data = try DatasetParts(splitting: examples, labels: labels, validation: 0.2, test: 0.1)
let options = TrainingOptions(epochs: 30, optimizer: .init(.adam, learningRate: 0.03), schedule: .cosine())
var metadata = Checkpoint.Metadata()
(metadata.architecture, metadata.classes) = ("spiral", ["even", "odd"])

@MainActor func task() -> some TrainingTask {
  let model = SpiralNet(.init())
  model.initialize(seed: 1)
  return SupervisedTask(model, on: data, options, items: "points", metadata: metadata)
}
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("spiral-\(UUID())").path
let whole = try fit(task(), options, in: folder + "/whole").summary
var (hooks, steps) = (TrainingHooks(), 0)
hooks.observe = { if case .stepped = $0 { steps += 1 } }
hooks.isInterrupted = { steps == 100 }
let stopped = try fit(task(), options, in: folder + "/stopped", hooks: hooks)
let resumed = try resumeFit(task(), in: folder + "/stopped").summary
let best = try ["whole", "stopped"].map { try Checkpoint.read(from: "\(folder)/\($0)/best.h5") }
let network = try registry.classifier(from: best[0], path: "best.h5").architecture.name
print("\(network): test accuracy \(whole?.testAccuracy ?? 0)")
let isExact = CheckpointDifference(best[0], best[1]).isEmpty && resumed?.testLoss == whole?.testLoss
exit(stopped.interrupted && isExact && whole?.testAccuracy ?? 0 > 0.7 ? 0 : 1)
