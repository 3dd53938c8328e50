import Aviary

/// What each layer of a network makes of one image or row: its shape, its window, and what it costs.
struct LayerTable {
  struct Row {
    let path: String
    let operation: String
    /// Of the last result of the layer's operations.
    let shape: [Int]
    let kernel: [Int]?
    let stride: [Int]?
    /// The spacing of a kernel's taps: 1 for a plain convolution.
    let rate: [Int]?
    let groups: Int
    let multiplyAdds: Int
  }

  let rows: [Row]
  var multiplyAdds: Int { rows.reduce(0) { $0 + $1.multiplyAdds } }

  /// Nil for networks that are not given one tensor of numbers.
  ///
  /// - Parameters:
  ///   - model: whose cells need not be filled; they are zero afterwards.
  ///   - input: without the batch.
  init?(_ model: any Network, input: [Int]) {
    guard let model = model as? any Classifier, !(model is any SequenceReader) else { return nil }
    func open(_ model: some Classifier) -> Trace {
      // Zeros, which take no time; statistics and other cells as they are at the beginning.
      let parameters = Set(model.namedParameters().map(\.path))
      model.initialize(seed: 0) { !parameters.contains($0) }
      for parameter in model.parameters { parameter.assign(Tensor(zeros: parameter.shape)) }
      let images = Tensor(zeros: [1] + input)
      return tracing(images) { inference { _ = model(images) } }.trace
    }
    let trace = open(model)
    var rows: [Row] = []
    for node in trace.nodes {
      let cost = trace.multiplyAdds(of: node)
      let kernel = node.operation["kernel"]?.integers
      // What moves numbers about, or works on each by itself, is no layer of its own.
      guard cost > 0 || kernel != nil else { continue }
      rows.append(
        Row(
          path: node.path, operation: node.operation.name, shape: trace.shapes(of: node).first ?? [], kernel: kernel,
          stride: node.operation["stride"]?.integers, rate: node.operation["dilation"]?.integers,
          groups: node.operation["groups"]?.integer ?? 1, multiplyAdds: cost))
    }
    self.rows = rows
  }

  var lines: [String] {
    func text(_ sizes: [Int]?) -> String { sizes.map { $0.map(String.init).joined(separator: "x") } ?? "" }
    let header = ["layer", "operation", "output", "kernel", "stride", "rate", "groups", "multiply-adds"]
    let body = rows.map { row in
      [
        row.path, row.operation, text(Array(row.shape.dropFirst())), text(row.kernel), text(row.stride),
        row.rate.map { $0.allSatisfy { $0 == 1 } ? "" : text($0) } ?? "", row.groups > 1 ? "\(row.groups)" : "",
        row.multiplyAdds > 0 ? grouped(row.multiplyAdds) : "",
      ]
    }
    return table([header] + body + [["all", "", "", "", "", "", "", grouped(multiplyAdds)]], right: [7])
  }

  var json: JSONValue {
    .array(
      rows.map { row in
        func sizes(_ sizes: [Int]?) -> JSONValue { sizes.map { .array($0.map { .integer($0) }) } ?? .null }
        return .members([
          "path": .text(row.path), "operation": .text(row.operation), "output": sizes(Array(row.shape.dropFirst())),
          "kernel": sizes(row.kernel), "stride": sizes(row.stride), "rate": sizes(row.rate),
          "groups": .integer(row.groups), "multiply_adds": .integer(row.multiplyAdds),
        ])
      })
  }
}
