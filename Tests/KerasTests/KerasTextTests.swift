import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// Models that take texts and categories put out what they put out in Keras: files of `tools/goldens_keras_texts.py`.
@Suite struct KerasTextTests {
  static let goldens = Goldens.url("texts/", of: "KerasTests").path
  static let files = [
    "sentiment.keras", "open_length.keras", "characters.keras", "weighted.keras", "weighted.h5",
    "learned_weights.keras", "columns.keras", "columns.h5", "several.keras", "nested.keras", "masked_queries.keras",
  ]

  private static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Array(try Data(contentsOf: Goldens.url("texts/\(name)", of: "KerasTests"))))
  }

  static func checkpoint(_ file: String) throws -> Checkpoint {
    try Checkpoint.read(from: goldens + "/" + file).kerasNetwork(path: file).checkpoint
  }

  static func network(_ checkpoint: Checkpoint) throws -> KerasNetwork {
    try #require(try Registry.standard.model(from: checkpoint, path: "memory").model as? KerasNetwork)
  }

  /// The inputs of a case, row by row: texts and numbers.
  static func inputs(_ name: String) throws -> [[[JSONValue]]] {
    try #require(try json("cases.json")[name]?["inputs"]?.elements).map { input in
      (input.elements ?? []).map { $0.elements ?? [] }
    }
  }

  static func tensor(_ rows: [[JSONValue]], _ input: KerasInput) -> Tensor {
    input.isText
      ? Tensor(texts: rows.map { $0.map { $0.text ?? "" } })
      : Tensor(rows.flatMap { $0.map { Float($0.double ?? .nan) } }, shape: [rows.count, rows[0].count])
  }

  private func expectEqual(_ found: [Tensor], _ name: String, row: Int? = nil) throws {
    let expected = try #require(try Self.json("cases.json")[name]?["outputs"]?.elements)
    try #require(found.count == expected.count)
    for (x, golden) in zip(found, expected) {
      let values = (golden["values"]?.elements ?? []).compactMap(\.double)
      let own = (x.rank > 2 ? x.movingAxis(1, to: -1) : x).scalars
      let width = values.count / (golden["shape"]?.elements?.first?.integer ?? 1)
      let part = row.map { Array(values[$0 * width..<($0 + 1) * width]) } ?? values
      try #require(own.count == part.count)
      let allowed = 1e-5 * max(1, part.map(abs).max() ?? 1)
      #expect(zip(own, part).allSatisfy { abs(Double($0) - $1) < allowed }, "\(name): \(own) \(part)")
    }
  }

  @Test(arguments: files) func equalsKeras(file: String) throws {
    let name = String(file.prefix { $0 != "." })
    let model = try Self.network(Self.checkpoint(file))
    let rows = try Self.inputs(name)
    let declared = model.configuration.inputs
    if model.configuration.dependsOnBatch {
      for row in rows[0].indices {
        let x = zip(rows, declared).map { Self.tensor([$0[row]], $1) }
        try expectEqual(inference { model.outputs(x) }, name, row: row)
      }
    } else {
      try expectEqual(inference { model.outputs(zip(rows, declared).map { Self.tensor($0, $1) }) }, name)
    }
    // Aviary's own file keeps vocabularies.
    let again = try Self.network(model.checkpoint(architecture: model.configuration.name))
    #expect(again.configuration == model.configuration)
  }

  @Test func hashesAreTensorFlows() throws {
    let bins = (1 << 62) - 57
    for entry in try Self.json("hashes.json").elements ?? [] {
      let bytes = Array((entry["text"]?.text ?? "").utf8)
      #expect(String(StringHash.farm.bucket(of: bytes, among: bins)) == entry["farm"]?.text, "\(bytes.count) bytes")
      #expect(String(StringHash.sip(133, 137).bucket(of: bytes, among: bins)) == entry["sip"]?.text)
    }
  }

  @Test func outputsHaveNamesAndMeanings() throws {
    let model = try Self.network(Self.checkpoint("columns.keras"))
    let outputs = model.configuration.namedOutputs
    #expect(outputs.map(\.name) == ["adopted", "days"] && outputs.map(\.count) == [2, 1])
    #expect(outputs.map { $0.meaning == .classes } == [true, false])
    #expect(model.configuration.inputs.map(\.label) == ["Kind", "colour of coat", "Age", "fee", "code"])
    let x = zip(try Self.inputs("columns"), model.configuration.inputs).map { Self.tensor($0, $1) }
    for row in 0..<4 {
      #expect(abs(model.results(x)[0].tensor.scalars[row * 2..<row * 2 + 2].reduce(0, +) - 1) < 1e-6)
    }
  }

  /// A new head learns; the words before it do not change.
  @Test func learnsWithANewHead() throws {
    let model = try Self.network(Self.checkpoint("sentiment.keras")).replacingHead(outputs: 2, seed: 1)
    let x = try Self.tensor(Self.inputs("sentiment")[0], model.configuration.inputs[0])
    let gradients = valueWithGradients(of: model) {
      crossEntropy(model.outputs([x])[0], labels: IntTensor([0, 1, 0, 1, 0, 1]))
    }.gradients
    for parameter in model.parameters { #expect(gradients[parameter]?.shape == parameter.shape, "\(parameter.path)") }
  }

  // MARK: What is refused

  private func refusal(_ layer: String, dtype: String = "string", input: String = "[null,1]") -> String {
    let text =
      #"{"class_name":"Functional","config":{"name":"m","layers":["#
      + #"{"class_name":"InputLayer","name":"x","config":{"batch_input_shape":\#(input),"dtype":"\#(dtype)"},"inbound_nodes":[]},"#
      + layer.replacing("NODES", with: #""inbound_nodes":[[["x",0,0,{}]]]"#)
      + #"],"input_layers":[["x",0,0]],"output_layers":[["t",0,0]]}}"#
    do {
      _ = try KerasGraphBuilder.graph(JSONValue(parsing: text.utf8), version: "3", path: "m.keras")
      return ""
    } catch { return "\(error)" }
  }

  @Test(arguments: [
    (#"{"class_name":"StringLookup","name":"t","config":{"vocabulary":null},NODES}"#, "adapt()"),
    (#"{"class_name":"StringLookup","name":"t","config":{"vocabulary":"/home/a/words.txt"},NODES}"#, "words.txt"),
    (#"{"class_name":"StringLookup","name":"t","config":{"vocabulary":["a","a"]},NODES}"#, "twice"),
    (#"{"class_name":"StringLookup","name":"t","config":{"vocabulary":["a"],"invert":true},NODES}"#, "invert"),
    (
      #"{"class_name":"TextVectorization","name":"t","config":{"vocabulary":["a"],"standardize":{"class_name":"function","config":"clean"}},NODES}"#,
      "'clean'"
    ),
    (#"{"class_name":"TextVectorization","name":"t","config":{"vocabulary":["a"],"ngrams":[0]},NODES}"#, "ngrams is 0"),
    (
      #"{"class_name":"TextVectorization","name":"t","config":{"vocabulary":["a"],"output_mode":"tf_idf","idf_weights":[1,2]},NODES}"#,
      "idf_weights"
    ),
    (#"{"class_name":"Dense","name":"t","config":{"units":2},NODES}"#, "layer 't' (Dense): its input is text"),
    (#"{"class_name":"IntegerLookup","name":"t","config":{"vocabulary":[1]},NODES}"#, "its input is text"),
    (#"{"class_name":"HashedCrossing","name":"t","config":{"num_bins":3},NODES}"#, "HashedCrossing"),
    (#"{"class_name":"Hashing","name":"t","config":{"num_bins":0},NODES}"#, "num_bins is 0"),
  ]) func isNamed(layer: String, part: String) {
    let refusal = refusal(layer)
    #expect(refusal.contains("layer 't'") && refusal.contains(part), "\(refusal)")
    #expect(!refusal.contains("\n"))
  }

  @Test func numbersAreNamed() {
    let large = #"{"class_name":"IntegerLookup","name":"t","config":{"vocabulary":[1,16777217]},NODES}"#
    #expect(refusal(large, dtype: "int64").contains("16777217"))
    let unordered = #"{"class_name":"Discretization","name":"t","config":{"bin_boundaries":[2,1]},NODES}"#
    #expect(refusal(unordered, dtype: "float32").contains("ascending"))
    let words = #"{"class_name":"StringLookup","name":"t","config":{"vocabulary":["a"]},NODES}"#
    #expect(refusal(words, dtype: "float32").contains("not text"))
    let row = #"{"class_name":"CategoryEncoding","name":"t","config":{"num_tokens":3},NODES}"#
    #expect(refusal(row, dtype: "int64", input: "[null]").contains("one row"))
    let dense = #"{"class_name":"Dense","name":"t","config":{"units":3},NODES}"#
    #expect(refusal(dense, dtype: "float32", input: "[null]").contains("no axis"))
  }

  /// A word without an index, and a number that is no token, are not guessed.
  @Test func unknownWordsAreNotNumbers() throws {
    let lookup = KerasWordIndex(
      KerasVocabulary(words: ["a"], isNumeric: false, mask: nil, unknown: 0, hash: nil), .index)
    #expect(lookup[Array("a".utf8)] == 0 && lookup[Array("b".utf8)].isNaN)
    let embedding = KerasEmbedding(symbols: 3, width: 2).layer(on: KerasShape(channels: 4, positions: []))
    embedding.initialize(seed: 1)
    let y = embedding.forward(Tensor([0, 2, 3, -1, .nan, 1, 1, 1], shape: [2, 4]))
    #expect(y.shape == [2, 2, 4])
    let broken = y.scalars.map(\.isNaN)
    #expect(
      Array(broken[0..<4]) == [false, false, true, true] && Array(broken[8..<12]) == [true, false, false, false])
  }
}
