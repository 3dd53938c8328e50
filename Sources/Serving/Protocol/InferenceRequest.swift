import AviaryCheckpoints
import AviaryDiagnostics

/// A request of the Open Inference Protocol, version 2, with the extensions for binary tensors and for classification.
struct InferenceRequest: Sendable, Equatable {
  /// An output that is asked for.
  struct Output: Sendable, Equatable {
    var name: String
    /// Whether it is sent as bytes behind the JSON.
    var isBinary: Bool
    /// How many classes are sent, as texts, instead of numbers; nil for numbers.
    var classes: Int?
  }

  var id: String?
  var inputs: [InferenceTensor] = []
  /// nil for all.
  var outputs: [Output]?
  /// Whether outputs are binary that do not say so themselves.
  var hasBinaryOutputs = false
  /// How long the client waits, in microseconds.
  var timeout: Int?

  /// - Parameters:
  ///   - headerLength: the number of bytes of JSON at the beginning of the body, `Inference-Header-Content-Length`; nil for
  ///     all.
  init(_ body: [UInt8], headerLength: String?) throws(ServingFault) {
    var binary = body[body.endIndex...]
    var json = body
    if let headerLength {
      guard let length = Int(headerLength), (0...body.count).contains(length) else {
        throw .malformed("Inference-Header-Content-Length is '\(headerLength)', and the body has \(body.count) bytes")
      }
      json = Array(body[..<length])
      binary = body[length...]
    }
    var parts: [InputPart] = []
    var parser = JSONParser(bytes: json)
    var (parameters, outputs): (JSONValue?, JSONValue?) = (nil, nil)
    do throws(JSONValue.Fault) {
      try parser.members { (name, parser) throws(JSONValue.Fault) in
        switch name {
        case "id":
          let given = try parser.value()
          guard given.text != nil || given == .null else { throw parser.fault("the id is not a text") }
          id = given.text
        case "inputs":
          try parser.elements { (parser) throws(JSONValue.Fault) in
            guard parts.count < Self.tensorLimit else { throw parser.fault("more than \(Self.tensorLimit) inputs") }
            parts.append(try InputPart(&parser))
          }
        case "outputs": outputs = try parser.value()
        case "parameters": parameters = try parser.value()
        default: _ = try parser.value()
        }
      }
      try parser.end()
    } catch {
      throw .malformed("the request is not the JSON of an inference, at byte \(error.offset): \(error.reason)")
    }
    for part in parts { inputs.append(try part.tensor(taking: &binary)) }
    guard binary.isEmpty else { throw .malformed("\(binary.count) bytes at the end of the body belong to no input") }
    guard !inputs.isEmpty else { throw .malformed("the request has no inputs") }
    hasBinaryOutputs = try Self.choice("binary_data_output", parameters, of: "the request") ?? false
    if let given = parameters?["timeout"] {
      guard let microseconds = given.integer, microseconds > 0 else {
        throw .malformed("the parameter timeout is \(given.serialized.prefix(40)); give microseconds above 0")
      }
      timeout = microseconds
    }
    self.outputs = try outputs.map { (value) throws(ServingFault) in try self.requested(value) }
    // An empty list asks for all, as no list does.
    if self.outputs?.isEmpty == true { self.outputs = nil }
  }

  private static let tensorLimit = 64

  private func requested(_ value: JSONValue) throws(ServingFault) -> [Output] {
    guard let elements = value.elements, elements.count <= Self.tensorLimit else {
      throw .malformed("'outputs' is not a list of outputs")
    }
    var outputs: [Output] = []
    for element in elements {
      guard let name = element["name"]?.text else { throw .malformed("an output that is asked for has no name") }
      let parameters = element["parameters"]
      guard parameters?["shared_memory_region"] == nil else { throw .malformed("output '\(name)': \(noSharedMemory)") }
      let isBinary = try Self.choice("binary_data", parameters, of: "output '\(name)'")
      var output = Output(name: name, isBinary: isBinary ?? hasBinaryOutputs)
      if let count = parameters?["classification"] {
        guard let count = count.integer, count > 0 else {
          throw .malformed("the parameter classification of output '\(name)' is not a number above 0")
        }
        output.classes = count
      }
      outputs.append(output)
    }
    return outputs
  }

