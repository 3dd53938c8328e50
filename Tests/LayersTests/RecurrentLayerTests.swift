import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// Recurrent layers against PyTorch's float64, and as layers among others.
@Suite struct RecurrentLayerTests {
  static let goldens = Result { () throws(GoldenFault) -> [GoldenCase] in
    try Goldens("recurrent", of: "LayersTests").cases(of: "recurrent")
  }

  static func layer(_ golden: GoldenCase) throws -> any RecurrentLayer {
    guard case .text(let name)? = golden.geometry["kind"], let kind = RecurrentKind(rawValue: name) else {
      throw GoldenFault.missing(name: "kind", path: golden.name)
    }
    let layer = RecurrentConfiguration(
      kind: kind, inputs: try golden.array("x").shape[2], hidden: try golden.array("weight_hh_l0").shape[1],
      layers: try golden.integer("layers"), bidirectional: try golden.flag("bidirectional"),
      batchFirst: try golden.flag("batch_first"), bias: try golden.flag("bias")
    ).layer()
    layer.initialize(seed: 0)
    for parameter in layer.parameters {
      let array = try golden.array(parameter.path)
      parameter.assign(Tensor(array.floats, shape: array.shape))
    }
    return layer
  }

  @Test func everyCaseIsPyTorchs() throws {
    let cases = try Self.goldens.get()
    #expect(cases.count == 31)
    for golden in cases { try check(golden) }
  }

