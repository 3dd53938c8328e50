import AviaryCheckpoints
import AviaryExplanations
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// What the last layers of a Keras model make of its outputs; files of `tools/goldens_keras.py`.
@Suite struct KerasEndingTests {
  typealias Output = KerasNetwork.Configuration.Output

  static let endings: [(String, Output)] = [
    ("softmax_dropout", .classes), ("softmax_flatten", .classes), ("softmax_reshape", .classes),
    ("softmax_average", .classes), ("softmax_largest", .values), ("softmax_positions", .values),
    ("softmax_scaled", .values), ("sigmoid_dropout", .probability), ("sigmoid_average", .probability),
    ("sigmoids_dropout", .values), ("relu_dropout", .values), ("leaky_relu", .values), ("prelu", .values),
  ]

  /// One softmax, whichever layers come after it.
  @Test(arguments: endings) func scoresAreOfWhatKerasPutsOut(name: String, output: Output) throws {
    let (model, x, y) = try Self.golden(name)
    #expect(model.configuration.output == output)
    expectClose(actual: inference { model.outputs(x).scalars }, expected: y, name: name)
    let scores = inference { model(x) }
    switch output {
    case .values: expectClose(actual: scores.scalars, expected: y, name: name)
    case .classes: expectClose(actual: softmax(scores).scalars, expected: y, name: name)
    case .probability:
      expectClose(actual: softmax(scores).scalars, expected: y.flatMap { [1 - $0, $0] }, name: name)
    }
  }

  /// One output z speaks for its class, and −z for the other; scores of several classes speak for themselves.
  @Test func oneOutputSpeaksForEitherClass() throws {
    let (model, x, y) = try Self.golden("sigmoid_dropout")
    let evidence = inference { model.evidence(model(x)) }
    let odds = y.map { log($0 / (1 - $0)) }
    expectClose(actual: evidence.scalars, expected: odds.flatMap { [-$0, $0] })
    for name in ["softmax_dropout", "sigmoid_average"] {
      let (model, x, _) = try Self.golden(name)
      let scores = inference { model(x) }
      #expect(inference { model.evidence(scores).scalars } == scores.scalars)
    }
  }

  /// What speaks against the class of the one output speaks for the other: as in a network whose output is the negative.
  @Test func eitherClassIsExplained() throws {
    func explainer(sign: Float) throws -> Explainer {
      let window = KerasWindow(kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding: .same)
      let model = KerasNetwork(
        .init(
          input: [2, 6, 6],
          layers: [
            KerasLayer("conv", "conv2d", KerasConvolution(filters: 4, window: window, groups: 1, bias: true), .relu),
            KerasLayer("pool", "", KerasGlobalPool(kind: .average, keepsPositions: false)),
            KerasLayer("head", "dense", KerasDense(units: 1, bias: true), .sigmoid),
          ]))
      model.initialize(seed: 2)
      let weight = try #require(model.namedParameters().first { $0.path == "head.weight" }?.parameter)
      weight.assign(Tensor([0.9, -0.7, 0.4, -0.3].map { sign * $0 }, shape: [1, 4]))
      return Explainer(model)
    }
    let (own, negative) = (try explainer(sign: 1), try explainer(sign: -1))
    let x = Tensor(Goldens.formula(count: 144, k: 3, scale: 1), shape: [2, 2, 6, 6])
    func expectSame(_ name: String, _ map: (Explainer, Explainer.Target) throws -> Tensor) throws {
      let (found, expected) = (try map(own, 0).scalars, try map(negative, 1).scalars)
      #expect(expected.contains { $0 != 0 }, "\(name)")
      expectClose(actual: found, expected: expected.map(Double.init), name: name)
    }
    try expectSame("saliency") { try $0.saliency(x, $1, magnitude: false) }
    try expectSame("inputxgradient") { try $0.inputTimesGradient(x, $1) }
    try expectSame("gradcam") { try $0.gradCAM(x, $1, rectified: false).values }
    try expectSame("guided") { try $0.guidedBackpropagation(x, $1) }
    try expectSame("ig") { try $0.integratedGradients(x, $1).attributions }
    try expectSame("smoothgrad") { try $0.smoothGrad(x, $1, samples: 2, magnitude: false) }
    try expectSame("occlusion") { try $0.occlusion(x, $1, window: [2, 3, 3]) }
    // A gradient of −z is that of z with the other sign.
    let (first, second) = (try own.saliency(x, 0, magnitude: false), try own.saliency(x, 1, magnitude: false))
    expectClose(actual: first.scalars, expected: second.scalars.map { -Double($0) })
  }

  /// Logarithms of probabilities are scores; means of them are none.
  @Test(arguments: ["log_softmax", "log_softmax_flatten"]) func logarithmsAreScores(name: String) throws {
    let (model, x, y) = try Self.golden(name)
    #expect(model.configuration.output == .classes && model.configuration.outputs == 4)
    expectClose(actual: inference { model.outputs(x).scalars }, expected: y, name: name)
    expectClose(actual: inference { logSoftmax(model(x)).scalars }, expected: y, name: name)
    let mean = try Self.golden("log_softmax_average")
    #expect(mean.model.configuration.output == .values)
    expectClose(actual: inference { mean.model(mean.x).scalars }, expected: mean.y)
  }

  /// A pool of scores has scores.
  @Test func poolsOfScoresAreScores() throws {
    let (model, x, y) = try Self.golden("scores_average")
    #expect(model.configuration.output == .classes)
    expectClose(actual: inference { model(x).scalars }, expected: y)
  }

