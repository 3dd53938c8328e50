#if ONNX
  import AviaryTensors

  /// The trace of a program for inputs of any size, made of traces for some sizes: the same operations, whose numbers are
  /// functions of the sizes. Every trace is one of other numbers, and some differ in these alone, so that what a
  /// program makes of the numbers of its input outside of operations is not taken for something that is always so.
  struct SymbolicTrace {
    let program: NetworkProgram
    let probes: [Probe]

    var symbols: [Symbol] { program.symbols }
    var nodes: [Trace.Node] { probes[0].trace.nodes }
    var values: [Trace.Value] { probes[0].trace.values }
    var outputs: [Int?] { probes[0].outputs }

    /// Traces a program; its parts have to be the same for all sizes, and it may not read elements that depend on its
    /// input: the graph would not have what it makes of them, even where that is the same in all traces.
    init(_ program: NetworkProgram) throws(ONNXFault) {
      self.program = program
      let combinations = Symbol.combinations(program.symbols)
      var probes = (combinations + program.furtherSizes).enumerated().map { number, sizes in
        program.probe(sizes, seed: UInt64(number))
      }
      if program.inputs.contains(where: { $0.hasPatterns }) {
        for sizes in [combinations[0], combinations[combinations.count - 1]] {
          probes.append(program.probe(sizes, seed: UInt64(probes.count), pattern: .scattered))
        }
      }
      self.probes = probes
      let depends = dependence()
      for reading in probes[0].trace.readings where depends[reading.place] { throw .reads(path: reading.path) }
      for probe in probes.dropFirst() { try requireSame(probe) }
    }

    private func requireSame(_ probe: Probe) throws(ONNXFault) {
      let (own, other) = (probes[0].trace, probe.trace)
      func differ(_ path: String, _ first: String, _ second: String) -> ONNXFault {
        if probe.sizes == probes[0].sizes {
          return .structure(
            path: path,
            reason: "what it computes depends on the numbers of its input: \(first) for some, \(second) for others")
        }
        return .structure(
          path: path,
          reason: "what it computes depends on the size of its input: \(first) for \(described(probes[0].sizes)), "
            + "\(second) for \(described(probe.sizes))")
      }
      // Whether a recurrent layer is given lengths depends on whether all steps count.
      func names(_ node: Trace.Node) -> Set<String> { Set(node.operation.attributes.keys).subtracting(["lengths"]) }
      for (a, b) in zip(own.nodes, other.nodes) {
        guard a.operation.name == b.operation.name, a.operands == b.operands, a.results == b.results, a.path == b.path,
          names(a) == names(b)
        else { throw differ(a.path, a.operation.name, b.operation.name) }
      }
      guard own.nodes.count == other.nodes.count, own.values.count == other.values.count else {
        throw differ("", "\(own.nodes.count) operations", "\(other.nodes.count)")
      }
      for (a, b) in zip(own.values, other.values) where a.source != b.source {
        throw differ("", "\(a.source)", "\(b.source)")
      }
      guard probes[0].outputs == probe.outputs, own.readings.map(\.place) == other.readings.map(\.place) else {
        throw differ("", "other outputs", "others")
      }
    }

    func described(_ sizes: [Int]) -> String {
      zip(symbols, sizes).map { "\($0.name) \($1)" }.joined(separator: ", ")
    }

    // MARK: Numbers

    /// The size that has these values in all traces.
    func size(_ values: [Int]) -> Size? {
      let combinations = Symbol.combinations(symbols).count
      guard let size = Size(Array(values.prefix(combinations)), symbols),
        zip(values, probes).allSatisfy({ size.value($1.sizes) == $0 })
      else { return nil }
      return size
    }

    /// Of a value, one size for each axis; nil for an axis whose size is no such function.
    func shape(_ place: Int) -> [Size?] {
      let shapes = probes.map { $0.trace.values[place].shape }
      guard let rank = shapes.first?.count, shapes.allSatisfy({ $0.count == rank }) else { return [] }
      return (0..<rank).map { axis in size(shapes.map { $0[axis] }) }
    }

    /// The attributes of a node in all traces.
    func attributes(_ node: Int) -> [[String: AttributeValue]] {
      probes.map { $0.trace.nodes[node].operation.attributes }
    }

    // MARK: Dependence

    /// Whether each value depends on an input.
    func dependence() -> [Bool] {
      var depends = values.map { if case .input = $0.source { true } else { false } }
      for node in nodes {
        // What is looked up by tokens, or spread over a graph, depends on inputs that are no operands.
        let attributes = node.operation.attributes
        let isIndexed = attributes.values.contains { $0.indices != nil }
        let any = isIndexed || node.operands.contains { $0.map { depends[$0] } ?? false }
        for result in node.results { depends[result] = any }
      }
      return depends
    }

    /// Whether each node is needed for an output.
    func needed() -> [Bool] {
      var wanted = Set(outputs.compactMap { $0 })
      var needed = Array(repeating: false, count: nodes.count)
      for (place, node) in nodes.enumerated().reversed() where node.results.contains(where: wanted.contains) {
        needed[place] = true
        wanted.formUnion(node.operands.compactMap { $0 })
      }
      return needed
    }
  }
#endif
