import AviaryTensors

/// The share of relus that are 0 for every item that `body` computes with, in the order of the calls. A relu is a channel of
/// feature maps (of whatever a convolution made), or else an element of the last axis.
///
/// They are named after the layer that is a relu, or else after the one whose outputs they are of. A layer with several has its
/// path for the first, and `path #2` and so on for the others.
public func deadRelus<Failure>(_ body: () throws(Failure) -> Void) throws(Failure) -> [(path: String, share: Double)] {
  try deadRelus(usedByLast: false, body)
}

/// - Parameter usedByLast: whether only relus count that the last result of `body` depends on. What a network computes before
///   features that take its place is of an image that stands in for all.
func deadRelus<Failure>(
  usedByLast: Bool, _ body: () throws(Failure) -> Void
) throws(Failure) -> [(path: String, share: Double)] {
  let (_, trace) = try tracing(keepingResultsOf: ["relu", "relu6", "hardTanh"], body: body)
  let used = usedByLast ? usedByLastNode(of: trace) : Set(trace.nodes.indices)
  var calls: [String: Int] = [:]
  var shares: [(path: String, share: Double)] = []
  for (place, node) in trace.nodes.enumerated() where isRelu(node.operation) && used.contains(place) {
    guard let result = node.results.first, let y = trace.values[result].tensor, y.rank >= 2, y.count > 0 else {
      continue
    }
    let path = name(of: node, in: trace)
    let number = (calls[path] ?? 0) + 1
    calls[path] = number
    let axis = y.rank >= 4 || (y.rank == 3 && followsConvolution(node, in: trace)) ? 1 : y.rank - 1
    shares.append((number == 1 ? path : "\(path) #\(number)", deadShare(y, axis: axis)))
  }
  return shares
}

/// The places of the nodes that the last one depends on, and its own.
private func usedByLastNode(of trace: Trace) -> Set<Int> {
  var used = Set(trace.nodes.indices.suffix(1))
  for (place, node) in trace.nodes.enumerated().reversed() where used.contains(place) {
    for case let operand? in node.operands {
      if case .node(let source) = trace.values[operand].source { used.insert(source) }
    }
  }
  return used
}

/// `relu6` is a clamp between 0 and 6.
private func isRelu(_ operation: OperationDescription) -> Bool {
  operation.name.hasPrefix("relu") || (operation.name == "hardTanh" && operation["low"]?.number == 0)
}

/// The path of the layer that a relu belongs to.
private func name(of relu: Trace.Node, in trace: Trace) -> String {
  for node in producers(of: relu, in: trace) {
    let isWithin = relu.path.isEmpty || node.path.hasPrefix(relu.path + ".")
    if isWithin, !node.path.isEmpty { return node.path }
    // What the calling layer computes itself, such as the sum of a residual block, is its own.
    if !isWithin || node.operation.name == "add" { break }
  }
  return relu.path.isEmpty ? "relu" : relu.path
}

/// What a node's first operand was made by, the last first.
private func producers(of node: Trace.Node, in trace: Trace) -> [Trace.Node] {
  var found: [Trace.Node] = []
  var node = node
  while found.count < 8, let operand = node.operands.first ?? nil, case .node(let place) = trace.values[operand].source
  {
    node = trace.nodes[place]
    found.append(node)
  }
  return found
}

/// Whether the feature axis of an operation's operand is that of a convolution.
private func followsConvolution(_ relu: Trace.Node, in trace: Trace) -> Bool {
  for node in producers(of: relu, in: trace) {
    if node.operation.name.lowercased().contains("convolution") { return true }
    if ["linear", "matmul"].contains(node.operation.name) { return false }
  }
  return false
}

private func deadShare(_ y: Tensor, axis: Int) -> Double {
  let (channels, inner) = (y.shape[axis], y.shape[(axis + 1)...].reduce(1, *))
  var isActive = Array(repeating: false, count: channels)
  for (index, value) in y.scalars.enumerated() where value != 0 { isActive[index / inner % channels] = true }
  return Double(isActive.count { !$0 }) / Double(channels)
}
