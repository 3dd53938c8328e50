import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// Masked steps, and axes of several kinds, as Keras has them: files of `tools/goldens_keras_masks.py`.
@Suite struct KerasMaskTests {
  private static let goldens = GoldenKerasModels(name: "masks")
  static let files = [
    "states.keras", "joins.keras", "operators.keras", "attentions.keras", "named_masks.keras", "axes.keras",
    "twice.keras", "calls.keras", "keras2.h5",
  ]

  @Test(arguments: files) func equalsKeras(file: String) throws { try Self.goldens.expectKerassOutputs(file) }

  @Test(arguments: files.filter { $0.hasSuffix("keras") }) func exportsWhatItImported(file: String) throws {
    try Self.goldens.expectExportedAsImported(file)
  }

  /// Masks have no gradient, and what joins by them has one for every weight.
  @Test(arguments: ["states.keras", "joins.keras", "attentions.keras", "axes.keras"])
  func everyWeightLearns(file: String) throws {
    let model = try Self.goldens.network(file)
    let x = try Self.goldens.tensors(file, "x")
    let gradients = valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
      model.outputs(x).map { ($0 * $0).sum() }.reduce(Tensor(0)) { $0 + $1 }
    }.gradients
    for parameter in model.parameters {
      #expect(gradients[parameter]?.shape == parameter.shape, "\(file): \(parameter.path)")
    }
  }

  /// What a layer does depends on the version that wrote the file.
  @Test(arguments: [
    ("joins.keras", "3.15.0", true), ("joins.keras", "3.4.1", true), ("joins.keras", "3.3.3", false),
    ("joins.keras", "3", true), ("joins.keras", "2.15.0", false), ("states.keras", "3.0.0", true),
    ("states.keras", "2.15.0", false), ("attentions.keras", "3.8.0", true), ("attentions.keras", "3.7.0", false),
  ]) func versionsDiffer(file: String, version: String, isNew: Bool) throws {
    let model = try #require(try Checkpoint.read(from: Self.goldens.path(file)).kerasModel?.configuration)
    let graph = try KerasGraphBuilder.graph(model, version: version, path: file).builder
    switch file {
    case "joins.keras":
      #expect(graph.layers.contains { ($0.operation as? KerasMerge)?.masked != nil } == isNew)
    case "states.keras":
      let cells = graph.layers.compactMap { ($0.operation as? KerasRecurrent)?.cell }.filter { $0.takesState == true }
      #expect(!cells.isEmpty && cells.allSatisfy { ($0.isMasked != true) == isNew })
    default:
      let inputs = graph.layers.compactMap { ($0.operation as? KerasMultiHeadAttention)?.inputs }
      // The second and the third find the masks that the first and the second have taken away.
      #expect(inputs.prefix(3).map(\.hasQueryMask) == [true, !isNew, false])
      #expect(inputs.prefix(3).map(\.hasValueMask) == [true, true, !isNew])
    }
  }

  @Test func aModelThatIsALayerTwiceHasItsWeightsOnce() throws {
    let model = try Self.goldens.network("twice.keras")
    #expect(model.parameters.count == 6)
    #expect(model.configuration.layers.count { $0.shares != nil } == 1)
  }

  @Test func anotherDtypePolicyIsSaid() throws {
    let notes = try Self.goldens.checkpoint("policies.keras").notes
    #expect(
      notes == [
        "Keras computes 2 of its layers by the dtype policy mixed_bfloat16; here they are computed in float32, so outputs differ by rounding"
      ])
    #expect(try Self.goldens.checkpoint("twice.keras").notes.isEmpty)
  }

  // MARK: Settings of another kind

  /// A chain of one layer.
  private func layer(_ kind: String, _ settings: String, input: String = "5,4") throws -> KerasGraphBuilder {
    let text =
      #"{"class_name":"Sequential","config":{"name":"m","layers":[{"class_name":"InputLayer","config":{"name":"x","batch_shape":[null,\#(input)]}},{"class_name":"\#(kind)","config":{"name":"layer",\#(settings)}}]}}"#
    return try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3.15.0", path: "m.keras").builder
  }

  /// No value of a kind that is not read becomes the default.
  @Test(arguments: [
    ("Dense", #""units":3,"use_bias":[true]"#, "its use_bias is [true], not true or false"),
    ("Dense", #""units":"3""#, "its units is \"3\", not a whole number"),
    ("Dense", #""units":2.5"#, "its units is 2.5, not a whole number"),
    ("LSTM", #""units":3,"return_sequences":"yes""#, "its return_sequences is \"yes\", not true or false"),
    ("LeakyReLU", #""negative_slope":[0.1]"#, "its negative_slope is [0.1], not a number"),
    ("ReLU", #""max_value":"6""#, "its max_value is \"6\", not a number"),
    ("Softmax", #""axis":"last""#, "its axis is \"last\", not a whole number, or a list of them"),
    ("Softmax", #""axis":[1,null]"#, "its axis is [1,null], not a whole number, or a list of them"),
    ("Softmax", #""axis":[0,1]"#, "axes [0, 1] of an input of shape [4, 5] are not supported"),
    ("Softmax", #""axis":[1,-2]"#, "axes [1, -2] of an input of shape [4, 5] are not supported"),
    ("LayerNormalization", #""axis":[1,"2"]"#, "its axis is [1,\"2\"], not a whole number, or a list of them"),
    ("BatchNormalization", #""axis":[1,2]"#, "axes [1, 2] are not supported"),
    ("BatchNormalization", #""momentum":"0.9""#, "its momentum is \"0.9\", not a number"),
    ("GroupNormalization", #""groups":[2]"#, "its groups is [2], not a whole number"),
    ("Conv1D", #""filters":2,"kernel_size":[3],"groups":"2""#, "its groups is \"2\", not a whole number"),
    ("Conv1D", #""filters":2,"kernel_size":[3],"padding":["same"]"#, "its padding is [\"same\"], not a word"),
    ("Conv1D", #""filters":2,"kernel_size":[3],"data_format":0"#, "its data_format is 0, not a word"),
    ("PReLU", #""shared_axes":["1"]"#, "its shared_axes is [\"1\"], not a whole number, or a list of them"),
    ("Dropout", #""rate":{"a":1}"#, "its rate is {\"a\":1}, not a number"),
    ("Masking", #""mask_value":[0]"#, "its mask_value is [0], not a number"),
    ("Rescaling", #""scale":"x""#, "its scale is \"x\", not a number, or a list of them"),
    ("Hashing", #""num_bins":3,"mask_value":{}"#, "its mask_value is {}, not a word or a whole number"),
  ]) func settingsOfAnotherKindAreRefused(kind: String, settings: String, reason: String) throws {
    let fault = #expect(throws: KerasModelFault.self) { try layer(kind, settings) }
    let text = fault.map { "\($0)" } ?? ""
    #expect(text.contains("layer 'layer' (\(kind)): ") && text.contains(reason), "\(text)")
    #expect(!text.contains("Optional("))
  }

  /// Python's other ways to write the same: 3.0 for 3, 0 for false, None for false or no function.
  @Test func otherWaysToWriteSettingsAreRead() throws {
    #expect(
      try layer("Dense", #""units":3.0,"use_bias":0"#).layers.last?.operation.equals(KerasDense(units: 3, bias: false))
        == true)
    #expect(
      try layer("Dense", #""units":3,"use_bias":null"#).layers.last?.operation.equals(KerasDense(units: 3, bias: false))
        == true)
    let lstm = try layer("LSTM", #""units":3,"activation":null"#).layers.last?.operation as? KerasRecurrent
    #expect(lstm?.cell.activation == .linear && lstm?.cell.gates == .sigmoid)
    let scaled = try layer("Rescaling", #""scale":[0.5]"#).layers.last?.operation as? KerasRescaling
    #expect(scaled?.scale == 0.5 && scaled?.scales == nil)
    let wrapped = #""negative_slope":{"class_name":"__numpy__","config":{"value":0.25,"dtype":"float32"}}"#
    #expect((try layer("LeakyReLU", wrapped).layers.last?.operation as? KerasLeakyReLU)?.slope == 0.25)
  }

  /// A mask that a function makes which is not known is not left out, whatever comes with the input.
  @Test func aMaskThatIsNotKnownIsRefused() throws {
    func tensor(_ layer: String) -> String {
      #"{"class_name":"__keras_tensor__","config":{"keras_history":["\#(layer)",0,0]}}"#
    }
    let text = #"""
      {"class_name":"Functional","config":{"name":"m","layers":[
      {"module":"keras.layers","class_name":"InputLayer","name":"x","config":{"name":"x","batch_shape":[null,6]},"inbound_nodes":[]},
      {"module":"keras.layers","class_name":"Embedding","name":"e","config":{"name":"e","input_dim":9,"output_dim":4,"mask_zero":true},"inbound_nodes":[{"args":[\#(tensor("x"))],"kwargs":{}}]},
      {"module":"keras.src.ops.numpy","class_name":"Heaviside","name":"g","config":{"name":"g"},"inbound_nodes":[{"args":[\#(tensor("x")),2],"kwargs":{}}]},
      {"module":"keras.layers","class_name":"LSTM","name":"l","config":{"name":"l","units":2},"inbound_nodes":[{"args":[\#(tensor("e"))],"kwargs":{"mask":\#(tensor("g"))}}]}
      ],"input_layers":[["x",0,0]],"output_layers":[["l",0,0]]}}
      """#
    let fault = #expect(throws: KerasModelFault.self) {
      try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3.15.0", path: "m.keras")
    }
    #expect(fault.map { "\($0)" }?.contains("layer 'g' is a ops.Heaviside") == true)
  }
}
