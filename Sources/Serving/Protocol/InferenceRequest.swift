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
        case "id": id = try parser.value().text
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
    hasBinaryOutputs = parameters?["binary_data_output"]?.boolean ?? false
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
      var output = Output(name: name, isBinary: parameters?["binary_data"]?.boolean ?? hasBinaryOutputs)
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
}

/// An input as the JSON has it.
private struct InputPart {
  enum Content {
    case numbers([Float])
    case texts([String])
  }

  var name: String?
  var datatype: String?
  var shape: [Int]?
  var binarySize: Int?
  var hasUnknownPlace = false
  var content: Content?

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
        binarySize = parameters["binary_data_size"]?.integer
        hasUnknownPlace =
          parameters["shared_memory_region"] != nil || (parameters["binary_data_size"] != nil && binarySize == nil)
      case "data": content = try Self.content(&parser)
      default: _ = try parser.value()
      }
    }
  }

  /// Numbers or texts, in one list or in a list for each axis. They are not kept as JSON, which would take many times the
  /// memory.
  private static func content(_ parser: inout JSONParser) throws(JSONValue.Fault) -> Content {
    var numbers: [Float] = []
    var texts: [String] = []
    try collect(&parser, &numbers, &texts, depth: 1)
    guard numbers.isEmpty || texts.isEmpty else { throw parser.fault("data mixes numbers and texts") }
    return texts.isEmpty ? .numbers(numbers) : .texts(texts)
  }

  private static func collect(
    _ parser: inout JSONParser, _ numbers: inout [Float], _ texts: inout [String], depth: Int
  ) throws(JSONValue.Fault) {
    guard depth <= InferenceTensor.rankLimit else { throw parser.fault("data are nested too deeply") }
    try parser.elements { (parser) throws(JSONValue.Fault) in
      parser.skipSpace()
      switch parser.next {
      case UInt8(ascii: "["): try collect(&parser, &numbers, &texts, depth: depth + 1)
      case UInt8(ascii: "\""): texts.append(try parser.string())
      default:
        guard case .number(let digits) = try parser.bare(), let value = Float(digits), value.isFinite else {
          throw parser.fault("data has something that is neither a finite number nor a text")
        }
        numbers.append(value)
      }
    }
  }

  /// - Parameter binary: the bytes behind the JSON that no input before has taken.
  func tensor(taking binary: inout ArraySlice<UInt8>) throws(ServingFault) -> InferenceTensor {
    guard let name else { throw .malformed("an input has no name") }
    guard let shape else { throw .malformed("input '\(name)' has no shape, a list of whole numbers") }
    guard let datatype else { throw .malformed("input '\(name)' has no datatype") }
    guard let type = TensorDatatype(rawValue: datatype) else {
      throw .malformed("input '\(name)' is \(datatype); FP32, UINT8 and BYTES are taken")
    }
    if hasUnknownPlace { throw .malformed("input '\(name)': shared memory is not supported; send the data") }
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
    return InferenceTensor(name: name, shape: shape, elements: elements)
  }

  private func elements(
    _ content: Content, _ type: TensorDatatype, _ name: String
  ) throws(ServingFault) -> InferenceTensor.Elements {
    switch (type, content) {
    case (.float32, .numbers(let numbers)): return .float32(numbers)
    case (.uint8, .numbers(let numbers)):
      var bytes: [UInt8] = []
      bytes.reserveCapacity(numbers.count)
      for number in numbers {
        guard let byte = UInt8(exactly: number) else {
          throw .malformed("input '\(name)' has \(number), which is not a whole number from 0 to 255")
        }
        bytes.append(byte)
      }
      return .uint8(bytes)
    case (.bytes, .texts(let texts)):
      var files: [[UInt8]] = []
      for text in texts {
        guard let bytes = Base64.decoded(text) else {
          throw .malformed("input '\(name)' has a text that is not Base64; send files as bytes, or in Base64")
        }
        files.append(bytes)
      }
      return .bytes(files)
    case (.float32, .texts), (.uint8, .texts): throw .malformed("input '\(name)' is \(type.rawValue) and has texts")
    case (.bytes, .numbers): throw .malformed("input '\(name)' is BYTES and has no texts")
    }
  }
}
