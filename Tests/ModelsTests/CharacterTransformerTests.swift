import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// The character transformer against PyTorch in float64, and its memory of what came before.
@Suite struct CharacterTransformerTests {
  private static func model(bias: Bool = true, context: Int = 8, activation: Activation = .gelu) -> CharacterTransformer
  {
    var configuration = CharacterTransformer.Configuration.toy
    (configuration.bias, configuration.context, configuration.activation) = (bias, context, activation)
    return CharacterTransformer(configuration)
  }

  private static func tokens(_ array: Goldens.Array) -> IntTensor {
    IntTensor(array.integers.map { Int32($0) }, shape: array.shape)
  }

  private static func checkpoint(_ golden: Goldens) -> Checkpoint {
    var checkpoint = Checkpoint()
    for (path, array) in golden.arrays(under: "weight") {
      checkpoint.set(StoredArray(array.floats, shape: array.shape), at: path)
    }
    return checkpoint
  }

  @Test(arguments: ["char-transformer", "char-transformer-no-bias", "char-transformer-tanh"])
  func equalsPyTorch(name: String) throws {
    let golden = try Goldens(name, of: "ModelsTests")
    let model = Self.model(
      bias: name != "char-transformer-no-bias", activation: name == "char-transformer-tanh" ? .tanhGelu : .gelu)
    // The state dictionary has the table under both its names.
    try model.load(Self.checkpoint(golden))
    let (tokens, targets) = (Self.tokens(try golden.array("tokens")), Self.tokens(try golden.array("targets")))
    let logits = inference { model(tokens: tokens).logits }
    expectClose(actual: logits.scalars, shape: logits.shape, golden: try golden.array("logits"), name: "logits")
    let (loss, gradients) = valueWithGradients(of: model) { model.loss(tokens: tokens, targets: targets).loss }
    expectClose(actual: [loss.scalar], expected: try golden.array("loss").values, name: "loss")
    let expected = golden.arrays(under: "gradient")
    #expect(Set(model.namedParameters().map(\.path)) == Set(expected.keys))
    for (path, parameter) in model.namedParameters() {
      let gradient = try #require(gradients[parameter], "\(path)")
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try #require(expected[path]),
        relativeL2: gradientTolerance, name: path)
    }
  }

  @Test func publishedSizeIsThePapers() throws {
    let model = try Registry.zoo.architecture(named: "char-transformer").build()
    #expect(model.parameters.reduce(0) { $0 + $1.count } == 828_672)
  }

  private static func text(_ count: Int, rows: Int = 2) -> IntTensor {
    var numbers = TestNumbers(seed: 4)
    return IntTensor(numbers.integers(rows * count, below: 7).map { Int32($0) }, shape: [rows, count])
  }

  private static func part(_ x: IntTensor, _ range: Range<Int>) -> IntTensor {
    IntTensor(
      (0..<x.shape[0]).flatMap { row in range.map { x.scalars[row * x.shape[1] + $0] } },
      shape: [x.shape[0], range.count])
  }

  /// Read in parts of any lengths, a text has the logits that it has as a whole.
  @Test(arguments: [[8], [1, 1, 1, 1, 1, 1, 1, 1], [3, 5], [5, 1, 2], [2, 2, 4]]) func partsAreTheWhole(parts: [Int]) {
    let model = Self.model()
    model.initialize(seed: 3)
    let text = Self.text(8)
    let whole = inference { model(tokens: text).logits }
    inference {
      var (start, state): (Int, TransformerState?) = (0, nil)
      for length in parts {
        let (logits, next) = model(tokens: Self.part(text, start..<start + length), state: state)
        expectClose(
          actual: logits.scalars,
          expected: whole.slice(axis: 1, from: start, to: start + length).scalars.map(Double.init))
        (start, state) = (start + length, next)
      }
    }
  }

  /// Beyond the context the older half is forgotten: the rest is read as a text of its own.
  @Test func theOlderHalfOfAFullContextIsForgotten() {
    let model = Self.model()
    model.initialize(seed: 3)
    let text = Self.text(13)
    inference {
      let state = model(tokens: Self.part(text, 0..<8)).state
      let (logits, next) = model(tokens: Self.part(text, 8..<9), state: state)
      let seen = model(tokens: Self.part(text, 4..<9)).logits
      expectClose(
        actual: logits.scalars, expected: seen.slice(axis: 1, from: 4, to: 5).scalars.map(Double.init))
      // The next ones go on from there.
      let more = model(tokens: Self.part(text, 9..<12), state: next).logits
      let alone = model(tokens: Self.part(text, 4..<12)).logits
      expectClose(actual: more.scalars, expected: alone.slice(axis: 1, from: 5, to: 8).scalars.map(Double.init))
      // A text longer than the context is read in its parts.
      let long = model(tokens: text).logits
      #expect(long.shape == [2, 13, 7])
      expectClose(
        actual: long.slice(axis: 1, from: 0, to: 8).scalars,
        expected: model(tokens: Self.part(text, 0..<8)).logits.scalars.map(Double.init))
    }
  }

  /// With the cache a greedy text is that of reading everything anew for each character.
  @Test func samplesAreThoseWithoutACache() throws {
    let model = Self.model(context: 32)
    model.initialize(seed: 3)
    let drawn = try model.sample(
      after: [1, 2], length: 20, sampling: Sampling(temperature: 0), stream: RandomStream(seed: 1, purpose: "sample"))
    var text: [Int32] = [1, 2]
    for _ in 0..<20 {
      let logits = inference { model(tokens: IntTensor(text, shape: [1, text.count])).logits.scalars }.suffix(7)
      text.append(Int32(logits.firstIndex(of: logits.max()!)! - logits.startIndex))
    }
    #expect(drawn == Array(text.dropFirst(2)))
    let long = try model.sample(after: [1, 2], length: 100, stream: RandomStream(seed: 1, purpose: "sample"))
    #expect(long.count == 100 && long.allSatisfy { (0..<7).contains($0) })
  }

  /// Files have the table under both names, as PyTorch's have; either alone is enough, and two that differ are refused.
  @Test func tiedWeightsHaveBothNames() throws {
    let model = Self.model()
    model.initialize(seed: 3)
    let stored = model.checkpoint(architecture: "char-transformer")
    let (table, head) = ("transformer.wte.weight", "lm_head.weight")
    #expect(try #require(stored[table]?.floats()) == #require(stored[head]?.floats()))
    for dropped in [nil, table, head] {
      var file = Checkpoint()
      for entry in stored.entries where entry.path != dropped { file.set(entry.array, at: entry.path) }
      let other = Self.model()
      try other.load(file)
      #expect(other(tokens: Self.text(5)).logits == model(tokens: Self.text(5)).logits)
      let adapted = try file.adapted(
        to: Registry.zoo.architecture(named: "char-transformer"),
        by: Adaptation(changing: [.init(name: "heads", value: "2")]),
        path: "f.pth"
      ).checkpoint
      #expect(adapted.metadata.configuration == model.configurationValue)
    }
    var other = Checkpoint()
    for entry in stored.entries { other.set(entry.array, at: entry.path) }
    other.set(StoredArray([Float](repeating: 1, count: 42), shape: [7, 6]), at: head)
    #expect(throws: CheckpointFault.self) { try Self.model().load(other) }
  }

  @Test func anotherVocabularyHasAHeadOfItsOwn() throws {
    let model = Self.model()
    model.initialize(seed: 3)
    let other = model.replacingHead(outputs: 5, seed: 1)
    #expect(other.headPath == "lm_head" && other.symbols == 7)
    #expect(other(tokens: Self.text(4)).logits.shape == [2, 4, 5])
    let again = try Registry.zoo.model(from: other.checkpoint(architecture: "char-transformer"), path: "memory").model
    #expect(again.configurationValue == other.configurationValue)
    // Where the table is the head, freezing the rest leaves it to be trained.
    model.freezeBackbone()
    #expect(model.trainableParameters.map(\.path) == ["transformer.wte.weight"])
  }
}
