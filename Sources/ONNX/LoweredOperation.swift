#if ONNX
  import AviaryTensors

  /// An operation of a trace that is being written: its operands by name, and its attributes for all sizes.
  struct LoweredOperation {
    /// Adds the operation's nodes and returns the names of its results; nil for one that the export does not know.
    func written() throws(ONNXFault) -> [String]? {
      if let found = try elementwise() { return found }
      if let found = try shapes() { return found }
      if let found = try convolutions() { return found }
      if let found = try reductions() { return found }
      if let found = try products() { return found }
      return try sequences()
    }

    let node: Trace.Node
    private let place: Int
    let lowering: GraphLowering
    private let attributes: [[String: AttributeValue]]

    var graph: GraphBuilder { lowering.graph }
    var name: String { node.operation.name }

    init(_ node: Trace.Node, _ place: Int, _ lowering: GraphLowering) {
      self.node = node
      self.place = place
      self.lowering = lowering
      attributes = lowering.trace.attributes(place)
    }

    func refused(_ reason: String) -> ONNXFault { .operation(name: name, path: node.path, reason: reason) }

    // MARK: Operands

    /// The name of an operand that has to be there.
    func operand(_ number: Int) throws(ONNXFault) -> String {
      guard let name = try optional(number) else { throw refused("operand \(number) is absent") }
      return name
    }

    func optional(_ number: Int) throws(ONNXFault) -> String? {
      guard number < node.operands.count, let place = node.operands[number] else { return nil }
      return try lowering.name(of: place)
    }

    func operands() throws(ONNXFault) -> [String] {
      var names: [String] = []
      for number in node.operands.indices { names.append(try operand(number)) }
      return names
    }

    /// The operand as it was in the first trace; nil where it is absent.
    func value(_ number: Int) -> Trace.Value? {
      number < node.operands.count ? node.operands[number].map { lowering.trace.values[$0] } : nil
    }

    /// The shape of an operand, in which an axis is nil whose size is no simple function of the input's.
    func shape(_ number: Int) -> [Size?] { node.operands[number].map { lowering.trace.shape($0) } ?? [] }

    func rank(_ number: Int) -> Int { value(number)?.shape.count ?? 0 }

    var resultShape: [Size?] { lowering.trace.shape(node.results[0]) }
    var resultRank: Int { lowering.trace.values[node.results[0]].shape.count }

    /// The shape of the result, each size of which has to be known.
    func knownResult() throws(ONNXFault) -> [Size] { try lowering.known(resultShape, "the shape of its result") }

    // MARK: Attributes

    private func all<Value>(_ attribute: String, _ value: (AttributeValue) -> Value?) throws(ONNXFault) -> [Value] {
      let found = attributes.compactMap { $0[attribute].flatMap(value) }
      guard found.count == attributes.count else { throw refused("it has no attribute '\(attribute)'") }
      return found
    }

    private func one<Value: Equatable>(
      _ attribute: String, _ value: (AttributeValue) -> Value?
    ) throws(ONNXFault) -> Value {
      let values = try all(attribute, value)
      guard values.allSatisfy({ $0 == values[0] }) else {
        throw refused("its \(attribute) depends on the input")
      }
      return values[0]
    }

    func has(_ attribute: String) -> Bool { attributes[0][attribute] != nil }
    func integer(_ attribute: String) throws(ONNXFault) -> Int { try one(attribute, \.integer) }
    func integers(_ attribute: String) throws(ONNXFault) -> [Int] { try one(attribute, \.integers) }
    func number(_ attribute: String) throws(ONNXFault) -> Float { try one(attribute, \.number) }
    func flag(_ attribute: String) throws(ONNXFault) -> Bool { try one(attribute, \.flag) }
    func text(_ attribute: String) throws(ONNXFault) -> String { try one(attribute, \.text) }
    /// Indices in each of the traces.
    func indices(_ attribute: String) throws(ONNXFault) -> [IntTensor] { try all(attribute, \.indices) }
    /// The same, nil where the operation has none.
    func eachOptionalIndices(_ attribute: String) -> [IntTensor?] { attributes.map { $0[attribute]?.indices } }
    /// Integers in each of the traces.
    func eachInteger(_ attribute: String) throws(ONNXFault) -> [Int] { try all(attribute, \.integer) }
    func eachIntegers(_ attribute: String) throws(ONNXFault) -> [[Int]] { try all(attribute, \.integers) }

    func size(_ attribute: String) throws(ONNXFault) -> Size {
      try lowering.known([lowering.trace.size(try eachInteger(attribute))], "its \(attribute)")[0]
    }

    // MARK: Nodes

    func emit(
      _ type: String, _ operands: [String], _ attributes: KeyValuePairs<String, NodeAttribute> = [:]
    ) -> String {
      graph.node(type, operands, attributes)
    }

    /// A vector of integers.
    func integers(_ values: [Int]) -> String { graph.int64s(values) }

    /// The value with new axes of size 1.
    func unsqueezed(_ x: String, _ axes: [Int]) -> String { emit("Unsqueeze", [x, integers(axes)]) }

    func squeezed(_ x: String, _ axes: [Int]) -> String { emit("Squeeze", [x, integers(axes)]) }

    /// Truth values as zeros and ones.
    func cast(_ x: String, to type: ElementType) -> String {
      emit("Cast", [x], ["to": .int(type.dataType.rawValue)])
    }

    func floats(_ x: String) -> String { cast(x, to: graph.float) }

    func truth(_ x: String) -> String { cast(x, to: .bool) }

    func reshaped(_ x: String, from own: [Size?], to shape: [Size]) -> String {
      lowering.reshaped(x, from: own, to: shape)
    }
  }
#endif
