import AviaryCheckpoints

/// An answer of the Open Inference Protocol.
struct InferenceResponse: Sendable {
  struct Output: Sendable {
    enum Elements: Sendable {
      case float32([Float])
      case bytes([String])
    }

    let name: String
    let shape: [Int]
    let elements: Elements
    let isBinary: Bool

    /// Numbers, or the first classes of each row as `VALUE:NUMBER:NAME`, as the request asks.
    ///
    /// - Parameters:
    ///   - values: row by row, [rows, width].
    ///   - labels: a name for each number of a row; empty where there are none.
    ///   - order: the places of a row's numbers, the class that is predicted first.
    init(
      _ request: InferenceRequest.Output, values: [Float], width: Int, labels: [String],
      order: (_ row: Int, _ values: [Float]) -> [Int]
    ) {
      name = request.name
      isBinary = request.isBinary
      let rows = values.count / max(1, width)
      guard let count = request.classes.map({ min($0, width) }) else {
        shape = [rows, width]
        elements = .float32(values)
        return
      }
      shape = [rows, count]
      elements = .bytes(
        (0..<rows).flatMap { row in
          let own = Array(values[row * width..<(row + 1) * width])
          return order(row, own).prefix(count).map { place in
            let label = labels.isEmpty ? "" : ":" + labels[place]
            return "\(own[place]):\(place)\(label)"
          }
        })
    }

    fileprivate var datatype: TensorDatatype {
      switch elements {
      case .float32: .float32
      case .bytes: .bytes
      }
    }

    fileprivate var json: JSONValue {
      switch elements {
      case .float32(let values): .array(values.map { .real($0) })
      case .bytes(let values): .texts(values)
      }
    }

    fileprivate var bytes: [UInt8] {
      switch elements {
      case .float32(let values): InferenceTensor.Elements.binary(values)
      case .bytes(let values): InferenceTensor.Elements.binary(values)
      }
    }
  }

  let model: String
  let version: String
  let id: String?
  let outputs: [Output]

  /// JSON, followed by the outputs that are asked for as bytes.
  var response: WebResponse {
    var binary: [UInt8] = []
    var described: [JSONValue] = []
    for output in outputs {
      var members: [JSONValue.Member] = [
        .init("name", .text(output.name)), .init("datatype", .text(output.datatype.rawValue)),
        .init("shape", .array(output.shape.map { .integer($0) })),
      ]
      if output.isBinary {
        let bytes = output.bytes
        members.append(.init("parameters", .members(["binary_data_size": .integer(bytes.count)])))
        binary += bytes
      } else {
        members.append(.init("data", output.json))
      }
      described.append(.object(members))
    }
    var members: [JSONValue.Member] = [
      .init("model_name", .text(model)), .init("model_version", .text(version)),
    ]
    if let id { members.append(.init("id", .text(id))) }
    members.append(.init("outputs", .array(described)))
    let json = Array(JSONValue.object(members).serialized.utf8)
    guard outputs.contains(where: \.isBinary) else { return WebResponse(type: "application/json", json) }
    return WebResponse(
      type: "application/octet-stream", json + binary,
      headers: [("Inference-Header-Content-Length", "\(json.count)")])
  }
}
