import AviaryTensors
import AviaryTestSupport
import Testing

/// Rows of a table that a recurrent layer takes from where they are: each is multiplied once, however often it occurs.
@Suite struct LookedUpRowsTests {
  /// T = 4, N = 3: five of seven rows occur, so that fewer than half as many products do.
  static let indices = IntTensor([6, 2, 2, 0, 6, 5, 2, 2, 0, 3, 6, 2], shape: [4, 3])

  /// What a layer gives by rows of a table, or by the sequence of their copies.
  private static func result(
    _ one: RecurrentTests.Case, _ operands: [String: Tensor], batchFirst: Bool, padding: Int? = nil, copied: Bool
  ) -> Tensor {
    var operands = operands
    let order = batchFirst ? indices.transposed([1, 0]) : indices
    var x = embedding(order, weight: operands.removeValue(forKey: "table")!, padding: padding)
    if batchFirst { x = x.transposed([1, 0, 2]) }
    #expect(isDeferred(x))
    operands["x"] = copied ? x * 1 : x
    return one.result(operands)
  }

  private static func operands(of one: RecurrentTests.Case) -> [String: Tensor] {
    var operands = one.operands
    operands["x"] = nil
    operands["table"] = numbers([7, 5], 8)
    return operands
  }

  @Test(arguments: RecurrentTests.cases) func giveWhatTheirCopiesDo(_ one: RecurrentTests.Case) {
    for (batchFirst, padding) in [(false, nil), (true, nil), (true, 2)] as [(Bool, Int?)] {
      func differentiatedResult(copied: Bool) -> (y: Tensor, gradients: [String: Tensor]) {
        differentiated(Self.operands(of: one)) {
          Self.result(one, $0, batchFirst: batchFirst, padding: padding, copied: copied)
        }
      }
      let (a, b) = (differentiatedResult(copied: false), differentiatedResult(copied: true))
      expectClose(actual: a.y.scalars, expected: b.y.scalars.map(Double.init))
      #expect(a.gradients.keys == b.gradients.keys)
      for (name, gradient) in b.gradients {
        expectClose(actual: a.gradients[name]?.scalars ?? [], expected: gradient.scalars.map(Double.init))
      }
      if let padding {
        let row = a.gradients["table"]?.scalars[5 * padding..<5 * padding + 5] ?? []
        #expect(Array(row) == [0, 0, 0, 0, 0])
      }
    }
  }

  @Test(arguments: RecurrentKind.allCases) func pullbackAgreesWithDifferences(kind: RecurrentKind) {
    let one = RecurrentTests.Case(kind: kind, lengths: [2, 4, 1])
    let operands = Self.operands(of: one)
    checkGradient(at: operands, step: 3e-3, name: "rows, \(kind.rawValue)") {
      Self.result(one, $0, batchFirst: true, copied: false)
    }
    for name in operands.keys {
      withKnownIssue("\(kind.rawValue), \(name)") {
        checkGradient(at: operands, step: 3e-3, name: "rows, \(kind.rawValue)") {
          Self.result(one, flawed(name, in: $0), batchFirst: true, copied: false)
        }
      }
    }
  }

  /// A row that does not occur is not multiplied, by zero neither.
  @Test func othersDoNotMatter() {
    let one = RecurrentTests.Case(kind: .lstm)
    var operands = Self.operands(of: one)
    var table = operands["table"]!.scalars
    for place in 5..<10 { table[place] = .nan }
    operands["table"] = Tensor(table, shape: [7, 5])
    let (y, gradients) = differentiated(operands) { Self.result(one, $0, batchFirst: false, copied: false) }
    #expect(y.scalars.allSatisfy { $0.isFinite })
    for (name, gradient) in gradients { #expect(gradient.scalars.allSatisfy { $0.isFinite }, "\(name)") }
  }

  /// Gradients of what was looked up itself are those of a sequence.
  @Test func watchedRowsHaveTheirGradient() {
    let one = RecurrentTests.Case(kind: .gru)
    var operands = Self.operands(of: one)
    let table = Variable(operands.removeValue(forKey: "table")!)
    let (_, gradients, x) = valueWithGradients(of: [table], mode: .training, noise: nil) {
      var operands = operands
      let x = watched(embedding(Self.indices, weight: table.tracked))
      operands["x"] = x
      return (one.result(operands).sum(), x)
    }
    operands["x"] = Tensor(embedding(Self.indices, weight: table.value).scalars, shape: [4, 3, 5])
    let expected = differentiated(operands, one.result).gradients["x"]
    expectClose(actual: gradients[x]?.scalars ?? [], expected: expected!.scalars.map(Double.init))
    var sums = [Double](repeating: 0, count: 7 * 5)
    for (place, row) in Self.indices.scalars.enumerated() {
      for column in 0..<5 { sums[5 * Int(row) + column] += Double(expected!.scalars[5 * place + column]) }
    }
    expectClose(actual: gradients[table]?.scalars ?? [], expected: sums)
  }

  @Test func detachedRowsGiveTheTableNothing() {
    let one = RecurrentTests.Case(kind: .rnnTanh)
    let gradients = differentiated(Self.operands(of: one)) { operands in
      var operands = operands
      operands["x"] = embedding(Self.indices, weight: operands.removeValue(forKey: "table")!).detached()
      return one.result(operands)
    }.gradients
    #expect(gradients["table"] == nil && gradients["weight_ih"] != nil)
  }

  @Test func laterStepChangesNothing() {
    let table = Variable(numbers([7, 5], 1))
    let y = embedding(Self.indices, weight: table.value)
    #expect(isDeferred(y))
    let before = table.value.scalars
    table.moveInPlace()
    #expect(Array(y.scalars.prefix(5)) == Array(before.suffix(5)))
  }

  @Test func integersAreTransposed() {
    let x = IntTensor((0..<24).map(Int32.init), shape: [2, 3, 4])
    for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [-1, 1, 0]] {
      let moved = x.transposed(order)
      let floats = Tensor(x.scalars.map(Float.init), shape: x.shape).transposed(order)
      #expect(moved.shape == floats.shape && moved.scalars.map(Float.init) == floats.scalars, "\(order)")
    }
  }
}
