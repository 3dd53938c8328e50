import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// Functional and nested models put out what they put out in Keras: files of `tools/goldens_keras_graphs.py`.
@Suite struct KerasGraphTests {
  private static let goldens = GoldenKerasModels(name: "graphs")
  static let files = [
    "teachable.h5", "teachable.keras", "siamese.h5", "siamese.keras", "two_rows.h5", "two_rows.keras", "unet.h5",
    "merges.keras", "functions.keras", "outputs.keras", "mask_zero.h5", "mask_zero.keras", "masked_joins.keras",
    "masking.keras", "translate.h5", "translate.keras", "masked_attention.keras", "transformer.h5", "transformer.keras",
    "frames.h5", "frames.keras", "namesakes.h5", "namesakes.keras", "squeeze.keras", "scaled.keras", "sizes.keras",
    "signal.keras", "volume.keras", "first_axes.keras", "joined_scores.keras", "mixer.keras", "keras2_calls.h5",
    "one_for_all.keras", "one_for_all.h5", "fractions.keras", "input_names.keras", "input_names.h5", "bends.keras",
    "bends.h5", "steps.keras",
  ]

  @Test(arguments: files) func equalsKeras(file: String) throws { try Self.goldens.expectKerassOutputs(file) }

  @Test(arguments: files.filter { !$0.hasPrefix("keras2") }) func exportsWhatItImported(file: String) throws {
    try Self.goldens.expectExportedAsImported(file)
  }

  /// What makes an output NaN is named; a fraction is cut off, so that −0.9 is the first row.
  @Test func tokensWithoutARowAreNamed() throws {
    let model = try Self.goldens.network("fractions.keras")
    #expect(model.unknownToken(try Self.goldens.tensors("fractions", "x")) == nil)
    let x = Tensor([0, 0, -1.025, 0, 1.19, 1.25], shape: [1, 6])
    let unknown = try #require(model.unknownToken([x]))
    #expect(unknown.layer.hasPrefix("embedding") && unknown.rows == 8 && abs(unknown.token - 8.2) < 1e-5)
  }

  @Test func weightsAloneAreDescribedByAnotherFile() throws {
    let whole = try Self.goldens.checkpoint("teachable.keras")
    let alone = try Checkpoint.read(from: Self.goldens.path("teachable.weights.h5"))
      .described(byKerasModelIn: Self.goldens.path("teachable.h5")).kerasNetwork(path: "w").checkpoint
    #expect(CheckpointDifference(whole, alone).isEmpty)
  }

  /// Every output of a network has a gradient for every weight; a new head learns, also alone.
  @Test(arguments: [
    "teachable.keras", "siamese.keras", "two_rows.keras", "outputs.keras", "translate.keras", "transformer.keras",
    "squeeze.keras", "joined_scores.keras", "mixer.keras", "mask_zero.keras", "frames.keras",
  ]) func learnsWithANewHead(file: String) throws {
    let model = try Self.goldens.network(file)
    let x = try Self.goldens.tensors(file, "x")
    let plain = model.replacingHead(outputs: 3, seed: 2)
    #expect(plain.configuration.outputs == 3 && plain.configuration.results?.count ?? 1 == 1)
    let y = inference { plain.outputs(x) }
    #expect(y.count == 1 && y[0].shape == [3, 3])
    let gradients = valueWithGradients(of: plain, noise: Noise(seed: 1, step: 1)) {
      crossEntropy(plain.outputs(x)[0], labels: IntTensor([0, 1, 2]))
    }.gradients
    for parameter in plain.parameters { #expect(gradients[parameter]?.shape == parameter.shape, "\(parameter.path)") }
    plain.freezeBackbone()
    #expect(!plain.trainableParameters.isEmpty)
    #expect(plain.trainableParameters.allSatisfy { $0.path.hasPrefix(plain.headPath + ".") })
    let again = try GoldenKerasModels.network(plain.checkpoint(architecture: plain.configuration.name))
    #expect(inference { again.outputs(x)[0].scalars } == inference { plain.outputs(x)[0].scalars })
  }

  /// As a classifier a network puts out scores whose softmax Keras computes, and takes rows side by side.
  @Test func rowsSideBySideAreSeveralInputs() throws {
    let model = try Self.goldens.network("two_rows.keras")
    let x = concatenated(try Self.goldens.tensors("two_rows", "x"), axis: 1)
    #expect(model.configuration.output == .classes)
    try GoldenKerasModels.expectEqual(
      [inference { softmax(model(x)) }], Self.goldens.tensors("two_rows", "y"), "two_rows")
    try model.configuration.validate(input: [8])
    #expect(throws: ConfigurationFault.self) { try model.configuration.validate(input: [7]) }
    let joined = try Self.goldens.network("joined_scores.keras")
    try GoldenKerasModels.expectEqual(
      [inference { softmax(joined(try! Self.goldens.tensors("joined_scores", "x")[0])) }],
      Self.goldens.tensors("joined_scores", "y"),
      "")
  }

  @Test func calledLayersAreListedOnce() throws {
    let model = try Self.goldens.network("siamese.keras")
    let kernels = model.parameters.filter { $0.shape.count == 4 }
    #expect(kernels.count == 2)
    #expect(model.configuration.layers.contains { $0.shares != nil })
    #expect(model.inventory.aliases.isEmpty)
  }

  // MARK: What is refused

  private func graph(_ layers: String, inputs: String = #"["x",0,0]"#, outputs: String) throws -> KerasGraphBuilder {
    let text =
      #"{"class_name":"Functional","config":{"name":"m","layers":[\#(layers)],"input_layers":[\#(inputs)],"output_layers":[\#(outputs)]}}"#
    return try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "2", path: "m.h5").builder
  }

