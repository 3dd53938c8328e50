import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// Models that Keras saved, made by `tools/goldens_keras.py`, put out what they put out in Keras.
@Suite struct KerasNetworkTests {
  static let goldens = Goldens.url("keras/", of: "KerasTests").path

  static func checkpoint(_ file: String, _ adaptation: Adaptation = Adaptation()) throws -> Checkpoint {
    let path = goldens + "/" + file
    return try Checkpoint.read(from: path).kerasNetwork(by: adaptation, path: file).checkpoint
  }

  static func model(_ checkpoint: Checkpoint) throws -> KerasNetwork {
    try #require(try Registry.standard.model(from: checkpoint, path: "memory").model as? KerasNetwork)
  }

  static let files = [
    "dense.keras", "rectifiers.keras", "conv2d.h5", "conv2d.keras", "transposed.keras", "conv1d.h5", "conv3d.keras",
    "tokens.h5", "recurrent.keras", "axes.keras", "channels_first.h5", "flatten_first.keras", "values.keras",
    "functional.h5", "functional.keras", "nested.h5", "nested.keras", "inner_dropout.keras", "keras1_gates.h5",
    "keras2_graph.h5",
  ]

  @Test(arguments: files) func equalsKeras(file: String) throws {
    try expectOutputs(of: Self.model(Self.checkpoint(file)), file)
  }

  /// Keras 1 with Theano says neither that kernels are turned nor, in a file of weights, how their axes lie.
  @Test func theanosKernelsAreTurned() throws {
    let turned = try Self.checkpoint("keras1_theano.h5", Adaptation(flipKernels: true))
    try expectOutputs(of: Self.model(turned), "keras1_theano.h5")
    let plain = try Self.checkpoint("keras1_theano.h5")
    #expect(plain["convolution2d_1.weight"]?.floats() != turned["convolution2d_1.weight"]?.floats())
  }

  @Test(arguments: [
    "functional.weights.h5", "tf212.weights.h5", "windows.weights.h5", "parts.weights.json", "functional.h5",
  ]) func weightsAloneAreDescribedByAnotherFile(file: String) throws {
    let whole = try Self.checkpoint("functional.keras")
    let alone = try Checkpoint.read(from: Self.goldens + "/" + file)
      .described(byKerasModelIn: Self.goldens + "/functional.keras").kerasNetwork(path: file).checkpoint
    #expect(CheckpointDifference(whole, alone).isEmpty)
    #expect(alone.paths == whole.paths && alone.paths.count == 4)
  }

