// Several processes train one model, each on its share of every batch: build with --traits MPI, start with mpirun -n 2.
import Aviary
import AviaryMPI
import Foundation

guard MPIGroup.isAvailable else {
  print("built without the trait MPI")
  exit(0)
}

/// Two classes: points near the origin, and points around them.
func ring(_ places: Range<Int>) -> Examples<TensorRows> {
  let points = places.flatMap { place -> [Float] in
    let (radius, angle) = (Float(place % 2 == 0 ? 0.5 : 2), Float(place) * 0.7)
    return [radius * cos(angle), radius * sin(angle)]
  }
  return Examples(TensorRows(Tensor(points, shape: [places.count, 2])), labels: places.map { Int32($0 % 2) })
}
let data = DatasetParts(training: ring(0..<200), validation: ring(200..<240))
let model = Sequential([Linear(2, 16), Activation.relu, BatchNorm(16), Linear(16, 2)])
model.initialize(seed: 1)
var options = TrainingOptions(epochs: 5, optimizer: .init(.adam, learningRate: 0.02))
let task = SupervisedTask(model, on: data, options)
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("processes-\(getppid())").path

let group = try MPIGroup.start()
var hooks = TrainingHooks()
hooks.group = group
options.processes = ProcessOptions(count: group.count, synchronizesStatistics: true)
let report = try fit(task, options, in: folder, hooks: hooks)
group.finish()

guard group.isWriter else { exit(0) }
print("validation accuracy", report.summary?.bestAccuracy ?? .nan)
try FileManager.default.removeItem(atPath: folder)
exit((report.summary?.bestAccuracy ?? 0) > 0.9 ? 0 : 1)