  /// A parameter that is true or false; nil where it is not given.
  private static func choice(
    _ name: String, _ parameters: JSONValue?, of owner: String
  ) throws(ServingFault) -> Bool? {
    guard let given = parameters?[name] else { return nil }
    guard let choice = given.boolean else {
      throw .malformed("the parameter \(name) of \(owner) is \(given.serialized.prefix(40)); give true or false")
    }
    return choice
  }
}

private let noSharedMemory = "shared memory is not supported; send and receive the data themselves"

/// How the lists of an input's data are nested.
private struct Nesting {
  /// Of lists at each depth, the outermost first, how many elements they have.
  private var sizes: [Int?] = []
  /// How deep the elements are that are not lists.
  private var depth: Int?
  /// Whether lists at one depth differ in size, or elements in depth.
  private var isRagged = false

  mutating func addElement(at depth: Int) {
    isRagged = isRagged || depth != self.depth ?? depth
    self.depth = depth
  }

  mutating func addList(of size: Int, at depth: Int) {
    while sizes.count < depth { sizes.append(nil) }
    isRagged = isRagged || size != sizes[depth - 1] ?? size
    sizes[depth - 1] = size
  }

  /// Whether the elements in their order are a tensor of the shape, row by row: a list holds what one or several axes of it do.
  func fits(_ shape: [Int]) -> Bool {
    let parts = Self.products(shape)
    return !isRagged && Self.products(sizes.map { $0 ?? 0 }).allSatisfy(parts.contains)
  }

  /// Of each axis, the number of elements in it and all behind it.
  private static func products(_ sizes: [Int]) -> [Int] {
    sizes.reversed().reduce(into: [1]) { products, size in products.append(products[products.count - 1] &* size) }
  }
}

/// An input as the JSON has it.
private struct InputPart {
  enum Content {
    case numbers([Float])
    /// 1 for true, 0 for false.
    case booleans([Float])
    case texts([String])
  }

  var name: String?
  var datatype: String?
  var shape: [Int]?
  var binarySize: Int?
  var isInSharedMemory = false
  var content: Content?
  var nesting = Nesting()

  init(_ parser: inout JSONParser) throws(JSONValue.Fault) {
    try parser.members { (member, parser) throws(JSONValue.Fault) in
      switch member {
      case "name": name = try parser.value().text
      case "datatype": datatype = try parser.value().text
      case "shape":
        let sizes = try parser.value().elements?.map(\.integer)
        shape = sizes?.contains(nil) == true ? nil : sizes?.compactMap { $0 }
      case "parameters":
        let parameters = try parser.value()
        isInSharedMemory = parameters["shared_memory_region"] != nil
        binarySize = parameters["binary_data_size"]?.integer
        guard binarySize != nil || parameters["binary_data_size"] == nil else {
          throw parser.fault("the parameter binary_data_size is not a whole number")
        }
      case "data": content = try Self.content(&parser, &nesting)
      default: _ = try parser.value()
      }
    }
  }

  /// Numbers, truth values or texts, in one list or in a list for each axis. They are not kept as JSON, which would take many
  /// times the memory.
  private static func content(
    _ parser: inout JSONParser, _ nesting: inout Nesting
  ) throws(JSONValue.Fault) -> Content {
    var elements = CollectedElements()
    try collect(&parser, &elements, &nesting, depth: 1)
    switch (elements.numbers.isEmpty, elements.booleans.isEmpty, elements.texts.isEmpty) {
    case (_, true, true): return .numbers(elements.numbers)
    case (true, false, true): return .booleans(elements.booleans)
    case (true, true, false): return .texts(elements.texts)
    default: throw parser.fault("data mixes numbers, true or false, and texts")
    }
  }

  private struct CollectedElements {
    var numbers: [Float] = []
    var booleans: [Float] = []
    var texts: [String] = []
  }

