import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// Networks for texts, labels of tokens, and texts that are written, against PyTorch in float64.
@Suite struct SequenceNetworkTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in
    try Goldens("sequence-networks", of: "ModelsTests")
  }

  private static let lengths = [2, 5, 4]

  private static func tokens(_ name: String) throws -> IntTensor {
    let array = try goldens.get().array(name)
    return IntTensor(array.integers.map { Int32($0) }, shape: array.shape)
  }

  private static func cnn() -> TextCNN { TextCNN(.toy) }

  private static func transformer(_ readout: TextTransformer.Readout) -> TextTransformer {
    var configuration = TextTransformer.Configuration.toy
    configuration.readout = readout
    return TextTransformer(configuration)
  }

  private static func tagger(_ kind: RecurrentKind) -> RecurrentTagger {
    var configuration = RecurrentTagger.Configuration.toy
    configuration.kind = kind
    return RecurrentTagger(configuration)
  }

  private static func seq2seq(_ kind: RecurrentKind, _ attention: DecoderAttention) -> Seq2Seq {
    var configuration = Seq2Seq.Configuration.toy
    (configuration.kind, configuration.attention) = (kind, attention)
    return Seq2Seq(configuration)
  }

  private static func generator(_ kind: RecurrentKind) -> SequenceGenerator {
    var configuration = SequenceGenerator.Configuration.toy
    configuration.kind = kind
    return SequenceGenerator(configuration)
  }

  /// A network, and its logits for the goldens' inputs.
  private static func network(_ name: String) throws -> (model: any Network, logits: () throws -> Tensor) {
    func reader(_ model: some SequenceReader) -> (any Network, () throws -> Tensor) {
      (model, { model(tokens: try tokens("tokens"), lengths: lengths) })
    }
    func tagger(_ kind: RecurrentKind) -> (any Network, () throws -> Tensor) {
      let model = Self.tagger(kind)
      return (model, { model(tokens: try tokens("tokens"), lengths: lengths) })
    }
    func seq2seq(_ kind: RecurrentKind, _ attention: DecoderAttention) -> (any Network, () throws -> Tensor) {
      let model = Self.seq2seq(kind, attention)
      return (
        model,
        { model(SourceText(tokens: try tokens("tokens"), lengths: lengths), previous: try tokens("previous")) }
      )
    }
    func generator(_ kind: RecurrentKind) -> (any Network, () throws -> Tensor) {
      let model = Self.generator(kind)
      return (
        model,
        {
          let rows = try goldens.get().array("rows")
          return model(Tensor(rows.floats, shape: rows.shape), previous: try tokens("previous"))
        }
      )
    }
    switch name {
    case "text-cnn": return reader(cnn())
    case "text-transformer-cls": return reader(transformer(.cls))
    case "text-transformer-mean": return reader(transformer(.mean))
    case "tagger-lstm": return tagger(.lstm)
    case "tagger-gru": return tagger(.gru)
    case "seq2seq-gru-dot": return seq2seq(.gru, .dot)
    case "seq2seq-gru-none": return seq2seq(.gru, .none)
    case "seq2seq-lstm-additive": return seq2seq(.lstm, .additive)
    case "generator-gru": return generator(.gru)
    default: return generator(.lstm)
    }
  }

  private static let names = [
    "text-cnn", "text-transformer-cls", "text-transformer-mean", "tagger-lstm", "tagger-gru", "seq2seq-gru-dot",
    "seq2seq-gru-none", "seq2seq-lstm-additive", "generator-gru", "generator-lstm",
  ]

  @Test(arguments: names) func equalPyTorch(name: String) throws {
    let golden = try Self.goldens.get()
    let (model, logits) = try Self.network(name)
    func check(_ model: some Network) throws {
      model.initialize(seed: 0)
      let weights = golden.arrays(under: "\(name)/weight")
      #expect(Set(weights.keys) == Set(model.parameters.map(\.path)), "\(name): PyTorch's names")
      for parameter in model.parameters {
        let array = try #require(weights[parameter.path])
        parameter.assign(Tensor(array.floats, shape: array.shape))
      }
      let labels = IntTensor(try golden.array("\(name)/labels").integers.map { Int32($0) })
      let (loss, gradients, result) = try valueWithGradients(of: model) { () throws -> (Tensor, Tensor) in
        let y = try logits()
        let rows = y.reshaped(to: [labels.scalars.count, -1])
        return (crossEntropy(rows, labels: labels, ignoring: -1), y)
      }
      expectClose(
        actual: result.scalars, shape: result.shape, golden: try golden.array("\(name)/logits"),
        name: "\(name): logits")
      expectClose(actual: loss.scalars, expected: try golden.array("\(name)/loss").values, name: "\(name): loss")
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter], "\(name): \(parameter.path)")
        expectClose(
          actual: gradient.scalars, shape: gradient.shape,
          golden: try golden.array("\(name)/gradient/\(parameter.path)"), relativeL2: gradientTolerance,
          name: "\(name): gradient of \(parameter.path)")
      }
    }
    try check(model)
  }

  /// The gradient of every parameter against differences of the outputs.
  @Test(arguments: names) func gradientsAreSlopes(name: String) throws {
    let (model, logits) = try Self.network(name)
    func check(_ model: some Network) throws {
      model.initialize(seed: 3)
      let values = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.path, $0.tensor) })
      let gradients = try valueWithGradients(of: model) { () throws -> Tensor in
        let y = try logits()
        return (y * y).sum()
      }.gradients
      var numbers = TestNumbers(seed: 2)
      var (slope, analytic) = (0.0, 0.0)
      let step: Float = 1e-3
      var directions: [String: [Float]] = [:]
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter]).scalars
        let length = max(1e-6, gradient.reduce(0) { $0 + $1 * $1 }.squareRoot())
        directions[parameter.path] = zip(gradient, numbers.floats(gradient.count)).map { $0 / length + 0.2 * $1 }
        analytic += zip(gradient, directions[parameter.path] ?? []).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      for sign: Float in [1, -1] {
        for parameter in model.parameters {
          let moved = zip(values[parameter.path]?.scalars ?? [], directions[parameter.path] ?? []).map {
            $0 + sign * step * $1
          }
          parameter.assign(Tensor(moved, shape: parameter.shape))
        }
        let loss = try withMode(.training) { () throws -> Double in
          try logits().scalars.reduce(0) { $0 + Double($1) * Double($1) }
        }
        slope += Double(sign) * loss / (2 * Double(step))
      }
      #expect(abs(slope - analytic) <= 1e-2 * max(abs(slope), abs(analytic)), "\(slope) \(analytic)")
    }
    try check(model)
  }

  /// What a batch is filled up with has no effect.
  @Test(arguments: ["text-cnn", "text-transformer-cls", "text-transformer-mean"])
  func paddingIsNotSeen(name: String) throws {
    let (network, _) = try Self.network(name)
    func check(_ model: some SequenceReader) {
      model.initialize(seed: 4)
      let alone = model(tokens: IntTensor([6, 1], shape: [1, 2]), lengths: nil)
      for padding: Int32 in [0, 5] {
        let padded = model(
          tokens: IntTensor([6, 1, padding, padding, 2, 3, 4, 1], shape: [2, 4]), lengths: [2, 4])
        expectClose(actual: Array(padded.scalars[..<3]), expected: alone.scalars.map(Double.init), relativeL2: 1e-5)
      }
    }
    let reader = try #require(network as? any SequenceReader)
    check(reader)
  }

  /// They read series as well, of windows shorter than a filter.
  @Test func seriesOfNumbers() throws {
    for name in ["text-cnn", "text-transformer"] {
      let model = try Registry.zoo.architecture(named: name).build(fitting: [2, 3], changing: [])
      func check(_ model: some SequenceReader) {
        model.initialize(seed: 1)
        #expect(model(Tensor([1, 2, 3, 4, 5, 6], shape: [1, 2, 3])).shape == [1, 1])
        #expect(model.headPath == "fc")
      }
      let reader = try #require(model as? any SequenceReader)
      check(reader)
    }
  }

  @Test func vectorsOfTokensHaveALengthOfTheirOwn() throws {
    let symbols = ConfigurationChange(name: "symbols", value: "9")
    for (name, width) in [("text-cnn", 128), ("sequence-lstm", 32)] {
      let architecture = try Registry.zoo.architecture(named: name)
      let model = try architecture.build(fitting: [], changing: [symbols])
      #expect(model.configurationValue["inputs"]?.serialized == "\(width)")
      let given = ConfigurationChange(name: "inputs", value: "5")
      let other = try architecture.build(fitting: [], changing: [given, symbols])
      #expect(other.configurationValue["inputs"]?.serialized == "5")
    }
  }

  // MARK: Writing

  /// A decoder reads a text in parts as it reads the whole.
  @Test(arguments: [DecoderAttention.dot, .additive, .none]) func stepsAreTheWhole(attention: DecoderAttention) throws {
    let model = Self.seq2seq(.lstm, attention)
    model.initialize(seed: 5)
    let source = SourceText(tokens: try Self.tokens("tokens"), lengths: Self.lengths)
    let previous = try Self.tokens("previous")
    inference {
      let whole = model(source, previous: previous)
      var state = model.start(source)
      for step in 0..<4 {
        let column = (0..<3).map { previous.scalars[$0 * 4 + step] }
        let (logits, next) = model.next(IntTensor(column, shape: [3, 1]), state)
        expectClose(
          actual: logits.scalars, expected: whole.slice(axis: 1, from: step, to: step + 1).scalars.map(Double.init))
        state = next
      }
    }
  }

  /// Below 1, training gives the decoder some of its own tokens; the same step draws the same, and use draws none.
  @Test func teacherForcingIsAShare() throws {
    var configuration = Seq2Seq.Configuration.toy
    func logits(_ ratio: Float, _ mode: Mode = .training, step: UInt64 = 1) throws -> [Float] {
      configuration.teacherForcing = ratio
      let model = Seq2Seq(configuration)
      model.initialize(seed: 6)
      let source = SourceText(tokens: try Self.tokens("tokens"), lengths: Self.lengths)
      let previous = try Self.tokens("previous")
      return withMode(mode, noise: Noise(seed: 1, step: step)) { model(source, previous: previous).scalars }
    }
    let forced = try logits(1)
    #expect(try logits(0.5, .inference) == forced)
    let half = try logits(0.5)
    #expect(try half != forced && half == logits(0.5))
    // Nothing of the truth but the beginning.
    let free = try logits(0)
    #expect(free != forced && Array(free.prefix(6)) == Array(forced.prefix(6)))
  }

  /// A beam as wide as all texts finds the most probable of them.
  @Test func aWideBeamFindsTheBest() throws {
    var configuration = SequenceGenerator.Configuration.toy
    configuration.outputs = 4
    let model = SequenceGenerator(configuration)
    model.initialize(seed: 7)
    for parameter in model.parameters { parameter.assign(parameter.tensor * 3) }
    let row = Tensor([0.3, -1, 2], shape: [1, 3])
    let (end, unknown): (Int32, Int32) = (3, 2)
    /// The mean logarithm of a text's probability.
    func score(_ text: [Int32]) -> Double {
      let previous = IntTensor([end] + text, shape: [1, text.count + 1])
      let logits = inference { model(row, previous: previous) }
      let rows = logSoftmax(logits.reshaped(to: [text.count + 1, 4])).scalars
      var sum = 0.0
      for (place, token) in (text + [end]).enumerated() { sum += Double(rows[place * 4 + Int(token)]) }
      return sum / Double(text.count + 1)
    }
    var texts: [[Int32]] = [[]]
    for length in 1...3 {
      for text in texts where text.count == length - 1 { texts += [text + [0], text + [1]] }
    }
    let best = try #require(texts.max { score($0) < score($1) })
    let found = try #require(
      BeamSearch(width: 64, longest: 3).text(model, row, end: end, never: [unknown]))
    #expect(found.tokens == best && found.isEnded)
    #expect(abs(found.score - score(best)) < 1e-5)
    // One beginning at a time is the greedy text.
    let greedy = try #require(BeamSearch(longest: 3).text(model, row, end: end, never: [unknown]))
    var (tokens, state): ([Int32], DecoderState) = ([], model.start(row))
    while tokens.count < 3 {
      let (logits, next) = inference { model.next(IntTensor([tokens.last ?? end], shape: [1, 1]), state) }
      let scores = logits.scalars
      let token = [0, 1, 3].max { scores[$0] < scores[$1] } ?? 3
      if token == 3 { break }
      tokens.append(Int32(token))
      state = next
    }
    #expect(greedy.tokens == tokens && greedy.score <= found.score + 1e-9)
    for parameter in model.parameters { parameter.assign(parameter.tensor * .nan) }
    #expect(BeamSearch(longest: 3).text(model, row, end: end) == nil)
  }

  @Test func aNewHeadLeavesTheBackboneAsItIs() throws {
    let model = Self.seq2seq(.gru, .dot)
    model.initialize(seed: 1)
    let other = model.replacingHead(outputs: 9, seed: 2)
    #expect(other.symbols == 6 && other.configuration.outputs == 9)
    let source = SourceText(tokens: try Self.tokens("tokens"), lengths: Self.lengths)
    #expect(other(source, previous: try Self.tokens("previous")).shape == [3, 4, 9])
    // What it cannot read it does not write.
    let one = SourceText(tokens: IntTensor([1, 2], shape: [1, 2]), lengths: [2])
    #expect(BeamSearch(width: 3, longest: 8).text(other, one, end: 5)?.tokens.allSatisfy { $0 < 6 } == true)
  }

  @Test(arguments: [
    ("text-cnn", "kernels", "[]"), ("text-cnn", "kernels", "[0]"), ("text-cnn", "filters", "0"),
    ("text-cnn", "dropout", "1"), ("text-transformer", "heads", "3"), ("text-transformer", "width", "0"),
    ("text-transformer", "readout", "last"), ("sequence-tagger-lstm", "symbols", "0"),
    ("sequence-tagger-gru", "tokenDropout", "1"), ("seq2seq-gru", "teacherForcing", "1.5"),
    ("seq2seq-gru", "targetSymbols", "0"), ("seq2seq-lstm", "attention", "luong"),
    ("sequence-generator-gru", "inputs", "0"), ("sequence-generator-lstm", "hidden", "-1"),
  ])
  func whatIsNoSettingIsAFault(name: String, setting: String, value: String) throws {
    let architecture = try Registry.zoo.architecture(named: name)
    let fault = #expect(throws: ArchitectureFault.self) {
      try architecture.build(changing: [ConfigurationChange(name: setting, value: value)])
    }
    #expect(fault?.description.contains(setting) == true, "\(fault.map(\.description) ?? "")")
  }
}
