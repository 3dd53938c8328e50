#if ONNX
  import AviaryTensors

  /// Makes a graph's nodes of a trace's operations.
  final class GraphLowering {
    let trace: SymbolicTrace
    let graph: GraphBuilder
    /// The names of the program's inputs, in the type that the graph computes in.
    private let inputs: [String]
    /// The same in the type in which they are given.
    private let given: [String]
    private var names: [Int: String] = [:]
    /// Whether each value depends on an input.
    let depends: [Bool]

    init(_ trace: SymbolicTrace, _ graph: GraphBuilder, inputs: [String], given: [String]) {
      self.trace = trace
      self.graph = graph
      self.inputs = inputs
      self.given = given
      depends = trace.dependence()
    }

    /// Writes all operations that are needed, and returns the names of the outputs.
    func run() throws(ONNXFault) -> [String] {
      let needed = trace.needed()
      for (place, node) in trace.nodes.enumerated() where needed[place] {
        graph.path = node.path
        let operation = LoweredOperation(node, place, self)
        guard node.operation.isComplete, let results = try operation.written() else {
          throw operation.refused("ONNX has no operator for it")
        }
        for (result, name) in zip(node.results, results) { names[result] = name }
      }
      graph.path = ""
      var outputs: [String] = []
      for (number, place) in trace.outputs.enumerated() {
        guard let place else {
          throw .unsupported(reason: "the output '\(trace.program.outputs[number])' is computed by no operation")
        }
        outputs.append(try name(of: place))
      }
      return outputs
    }

    // MARK: Values

    /// The name of a value, which is written where it is a tensor that the file holds.
    func name(of place: Int) throws(ONNXFault) -> String {
      if let known = names[place] { return known }
      let value = trace.values[place]
      let made: String
      switch value.source {
      case .node: throw .unsupported(reason: "a value is used before it is made")
      case .input(let number): made = inputs[numbered[number]]
      case .parameter(let path): made = try held(value, path.isEmpty ? "parameter" : path)
      case .buffer(let path): made = try held(value, path.isEmpty ? "buffer" : path)
      case .constant: made = try constant(place)
      }
      names[place] = made
      return made
    }

    /// The places of the inputs that are tensors of numbers.
    private var numbered: [Int] { trace.program.inputs.indices.filter { trace.program.inputs[$0].isNumbers } }

    /// The name of an input in the type in which it is given; nil of any other value.
    func givenName(of place: Int) -> String? {
      if case .input(let number) = trace.values[place].source { given[numbered[number]] } else { nil }
    }

    /// A parameter or buffer: integers of quantized weights stay what they are.
    private func held(_ value: Trace.Value, _ path: String) throws(ONNXFault) -> String {
      guard let tensor = value.tensor else { throw .unsupported(reason: "'\(path)' has no elements") }
      guard graph.float == .float32, let integers = tensor.quantizedValues, let quantization = tensor.quantization
      else {
        return try graph.numbers(tensor.scalars, shape: tensor.shape, path)
      }
      let stored = graph.int8s(integers, shape: tensor.shape, path)
      let scales = graph.singles(quantization.scales, shape: [quantization.scales.count], path + ".scales")
      return graph.node("DequantizeLinear", [stored, scales], ["axis": .int(0)])
    }

    /// A tensor that the program has made by itself, for all sizes.
    private func constant(_ place: Int) throws(ONNXFault) -> String {
      let tensors = trace.probes.compactMap { $0.trace.values[place].tensor }
      let shape = trace.shape(place)
      let scalars = tensors.map { $0.scalars.map(\.bitPattern) }
      if tensors.allSatisfy({ $0.shape == tensors[0].shape }), scalars.allSatisfy({ $0 == scalars[0] }) {
        if tensors[0].shape.isEmpty { return graph.number(tensors[0].scalars[0]) }
        return try graph.numbers(tensors[0].scalars, shape: tensors[0].shape, "constant")
      }
      let sizes = try known(shape, "a constant")
      if let single = collapsed(scalars, tensors.map(\.shape), sizes) {
        let small = try graph.numbers(single.values.map { Float(bitPattern: $0) }, shape: single.shape, "constant")
        return graph.node("Expand", [small, vector(sizes)])
      }
      if let found = try constantOfLengths(tensors, sizes) { return found }
      throw .varies(
        path: graph.path, reason: "it computes with numbers that depend on its input and that no operation makes")
    }

    /// Elements that repeat along the axes whose size varies, once.
    private func collapsed<Element: Equatable>(
      _ elements: [[Element]], _ shapes: [[Int]], _ sizes: [Size]
    ) -> (values: [Element], shape: [Int])? {
      let varying = sizes.indices.filter { sizes[$0].constant == nil }
      var found: [Element]?
      for (elements, shape) in zip(elements, shapes) {
        let strides = rowMajorStrides(shape)
        func isFirst(_ place: Int) -> Bool { varying.allSatisfy { place / strides[$0] % shape[$0] == 0 } }
        for (place, element) in elements.enumerated() {
          let origin = varying.reduce(place) { $0 - place / strides[$1] % shape[$1] * strides[$1] }
          if elements[origin] != element { return nil }
        }
        let own = elements.indices.filter(isFirst).map { elements[$0] }
        if let found, found != own { return nil }
        found = own
      }
      return found.map { ($0, sizes.map { $0.constant ?? 1 }) }
    }

    /// Integers that an operation is given, for all sizes: an input of integers, or constants.
    func indices(_ tensors: [IntTensor]) throws(ONNXFault) -> String {
      let sizes = try known(
        tensors[0].shape.indices.map { axis in trace.size(tensors.map { $0.shape[axis] }) }, "the shape of indices")
      for (number, input) in trace.program.inputs.enumerated() where !input.isNumbers {
        let given = trace.probes.map { $0.inputs[number].integers }
        guard zip(given, tensors).allSatisfy({ $0.scalars == $1.scalars }) else { continue }
        return zip(given, tensors).allSatisfy { $0.shape == $1.shape }
          ? inputs[number] : graph.node("Reshape", [inputs[number], vector(sizes)])
      }
      let scalars = tensors.map(\.scalars)
      if tensors.allSatisfy({ $0 == tensors[0] }) {
        return graph.int64s(scalars[0].map { Int($0) }, shape: tensors[0].shape, "indices")
      }
      if let single = collapsed(scalars, tensors.map(\.shape), sizes) {
        let small = graph.int64s(single.values.map { Int($0) }, shape: single.shape, "indices")
        return graph.node("Expand", [small, vector(sizes)])
      }
      throw .varies(
        path: graph.path, reason: "it is given indices that depend on the input and that no operation makes")
    }

    // MARK: Sizes

    func known(_ sizes: [Size?], _ what: String) throws(ONNXFault) -> [Size] {
      let found = sizes.compactMap { $0 }
      guard found.count == sizes.count else {
        throw .varies(path: graph.path, reason: "\(what) depends on the size of the input in no simple way")
      }
      return found
    }

    /// A vector of one integer.
    func vector(_ size: Size) -> String {
      if let constant = size.constant { return graph.int64s([constant]) }
      return graph.once("size \(size.terms.sorted { $0.key < $1.key })") {
        let outer = graph.path
        graph.path = ""
        defer { graph.path = outer }
        let products = size.terms.sorted { $0.key < $1.key }.map { key, factor in
          let symbols = trace.symbols.indices.filter { key & 1 << $0 != 0 }.map(symbol)
          let parts = (factor == 1 && !symbols.isEmpty ? [] : [graph.int64s([factor])]) + symbols
          return parts.dropFirst().reduce(parts[0]) { graph.node("Mul", [$0, $1]) }
        }
        return products.dropFirst().reduce(products[0]) { graph.node("Add", [$0, $1]) }
      }
    }

    /// A vector of integers.
    func vector(_ sizes: [Size]) -> String {
      let constants = sizes.compactMap(\.constant)
      if constants.count == sizes.count { return graph.int64s(constants) }
      var parts: [String] = []
      var run: [Int] = []
      for size in sizes {
        if let constant = size.constant {
          run.append(constant)
          continue
        }
        if !run.isEmpty { parts.append(graph.int64s(run)) }
        run = []
        parts.append(vector(size))
      }
      if !run.isEmpty { parts.append(graph.int64s(run)) }
      return parts.count == 1 ? parts[0] : graph.node("Concat", parts, ["axis": .int(0)])
    }

    /// A single integer.
    func scalar(_ size: Size) -> String {
      if let constant = size.constant { return graph.int64s([constant], shape: []) }
      return graph.once("scalar \(size.terms.sorted { $0.key < $1.key })") {
        graph.node("Squeeze", [vector(size), graph.int64s([0])])
      }
    }

    /// The size of an axis that varies, as a vector of one integer.
    private func symbol(_ number: Int) -> String {
      graph.once("symbol \(number)") {
        for (place, input) in trace.program.inputs.enumerated() {
          if let axis = input.shape.firstIndex(of: .symbol(number)) {
            return graph.node("Shape", [inputs[place]], ["start": .int(axis), "end": .int(axis + 1)])
          }
          if case .graphIndex(let graphs) = input.kind, graphs == number {
            let last = graph.node("ReduceMax", [inputs[place]], ["keepdims": .int(0)])
            let count = graph.node("Add", [last, graph.int64s([1], shape: [])])
            return graph.node("Unsqueeze", [count, graph.int64s([0])])
          }
        }
        return graph.int64s([1])
      }
    }

    /// The name of the first input of a kind.
    func input(where isWanted: (ProgramInput.Kind) -> Bool) -> (place: Int, name: String)? {
      trace.program.inputs.firstIndex { isWanted($0.kind) }.map { ($0, inputs[$0]) }
    }

    /// The elements in row-major order under another shape.
    func reshaped(_ x: String, from own: [Size?], to shape: [Size]) -> String {
      // 0 keeps the size of the axis at the same place, −1 is what is left.
      var sizes: [Int] = []
      var isOpen = false
      for (axis, size) in shape.enumerated() {
        if let constant = size.constant, constant > 0 {
          sizes.append(constant)
        } else if axis < own.count, own[axis] == size {
          sizes.append(0)
        } else if !isOpen, size.constant == nil {
          isOpen = true
          sizes.append(-1)
        } else {
          return graph.node("Reshape", [x, vector(shape)])
        }
      }
      return graph.node("Reshape", [x, graph.int64s(sizes)])
    }
  }

  /// The distances of neighbors along each axis.
  func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides = Array(repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    return strides
  }
#endif
