import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// Chains of layers that Keras saved, made by `tools/goldens_keras.py`, put out what they put out in Keras.
@Suite struct KerasChainTests {
  static let goldens = Goldens.url("keras/", of: "ModelsTests").path

  static func checkpoint(_ file: String, _ adaptation: Adaptation = Adaptation()) throws -> Checkpoint {
    let path = goldens + "/" + file
    return try Checkpoint.read(from: path).kerasChain(by: adaptation, path: file).checkpoint
  }

  static func model(_ checkpoint: Checkpoint) throws -> KerasChain {
    try #require(try Zoo.model(from: checkpoint, path: "memory").model as? KerasChain)
  }

  static let files = [
    "dense.keras", "rectifiers.keras", "conv2d.h5", "conv2d.keras", "transposed.keras", "conv1d.h5", "conv3d.keras",
    "tokens.h5", "recurrent.keras", "axes.keras", "channels_first.h5", "flatten_first.keras", "values.keras",
    "functional.h5", "functional.keras", "nested.h5", "nested.keras", "keras1_gates.h5", "keras2_graph.h5",
  ]

  @Test(arguments: files) func equalsKeras(file: String) throws {
    try expectOutputs(of: Self.model(Self.checkpoint(file)), file)
  }

  /// What the goldens call input is Keras's, channels last but for models that have them first.
  func expectOutputs(of model: KerasChain, _ file: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let name = String(file.prefix { $0 != "." })
    let golden = try Goldens("keras/outputs", of: "ModelsTests")
    let (x, y) = (try golden.array("\(name)/x"), try golden.array("\(name)/y"))
    var input = Tensor(x.floats, shape: x.shape)
    let isFirst = ["channels_first", "flatten_first", "keras1_theano"].contains(name)
    if input.rank > 3, !isFirst { input = input.channelsFirst() }
    let output = inference { model.outputs(input) }
    let ordered = isFirst ? output : output.channelsLast()
    expectClose(
      actual: ordered.scalars, shape: ordered.shape, golden: y, name: file, sourceLocation: sourceLocation)
    // The scores' softmax are the same probabilities.
    if model.configuration.output == .classes, model.configuration.finalActivation == .softmax {
      let shares = inference { softmax(model(input)) }
      expectClose(actual: shares.scalars, expected: y.values, name: "\(file) by scores", sourceLocation: sourceLocation)
    }
  }
}
