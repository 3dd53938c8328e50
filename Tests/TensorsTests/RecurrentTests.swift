import AviaryTensors
import AviaryTestSupport
import Testing

/// One recurrent layer in one direction: its pullback against finite differences and against PyTorch's float64.
@Suite struct RecurrentTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("recurrent", of: "LayersTests") }

  struct Case: Sendable, CustomTestStringConvertible {
    let kind: RecurrentKind
    var reversed = false
    var lengths: [Int]?
    var testDescription: String { "\(kind.rawValue)\(reversed ? " reversed" : "")\(lengths.map { " \($0)" } ?? "")" }

    /// y, and the states at the end, beside each other.
    func result(_ operands: [String: Tensor]) -> Tensor {
      let weights = RecurrentWeights(
        input: operands["weight_ih"]!, recurrent: operands["weight_hh"]!, inputBias: operands["bias_ih"],
        recurrentBias: operands["bias_hh"])
      let result = recurrent(
        operands["x"]!, kind: kind, weights: weights, hidden: operands["h"], cell: operands["c"], lengths: lengths,
        reversed: reversed)
      return concatenated(
        [result.y, result.hidden, result.cell].compactMap { $0?.reshaped(to: [-1]) }, axis: 0)
    }

    /// T = 4, N = 3, I = 5, H = 6.
    var operands: [String: Tensor] {
      let gates = 6 * kind.gates
      var operands = [
        "x": numbers([4, 3, 5], 1), "weight_ih": numbers([gates, 5], 2), "weight_hh": numbers([gates, 6], 3),
        "bias_ih": numbers([gates], 4), "bias_hh": numbers([gates], 5), "h": numbers([3, 6], 6),
      ]
      if kind == .lstm { operands["c"] = numbers([3, 6], 7) }
      if kind == .rnnRelu {
        // Away from the kink: every other unit is on throughout.
        for name in ["weight_ih", "weight_hh"] { operands[name] = operands[name]! * 0.2 }
        operands["bias_ih"] = Tensor([3, -3, 3, -3, 3, -3], shape: [6])
      }
      return operands
    }
  }

  static let cases = RecurrentKind.allCases.flatMap { kind in
    [
      Case(kind: kind), Case(kind: kind, reversed: true), Case(kind: kind, lengths: [2, 4, 1]),
      Case(kind: kind, reversed: true, lengths: [2, 4, 1]),
    ]
  }

  @Test(arguments: cases) func pullbackAgreesWithDifferences(_ one: Case) {
    checkGradient(at: one.operands, step: 3e-3, name: one.testDescription, of: one.result)
  }

  @Test(arguments: cases) func plantedErrorIsFoundByDifferences(_ one: Case) {
    for name in one.operands.keys {
      withKnownIssue("\(one.testDescription), \(name)") {
        checkGradient(at: one.operands, step: 3e-3, name: one.testDescription) {
          one.result(flawed(name, in: $0))
        }
      }
    }
  }

  @Test(arguments: RecurrentKind.allCases) func withoutTapeTheResultIsTheSame(kind: RecurrentKind) {
    for one in Self.cases where one.kind == kind {
      let predicted = inference { one.result(one.operands) }
      let recorded = differentiated(one.operands, one.result).y
      #expect(predicted.scalars == recorded.scalars, "\(one.testDescription)")
    }
  }

  /// The layers of one direction, straight from the operator; the Layers' tests have the others.
  static func single() throws -> [GoldenCase] {
    try goldens.get().cases(of: "recurrent").filter { golden in
      guard case .integer(1)? = golden.geometry["layers"], golden.geometry["batch_first"] == .flag(false) else {
        return false
      }
      return golden.geometry["bidirectional"] == .flag(false)
    }
  }

  static func run(_ golden: GoldenCase, flaw: String? = nil) throws -> [String: Tensor] {
    guard case .text(let name)? = golden.geometry["kind"], let kind = RecurrentKind(rawValue: name) else {
      throw GoldenFault.missing(name: "kind", path: golden.name)
    }
    let lengths = try golden.integers("lengths")
    let one = Case(kind: kind, lengths: lengths.isEmpty ? nil : lengths)
    var operands: [String: Tensor] = [:]
    for (name, array) in golden.arrays where golden.optionalArray("d_\(name)") != nil {
      let isState = name == "h_0" || name == "c_0"
      let key = isState ? String(name.first!) : name.replacing("_l0", with: "")
      operands[key] = Tensor(array.floats, shape: isState ? Array(array.shape.dropFirst()) : array.shape)
    }
    let upstream = try ["y", "h_n", "c_n"].flatMap { name in
      golden.optionalArray(name) == nil ? [] : try golden.array("upstream_\(name)").floats
    }
    let (y, gradients) = differentiated(operands, upstream: Tensor(upstream, shape: [upstream.count])) { operands in
      one.result(flaw.map { flawed($0, in: operands) } ?? operands)
    }
    return gradients.merging(["y": y]) { $1 }
  }

  static func golden(_ key: String, _ golden: GoldenCase) throws -> Goldens.Array {
    try golden.array(key.count == 1 && key != "x" ? "d_\(key)_0" : key == "x" ? "d_x" : "d_\(key)_l0")
  }

  @Test func valuesAndGradientsArePyTorchs() throws {
    let cases = try Self.single()
    #expect(cases.count == 18)
    for golden in cases {
      var found = try Self.run(golden)
      let expected = try ["y", "h_n", "c_n"].flatMap { name in
        golden.optionalArray(name) == nil ? [] : try golden.array(name).values
      }
      expectClose(actual: found.removeValue(forKey: "y")?.scalars ?? [], expected: expected, name: golden.name)
      for (name, gradient) in found {
        expectClose(
          actual: gradient.scalars, expected: try Self.golden(name, golden).values, relativeL2: gradientTolerance,
          name: "\(golden.name): gradient of \(name)")
      }
    }
  }

  @Test func plantedErrorIsFoundByGoldens() throws {
    for golden in try Self.single() {
      let operands = try Self.run(golden).keys.filter { $0 != "y" }
      for operand in operands {
        let closeness = Closeness(
          actual: try Self.run(golden, flaw: operand)[operand]?.scalars ?? [],
          expected: try Self.golden(operand, golden).values)
        #expect(!closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(golden.name), \(operand)")
      }
    }
  }

  /// What lies beyond a sequence's end changes nothing, and gets no gradient.
  @Test(arguments: RecurrentKind.allCases, [false, true]) func paddingDoesNotMatter(kind: RecurrentKind, reversed: Bool)
  {
    let one = Case(kind: kind, reversed: reversed, lengths: [2, 4, 1])
    var padded = one.operands
    var scalars = padded["x"]!.scalars
    for (row, length) in [2, 4, 1].enumerated() {
      for step in length..<4 { for i in 0..<5 { scalars[(step * 3 + row) * 5 + i] = 99 } }
    }
    padded["x"] = Tensor(scalars, shape: [4, 3, 5])
    let (a, b) = (differentiated(one.operands, one.result), differentiated(padded, one.result))
    #expect(a.y.scalars == b.y.scalars)
    for name in ["x", "weight_hh", "h"] {
      #expect(a.gradients[name]?.scalars == b.gradients[name]?.scalars, "gradient of \(name)")
    }
    // The last step of the first sequence, and the second step of the last.
    let dx = a.gradients["x"]?.scalars ?? []
    #expect(dx[45..<50].allSatisfy { $0 == 0 } && dx[25..<30].allSatisfy { $0 == 0 })
  }

  // MARK: - Embedding

  @Test func embeddingLooksRowsUp() {
    let table = numbers([4, 3], 1)
    let y = embedding(IntTensor([3, 0, 0, 2], shape: [2, 2]), weight: table)
    #expect(y.shape == [2, 2, 3])
    let rows = table.scalars
    let expected = [3, 0, 0, 2].flatMap { rows[3 * $0..<3 * $0 + 3] }
    #expect(y.scalars == expected)
  }

  @Test func embeddingsPullbackAgreesWithDifferences() {
    let indices = IntTensor([3, 0, 0, 2, 3, 3], shape: [2, 3])
    for width in [1, 3, 200] {
      let operands = ["weight": numbers([5, width], 1)]
      checkGradient(at: operands, name: "embedding") { embedding(indices, weight: $0["weight"]!) }
      withKnownIssue {
        checkGradient(at: operands, name: "embedding") {
          embedding(indices, weight: flawed($0["weight"]!))
        }
      }
    }
    let gradient = differentiated(["weight": numbers([5, 2], 1)]) { embedding(indices, weight: $0["weight"]!) }
    #expect(gradient.gradients["weight"]?.scalars == [2, 2, 0, 0, 1, 1, 3, 3, 0, 0])
    let padded = differentiated(["weight": numbers([5, 2], 1)]) {
      embedding(indices, weight: $0["weight"]!, padding: 3)
    }
    #expect(padded.gradients["weight"]?.scalars == [2, 2, 0, 0, 1, 1, 0, 0, 0, 0])
    #expect(padded.y.scalars == gradient.y.scalars, "what is looked up is the same")
  }
}
