#if ONNX
  import AviaryCheckpoints
  import AviaryTensors

  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// A graph that is being written: nodes in the order in which they can be computed, and the tensors that they begin with.
  /// Values are known by their names.
  final class GraphBuilder {
    /// A tensor that the file holds.
    struct Initializer {
      let name: String
      let type: ElementType
      let shape: [Int]
      let bytes: Data
    }

    /// What numbers are computed in: float32 or float16.
    let float: ElementType
    private(set) var nodes: [ONNXNodeProto] = []
    private(set) var initializers: [Initializer] = []
    /// The layer whose operations are being written.
    var path = ""
    private var names: Set<String> = []
    private var known: [String: String] = [:]

    init(float: ElementType) { self.float = float }

    /// A name that no other value has.
    func name(_ wish: String) -> String {
      if names.insert(wish).inserted { return wish }
      var number = 1
      while !names.insert("\(wish)_\(number)").inserted { number += 1 }
      return "\(wish)_\(number)"
    }

    /// What is made once under a key, such as a constant that many nodes share.
    func once<Failure>(_ key: String, _ make: () throws(Failure) -> String) throws(Failure) -> String {
      if let found = known[key] { return found }
      let made = try make()
      known[key] = made
      return made
    }

    // MARK: Nodes

    /// Adds a node and returns the name of its result. An empty name stands for an operand that is left out.
    @discardableResult
    func node(_ type: String, _ operands: [String], _ attributes: KeyValuePairs<String, NodeAttribute> = [:]) -> String
    {
      self.nodes(type, operands, results: 1, attributes)[0]
    }

    /// The same for a node of several results.
    func nodes(
      _ type: String, _ operands: [String], results: Int, _ attributes: KeyValuePairs<String, NodeAttribute> = [:]
    ) -> [String] {
      let stem = path.isEmpty ? type : "\(path)/\(type)"
      var node = ONNXNodeProto()
      node.name = name(stem)
      node.opType = type
      node.input = operands
      while node.input.last == "" { node.input.removeLast() }
      node.output = (0..<results).map { name($0 == 0 ? "\(node.name):out" : "\(node.name):out\($0)") }
      node.attribute = attributes.map { $1.proto($0) }
      nodes.append(node)
      return node.output
    }

    /// Gives a value another name, that of an output.
    func rename(_ value: String, to name: String) {
      var node = ONNXNodeProto()
      node.name = self.name("\(name)/Identity")
      node.opType = "Identity"
      node.input = [value]
      node.output = [name]
      nodes.append(node)
    }

    // MARK: Constants

    private func add(_ name: String, _ type: ElementType, _ shape: [Int], _ bytes: [UInt8]) -> String {
      let name = self.name(name)
      initializers.append(Initializer(name: name, type: type, shape: shape, bytes: Data(bytes)))
      return name
    }

    /// Numbers in the type of the graph.
    ///
    /// - Throws: `ONNXFault.overflow`, where float16 does not hold them.
    func numbers(_ values: [Float], shape: [Int], _ name: String) throws(ONNXFault) -> String {
      let stored = StoredArray(values, shape: shape)
      guard float == .float16 else { return add(name, .float32, shape, stored.bytes.array()) }
      let half = stored.cast(to: .float16)
      let lost = zip(values, half.floats() ?? []).count { $0.isFinite && !$1.isFinite }
      if lost > 0 { throw .overflow(tensor: name, count: lost) }
      return add(name, .float16, shape, half.bytes.array())
    }

    /// A single number in the type of the graph; what float16 does not hold becomes its largest, or its least above zero.
    func number(_ value: Float) -> String {
      once("number \(value.bitPattern)") {
        let (least, most): (Float, Float) = (0x1p-24, 65504)
        let isHeld = float != .float16 || !value.isFinite || value == 0
        let held = isHeld ? value : (value < 0 ? -1 : 1) * min(max(value.magnitude, least), most)
        let stored = StoredArray([held], shape: [])
        let array = float == .float16 ? stored.cast(to: .float16) : stored
        return add("number_\(value)", float, [], array.bytes.array())
      }
    }

    /// Numbers that stay in float32, such as scales of integers.
    func singles(_ values: [Float], shape: [Int], _ name: String) -> String {
      add(name, .float32, shape, StoredArray(values, shape: shape).bytes.array())
    }

    func doubles(_ values: [Double], shape: [Int], _ name: String) -> String {
      add(name, .double, shape, Self.littleEndian(values.map(\.bitPattern)))
    }

    func int64s(_ values: [Int], shape: [Int]? = nil, _ name: String = "integers") -> String {
      let shape = shape ?? [values.count]
      return once("int64 \(shape) \(values)") { add(name, .int64, shape, Self.littleEndian(values.map { Int64($0) })) }
    }

    func int8s(_ values: [Int8], shape: [Int], _ name: String) -> String {
      add(name, .int8, shape, values.map { UInt8(bitPattern: $0) })
    }

    /// A zero of 8 bits.
    func zero(signed: Bool) -> String {
      once("zero \(signed)") { add("zero", signed ? .int8 : .uint8, [], [0]) }
    }

    private static func littleEndian(_ values: [some FixedWidthInteger]) -> [UInt8] {
      values.flatMap { value in (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    }
  }
#endif
