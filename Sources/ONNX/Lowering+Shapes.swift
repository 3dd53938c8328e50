#if ONNX
  import AviaryTensors

  extension LoweredOperation {
    /// Moves of elements.
    func shapes() throws(ONNXFault) -> [String]? {
      switch name {
      case "reshaped":
        return [reshaped(try operand(0), from: shape(0), to: try knownResult())]
      case "transposed":
        return [emit("Transpose", [try operand(0)], ["perm": .ints(try integers("order"))])]
      case "expanded":
        return [emit("Expand", [try operand(0), lowering.vector(try knownResult())])]
      case "concatenated":
        return [emit("Concat", try operands(), ["axis": .int(try integer("axis"))])]
      case "stacked":
        let axis = try integer("axis")
        return [emit("Concat", try operands().map { unsqueezed($0, [axis]) }, ["axis": .int(axis)])]
      case "interleaved":
        let parts = try operands()
        let joined = emit("Concat", parts.map { unsqueezed($0, [2]) }, ["axis": .int(2)])
        let own = shape(0)
        return [
          reshaped(joined, from: [own[0], own[1], Size(parts.count)] + own.dropFirst(2), to: try knownResult())
        ]
      case "slice":
        let axis = try integer("axis")
        let (start, end) = (try size("from"), try size("to"))
        return [
          emit(
            "Slice",
            [try operand(0), lowering.vector(start), lowering.vector(end), integers([axis])])
        ]
      case "element":
        return [emit("Gather", [try operand(0), graph.int64s([try integer("at")], shape: [])], ["axis": .int(0)])]
      case "padded":
        let axis = try integer("axis")
        // Of all axes, not of one that is named: where it moves a Transpose past that, ONNX Runtime 1.32 makes a graph
        // that fails.
        var amounts = Array(repeating: Size(0), count: 2 * rank(0))
        amounts[axis] = try size("before")
        amounts[rank(0) + axis] = try size("after")
        return [emit("Pad", [try operand(0), lowering.vector(amounts)])]
      case "repeated":
        let (axis, count) = (try integer("axis"), try integer("count"))
        let apart = unsqueezed(try operand(0), [axis + 1])
        var ones = Array(repeating: 1, count: resultRank + 1)
        ones[axis + 1] = count
        var own = shape(0)
        own.insert(Size(count), at: axis + 1)
        return [reshaped(emit("Expand", [apart, integers(ones)]), from: own, to: try knownResult())]
      case "reversed":
        return [reversed(try operand(0), try integers("axes"))]
      case "selected":
        let positions = try lowering.indices(try indices("positions"))
        return [emit("Gather", [try operand(0), positions], ["axis": .int(try integer("axis"))])]
      case "gathered":
        let positions = try lowering.indices(try indices("positions"))
        return [emit("GatherElements", [try operand(0), positions], ["axis": .int(try integer("axis"))])]
      case "embedding":
        guard has("indices") else { return [try rowsOfNumbers()] }
        return [emit("Gather", [try operand(0), try lowering.indices(try indices("indices"))], ["axis": .int(0)])]
      case "taking":
        let width = try integer("width")
        let rows = try indices("rows").map { $0.scalars.flatMap { row in (0..<width).map { Int(row) * width + $0 } } }
        return [try gathering(rows)]
      case "strided":
        let (starts, strides, parts) = (
          try eachInteger("start"), try eachIntegers("strides"), try eachIntegers("part")
        )
        let places = zip(starts, zip(strides, parts)).map { start, rest in
          zip(rest.0, rest.1).reduce([start]) { found, axis in
            found.flatMap { base in (0..<axis.1).map { base + $0 * axis.0 } }
          }
        }
        return [try gathering(places)]
      default: return nil
      }
    }

    /// Rows of a table by numbers in a tensor of floats, whose fractions the cast to integers cuts off; NaN for those that are
    /// no rows, where such are allowed.
    private func rowsOfNumbers() throws(ONNXFault) -> String {
      guard let count = value(0)?.shape.first, let place = node.operands[1] else { throw refused("it has no table") }
      var numbers = try operand(1)
      if graph.float == .float16 {
        // Float16 holds all whole numbers up to here, an input is float32.
        let given = lowering.givenName(of: place)
        guard given != nil || count <= 2049 else {
          throw refused("float16 does not hold the numbers of its \(count) rows; leave out --dtype f16")
        }
        numbers = given ?? cast(numbers, to: .float32)
      }
      func single(_ value: Float) -> String {
        graph.once("single \(value)") { graph.singles([value], shape: [], "single") }
      }
      func rows(_ places: String) throws(ONNXFault) -> String {
        emit("Gather", [try operand(0), cast(places, to: .int64)], ["axis": .int(0)])
      }
      guard try flag("allowingOthers") else { return try rows(numbers) }
      let isRow = emit(
        "And", [emit("Greater", [numbers, single(-1)]), emit("Less", [numbers, single(Float(count))])])
      let found = try rows(emit("Where", [isRow, numbers, single(0)]))
      return emit("Where", [unsqueezed(isRow, [rank(1)]), found, graph.number(.nan)])
    }

    func reversed(_ x: String, _ axes: [Int]) -> String {
      let ones = Array(repeating: -1, count: axes.count)
      return emit(
        "Slice", [x, integers(ones), integers(axes.map { _ in Int(Int32.min) }), integers(axes), integers(ones)])
    }

    /// Elements by their places in row-major order. Where the first axis varies, every row has to take from itself, in the
    /// same way.
    ///
    /// - Parameter places: in each trace.
    private func gathering(_ places: [[Int]]) throws(ONNXFault) -> String {
      let x = try operand(0)
      let (own, result) = (shape(0), try knownResult())
      if places.allSatisfy({ $0 == places[0] }), own.allSatisfy({ $0?.constant != nil }) {
        let row = emit("Reshape", [x, integers([-1])])
        return reshaped(
          emit("Gather", [row, integers(places[0])], ["axis": .int(0)]), from: [Size(places[0].count)], to: result)
      }
      var kept: [Int]?
      for (number, all) in places.enumerated() {
        let shape = lowering.trace.probes[number].trace.values[node.operands[0] ?? 0].shape
        let rows = shape.first ?? 1
        let width = shape.dropFirst().reduce(1, *)
        let count = all.count / max(1, rows)
        let first = Array(all.prefix(count))
        let isSame =
          all.count == count * rows && all.indices.allSatisfy { all[$0] == first[$0 % count] + $0 / count * width }
        guard isSame, kept == nil || kept == first else {
          throw refused("it takes elements by places that depend on the size of the input")
        }
        kept = first
      }
      let rows = emit("Reshape", [x, integers([0, -1])])
      let taken = emit("Gather", [rows, integers(kept ?? [])], ["axis": .int(1)])
      return reshaped(taken, from: [own.first ?? nil, Size(kept?.count ?? 0)], to: result)
    }
  }
#endif