  /// A number may be of any size and sign: nothing bends it after the head.
  @Test(arguments: endings.map(\.0) + ["scores_average", "log_softmax", "log_softmax_flatten"])
  func aSingleOutputIsLinear(name: String) throws {
    let (model, x, _) = try Self.golden(name)
    let changed = model.replacingHead(outputs: 1, seed: 4)
    let configuration = changed.configuration
    #expect(configuration.output == .values && configuration.outputs == 1)
    let head = try #require(configuration.layers.firstIndex { $0.name == changed.headPath })
    #expect(configuration.layers[head...].allSatisfy { $0.activation == .linear })
    let estimates = inference { changed(x) }
    #expect(estimates.shape == [3, 1])
  }

  @Test(arguments: endings.map(\.0) + ["scores_average", "log_softmax", "log_softmax_flatten"])
  func headsOfOtherWidthsLearn(name: String) throws {
    let (model, x, _) = try Self.golden(name)
    for classes in [3, 5] {
      let changed = model.replacingHead(outputs: classes, seed: 4)
      #expect(changed.configuration.output == .classes && changed.configuration.outputs == classes)
      let scores = inference { changed(x) }
      #expect(scores.shape == [3, classes])
      // The softmax of the scores is what the chain itself puts out: none is computed twice.
      expectClose(actual: softmax(scores).scalars, expected: inference { changed.outputs(x).scalars }.map(Double.init))
      let gradients = valueWithGradients(of: changed, noise: Noise(seed: 1, step: 1)) {
        crossEntropy(changed(x), labels: IntTensor([0, 1, 2]))
      }.gradients
      for parameter in changed.parameters { #expect(gradients[parameter]?.shape == parameter.shape) }
    }
  }

  /// The logarithm of a probability of zero is a number.
  @Test func certaintyIsFinite() {
    let window = KerasWindow(kernel: [1], stride: [1], dilation: [1], padding: .valid)
    for (filters, activation) in [(1, KerasFunction.sigmoid), (2, .softmax)] {
      let model = KerasNetwork(
        .init(
          input: [1, 2],
          layers: [
            KerasLayer(
              "conv", "conv1d", KerasConvolution(filters: filters, window: window, groups: 1, bias: false), activation),
            KerasLayer("pool", "", KerasGlobalPool(kind: .average, keepsPositions: false)),
          ]))
      model.initialize(seed: 1)
      let scores = inference { model(Tensor([1e9, 1e9, -1e9, -1e9], shape: [2, 2, 1])) }
      #expect(scores.scalars.allSatisfy { $0.isFinite })
      let shares = softmax(scores).scalars.sorted()
      expectClose(actual: shares, expected: [0, 0, 1, 1])
    }
  }

  /// What Keras does in training only, and training here does not, is said once for all layers.
  @Test func whatIsLeftOutOfTrainingIsNoted() throws {
    func notes(_ dense: String, _ dropout: String) throws -> [String] {
      let text =
        #"{"class_name":"Sequential","config":{"name":"m","layers":[{"class_name":"InputLayer","config":{"batch_shape":[null,3]}},{"class_name":"Dense","config":{"name":"a","units":2,"kernel_initializer":{}\#(dense)}},{"class_name":"TimeDistributed","config":{"name":"b","layer":{"class_name":"Dense","config":{"name":"c","units":2,"kernel_initializer":{}\#(dense)}}}},{"class_name":"Dropout","config":{"name":"d","rate":0.5\#(dropout)}}]}}"#
      let built = try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: "m.keras").builder
      #expect(built.notes.isEmpty)
      return built.trainingNotes
    }
    #expect(try notes("", "").isEmpty)
    #expect(
      try notes(#","trainable":true,"kernel_regularizer":null"#, #","trainable":false,"noise_shape":null"#).isEmpty)
    #expect(
      try notes(
        #","trainable":false,"bias_constraint":{"class_name":"NonNeg","config":{}}"#, #","noise_shape":[null,1]"#)
        == [
          "layers 'a', 'b': trainable=False is left out: all layers are trained that --freeze does not name",
          "layers 'a', 'b': regularizers and constraints of weights are left out",
          "layer 'd': noise_shape is left out: every element is dropped by itself",
        ])
  }

  @Test func whatIsLeftOutOfRecurrentLayersIsNoted() throws {
    let file = "inner_dropout.keras"
    let notes = try KerasNetworkTests.checkpoint(file).trainingNotes
    #expect(notes.count == 2 && notes[0].contains("dropout inside of a LSTM"), "\(notes)")
    #expect(notes.last?.contains("dropout inside of a GRU") ?? false)
    let configuration = try Checkpoint.read(from: KerasNetworkTests.goldens + "/" + file).kerasModel?.configuration
    let text = try #require(configuration).serialized
      .replacing(/"stateful": ?false/, with: #""stateful":true"#)
    let built = try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: file)
    #expect(built.builder.notes.count { $0.contains("stateful=True") } == 2, "\(built.builder.notes)")
  }

  static func golden(_ name: String) throws -> (model: KerasNetwork, x: Tensor, y: [Double]) {
    let golden = try Goldens("keras/outputs", of: "KerasTests")
    let x = try golden.array("end_\(name)/x")
    let model = try KerasNetworkTests.model(KerasNetworkTests.checkpoint("end_\(name).keras"))
    let input = Tensor(x.floats, shape: x.shape)
    return (model, input.rank > 2 ? input.channelsFirst() : input, try golden.array("end_\(name)/y").values)
  }
}
