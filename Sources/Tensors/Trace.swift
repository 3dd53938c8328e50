/// What a program has computed: the operations it called, in order, and what they worked on. `tracing` makes one.
///
/// It lists what the program wrote, not how it was computed: a convolution, a normalisation and a relu that ran as one
/// primitive are three nodes.
public struct Trace: Sendable {
  /// Where a value comes from.
  public enum Source: Sendable, Equatable {
    /// Given to `tracing`, by its place there.
    case input(Int)
    /// A parameter, by its path in the model; empty outside of a model, or where the model has not been initialised.
    case parameter(path: String)
    /// A buffer, such as running statistics, by its path.
    case buffer(path: String)
    /// Anything else that has not been computed within the scope.
    case constant
    /// The result of a node, by its place in `nodes`.
    case node(Int)
  }

  /// A tensor that went into an operation or came out of one.
  public struct Value: Sendable {
    /// Where it comes from.
    public internal(set) var source: Source
    /// Its shape.
    public let shape: [Int]
    /// The elements of inputs, parameters, buffers and constants, as they were; nil for results, unless they are kept.
    public let tensor: Tensor?
    /// Which parameter it is, even where it has no path; tied parameters are one value.
    public internal(set) var cell: ObjectIdentifier?
  }

  /// One operation that the program called.
  public struct Node: Sendable {
    /// What was called, with its attributes.
    public let operation: OperationDescription
    /// Places in `values`, in the order of the function's parameters; nil where an optional operand is absent.
    public let operands: [Int?]
    /// Places in `values`.
    public let results: [Int]
    /// The layer that called it; empty outside of any.
    public let path: String
  }

  /// Elements that the program has read. What it computed of them by itself is not in the trace.
  public struct Reading: Sendable {
    /// A place in `values`.
    public let place: Int
    /// The elements, as they were.
    public let tensor: Tensor
    /// The layer that read them; empty outside of any.
    public let path: String
  }

  /// All tensors, in the order in which they were met.
  public internal(set) var values: [Value] = []
  /// In the order in which they were called.
  public internal(set) var nodes: [Node] = []
  /// In the order in which they were read; of inputs and results alone.
  public internal(set) var readings: [Reading] = []
  /// By the number that a tensor's content has in all traces.
  var places: [Int: Int] = [:]

  /// The place of a tensor in `values`; nil where no traced operation had to do with it.
  public func place(of x: Tensor) -> Int? {
    x.content.run { $0.traceNumber == 0 ? nil : places[$0.traceNumber] }
  }

  /// The shapes of a node's results.
  public func shapes(of node: Node) -> [[Int]] { node.results.map { values[$0].shape } }
}

extension Trace: CustomStringConvertible {
  /// A line for each node: its results, operation and operands.
  public var description: String {
    nodes.map { node in
      let results = node.results.map { "%\($0) \(values[$0].shape)" }.joined(separator: ", ")
      let operands = node.operands.map { $0.map(name) ?? "nil" }.joined(separator: ", ")
      return "\(results) = \(node.operation) of \(operands)\(node.path.isEmpty ? "" : "  [\(node.path)]")"
    }.joined(separator: "\n")
  }

  private func name(_ place: Int) -> String {
    switch values[place].source {
    case .parameter(let path) where !path.isEmpty: path
    case .buffer(let path): path
    case .input(let number): "input \(number)"
    default: "%\(place)"
    }
  }
}
