#if ONNX
  import AviaryTensors

  extension LoweredOperation {
    /// Recurrent layers, and the steps of sequences that count.
    func sequences() throws(ONNXFault) -> [String]? {
      switch name {
      case "rnn-tanh":
        return try recurrent("RNN", gates: [0], activation: "Tanh")
      case "rnn-relu":
        return try recurrent("RNN", gates: [0], activation: "Relu")
      case "lstm":
        // PyTorch's gates are i, f, g, o; ONNX's i, o, f, g.
        return try recurrent("LSTM", gates: [0, 3, 1, 2])
      case "gru":
        // PyTorch's gates are r, z, n; ONNX's z, r, n.
        return try recurrent("GRU", gates: [1, 0, 2])
      case "sinusoidalPositions":
        return [try sinusoidalPositions()]
      case "compactedSteps":
        return [try compactedSteps()]
      case "spreadSteps":
        return [try spreadSteps()]
      case "keptStates":
        let reads = emit("Greater", [total(try operand(1)), integers([0])])
        return [emit("Where", [reads, try operand(0), try optional(2) ?? graph.number(0)])]
      default: return nil
      }
    }

    /// - Parameter gates: of the gates in ONNX's order, the place of each in PyTorch's.
    private func recurrent(_ type: String, gates: [Int], activation: String? = nil) throws(ONNXFault) -> [String] {
      guard let hidden = value(2)?.shape.last else { throw refused("it has no recurrent weights") }
      /// Rows of a gate each, in ONNX's order and with the axis of the directions.
      func rows(_ number: Int) throws(ONNXFault) -> String? {
        guard let weights = try optional(number) else { return nil }
        let order = gates.flatMap { gate in (0..<hidden).map { gate * hidden + $0 } }
        let sorted =
          gates == Array(gates.indices) ? weights : emit("Gather", [weights, integers(order)], ["axis": .int(0)])
        return sorted
      }
      guard let input = try rows(1), let recurrent = try rows(2) else { throw refused("it has no weights") }
      var bias = ""
      if let first = try rows(3), let second = try rows(4) {
        bias = unsqueezed(emit("Concat", [first, second], ["axis": .int(0)]), [0])
      }
      func state(_ number: Int) throws(ONNXFault) -> String { try optional(number).map { unsqueezed($0, [0]) } ?? "" }
      let counted = try lengths()
      var operands = [
        try operand(0), unsqueezed(input, [0]), unsqueezed(recurrent, [0]), bias, counted, try state(5),
      ]
      if type == "LSTM" { operands.append(try state(6)) }
      // Runtimes on CPUs have no recurrent layers of float16.
      let isHalf = graph.float == .float16
      if isHalf {
        operands = operands.enumerated().map { $1.isEmpty || $0 == 4 ? $1 : cast($1, to: .float32) }
      }
      let direction = NodeAttribute.text(try flag("reversed") ? "reverse" : "forward")
      let results: [String]
      switch (type, activation) {
      case ("GRU", _):
        results = graph.nodes(
          type, operands, results: 2,
          ["hidden_size": .int(hidden), "direction": direction, "linear_before_reset": .int(1)])
      case (_, "Relu"?):
        results = graph.nodes(
          type, operands, results: 2,
          ["hidden_size": .int(hidden), "direction": direction, "activations": .texts(["Relu"])])
      default:
        results = graph.nodes(
          type, operands, results: type == "LSTM" ? 3 : 2, ["hidden_size": .int(hidden), "direction": direction])
      }
      // [T, 1, N, H] and [1, N, H]
      let joined = [squeezed(results[0], [1])] + results.dropFirst().map { squeezed($0, [0]) }
      return isHalf ? joined.map(floats) : joined
    }

    /// How many steps of each sequence are read, as a vector of 32 bits: what the mask counts by which the steps were
    /// compacted, or the input of lengths. Empty where all steps are read.
    private func lengths() throws(ONNXFault) -> String {
      let given = eachOptionalIndices("lengths")
      if let place = node.operands[0], case .node(let number) = lowering.trace.values[place].source,
        lowering.trace.nodes[number].operation.name == "compactedSteps",
        let mask = lowering.trace.nodes[number].operands[1]
      {
        // Those that a layer is given are those of the mask; none where all steps count.
        for (probe, lengths) in zip(lowering.trace.probes, given) {
          let shape = probe.trace.values[place].shape
          let own = lengths?.scalars ?? Array(repeating: Int32(shape[0]), count: shape[1])
          guard probe.trace.nodes[number].operation["lengths"]?.indices?.scalars == own else {
            throw refused("the lengths of its sequences are not what its mask counts")
          }
        }
        let counts = squeezed(total(try lowering.name(of: mask)), [1])
        return cast(emit("Max", [counts, integers([1])]), to: .int32)
      }
      let lengths = given.compactMap { $0 }
      if lengths.isEmpty { return "" }
      guard lengths.count == given.count else { throw refused("the lengths of its sequences depend on the input") }
      return cast(try lowering.indices(lengths), to: .int32)
    }

    /// Sines and cosines of the places, computed in double: angles of a thousand have no digits left in floats.
    private func sinusoidalPositions() throws(ONNXFault) -> String {
      let own = shape(0)
      guard let width = own.last??.constant, let steps = own[own.count - 2] else {
        throw refused("the number of its steps depends on the size of the input in no simple way")
      }
      let start = try integer("from")
      let rates = (0..<width).map { power(10000, -Double($0 / 2 * 2) / Double(width)) }
      let places = emit(
        "Range",
        [
          graph.int64s([start], shape: []), lowering.scalar(steps - Size(-start)), graph.int64s([1], shape: []),
        ])
      let angles = emit(
        "Mul", [unsqueezed(cast(places, to: .double), [1]), graph.doubles(rates, shape: [width], "rates")])
      let isEven = truth(graph.int64s((0..<width).map { 1 - $0 % 2 }, shape: [width], "even"))
      let table = emit("Where", [isEven, emit("Sin", [angles]), emit("Cos", [angles])])
      return emit("Add", [try operand(0), floats(table)])
    }

    // MARK: Masks

    /// Whether each step counts, [N, T]: a mask may have any number but zero where it does.
    private func isCounted(_ mask: String) -> String { graph.once("counted \(mask)") { truth(mask) } }

    /// Ones where steps count, and zeros: [N, T], whole numbers.
    private func ones(_ mask: String) -> String {
      graph.once("ones \(mask)") { cast(isCounted(mask), to: .int64) }
    }

    /// How many steps count: [N, 1].
    private func total(_ mask: String) -> String {
      graph.once("total \(mask)") { emit("ReduceSum", [ones(mask), integers([1])], ["keepdims": .int(1)]) }
    }

    /// The number of steps that count up to each one, itself included: [N, T], whole numbers.
    private func counts(_ mask: String) -> String {
      emit("CumSum", [ones(mask), graph.int64s([1], shape: [])])
    }

    /// What is at a step of each sequence: [T, N, F] by places of [N, T]; zeros where there is none.
    private func taken(_ x: String, at places: String, where exists: String) throws(ONNXFault) -> String {
      let turned = emit("Transpose", [places], ["perm": .ints([1, 0])])
      let wide = emit("Expand", [unsqueezed(turned, [2]), emit("Shape", [x])])
      let found = emit("GatherElements", [x, wide], ["axis": .int(0)])
      let isThere = unsqueezed(emit("Transpose", [exists], ["perm": .ints([1, 0])]), [2])
      return emit("Where", [isThere, found, graph.number(0)])
    }

    private func steps(of mask: String) throws(ONNXFault) -> String {
      let size = try lowering.known([shape(1)[1]], "the number of steps")[0]
      return emit("Range", [graph.int64s([0], shape: []), lowering.scalar(size), graph.int64s([1], shape: [])])
    }

    /// [T, N, F] with the steps first that count; zeros behind them.
    private func compactedSteps() throws(ONNXFault) -> String {
      let (x, mask) = (try operand(0), try operand(1))
      let places = try steps(of: mask)
      let size = lowering.vector(try lowering.known([shape(1)[1]], "the number of steps"))
      // Steps that count come in their order, before all others.
      let keys = emit("Where", [isCounted(mask), places, emit("Add", [places, size])])
      let order = graph.nodes(
        "TopK", [keys, size], results: 2, ["axis": .int(1), "largest": .int(0), "sorted": .int(1)])[1]
      return try taken(x, at: order, where: emit("Less", [places, total(mask)]))
    }

    /// [T, N, F] with the steps where they were before they were compacted.
    private func spreadSteps() throws(ONNXFault) -> String {
      let (y, mask) = (try operand(0), try operand(1))
      let reached = counts(mask)
      let one = graph.int64s([1], shape: [])
      let zero = graph.int64s([0], shape: [])
      let places: String
      let exists: String
      if try flag("zeroing") {
        places = emit("Sub", [reached, one])
        exists = isCounted(mask)
      } else if try flag("reversed") {
        // The next step that counts, itself included.
        places = emit("Sub", [reached, ones(mask)])
        exists = emit("Less", [places, total(mask)])
      } else {
        places = emit("Sub", [reached, one])
        exists = emit("GreaterOrEqual", [places, zero])
      }
      let last = emit("Sub", [lowering.vector(try lowering.known([shape(1)[1]], "the number of steps")), one])
      return try taken(y, at: emit("Min", [emit("Max", [places, zero]), last]), where: exists)
    }
  }
#endif
