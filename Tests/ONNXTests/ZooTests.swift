#if ONNX
  import AviaryCheckpoints
  import AviaryLayers
  import AviaryModels
  import Testing

  @testable import AviaryONNX

  /// `tools/check_onnx.py` compares the outputs of all networks in ONNX Runtime.
  @Suite struct ZooTests {
    struct Case: Sendable, CustomTestStringConvertible {
      let name: String
      var settings: [(name: String, value: String)] = []
      var input: [Int]?
      let inputs: [[String]]
      let outputs: [[String]]

      var testDescription: String { ([name] + settings.map { "\($0.name)=\($0.value)" }).joined(separator: " ") }
    }

    static let small = [(name: "embedding", value: "4"), (name: "hidden", value: "5"), (name: "classes", value: "6")]

    static let cases: [Case] = [
      Case(name: "resnet-toy", inputs: [["batch", "3", "64", "64"]], outputs: [["batch", "5"]]),
      Case(name: "squeezenet-toy", inputs: [["batch", "3", "64", "64"]], outputs: [["batch", "5"]]),
      Case(name: "lenet5", inputs: [["batch", "1", "28", "28"]], outputs: [["batch", "10"]]),
      Case(
        name: "mlp", settings: [("inputs", "12"), ("hidden", "[5]")], input: [12], inputs: [["batch", "12"]],
        outputs: [["batch", "10"]]),
      Case(
        name: "rbm", settings: [("hidden", "7")], inputs: [["batch", "784"]],
        outputs: [["batch", "7"], ["batch", "784"]]),
      Case(
        name: "sequence-toy", inputs: [["batch", "steps", "3"], ["batch"]], outputs: [["batch", "4"]]),
      Case(
        name: "sequence-lstm", settings: [("symbols", "9")], inputs: [["batch", "steps"], ["batch"]],
        outputs: [["batch", "1"]]),
      Case(
        name: "text-cnn", settings: [("symbols", "9")], inputs: [["batch", "steps"], ["batch"]],
        outputs: [["batch", "1"]]),
      Case(
        name: "text-transformer", settings: [("symbols", "9"), ("readout", "cls"), ("width", "8")],
        inputs: [["batch", "steps"], ["batch"]], outputs: [["batch", "1"]]),
      Case(
        name: "text-transformer", settings: [("width", "8")], inputs: [["batch", "steps", "1"], ["batch"]],
        outputs: [["batch", "1"]]),
      Case(
        name: "sequence-tagger-lstm", settings: small + [("symbols", "9")], inputs: [["batch", "steps"], ["batch"]],
        outputs: [["batch", "steps", "6"]]),
      Case(
        name: "seq2seq-gru", settings: small + [("symbols", "9")],
        inputs: [["batch", "source_steps"], ["batch"], ["batch", "steps"]], outputs: [["batch", "steps", "6"]]),
      Case(
        name: "seq2seq-lstm", settings: small + [("symbols", "9"), ("attention", "additive")],
        inputs: [["batch", "source_steps"], ["batch"], ["batch", "steps"]], outputs: [["batch", "steps", "6"]]),
      Case(
        name: "sequence-generator-lstm", settings: small + [("inputs", "3")],
        inputs: [["batch", "3"], ["batch", "steps"]], outputs: [["batch", "steps", "6"]]),
      Case(
        name: "char-toy", inputs: [["batch", "steps"], ["2", "batch", "10"], ["2", "batch", "10"]],
        outputs: [["batch", "steps", "7"], ["2", "batch", "10"], ["2", "batch", "10"]]),
      Case(
        name: "char-transformer", settings: [("width", "8"), ("layers", "1"), ("classes", "7")],
        inputs: [["batch", "steps"]], outputs: [["batch", "steps", "7"]]),
      Case(name: "gcn-toy", inputs: [["nodes", "12"], ["2", "edges"]], outputs: [["nodes", "4"]]),
      Case(
        name: "gcn-graph", settings: [("hidden", "[4]"), ("readout", "max")],
        inputs: [["nodes", "7"], ["2", "edges"], ["nodes"]], outputs: [["graphs", "2"]]),
      Case(name: "gin-toy", inputs: [["nodes", "5"], ["2", "edges"], ["nodes"]], outputs: [["graphs", "2"]]),
    ]

    @Test(arguments: cases) func exports(_ each: Case) throws {
      let architecture = try Registry.zoo.architecture(named: each.name)
      let network = try architecture.build(changing: each.settings.map { .init(name: $0.name, value: $0.value) })
      network.initialize(seed: 1)
      let file = try written(try ONNXModel(of: network, input: each.input ?? architecture.input))
      #expect(file.faults == [])
      #expect(file.graph.input.map(file.shape) == each.inputs)
      #expect(file.graph.output.map(file.shape) == each.outputs)
      // Every weight is there under its path, in one piece.
      let names = Set(file.graph.initializer.map(\.name))
      let missing = network.namedParameters().map(\.path).filter { !names.contains($0) }
      #expect(missing == [])
      #expect(file.irVersion == 8 && file.opsetImport.map(\.version) == [18])
    }
  }
#endif