  /// Without a configuration layers are known by the names that people gave them, or by order and shapes.
  @Test func weightsAloneAreMapped() throws {
    let whole = try Self.checkpoint("functional.keras")
    let cells = try Self.model(whole).cellDescriptions
    let file = try Checkpoint.read(from: Self.goldens + "/functional.weights.h5")
    let layers = try #require(file.kerasModel).layers.filter { !$0.weights.isEmpty }
    #expect(layers.map(\.name) == ["Conv-1", "Fully Connected"])
    let names = ["Conv-1": "conv_1", "Fully Connected": "fully_connected"]
    for mapping in [KerasMapping(layerNames: names), KerasMapping(byStructure: true)] {
      let (mapped, report) = try file.mapped(onto: cells, headPath: nil, by: mapping, path: "f.weights.h5")
      #expect(report.isComplete)
      #expect(CheckpointDifference(whole, mapped).isEmpty)
    }
    let others = cells.map { CellDescription(path: "x." + $0.path, shape: $0.shape.reversed(), role: $0.role) }
    let fault = #expect(throws: CheckpointFault.self) {
      try file.mapped(onto: others, headPath: nil, by: KerasMapping(byStructure: true), path: "f.weights.h5")
    }
    let text = "\(try #require(fault))"
    #expect(text.contains("nothing fits 'x.fully_connected'"), "\(text)")
  }

  @Test func bfloat16Survives() throws {
    let checkpoint = try Self.checkpoint("bfloat16.keras")
    let golden = try Goldens("keras/outputs", of: "KerasTests")
    let weight = try #require(checkpoint["dense.weight"])
    #expect(weight.dtype == .bfloat16 && weight.shape == [2, 3])
    let kernel = try golden.array("bfloat16/0").floats
    let transposed: [Float] = (0..<6).map { kernel[$0 % 3 * 2 + $0 / 3] }
    #expect(weight.floats() == transposed)
  }

  @Test func whatIsNoNetworkIsNamed() throws {
    let unknown = #expect(throws: KerasModelFault.self) { try Self.checkpoint("unknown.keras") }
    #expect(unknown == .unknownLayer(path: "unknown.keras", layer: "inner/strange", kind: "Lambda"))
    #expect("\(try #require(unknown))".contains("--keep-names"))
    #expect(throws: KerasModelFault.noConfiguration(path: "tokens.weights.h5")) {
      try Self.checkpoint("tokens.weights.h5")
    }
  }

  /// What is exported is what was imported: `tools/check_keras.py` lets Keras itself load it.
  @Test(arguments: files.filter { !$0.hasPrefix("keras") }) func exportsWhatItImported(file: String) throws {
    let original = try Checkpoint.read(from: Self.goldens + "/" + file)
    let chain = try original.kerasNetwork(path: file).checkpoint
    try inFolder { folder in
      try chain.writeKerasWeights(to: folder + "/out.weights.h5")
      let written = try Checkpoint.read(from: folder + "/out.weights.h5")
      let model = Self.goldens + "/" + file
      let again = try written.described(byKerasModelIn: model).kerasNetwork(path: file).checkpoint
      #expect(CheckpointDifference(chain, again).isEmpty)
      // And under the places that Keras chose itself.
      if file.hasSuffix(".keras") {
        #expect(Set(original.paths.filter { !$0.contains("seed_generator") }) == Set(written.paths))
        for path in written.paths { #expect(written[path]?.floats() == original[path]?.floats(), "\(path)") }
      }
    }
  }

  @Test func otherNetworksAreNotExported() throws {
    let model = LeNet(.lenet5)
    model.initialize(seed: 1)
    try inFolder { folder in
      #expect(throws: CheckpointFault.self) {
        try model.checkpoint(architecture: "lenet5").writeKerasWeights(to: folder + "/a.weights.h5")
      }
    }
  }

  // MARK: As a network of the zoo

  @Test func learnsWithEveryParameterAndChangesItsHead() throws {
    for file in ["conv2d.h5", "conv1d.h5", "functional.keras", "recurrent.keras", "transposed.keras"] {
      let model = try Self.model(Self.checkpoint(file))
      let golden = try Goldens("keras/outputs", of: "KerasTests").array("\(file.prefix { $0 != "." })/x")
      var x = Tensor(golden.floats, shape: golden.shape)
      if x.rank == 4 { x = x.channelsFirst() }
      let labels = IntTensor([0, 1, 0])
      for model in [model, model.replacingHead(outputs: 3, seed: 4)] {
        #expect(model(x).shape == [3, model.configuration.outputs], "\(file)")
        let gradients = valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
          crossEntropy(model(x), labels: labels)
        }.gradients
        for parameter in model.parameters {
          #expect(gradients[parameter]?.shape == parameter.shape, "\(file): \(parameter.path)")
        }
        let restored = try Self.model(model.checkpoint(architecture: KerasNetwork.architecture))
        #expect(inference { restored(x).scalars } == inference { model(x).scalars })
      }
      model.freezeBackbone()
      #expect(model.trainableParameters.allSatisfy { $0.path.hasPrefix(model.headPath + ".") })
    }
  }

  @Test func oneProbabilityTellsTwoClassesApart() throws {
    let model = try Self.model(Self.checkpoint("conv1d.h5"))
    #expect(model.configuration.output == .probability && model.configuration.outputs == 2)
    let x = Tensor(Goldens.formula(count: 96, k: 3, scale: 1), shape: [2, 16, 3])
    let probability = inference { model.outputs(x).scalars }
    let shares = inference { softmax(model(x)).scalars }
    expectClose(actual: [shares[1], shares[3]], expected: probability.map { Double($0) })
  }

  @Test func takesImagesAsRowsAndAsLines() throws {
    var row = KerasNetwork.Configuration.empty
    row.input = [12]
    let model = KerasNetwork(row)
    model.initialize(seed: 1)
    let image = Tensor(Goldens.formula(count: 24, k: 1, scale: 1), shape: [2, 3, 2, 2])
    // Keras flattens a picture's colours side by side.
    let rows = image.transposed([0, 2, 3, 1]).reshaped(to: [2, 12])
    #expect(model(image).scalars == model(rows).scalars)
    #expect(throws: ConfigurationFault.self) { try row.validate(input: [3, 2, 3]) }
    try row.validate(input: [3, 2, 2])
  }

  /// What comes from a file reaches no precondition.
  @Test(arguments: [
    #"{"input":[],"layers":[]}"#, #"{"input":[3],"layers":[]}"#,
    #"{"input":[0],"layers":[{"name":"a","place":"","activation":"linear","operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"input":[3],"layers":[{"name":"a.b","place":"","activation":"relu","operation":{"dense":{"units":1,"bias":true}}}]}"#,
    #"{"input":[3],"layers":[{"name":"a","place":"","activation":"relu","operation":{"dense":{"units":-1,"bias":true}}}]}"#,
    #"{"input":[3],"layers":[{"name":"a","place":"","activation":"relu","operation":{"dense":{"units":9223372036854775807,"bias":true}}}]}"#,
    #"{"input":[3,9,9],"layers":[{"name":"a","place":"","activation":"relu","operation":{"convolution":{"filters":4,"groups":2,"bias":true,"window":{"kernel":[3,3],"stride":[1,1],"dilation":[1,1],"padding":"same"}}}}]}"#,
    #"{"input":[3,9,9],"layers":[{"name":"a","place":"","activation":"relu","operation":{"convolution":{"filters":4,"groups":1,"bias":true,"window":{"kernel":[3],"stride":[1,1],"dilation":[1,1],"padding":"same"}}}}]}"#,
    #"{"input":[3,9,9],"layers":[{"name":"a","place":"","activation":"relu","operation":{"convolution":{"filters":4,"groups":1,"bias":true,"window":{"kernel":[3,3],"stride":[0,1],"dilation":[1,1],"padding":"same"}}}}]}"#,
    #"{"input":[3,9,9],"layers":[{"name":"a","place":"","activation":"relu","operation":{"convolution":{"filters":4,"groups":1,"bias":true,"window":{"kernel":[12,3],"stride":[1,1],"dilation":[1,1],"padding":"valid"}}}}]}"#,
    #"{"input":[16777216,16777216],"layers":[{"name":"a","place":"","activation":"relu","operation":{"flatten":{"channelsLast":true,"reordered":false}}},{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[null,null],"layers":[{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[2,4],"layers":[{"name":"u","place":"","activation":"relu","operation":{"upSampling":{"size":[0]}}},{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[2,4],"layers":[{"name":"u","place":"","activation":"relu","operation":{"cropping":{"amounts":[[3,2]]}}},{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[2,4],"layers":[{"name":"u","place":"","activation":"relu","operation":{"reshape":{"shape":[-1,-1]}}},{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[2,4],"layers":[{"name":"u","place":"","activation":"relu","operation":{"transpose":{"order":[0,0]}}},{"name":"b","place":"","activation":"relu","operation":{"dense":{"units":2,"bias":true}}}]}"#,
    #"{"input":[2,4],"layers":[{"name":"u","place":"","activation":"relu","operation":{"nothing":{}}}]}"#,
  ]) func refusesWhatIsNoNetwork(configuration: String) throws {
    let architecture = try Registry.standard.architecture(named: KerasNetwork.architecture)
    #expect(throws: ArchitectureFault.self) { try architecture.build(configuration: JSONValue(parsing: configuration)) }
  }

  /// A configuration of Keras's with one number or word changed is read or refused, and never ends the program.
  @Test func mutatedConfigurationsAreReadOrRefused() throws {
    let words = [
      "-1", "0", "9223372036854775807", "1e308", "null", "[]", "\"x\"", "[null,null]", "{}", "65537", "true",
    ]
    var numbers = TestNumbers(seed: 11)
    func pick(_ count: Int) -> Int { min(count - 1, Int((numbers.floats(1)[0] + 1) / 2 * Float(count))) }
    for file in ["conv2d.keras", "recurrent.keras", "axes.keras", "transposed.keras", "keras1_gates.h5"] {
      let checkpoint = try Checkpoint.read(from: Self.goldens + "/" + file)
      let text = try #require(checkpoint.kerasModel?.configuration).serialized
      // Places of numbers and words after a colon or within a list.
      let places = text.indices.filter { text[$0] == ":" || text[$0] == "[" }
      for _ in 0..<150 {
        let start = text.index(after: places[abs(pick(places.count))])
        let end = text[start...].firstIndex { ",}]".contains($0) } ?? text.endIndex
        let mutated = text[..<start] + words[abs(pick(words.count))] + text[end...]
        guard let value = try? JSONValue(parsing: mutated.utf8) else { continue }
        guard let built = try? KerasGraphBuilder.graph(value, version: "3", path: file) else { continue }
        let architecture = try Registry.standard.architecture(named: KerasNetwork.architecture)
        _ = try? architecture.build(configuration: JSONValue(encoding: built.builder.configuration))
      }
    }
  }

  func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-keras-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  /// What the goldens call input is Keras's, channels last but for models that have them first.
  func expectOutputs(of model: KerasNetwork, _ file: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let name = String(file.prefix { $0 != "." })
    let golden = try Goldens("keras/outputs", of: "KerasTests")
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
