import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import Testing

@testable import AviaryKeras

/// Functions, activations and norms put out what they put out in Keras: files of `tools/goldens_keras_operations.py`.
@Suite struct KerasOperationTests {
  private static let goldens = GoldenKerasModels(name: "operations")

  @Test(arguments: [
    "axes_of_functions.keras", "parts.keras", "elements.keras", "products.keras", "activations.keras", "norms.keras",
    "backwards.keras", "choices.keras", "constants.keras", "statistics.keras", "repetitions.keras", "equations.keras",
    "wholes.keras",
  ]) func equalsKeras(file: String) throws {
    try Self.goldens.expectKerassOutputs(file)
    try Self.goldens.expectExportedAsImported(file)
  }

  /// An array that a layer is given in the place of a tensor is not left out unsaid.
  @Test(arguments: [
    ("LSTM", #""args":[\(x)],"kwargs":{"mask":\(array)}"#),
    ("LSTM", #""args":[\(x)],"kwargs":{"initial_state":[\(array)]}"#),
    ("Attention", #""args":[[\(x),\(array)]],"kwargs":{}"#), ("Concatenate", #""args":[[\(x),\(array)]],"kwargs":{}"#),
  ]) func arraysInThePlaceOfTensorsAreRefused(kind: String, call: String) throws {
    let x =
      #"{"class_name":"__keras_tensor__","config":{"shape":[null,3,4],"dtype":"float32","keras_history":["x",0,0]}}"#
    let array = #"{"class_name":"__numpy__","config":{"value":[[1,1,0]],"dtype":"float32"}}"#
    let given = call.replacing(#"\(x)"#, with: x).replacing(#"\(array)"#, with: array)
    let text =
      #"{"class_name":"Functional","config":{"name":"m","layers":[{"module":"keras.layers","class_name":"InputLayer","name":"x","config":{"batch_shape":[null,3,4],"name":"x"},"inbound_nodes":[]},{"module":"keras.layers","class_name":"\#(kind)","name":"a","config":{"name":"a","units":2},"inbound_nodes":[{\#(given)}]}],"input_layers":[["x",0,0]],"output_layers":[["a",0,0]]}}"#
    let fault = #expect(throws: KerasModelFault.self) {
      try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: "m.keras")
    }
    #expect("\(try #require(fault))".contains("layer 'a' (\(kind)): it is given numbers in the place of a tensor"))
  }

  /// Functions that choose and count let gradients through to what they choose and count, and to nothing else.
  @Test func gradientsFlowThroughFunctions() throws {
    for file in ["choices.keras", "constants.keras", "repetitions.keras", "equations.keras"] {
      let model = try Self.goldens.network(file)
      let x = try Self.goldens.tensors(file, "x")
      let gradients = valueWithGradients(of: model) {
        model.outputs(x).reduce(Tensor(0)) { $0 + $1.squared().sum() }
      }.gradients
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter], "\(file): \(parameter.path)")
        #expect(gradient.shape == parameter.shape && gradient.scalars.allSatisfy(\.isFinite), "\(file)")
      }
    }
  }

  /// Which is not always a distribution.
  @Test func sparsemaxIsKerass() throws {
    let rows = Tensor([1, 0.5, -2, 0.25, 0.25, 0.25], shape: [2, 3])
    let expected: [Float] = [0.25, 0, 0, 0.25 / 3, 0.25 / 3, 0.25 / 3]
    let y = inference { Sparsemax()(rows) }
    #expect(zip(y.scalars, expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// Which outputs Keras has with channels first is kept.
  @Test func outputsWithChannelsFirstAreTold() throws {
    let first = try Self.goldens.network("first_ends.keras")
    #expect(first.hasChannelsFirst && first.configuration.namedOutputs.map(\.isChannelsFirst) == [true, true, false])
    // What has no positions is the same in either order.
    let vector = try GoldenKerasModels(name: "graphs").network("first_axes.keras")
    #expect(!vector.hasChannelsFirst && vector.configuration.channelsFirst == nil)
  }
}
