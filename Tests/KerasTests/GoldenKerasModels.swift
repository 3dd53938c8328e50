import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// A folder of models that Keras wrote, with the inputs it was given and its outputs in `outputs`.
struct GoldenKerasModels {
  /// The name of the folder.
  let name: String

  func path(_ file: String) -> String { Goldens.url("\(name)/\(file)", of: "KerasTests").path }

  func checkpoint(_ file: String) throws -> Checkpoint {
    try Checkpoint.read(from: path(file)).kerasNetwork(path: file).checkpoint
  }

  func network(_ file: String) throws -> KerasNetwork { try Self.network(checkpoint(file)) }

  static func network(_ checkpoint: Checkpoint) throws -> KerasNetwork {
    try #require(try Registry.standard.model(from: checkpoint, path: "memory").model as? KerasNetwork)
  }

  /// The inputs (x) or outputs (y) of a file's model, with channels first.
  func tensors(_ file: String, _ letter: String) throws -> [Tensor] {
    let model = String(file.prefix { $0 != "." })
    let golden = try Goldens("\(name)/outputs", of: "KerasTests")
    var found: [Tensor] = []
    while let array = try? golden.array("\(model)/\(letter)\(found.count)") {
      let tensor = Tensor(array.floats, shape: array.shape)
      found.append(model.hasPrefix("first") || tensor.rank < 3 ? tensor : tensor.movingAxis(-1, to: 1))
    }
    return found
  }

  /// The model, and the same from a file of Aviary's own, put out what Keras does.
  func expectKerassOutputs(_ file: String) throws {
    let model = try network(file)
    let (x, y) = (try tensors(file, "x"), try tensors(file, "y"))
    try Self.expectEqual(inference { model.outputs(x) }, y, file)
    let again = try Self.network(model.checkpoint(architecture: model.configuration.name))
    #expect(again.configuration == model.configuration)
    #expect(inference { again.outputs(x).map(\.scalars) } == inference { model.outputs(x).map(\.scalars) })
  }

  static func expectEqual(_ found: [Tensor], _ expected: [Tensor], _ name: String) throws {
    try #require(found.count == expected.count && !expected.isEmpty, "\(name)")
    for (index, (a, b)) in zip(found, expected).enumerated() {
      #expect(a.shape == b.shape, "\(name), output \(index)")
      let worst = zip(a.scalars, b.scalars).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= 1e-5, "\(name), output \(index): \(worst)")
    }
  }

  /// Weights written for Keras are those that were read. `tools/check_keras.py` lets Keras itself load them.
  func expectExportedAsImported(_ file: String) throws {
    let original = try Checkpoint.read(from: path(file))
    let whole = try original.kerasNetwork(path: file).checkpoint
    let weights = FileManager.default.temporaryDirectory.path + "/aviary-\(UUID().uuidString).weights.h5"
    defer { try? FileManager.default.removeItem(atPath: weights) }
    try whole.writeKerasWeights(to: weights)
    let written = try Checkpoint.read(from: weights)
    let again = try written.described(byKerasModelIn: path(file)).kerasNetwork(path: file).checkpoint
    #expect(CheckpointDifference(whole, again).isEmpty)
    // Under the places that Keras chose itself, where alone it finds them.
    guard file.hasSuffix(".keras") else { return }
    #expect(Set(written.paths) == Set(original.paths.filter { !$0.contains("seed_generator") }))
  }
}
