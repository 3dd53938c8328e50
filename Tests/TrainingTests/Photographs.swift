import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Small drawn photographs in a folder of their own, which goes away with the value.
final class Photographs {
  let root: String
  var data: String { root + "/data" }

  init() throws {
    root = FileManager.default.temporaryDirectory.appending(path: "aviary-photographs-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try DrawnPhotographs.copy(count: 40, imageSize: 40, to: root + "/data")
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// Cuts a training photograph short.
  func damage(_ label: String = "cat", number: Int = 0) throws -> String {
    let folder = data + "/train/" + label
    let name = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()[number]
    try Data([0xff, 0xd8, 0xff, 0xe0, 0, 16]).write(to: URL(filePath: folder + "/" + name))
    return folder + "/" + name
  }

  func training() throws -> ImageFolder { try ImageDataset(data).training }

  static func options(_ data: String, epochs: Int = 3) -> TrainingOptions {
    var options = TrainingOptions(
      data: data, architecture: "resnet-toy", epochs: epochs,
      optimizer: OptimizerConfiguration(.adamw, learningRate: 3e-3), schedule: .cosine(), augmentation: .standard)
    options.images.imageSize = 32
    options.batchSize = 8
    options.seed = 5
    return options
  }

  /// Weights that somebody else trained, for five classes.
  static func pretrained(_ architecture: String) throws -> Checkpoint {
    let model = try Registry.zoo.architecture(named: architecture).buildClassifier()
    model.initialize(seed: 77)
    func train(_ model: some Classifier) -> Checkpoint {
      var numbers = TestNumbers(seed: 1)
      let x = Tensor(numbers.floats(4 * 3 * 32 * 32), shape: [4, 3, 32, 32])
      for _ in 0..<3 { withMode(.training) { _ = model(x) } }
      return model.checkpoint(architecture: architecture)
    }
    var checkpoint = train(model)
    checkpoint.metadata.preprocessing = try InputPreparation.images(.torchvision(size: 32)).json()
    return checkpoint
  }
}

/// Expects that two runs came to the same weights, optimizer state and history, bit for bit but for the times.
///
/// - Parameter least: how many arrays there are at least.
func expectSameRuns(
  _ first: String, _ second: String, least: Int = 11, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for name in ["last.h5", "best.h5"] {
    let a = try Checkpoint.read(from: "\(first)/\(name)")
    let b = try Checkpoint.read(from: "\(second)/\(name)")
    #expect(CheckpointDifference(a, b).isEmpty, "\(name)", sourceLocation: sourceLocation)
    #expect(a.entries.count >= least && a.metadata == b.metadata, sourceLocation: sourceLocation)
    #expect((a.trainingState == nil) == (name == "best.h5"), sourceLocation: sourceLocation)
    #expect(a.trainingState?.optimizer.keys == b.trainingState?.optimizer.keys, sourceLocation: sourceLocation)
    for (path, slots) in a.trainingState?.optimizer ?? [:] {
      let other = try #require(b.trainingState?.optimizer[path])
      #expect(slots.step == other.step && slots.step > 0, sourceLocation: sourceLocation)
      for (state, array) in slots.arrays {
        #expect(array.floats() == other.arrays[state]?.floats(), "\(path) \(state)", sourceLocation: sourceLocation)
      }
    }
    let averages = [a, b].map { $0.trainingState?.averages.mapValues { $0.floats() } }
    #expect(averages[0] == averages[1], sourceLocation: sourceLocation)
    let states = try [a, b].map { try $0.trainingState?.state.map { timeless(try LoopState(json: $0)) } }
    #expect(states[0] == states[1], sourceLocation: sourceLocation)
  }
}

private func timeless(_ state: LoopState) -> LoopState {
  var state = state
  state.elapsedSeconds = 0
  state.sums.seconds = 0
  state.sums.learningSeconds = 0
  for index in state.history.indices {
    state.history[index].seconds = 0
    state.history[index].itemsPerSecond = nil
  }
  return state
}
