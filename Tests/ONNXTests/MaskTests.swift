#if ONNX
  import AviaryLayers
  import AviaryTensors
  import Testing

  @testable import AviaryONNX

  /// What operations make of elements that they read: of masks, lengths and tokens. `tools/check_onnx.py --masks` compares
  /// such models of Keras in ONNX Runtime.
  @Suite struct MaskTests {
    private static let tokens = ProgramInput(name: "x", kind: .wholeNumbers(below: 6), shape: [.symbol(0), .fixed(7)])
    private static let categories: [Extent] = [.symbol(0), .fixed(1)]

    private func file(
      _ inputs: [ProgramInput], symbols: [Symbol] = [.batch], half: Bool = false,
      _ forward: @escaping ([ProgramValue]) -> Tensor
    ) throws -> ONNXModelProto {
      var options = ONNXModel.Options()
      options.isHalf = half
      let program = NetworkProgram(symbols: symbols, inputs: inputs, outputs: ["y"], forward: { [forward($0)] })
      let file = try written(try ONNXModel(program, options))
      #expect(file.faults == [])
      return file
    }

    /// A recurrent layer under the path `rnn`.
    private struct Masked: Layer {
      let rnn: SequenceLayer
      var children: [Child] { [Child("rnn", rnn)] }

      init(_ kind: RecurrentKind, bidirectional: Bool = false, functions: RecurrentFunctions? = nil) {
        let configuration = RecurrentConfiguration(
          kind: kind, inputs: 3, hidden: 2, bidirectional: bidirectional, functions: functions)
        rnn = SequenceLayer(configuration, axis: 1)
        initialize(seed: 0)
      }
    }

    @Test(arguments: [RecurrentKind.lstm, .gru, .rnnTanh], [false, true])
    func lengthsAreWhatTheMaskCounts(kind: RecurrentKind, bidirectional: Bool) throws {
      let embedding = Embedding(6, 3, axis: 1)
      embedding.initialize(seed: 0)
      let layer = Masked(kind, bidirectional: bidirectional)
      let file = try file([Self.tokens]) { values in
        let x = values[0].tensor
        return layer.rnn(embedding(x), mask: (x .!= 0).tensor).output
      }
      let type = kind == .lstm ? "LSTM" : kind == .gru ? "GRU" : "RNN"
      let nodes = file.graph.node.filter { $0.opType == type }
      #expect(nodes.count == (bidirectional ? 2 : 1))
      for node in nodes {
        let (types, origin) = file.makers(of: node.input[4])
        #expect(types.prefix(6) == ["Cast", "Max", "Squeeze", "ReduceSum", "Cast", "Cast"])
        #expect(types.last == "Equal" && origin == "x")
      }
    }

    /// No example has a step that its mask leaves out, but other inputs may.
    @Test func masksThatLeaveNothingOutAreKept() throws {
      let layer = Masked(.lstm)
      let input = ProgramInput(name: "x", kind: .numbers, shape: [.symbol(0), .fixed(3), .fixed(5)])
      let file = try file([input]) { values in
        let x = exp(values[0].tensor)
        return layer.rnn(x, mask: (x .!= 0).any(over: [1]).tensor).output
      }
      let (types, origin) = file.makers(of: try file.first("LSTM").input[4])
      #expect(types.contains("Equal") && types.last == "Exp" && origin == "x")
    }

    @Test func layersThatGoStepByStepAreRefused() throws {
      let layer = Masked(.lstm, functions: RecurrentFunctions(activation: .relu))
      #expect(throws: ONNXFault.reads(path: "rnn")) {
        try file([Self.tokens]) { values in
          let x = values[0].tensor
          return layer.rnn(stacked([x, x, x], axis: 1), mask: (x .!= 0).tensor).output
        }
      }
    }

    /// Inputs of which the examples cannot tell one from the other.
    @Test func eachTableHasItsOwnInput() throws {
      let tables = [Embedding(2, 4), Embedding(2, 4)]
      for (number, table) in tables.enumerated() { table.initialize(seed: UInt64(number)) }
      let inputs = ["a", "b"].map { ProgramInput(name: $0, kind: .wholeNumbers(below: 2), shape: Self.categories) }
      let file = try file(inputs) { values in
        concatenated([tables[0](values[0].tensor), tables[1].rowsOrNaN(values[1].tensor)], axis: 2)
      }
      let rows = file.graph.node.filter { $0.opType == "Gather" }.map { file.makers(of: $0.input[1]) }
      #expect(rows.map(\.origin) == ["a", "b"])
      #expect(rows.map(\.types) == [["Cast"], ["Cast", "Where", "And", "Greater"]])
    }

    /// Another layer reads the same input, and what it makes of the examples repeats along the batch.
    @Test func whatIsReadIsRefusedThoughItIsLookedUpToo() throws {
      let table = Embedding(2, 4)
      table.initialize(seed: 0)
      let input = ProgramInput(name: "x", kind: .wholeNumbers(below: 2), shape: Self.categories)
      #expect(throws: ONNXFault.reads(path: "")) {
        try file([input]) { values in
          let x = values[0].tensor
          let isThere = Tensor(x.scalars.map { _ in 1 }, shape: [x.shape[0], 1, 1])
          return table(x) * isThere
        }
      }
    }

    @Test func float16DoesNotRoundTokens() throws {
      let table = Embedding(3000, 2)
      table.initialize(seed: 0)
      let input = ProgramInput(name: "x", kind: .wholeNumbers(below: 3000), shape: [.symbol(0), .fixed(4)])
      let file = try file([input], half: true) { table($0[0].tensor) }
      let (types, origin) = file.makers(of: try file.first("Gather").input[1])
      #expect(types == ["Cast"] && origin == "x")
      let fault = #expect(throws: ONNXFault.self) {
        try self.file([input], half: true) { table(relu($0[0].tensor)) }
      }
      #expect("\(try #require(fault))".hasPrefix("embedding cannot be exported to ONNX: float16 does not hold"))
    }

    /// The longest sequence of the first examples is whole.
    @Test func whatTwoExamplesOfOneSizeDoDifferentlyIsRefused() throws {
      let inputs = [
        ProgramInput(name: "x", kind: .numbers, shape: [.symbol(0), .symbol(1), .fixed(3)]),
        ProgramInput(name: "lengths", kind: .lengths(steps: 1), shape: [.symbol(0)]),
      ]
      func refused(_ forward: @escaping (Tensor, IntTensor) -> Tensor) -> String? {
        let fault = #expect(throws: ONNXFault.self) {
          try file(inputs, symbols: [.batch, .steps()]) { forward($0[0].tensor, $0[1].integers) }
        }
        return fault.map { "\($0)" }
      }
      func longest(_ lengths: IntTensor) -> Int { Int(lengths.scalars.max() ?? 0) }
      let number = refused { x, lengths in x * Float(2 + x.shape[1] - longest(lengths)) }
      #expect(number == "affine cannot be exported to ONNX: its scale depends on the input")
      let operation = refused { x, lengths in longest(lengths) == x.shape[1] ? relu(x) : tanh(x) }
      #expect(operation?.hasSuffix("depends on the numbers of its input: relu for some, tanh for others") == true)
    }

    @Test func examplesDifferInTheirPadding() {
      func rows(_ input: ProgramInput, _ pattern: ProgramInput.Pattern) -> [[Float]] {
        let scalars = input.value([3], seed: 1, pattern: pattern).tensor.scalars
        return (0..<3).map { Array(scalars[$0 * 7..<($0 + 1) * 7]) }
      }
      let ends = rows(Self.tokens, .ends).map { $0.map { $0 != 0 } }
      #expect(ends == (0..<3).map { row in (0..<7).map { $0 < 7 - row } })
      let scattered = rows(Self.tokens, .scattered).map { $0.map { $0 != 0 } }
      #expect(!scattered[0][0] && scattered[0][6] && !scattered[2].contains(true))
      let lengths = ProgramInput(name: "lengths", kind: .lengths(steps: 1), shape: [.symbol(0)])
      #expect(lengths.value([3, 5], seed: 1).integers.scalars == [5, 4, 3])
      #expect(lengths.value([3, 5], seed: 1, pattern: .scattered).integers.scalars.allSatisfy { (1..<5).contains($0) })
    }
  }
#endif