  private static let input =
    #"{"class_name":"InputLayer","name":"x","config":{"batch_input_shape":[null,4]},"inbound_nodes":[]}"#

  private static func dense(_ name: String, _ nodes: String, kind: String = "Dense") -> String {
    #"{"class_name":"\#(kind)","name":"\#(name)","config":{"name":"\#(name)","units":3},"inbound_nodes":\#(nodes)}"#
  }

  @Test func whatIsNoGraphIsSaidInOneLine() throws {
    let circle =
      Self.input + "," + Self.dense("a", #"[[["b",0,0,{}]]]"#) + "," + Self.dense("b", #"[[["a",0,0,{}]]]"#)
    for (layers, outputs, part) in [
      (circle, #"["b",0,0]"#, "the inputs of 'a', 'b'"),
      (Self.input + "," + Self.dense("a", #"[[["nobody",0,0,{}]]]"#), #"["a",0,0]"#, "the inputs of 'a'"),
      (Self.input + "," + Self.dense("a", #"[[["x",0,0,{}]]]"#), #"["b",0,0]"#, "its output 'b'"),
      (Self.input + "," + Self.dense("a", #"[[["x",0,0,{}]]]"#), #"["a",0,1]"#, "its output 'a'"),
      (
        Self.input + "," + Self.dense("a", #"[[["x",0,0,{}]]]"#, kind: "Lambda"), #"["a",0,0]"#, "layer 'a' is a Lambda"
      ),
      (Self.input + "," + Self.dense("a", #"[[["x",0,0,{"y":["x",0,0]}]]]"#), #"["a",0,0]"#, "its argument 'y'"),
      (
        Self.input + "," + Self.dense("a", #"[[["x",0,0,{"training":true}]]]"#, kind: "Dropout"), #"["a",0,0]"#,
        "as in training"
      ),
      (Self.input + "," + Self.dense("a", #"[[["x",0,0,{}],["x",0,0,{}]]]"#), #"["a",0,0]"#, "it has 2 inputs"),
      (
        Self.input + "," + Self.dense("a", #"[[["x",0,0,{}],["_CONSTANT_VALUE",-1,3.0]]]"#, kind: "Concatenate"),
        #"["a",0,0]"#, "numbers in the place of a tensor"
      ),
      (Self.input + "," + Self.dense("a", #"[[["x",0,0,{}]]]"#), "", "no outputs"),
    ] {
      let fault = #expect(throws: KerasModelFault.self) { try graph(layers, outputs: outputs) }
      let text = fault.map { "\($0)" } ?? ""
      #expect(text.contains(part) && !text.contains("\n"), "\(text)")
    }
  }

  /// In `.keras` files, Keras says which classes are its own: others may have their names and do something else.
  @Test(arguments: [
    (#""module":null,"registered_name":"Dropout""#, "layer 'a' is a Custom>Dropout"),
    (#""module":null,"registered_name":"pkg>Dropout""#, "layer 'a' is a pkg>Dropout"),
    (#""module":"my.layers""#, "layer 'a' is a Custom>Dropout"),
    (#""module":"keras.layers","registered_name":null"#, nil),
    (#""module":"tf_keras.src.layers""#, nil), (#""name":"a""#, nil),
  ]) func classesOfTheSameNameAreTold(origin: String, fault: String?) throws {
    func read(_ layer: String, _ model: String = #""module":"keras","class_name":"Sequential""#) throws
      -> KerasGraphBuilder
    {
      let text =
        #"{\#(model),"config":{"name":"m","layers":[{"class_name":"InputLayer","module":"keras.layers","config":{"batch_shape":[null,3,4]}},\#(layer),{"class_name":"Dense","config":{"name":"d","units":2}}]}}"#
      return try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: "m.keras").builder
    }
    let layer = #"{\#(origin),"class_name":"Dropout","config":{"name":"a","rate":0.5}}"#
    let wrapped = #"{"class_name":"TimeDistributed","config":{"name":"a","layer":\#(layer)}}"#
    for text in [layer, wrapped] {
      if let fault {
        let found = #expect(throws: KerasModelFault.self) { try read(text) }
        #expect("\(try #require(found))".contains(fault))
      } else {
        #expect(try read(text).notes.isEmpty)
      }
    }
    // The layers of a model of such a class are known; what it does with them is not.
    let notes = try read(
      #"{"class_name":"Dense","config":{"name":"a","units":2}}"#, #""module":null,"class_name":"Sequential""#
    ).notes
    #expect(
      notes == [
        "model 'm': Sequential is a class of the program that wrote the file; it is taken for a plain model of its layers"
      ])
  }

  /// A layer with weights is no activation of another.
  @Test func activationsWithWeightsAreRefused() throws {
    let bend = #""activation":{"class_name":"PReLU","config":{"name":"p"}}"#
    let layers =
      Self.input + "," + Self.dense("a", #"[[["x",0,0,{}]]]"#).replacing(#""units":3"#, with: #""units":3,\#(bend)"#)
    let fault = #expect(throws: KerasModelFault.self) { try graph(layers, outputs: #"["a",0,0]"#) }
    #expect("\(try #require(fault))".contains("its activation PReLU is not supported"))
  }

  /// A model that calls a model that calls a model … does not become larger than a real one.
  @Test func callsOfCallsAreCounted() throws {
    func model(_ depth: Int, _ name: String, _ nodes: String) -> String {
      let inner =
        depth == 0 ? Self.dense("d", #"[[["x",0,0,{}]]]"#) : model(depth - 1, "d", #"[[["x",0,0,{}]],[["x",0,0,{}]]]"#)
      let ends = depth == 0 ? #"["d",0,0]"# : #"["s",0,0]"#
      let sum = depth == 0 ? "" : "," + Self.dense("s", #"[[["d",0,0,{}],["d",1,0,{}]]]"#, kind: "Add")
      return
        #"{"class_name":"Functional","name":"\#(name)","inbound_nodes":\#(nodes),"config":{"name":"\#(name)","layers":[\#(Self.input),\#(inner)\#(sum)],"input_layers":[["x",0,0]],"output_layers":[\#(ends)]}}"#
    }
    _ = try KerasGraphBuilder.graph(JSONValue(parsing: model(3, "m", "[]").utf8), version: "2", path: "m.h5")
    let fault = #expect(throws: KerasModelFault.self) {
      try KerasGraphBuilder.graph(JSONValue(parsing: model(20, "m", "[]").utf8), version: "2", path: "m.h5")
    }
    #expect("\(try #require(fault))".contains("more than 8192 layers"))
  }

  /// A configuration of Keras's with one number or word changed is read or refused, runs or is refused, and never ends the
  /// program.
  @Test(arguments: [
    "siamese.keras", "merges.keras", "translate.keras", "transformer.keras", "masked_joins.keras", "frames.keras",
    "sizes.keras", "keras2_calls.h5", "functions.keras", "masking.keras",
  ]) func mutatedGraphsAreReadOrRefused(file: String) throws {
    let words = [
      "-1", "0", "1", "2", "9223372036854775807", "1e308", "null", "[]", "\"x\"", "[null,null]", "{}", "true",
    ]
    var numbers = TestNumbers(seed: UInt64(file.utf8.reduce(0) { $0 + Int($1) }))
    func pick(_ count: Int) -> Int { max(0, min(count - 1, Int((numbers.floats(1)[0] + 1) / 2 * Float(count)))) }
    let checkpoint = try Checkpoint.read(from: Self.goldens.path(file))
    let text = try #require(checkpoint.kerasModel?.configuration).serialized
    let bytes = Array(text.utf8)
    let places = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: "[") }
    var ran = 0
    for _ in 0..<80 {
      let start = places[pick(places.count)] + 1
      let end =
        bytes[start...].firstIndex { [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")].contains($0) }
        ?? bytes.count
      let mutated = Array(bytes[..<start]) + Array(words[pick(words.count)].utf8) + Array(bytes[end...])
      guard let value = try? JSONValue(parsing: mutated),
        let built = try? KerasGraphBuilder.graph(value, version: "3", path: file).builder.configuration,
        let network = try? Registry.standard.architecture(named: built.name).build(
          configuration: JSONValue(encoding: built)) as? KerasNetwork
      else { continue }
      let shapes = network.configuration.inputs.map { $0.shape.map { min($0 ?? 5, 64) } }
      let weights = network.cellDescriptions.reduce(0) { $0 + $1.shape.reduce(1, *) }
      guard weights < 50_000, (try? network.configuration.validate(inputs: shapes)) != nil else { continue }
      network.initialize(seed: 1)
      _ = inference { network.outputs(shapes.map { Tensor(zeros: [2] + $0) }).map(\.scalars) }
      _ = network.replacingHead(outputs: 3, seed: 1)
      ran += 1
    }
    #expect(ran > 6)
  }

  /// What comes from a file reaches no precondition.
  @Test(arguments: [
    #"{"inputs":[],"layers":[]}"#, #"{"inputs":[{"name":"x","shape":[]}],"layers":[]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["b"],"operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":[],"operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"results":["b"],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"results":["a:1"],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"shares":"b","operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":5,"bias":true}}},{"name":"b","place":"","activation":"relu","inputs":["a"],"shares":"a","operation":{"dense":{"units":5,"bias":true}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":5,"bias":true}}},{"name":"s","place":"","activation":"linear","inputs":["a","x"],"operation":{"merge":{"kind":"add","scale":1}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":5,"bias":true}}},{"name":"s","place":"","activation":"linear","inputs":["a"],"operation":{"concatenate":{"axis":7}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3]}],"layers":[{"name":"a","place":"","activation":"relu","inputs":["x"],"operation":{"dense":{"units":5,"bias":true}}},{"name":"s","place":"","activation":"linear","inputs":["a"],"operation":{"dot":{"axes":[0,0],"normalizes":false}}}]}"#,
    #"{"inputs":[{"name":"x","shape":[3,4]}],"layers":[{"name":"a","place":"","activation":"linear","inputs":["x","x","x"],"operation":{"attention":{"score":"product","scales":true,"inputs":{"hasKey":false,"hasQueryMask":false,"hasValueMask":false,"isCausal":false}}}}]}"#,
  ]) func refusesWhatIsNoNetwork(configuration: String) throws {
    let architecture = try Registry.standard.architecture(named: KerasNetwork.graphArchitecture)
    #expect(throws: ArchitectureFault.self) { try architecture.build(configuration: JSONValue(parsing: configuration)) }
  }

  /// Of a function that is not known, whichever of its outputs is used.
  @Test(arguments: [0, 1]) func anOutputOfAnUnknownFunctionNamesIt(output: Int) throws {
    func tensor(_ layer: String, _ output: Int) -> String {
      #"{"args":[{"class_name":"__keras_tensor__","config":{"shape":[null,4],"dtype":"float32","keras_history":["\#(layer)",0,\#(output)]}}],"kwargs":{}}"#
    }
    let text =
      #"{"class_name":"Functional","config":{"name":"m","layers":["#
      + #"{"class_name":"InputLayer","name":"x","config":{"name":"x","batch_shape":[null,4],"dtype":"float32"},"inbound_nodes":[]},"#
      + #"{"module":"keras.src.ops.numpy","class_name":"TopK","name":"split","config":{"name":"split","k":2,"sorted":true},"inbound_nodes":[\#(tensor("x", 0))]},"#
      + #"{"module":"keras.layers","class_name":"Dense","name":"d","config":{"name":"d","units":2},"inbound_nodes":[\#(tensor("split", output))]}"#
      + #"],"input_layers":["x",0,0],"output_layers":["d",0,0]}}"#
    let fault = #expect(throws: KerasModelFault.self) {
      try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3.10.0", path: "m.keras")
    }
    #expect("\(try #require(fault))".contains("ops.TopK, which Aviary does not know"))
  }
}