  private static func collect(
    _ parser: inout JSONParser, _ elements: inout CollectedElements, _ nesting: inout Nesting, depth: Int
  ) throws(JSONValue.Fault) {
    guard depth <= InferenceTensor.rankLimit else { throw parser.fault("data are nested too deeply") }
    var size = 0
    try parser.elements { (parser) throws(JSONValue.Fault) in
      size += 1
      parser.skipSpace()
      switch parser.next {
      case UInt8(ascii: "["):
        try collect(&parser, &elements, &nesting, depth: depth + 1)
        return
      case UInt8(ascii: "\""): elements.texts.append(try parser.string())
      default:
        switch try parser.bare() {
        case .boolean(let value): elements.booleans.append(value ? 1 : 0)
        case .number(let digits):
          guard let value = Float(digits), value.isFinite else { fallthrough }
          elements.numbers.append(value)
        default: throw parser.fault("data has something that is neither a finite number nor a text")
        }
      }
      nesting.addElement(at: depth)
    }
    nesting.addList(of: size, at: depth)
  }

  /// - Parameter binary: the bytes behind the JSON that no input before has taken.
  func tensor(taking binary: inout ArraySlice<UInt8>) throws(ServingFault) -> InferenceTensor {
    guard let name else { throw .malformed("an input has no name") }
    guard let shape else { throw .malformed("input '\(name)' has no shape, a list of whole numbers") }
    guard let datatype else { throw .malformed("input '\(name)' has no datatype") }
    guard let type = TensorDatatype(rawValue: datatype) else {
      throw .malformed(
        "input '\(name)' is \(datatype); the types are \(TensorDatatype.allCases.map(\.rawValue).joined(separator: ", "))"
      )
    }
    if isInSharedMemory { throw .malformed("input '\(name)': \(noSharedMemory)") }
    let count = try InferenceTensor.count(shape, of: name)
    if let binarySize {
      guard content == nil else { throw .malformed("input '\(name)' has data both as JSON and as bytes") }
      guard binarySize >= 0, binarySize <= binary.count else {
        throw .malformed("input '\(name)' has \(binarySize) bytes, and \(binary.count) are left of the body")
      }
      let elements = try InferenceTensor.Elements(
        binary: binary.prefix(binarySize), type, count: count, of: name)
      binary = binary.dropFirst(binarySize)
      return InferenceTensor(name: name, shape: shape, elements: elements)
    }
    guard let content else { throw .malformed("input '\(name)' has no data") }
    let elements = try elements(content, type, name)
    guard elements.count == count else {
      throw .malformed("input '\(name)' has \(elements.count) elements, and the shape \(shape) has \(count)")
    }
    guard nesting.fits(shape) else {
      throw .malformed(
        "input '\(name)' has lists in its data that are not those of the shape \(shape); nest them so, or give one list"
      )
    }
    return InferenceTensor(name: name, shape: shape, elements: elements)
  }

  private func elements(
    _ content: Content, _ type: TensorDatatype, _ name: String
  ) throws(ServingFault) -> InferenceTensor.Elements {
    switch (type, content) {
    case (.bytes, .numbers), (.bytes, .booleans): throw .malformed("input '\(name)' is BYTES and has no texts")
    case (.uint8, .numbers(let numbers)): return .uint8(try whole(numbers, type, name).map { UInt8($0) })
    case (_, .numbers(let numbers)): return .float32(try whole(numbers, type, name))
    case (.bool, .booleans(let values)): return .float32(values)
    case (_, .booleans): throw .malformed("input '\(name)' is \(type.rawValue) and has true or false")
    case (.bytes, .texts(let texts)):
      var files: [[UInt8]] = []
      for text in texts {
        guard let bytes = Base64.decoded(text) else {
          throw .malformed("input '\(name)' has a text that is not Base64; send files as bytes, or in Base64")
        }
        files.append(bytes)
      }
      return .bytes(files)
    case (_, .texts): throw .malformed("input '\(name)' is \(type.rawValue) and has texts")
    }
  }

  /// Numbers of which those of types without fractions are whole and in their range.
  private func whole(
    _ numbers: [Float], _ type: TensorDatatype, _ name: String
  ) throws(ServingFault) -> [Float] {
    guard let range = type.wholeNumbers else { return numbers }
    if let odd = numbers.first(where: { $0 != $0.rounded() || !range.contains($0) }) {
      func written(_ number: Float) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
      throw .malformed(
        "input '\(name)' has \(written(odd)), and \(type.rawValue) has whole numbers from "
          + "\(written(range.lowerBound)) to \(written(range.upperBound))")
    }
    return numbers
  }
}
