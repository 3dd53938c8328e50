import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryModels

/// The character model and the sequence classifier against PyTorch's float64, and weights made by others.
@Suite struct RecurrentModelTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in
    try Goldens("recurrent-models", of: "ModelsTests")
  }

  /// Fills a model with a golden's weights, of which none may be left over.
  static func fill(_ model: some Network, _ name: String) throws {
    model.initialize(seed: 0)
    let weights = try goldens.get().arrays(under: "\(name)/weight")
    #expect(Set(weights.keys) == Set(model.parameters.map(\.path)), "\(name): PyTorch's names")
    for parameter in model.parameters {
      let array = try #require(weights[parameter.path])
      parameter.assign(Tensor(array.floats, shape: array.shape))
    }
  }

  static func check(
    _ name: String, _ model: some Network, _ logits: @escaping () -> Tensor
  ) throws {
    let golden = try goldens.get()
    let labels = IntTensor(try golden.array("\(name)/labels").integers.map(Int32.init))
    let (loss, gradients, result) = valueWithGradients(of: model) {
      let y = logits()
      return (crossEntropy(y.reshaped(to: [labels.shape[0], -1]), labels: labels), y)
    }
    expectClose(
      actual: result.scalars, shape: result.shape, golden: try golden.array("\(name)/logits"), name: "\(name): logits")
    expectClose(actual: loss.scalars, expected: try golden.array("\(name)/loss").values, name: "\(name): loss")
    for parameter in model.parameters {
      let gradient = try #require(gradients[parameter], "\(name): \(parameter.path)")
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("\(name)/gradient/\(parameter.path)"),
        relativeL2: gradientTolerance, name: "\(name): gradient of \(parameter.path)")
    }
  }

  @Test(arguments: [("char-lstm", RecurrentKind.lstm), ("char-gru", .gru), ("char-rnn", .rnnTanh)])
  func characterModelsArePyTorchs(name: String, kind: RecurrentKind) throws {
    var configuration = CharacterModel.Configuration.toy
    configuration.kind = kind
    let model = CharacterModel(configuration)
    try Self.fill(model, name)
    let x = try Self.goldens.get().array("\(name)/x")
    let tokens = IntTensor(x.integers.map(Int32.init), shape: x.shape)
    try Self.check(name, model) { model(tokens: tokens).logits }
  }

  @Test(arguments: [SequenceClassifier.Readout.last, .mean])
  func sequenceClassifiersArePyTorchs(readout: SequenceClassifier.Readout) throws {
    var configuration = SequenceClassifier.Configuration.toy
    configuration.readout = readout
    let model = SequenceClassifier(configuration)
    let name = "sequence-\(readout.rawValue)"
    try Self.fill(model, name)
    let x = try Self.goldens.get().array("\(name)/x")
    let series = Tensor(x.floats, shape: x.shape)
    try Self.check(name, model) { model(series, lengths: [2, 5, 4]) }
    #expect(model(series).scalars == model(series, lengths: [5, 5, 5]).scalars)
  }

  @Test func sequencesOfSingleNumbersAndOfTokens() {
    let numbers = SequenceClassifier(.lstm)
    numbers.initialize(seed: 1)
    let series = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    #expect(numbers(series).shape == [2, 1])
    #expect(numbers(series).scalars == numbers(series.reshaped(to: [2, 3, 1])).scalars)
    let words = SequenceClassifier(.init(inputs: 4, symbols: 9, hidden: 5, outputs: 3))
    words.initialize(seed: 1)
    let tokens = IntTensor([8, 0, 1, 2, 3, 3], shape: [2, 3])
    #expect(words(tokens: tokens).shape == [2, 3])
    let alone = words(tokens: IntTensor([8, 0], shape: [1, 2]))
    let padded = words(tokens: tokens, lengths: [2, 3])
    expectClose(actual: Array(padded.scalars[..<3]), expected: alone.scalars.map(Double.init), relativeL2: 1e-6)
  }

  @Test func countsArePublished() {
    func count(_ configuration: CharacterModel.Configuration) -> Int {
      CharacterModel(configuration).parameters.reduce(0) { $0 + $1.count }
    }
    // 65·256 + 2·(gates·256·512 + 2·gates·256) + 256·65 + 65
    #expect(count(.lstm) == 1_086_017 && count(.gru) == 822_849 && count(.rnn) == 296_513)
  }

  @Test func aNewHeadLeavesTheBackboneAsItIs() throws {
    let model = CharacterModel(.toy)
    model.initialize(seed: 1)
    let other = model.replacingHead(outputs: 3, seed: 2)
    #expect(other.configuration.outputs == 3 && other.configuration.symbols == 7)
    let tokens = IntTensor([6, 0], shape: [1, 2])
    #expect(other(tokens: tokens).logits.shape == [1, 2, 3])
    #expect(other.copy()(tokens: tokens).logits.scalars == other(tokens: tokens).logits.scalars)
    let again = CharacterModel(other.configuration)
    try again.load(other.checkpoint(architecture: "char-lstm"))
    #expect(again(tokens: tokens).logits.scalars == other(tokens: tokens).logits.scalars)
  }

  @Test(arguments: [
    #"{"kind":"lstm","embedding":0,"hidden":4,"layers":1,"dropout":0,"classes":3}"#,
    #"{"kind":"lstm","embedding":4,"hidden":-1,"layers":1,"dropout":0,"classes":3}"#,
    #"{"kind":"lstm","embedding":4,"hidden":4,"layers":99999999,"dropout":0,"classes":3}"#,
    #"{"kind":"lstm","embedding":4,"hidden":4,"layers":1,"dropout":1,"classes":3}"#,
    #"{"kind":"lstm","embedding":4,"hidden":4,"layers":1,"dropout":0,"classes":0}"#,
    #"{"kind":"lstm","embedding":4,"hidden":4,"layers":1,"dropout":0,"symbols":0,"classes":3}"#,
    #"{"kind":"elman","embedding":4,"hidden":4,"layers":1,"dropout":0,"classes":3}"#,
  ])
  func aConfigurationThatIsNoneIsAFault(text: String) throws {
    let architecture = try Registry.zoo.architecture(named: "char-lstm")
    #expect(throws: ArchitectureFault.self) { try architecture.build(configuration: JSONValue(parsing: text)) }
  }

  @Test func inputsThatDoNotFitAreFaults() throws {
    func accepts(_ configuration: SequenceClassifier.Configuration, _ input: [Int]) -> Bool {
      do { try configuration.validate(input: input) } catch { return false }
      return true
    }
    #expect(accepts(.lstm, [24]) && accepts(.lstm, [24, 1]) && !accepts(.lstm, [24, 2]) && !accepts(.lstm, []))
    #expect(accepts(.toy, [24, 3]) && !accepts(.toy, [24]) && !accepts(.toy, [3, 8, 8]) && !accepts(.lstm, [0]))
    #expect(accepts(.init(symbols: 5), []) && !accepts(.init(symbols: 5), [24]))
    #expect(throws: ConfigurationFault.self) { try CharacterModel.Configuration.lstm.validate(input: [3, 8, 8]) }
    var fitted = SequenceClassifier.Configuration.lstm
    fitted.fit(input: [24, 7])
    #expect(fitted.inputs == 7)
  }

  // MARK: - Weights made by others

  /// Under the names that tutorials give them, with several linear layers behind the recurrent ones.
  @Test(arguments: [
    ("two", "sequence-lstm"), ("one", "sequence-gru"), ("three", "sequence-lstm"), ("own", "sequence-lstm"),
  ])
  func filesOfTutorialsGivePyTorchsOutputs(name: String, network: String) throws {
    let goldens = try Goldens("recurrent-tutorials", of: "ModelsTests")
    var file = Checkpoint()
    for (path, array) in goldens.arrays(under: "\(name)/weight") {
      file.set(StoredArray(array.floats, shape: array.shape), at: path)
    }
    let architecture = try Registry.zoo.architecture(named: network)
    let adapted = try file.adapted(to: architecture, path: "f.pth").checkpoint
    #expect(adapted.notes.contains { $0.hasPrefix("read under the network's own names") })
    let model = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
    let x = try goldens.array("\(name)/x")
    let y = model(Tensor(x.floats, shape: x.shape))
    expectClose(actual: y.scalars, shape: y.shape, golden: try goldens.array("\(name)/y"), name: name)
    #expect(Registry.zoo.names(fitting: file).contains(network))
    // The head alone is replaced.
    let other = model.replacingHead(outputs: 7, seed: 1)
    #expect(other(Tensor(x.floats, shape: x.shape)).shape == [4, 7])
  }

  @Test func namesThatAreNotCertainAreLeft() {
    func names(_ layers: [String]) -> [String] {
      let paths = layers.flatMap {
        $0 == "lstm" ? ["lstm.weight_ih_l0", "lstm.weight_hh_l0"] : [$0 + ".weight", $0 + ".bias"]
      }
      return SequenceClassifier.Configuration.ownNames(for: paths).map { "\($0.foreign)>\($0.own)" }
    }
    #expect(names(["lstm", "fc"]) == ["lstm>rnn"])
    #expect(names(["lstm", "fc0", "fc1"]) == ["lstm>rnn", "fc1>fc2", "fc0>fc1"])
    #expect(names(["lstm", "fc.2", "fc.5"]) == ["lstm>rnn", "fc.2>fc1", "fc.5>fc2"])
    #expect(names(["lstm", "fc", "out"]).isEmpty && names(["lstm", "attention"]).isEmpty && names(["fc"]).isEmpty)
    #expect(SequenceClassifier.Configuration.ownNames(for: ["weight"]).isEmpty)
  }

  @Test(.enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.absence)))
  func aForeignCharacterModelGivesPyTorchsLogits() throws {
    let path = try #require(SharedData.url("checkpoints-pytorch/char_rnn_gru_embed256.pth")).path
    let foreign = try Goldens("recurrent-foreign", of: "ModelsTests")
    let architecture = try Registry.zoo.architecture(named: "char-gru")
    let adaptation = Adaptation(renames: [try RenamingRule(#"^fc\.=head."#)])
    let (checkpoint, report) = try Checkpoint.read(from: path).adapted(to: architecture, by: adaptation, path: path)
    #expect(report.missing.isEmpty && report.unexpected.isEmpty)
    let model = try #require(
      try architecture.build(configuration: checkpoint.metadata.configuration) as? CharacterModel)
    #expect(model.configuration.outputs == 30)
    try model.load(checkpoint)
    let x = try foreign.array("char_rnn_gru_embed256/x")
    let logits = model(tokens: IntTensor(x.integers.map(Int32.init), shape: x.shape)).logits
    expectClose(
      actual: logits.scalars, shape: logits.shape, golden: try foreign.array("char_rnn_gru_embed256/y"),
      name: "logits")
  }

  @Test(.enabled(if: SharedData.isPresent, Comment(rawValue: SharedData.absence)))
  func aForeignLSTMOfSingleGatesGivesPyTorchsStates() throws {
    let path = try #require(SharedData.url("checkpoints-pytorch/lstm_small.pth")).path
    let foreign = try Goldens("recurrent-foreign", of: "ModelsTests")
    let model = SequenceClassifier(.init(inputs: 11, hidden: 11))
    let renames = [try RenamingRule("^([fio])l=rnn.$1"), try RenamingRule("^Cl=rnn.g")]
    let file = try Checkpoint.read(from: path).renamed(by: renames)
    #expect(throws: CheckpointFault.self) { try model.load(file) }
    let report = try model.load(file.joiningGates(of: model.cellDescriptions))
    #expect(report.headAbsent)
    let gates = ["i", "f", "g", "o"]
    #expect(
      report.conversions.contains(.joined(path: "rnn.weight_ih_l0", from: gates.map { "rnn.\($0).weight" })))
    #expect(report.conversions.contains(.filled(path: "rnn.bias_hh_l0", value: 0)))
    let x = try foreign.array("lstm_small/x")
    let (output, state) = model.states(Tensor(x.floats, shape: x.shape))
    let golden = try foreign.array("lstm_small/y")
    expectClose(actual: output.scalars, shape: output.shape, golden: golden, name: "states")
    #expect(model.features(Tensor(x.floats, shape: x.shape)).scalars == state.hidden.scalars)
  }
}