  private func check(_ golden: GoldenCase) throws {
    let layer = try Self.layer(golden)
    let lengths = try golden.integers("lengths")
    func tensor(_ name: String) throws -> Tensor? {
      golden.optionalArray(name).map { Tensor($0.floats, shape: $0.shape) }
    }
    let x = try #require(try tensor("x"))
    let (h0, c0) = (try tensor("h_0"), try tensor("c_0"))
    let upstream = try ["y", "h_n", "c_n"].map { try tensor("upstream_\($0)") }
    var operands: [String: Tensor] = [:]
    var results: [Tensor?] = []
    let (_, gradients) = valueWithGradients(of: layer) {
      operands["x"] = watched(x)
      operands["h_0"] = h0.map { watched($0) }
      operands["c_0"] = c0.map { watched($0) }
      let state = operands["h_0"].map { RecurrentState(hidden: $0, cell: operands["c_0"]) }
      let (y, last) = layer(operands["x"]!, state: state, lengths: lengths.isEmpty ? nil : lengths)
      results = [y, last.hidden, last.cell]
      let losses = zip(results, upstream).compactMap { result, upstream -> Tensor? in
        guard let result, let upstream else { return nil }
        return (result * upstream).sum()
      }
      return losses.dropFirst().reduce(losses[0], +)
    }
    for (name, result) in zip(["y", "h_n", "c_n"], results) {
      #expect((result == nil) == (golden.optionalArray(name) == nil), "\(golden.name): \(name)")
      guard let result else { continue }
      expectClose(
        actual: result.scalars, shape: result.shape, golden: try golden.array(name), name: "\(golden.name): \(name)")
    }
    var found = operands.compactMapValues { gradients[$0] }
    for parameter in layer.parameters { found[parameter.path] = gradients[parameter] }
    #expect(found.count == golden.arrays.keys.count { $0.hasPrefix("d_") }, "\(golden.name): all gradients")
    for (name, gradient) in found {
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(name)"),
        relativeL2: gradientTolerance, name: "\(golden.name): gradient of \(name)")
    }
  }

  @Test func namesAndTheirOrderArePyTorchs() {
    let lstm = LSTM(3, 4, layers: 2, bidirectional: true)
    #expect(
      lstm.namedParameters().map(\.path) == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse", "weight_hh_l0_reverse",
        "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1",
        "weight_ih_l1_reverse", "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse",
      ])
    #expect(lstm.parameters.map(\.shape)[8] == [16, 8], "the second layer takes both directions")
    #expect(GRU(3, 4, bias: false).namedParameters().map(\.path) == ["weight_ih_l0", "weight_hh_l0"])
    #expect(GRUCell(3, 4).namedParameters().map(\.path) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
  }

  @Test func parametersBeginWithinTheBound() {
    let gru = GRU(3, 16)
    gru.initialize(seed: 1)
    for parameter in gru.parameters {
      let largest = parameter.tensor.scalars.map(abs).max() ?? 1
      #expect(largest <= 0.25 && largest > 0.2, "\(parameter.path): \(largest)")
    }
  }

  /// Sequences read in two parts, the states carried on, are the sequences read at once.
  @Test(arguments: RecurrentKind.allCases) func carriedStatesGoOn(kind: RecurrentKind) {
    let layer = Self.filled(RecurrentConfiguration(kind: kind, inputs: 3, hidden: 5, layers: 2))
    let x = Self.numbers([6, 2, 3], 1)
    let whole = layer(x)
    let first = layer(Tensor(Array(x.scalars[..<24]), shape: [4, 2, 3]))
    let second = layer(Tensor(Array(x.scalars[24...]), shape: [2, 2, 3]), state: first.state)
    expectClose(
      actual: first.output.scalars + second.output.scalars, expected: whole.output.scalars.map(Double.init),
      relativeL2: 1e-6)
    expectClose(
      actual: second.state.hidden.scalars, expected: whole.state.hidden.scalars.map(Double.init), relativeL2: 1e-6)
  }

  @Test(arguments: RecurrentKind.allCases) func cellsAreOneStepOfTheLayer(kind: RecurrentKind) {
    let layer = Self.filled(RecurrentConfiguration(kind: kind, inputs: 3, hidden: 5))
    let (x, h, c) = (Self.numbers([2, 3], 1), Self.numbers([2, 5], 2), Self.numbers([2, 5], 3))
    let state = RecurrentState(
      hidden: h.reshaped(to: [1, 2, 5]), cell: kind == .lstm ? c.reshaped(to: [1, 2, 5]) : nil)
    let expected = layer(x.reshaped(to: [1, 2, 3]), state: state).state
    func fill(_ cell: some Layer) {
      for (own, given) in zip(cell.parameters, layer.parameters) { own.assign(given.tensor) }
    }
    switch kind {
    case .rnnTanh, .rnnRelu:
      let cell = RNNCell(3, 5, relu: kind == .rnnRelu)
      fill(cell)
      #expect(cell(x, hidden: h).scalars == expected.hidden.scalars)
    case .gru:
      let cell = GRUCell(3, 5)
      fill(cell)
      #expect(cell(x, hidden: h).scalars == expected.hidden.scalars)
    case .lstm:
      let cell = LSTMCell(3, 5)
      fill(cell)
      let result = cell(x, hidden: h, cell: c)
      #expect(result.hidden.scalars == expected.hidden.scalars && result.cell.scalars == expected.cell?.scalars)
    }
  }

  /// Dropout lies between the layers only, and the same noise drops the same elements.
  @Test func dropoutLiesBetweenLayers() {
    let x = Self.numbers([4, 2, 3], 1)
    let one = Self.filled(RecurrentConfiguration(kind: .lstm, inputs: 3, hidden: 5, dropout: 0.5))
    #expect(withMode(.training, noise: Noise(seed: 1, step: 1)) { one(x).output.scalars } == one(x).output.scalars)
    let two = Self.filled(RecurrentConfiguration(kind: .lstm, inputs: 3, hidden: 5, layers: 2, dropout: 0.5))
    func trained(_ step: UInt64) -> (y: [Float], h: [Float]) {
      withMode(.training, noise: Noise(seed: 1, step: step)) {
        let result = two(x)
        return (result.output.scalars, result.state.hidden.scalars)
      }
    }
    #expect(trained(1).y == trained(1).y && trained(1).y != trained(2).y && trained(1).y != two(x).output.scalars)
    #expect(Array(trained(1).h[..<10]) == Array(two(x).state.hidden.scalars[..<10]), "the first layer is whole")
    two.site.core.isFrozen = true
    #expect(trained(1).y == two(x).output.scalars, "a frozen layer drops nothing")
  }

  @Test func frozenLayersGetNoGradientAndPassItOn() throws {
    let model = Tagger()
    model.initialize(seed: 1)
    try model.freeze(["rnn"])
    let x = Self.numbers([4, 2, 3], 1)
    var input = x
    let (_, gradients) = valueWithGradients(of: model) {
      input = watched(x)
      return model(input).sum()
    }
    #expect(model.rnn.parameters.allSatisfy { $0.isFrozen && gradients[$0] == nil })
    #expect(gradients[model.fc.weight] != nil && gradients[input] != nil)
    #expect(model.frozenPaths == ["rnn"])
    try model.freeze(["rnn.weight_hh_l0"])
    let (_, others) = valueWithGradients(of: model) { model(x).sum() }
    #expect(others[model.rnn.parameters[0]] != nil && others[model.rnn.parameters[1]] == nil)
  }

  @Test func outputsAreObservedByPath() {
    let model = Tagger()
    model.initialize(seed: 1)
    let x = Self.numbers([4, 2, 3], 1)
    let (result, outputs) = observing(["rnn", "embed"], of: model) { model(x) }
    #expect(outputs["rnn"].map { model.fc($0).scalars } == result.scalars)
    let tokens = IntTensor([0, 1], shape: [1, 2])
    let (rows, seen) = observing(["embed"], of: model) { model.embed(tokens) }
    #expect(seen["embed"]?.scalars == rows.scalars)
  }

  @Test func treeShowsTheParameters() {
    let model = Tagger()
    model.initialize(seed: 1)
    #expect(
      model.tree.contains("rnn: GRU  weight_ih_l0 [15, 3], weight_hh_l0 [15, 5], bias_ih_l0 [15], bias_hh_l0 [15]"))
  }

  @Test func wrongShapesEndTheProgramWithPathAndShapes() async {
    let message = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let model = Tagger()
      model.initialize(seed: 1)
      _ = model(Tensor(zeros: [4, 2, 9]))
    }
    let text = String(decoding: message?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("rnn: GRU: input [4, 2, 9] does not go with weight [15, 3]"))
  }

  struct Tagger: Layer {
    let embed = Embedding(4, 3)
    let rnn = GRU(3, 5)
    let fc = Linear(5, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { fc(rnn(x).output) }
  }

  static func filled(_ configuration: RecurrentConfiguration) -> any RecurrentLayer {
    let layer = configuration.layer()
    layer.initialize(seed: 3)
    return layer
  }

  static func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }
}
