#if ONNX
  import AviaryLayers
  import AviaryTensors

  extension LoweredOperation {
    /// Products of matrices, attention, and what is summed along the edges of graphs.
    func products() throws(ONNXFault) -> [String]? {
      switch name {
      case "linear":
        let (x, weight, bias) = (try quantizedInput(0, weight: 1), try operand(1), try optional(2))
        if rank(0) == 2 { return [emit("Gemm", [x, weight, bias ?? ""], ["transB": .int(1)])] }
        let turned = graph.once("transposed \(weight)") { emit("Transpose", [weight], ["perm": .ints([1, 0])]) }
        let product = emit("MatMul", [x, turned])
        return [bias.map { emit("Add", [product, $0]) } ?? product]
      case "matmul":
        return [emit("MatMul", try operands())]
      case "scaledDotProductAttention":
        return [try attention()]
      case "sparseMatmul":
        return [try alongEdges()]
      case "segmentSum":
        return [try segments("add", from: 0)]
      case "segmentMean":
        let sums = try segments("add", from: 0)
        let ones = emit("Expand", [graph.number(1), emit("Shape", [try operand(0)])])
        let counts = try segments("add", from: 0, of: ones)
        return [emit("Div", [sums, emit("Max", [counts, graph.number(1)])])]
      case "segmentMax":
        let largest = try segments("max", from: -.infinity)
        // A group without rows gives zeros.
        let isEmpty = emit("IsInf", [cast(largest, to: .float32)], ["detect_positive": .int(0)])
        return [emit("Where", [isEmpty, graph.number(0), largest])]
      default: return nil
      }
    }

    private func attention() throws(ONNXFault) -> String {
      let (query, key, value) = (try operand(0), try operand(1), try operand(2))
      let rank = rank(1)
      var order = Array(0..<rank)
      order.swapAt(rank - 2, rank - 1)
      let scaled = emit("Mul", [query, graph.number(try number("scale"))])
      var scores = emit("MatMul", [scaled, emit("Transpose", [key], ["perm": .ints(order)])])
      let mask = try optional(3)
      if let mask { scores = emit("Add", [scores, mask]) }
      if try flag("causal") {
        let sizes = try lowering.known(
          [shape(0)[self.rank(0) - 2], shape(1)[rank - 2]], "the number of its queries or keys")
        scores = emit("Where", [isSeen(sizes[0], sizes[1]), scores, graph.number(-.infinity)])
      }
      var weights = emit("Softmax", [scores], ["axis": .int(-1)])
      if mask != nil, let place = node.operands[3], !isHeld(place) {
        // The row of a query that sees no key is zero.
        let isBlind = emit("IsNaN", [weights])
        weights = emit("Where", [isBlind, graph.number(0), weights])
      }
      return emit("MatMul", [weights, value])
    }

    /// Whether a value is a parameter, or made of parameters alone.
    private func isHeld(_ place: Int) -> Bool {
      if lowering.depends[place] { return false }
      return switch lowering.trace.values[place].source {
      case .parameter, .buffer: true
      case .constant: Set(lowering.trace.probes.map { $0.trace.values[place].shape }).count == 1
      case .input: false
      case .node(let number): lowering.trace.nodes[number].operands.allSatisfy { $0.map(isHeld) ?? true }
      }
    }

    /// Which keys queries see that see none behind themselves: [L, S].
    private func isSeen(_ queries: Size, _ keys: Size) -> String {
      func places(_ size: Size, _ axis: Int) -> String {
        let range = emit(
          "Range", [graph.int64s([0], shape: []), lowering.scalar(size), graph.int64s([1], shape: [])])
        return unsqueezed(range, [axis])
      }
      return graph.once("causal \(queries.terms) \(keys.terms)") {
        emit("LessOrEqual", [places(keys, 0), places(queries, 1)])
      }
    }

    // MARK: Graphs

    /// Rows added up, or their largest elements, by the group of each row: [N, F] → [groups, F].
    private func segments(_ reduction: String, from start: Float, of rows: String? = nil) throws(ONNXFault) -> String {
      let groups = try lowering.indices(try indices("segments"))
      let own = try operand(0)
      return scattered(rows ?? own, at: groups, reduction, from: start, try knownResult())
    }

    /// Rows added up, or their largest elements, by the place that each row goes to; in float32, since runtimes do not add up
    /// float16.
    private func scattered(
      _ rows: String, at places: String, _ reduction: String, from start: Float, _ shape: [Size]
    ) -> String {
      let isHalf = graph.float == .float16
      let first = graph.once("single \(start)") { graph.singles([start], shape: [], "single") }
      let empty = emit("Expand", [first, lowering.vector(shape)])
      let sums = emit(
        "ScatterND", [empty, unsqueezed(places, [1]), isHalf ? cast(rows, to: .float32) : rows],
        ["reduction": .text(reduction)])
      return isHalf ? floats(sums) : sums
    }

    /// The product with the matrix that the program makes of a graph's edges: each node's sum over the edges that end in it.
    private func alongEdges() throws(ONNXFault) -> String {
      guard let edges = lowering.input(where: { if case .edges = $0 { true } else { false } }),
        let propagation = lowering.trace.program.propagation
      else { throw refused("its sparse matrix is not made of the edges that are the input") }
      try requireEdges(edges.place, propagation)
      let x = try operand(1)
      let ends = try knownResult()
      func end(_ row: Int) -> String {
        graph.once("edges \(row)") {
          emit("Gather", [edges.name, graph.int64s([row], shape: [])], ["axis": .int(0)])
        }
      }
      let (sources, targets) = (end(0), end(1))
      func scattered(_ rows: String, _ shape: [Size]) -> String {
        self.scattered(rows, at: targets, "add", from: 0, shape)
      }
      let taken = emit("Gather", [x, sources], ["axis": .int(0)])
      guard propagation == .normalized else { return scattered(taken, ends) }
      // 1 / √degree of each node, itself included: [nodes, 1].
      let factors = graph.once("degrees") {
        let ones = emit("Expand", [graph.number(1), emit("Shape", [targets])])
        let degrees = emit("Add", [scattered(ones, [ends[0]]), graph.number(1)])
        return unsqueezed(emit("Reciprocal", [emit("Sqrt", [degrees])]), [1])
      }
      func factor(_ nodes: String) -> String { emit("Gather", [factors, nodes], ["axis": .int(0)]) }
      let weights = graph.once("weights of edges") { emit("Mul", [factor(sources), factor(targets)]) }
      let sums = scattered(emit("Mul", [taken, weights]), ends)
      let own = emit("Mul", [x, graph.once("weights of nodes") { emit("Mul", [factors, factors]) }])
      return emit("Add", [sums, own])
    }

    /// Refuses a matrix that is another one.
    private func requireEdges(_ input: Int, _ propagation: GraphPropagation) throws(ONNXFault) {
      let (offsets, columns) = (try eachIntegers("rowOffsets"), try indices("columnIndices"))
      for (number, probe) in lowering.trace.probes.enumerated() {
        let expected = propagation(
          NetworkProgram.adjacency(probe.inputs[input].integers, nodes: offsets[number].count - 1))
        guard expected.rowOffsets == offsets[number], expected.columnIndices == columns[number].scalars,
          node.operands[0].flatMap({ probe.trace.values[$0].tensor })?.scalars == expected.values
        else { throw refused("its sparse matrix is not made of the edges that are the input") }
      }
    }
  }
#endif
