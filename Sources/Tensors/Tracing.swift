import AviaryKernels

/// A trace under way. It belongs to the scope that is being traced.
final class TraceRecorder {
  private(set) var trace = Trace()
  /// The operations whose results keep their elements.
  private let kept: Set<String>
  /// Whose elements are kept, so that nothing changes them in place.
  private static let last = Confined(0)

  init(keepingResultsOf operations: Set<String> = []) { kept = operations }

  /// Notes where a tensor comes from, unless the trace knows it as something other than a constant.
  func declare(_ x: Tensor, _ source: Trace.Source, cell: ObjectIdentifier? = nil) {
    let place = place(of: x)
    guard trace.values[place].source == .constant else { return }
    trace.values[place].source = source
    trace.values[place].cell = cell
  }

  func note(_ description: OperationDescription, _ operands: [Tensor?], _ results: [Tensor]) {
    let operands = operands.map { $0.map(place) }
    // An operation that returned its operand has done nothing.
    if results.contains(where: { trace.places[number(of: $0)] != nil }) { return }
    let places = results.map { result in
      add(
        Trace.Value(
          source: .node(trace.nodes.count), shape: result.shape,
          tensor: kept.contains(description.name) ? result.detached() : nil), number(of: result))
    }
    trace.nodes.append(
      Trace.Node(operation: description, operands: operands, results: places, path: Profile.label.path))
  }

  /// Notes that the program reads elements, unless they are those of a parameter, a buffer or a constant.
  func noteReading(_ x: Tensor) {
    guard let place = trace.places[number(of: x)] else { return }
    switch trace.values[place].source {
    case .input, .node:
      trace.readings.append(Trace.Reading(place: place, tensor: x.detached(), path: Profile.label.path))
    case .parameter, .buffer, .constant: break
    }
  }

  private func place(of x: Tensor) -> Int {
    let number = number(of: x)
    if let known = trace.places[number] { return known }
    return add(Trace.Value(source: .constant, shape: x.shape, tensor: x.detached()), number)
  }

  private func add(_ value: Trace.Value, _ number: Int) -> Int {
    trace.values.append(value)
    trace.places[number] = trace.values.count - 1
    return trace.values.count - 1
  }

  /// The number of a tensor's content, which no other has: addresses are used again.
  private func number(of x: Tensor) -> Int {
    if x.content.onComputeThread.traceNumber == 0 {
      Self.last.onComputeThread += 1
      x.content.onComputeThread.traceNumber = Self.last.onComputeThread
    }
    return x.content.onComputeThread.traceNumber
  }
}

/// Runs `body` and returns, beside its result, the operations that it called.
///
/// ```swift
/// let (logits, trace) = tracing(images) { inference { model(images) } }
/// for node in trace.nodes { print(node.path, node.operation, trace.shapes(of: node)) }
/// ```
///
/// Mode and tape are those of the surrounding scope; a `valueWithGradients` inside of `body` is traced without its
/// backward pass. Results are those of a run that is not traced. An operation that returns its operand, such as dropout in
/// inference or a reshape to the same shape, is not listed, and neither is what works on no tensor; that elements were read,
/// as by `scalars`, is in `readings`. A trace keeps parameters, inputs and constants as they were, so that an optimizer inside of `body` makes new
/// memory for what it changes.
///
/// - Parameter inputs: the tensors that the trace is to list as inputs, in this order. Others are parameters, buffers or
///   constants; so are numbers that the program computed with, such as the positions that `argsort` found.
public func tracing<Result, Failure>(
  _ inputs: Tensor..., body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, trace: Trace) {
  try tracing(inputs: inputs, body: body)
}

/// The same for a list of inputs.
public func tracing<Result, Failure>(
  inputs: [Tensor], body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, trace: Trace) {
  let recorder = Confined(TraceRecorder())
  let result = try Pass.scope(
    {
      let own = recorder.onComputeThread
      for (number, input) in inputs.enumerated() { own.declare(input, .input(number)) }
      $0.trace = own
    }, body)
  return (result, recorder.run { $0.trace })
}

/// The same, with the elements of what these operations returned.
package func tracing<Result, Failure>(
  keepingResultsOf operations: Set<String>, body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, trace: Trace) {
  let recorder = Confined(TraceRecorder(keepingResultsOf: operations))
  let result = try Pass.scope({ $0.trace = recorder.onComputeThread }, body)
  return (result, recorder.run { $0.trace })
}

/// Whether work is done under the names of layers: for a profile or a trace.
package var isLabelling: Bool { Profile.isOn || isTracing }

/// Whether the caller is traced.
package var isTracing: Bool { Compute.isCurrent && Pass.current.onComputeThread.trace != nil }

/// Runs `body`, whose operations are no part of a trace: they serve one that is, or none.
package func untraced<Result>(_ body: () -> Result) -> Result {
  guard let trace = Pass.current.onComputeThread.trace else { return body() }
  Pass.current.onComputeThread.trace = nil
  defer { Pass.current.onComputeThread.trace = trace }
  return body()
}

/// Notes for the trace, where there is one, that elements are read. In an operation only.
func noteReading(_ x: Tensor) { Pass.current.onComputeThread.trace?.noteReading(x) }

/// Runs `body`, an operator that others make up. A trace lists it as one operation, a tape as its parts.
package func composed(
  _ description: @autoclosure () -> OperationDescription, from operands: @autoclosure () -> [Tensor?],
  body: () -> Tensor
) -> Tensor {
  guard isTracing else { return body() }
  return operation {
    let y = untraced(body)
    Pass.current.onComputeThread.trace?.note(description(), operands(), [y])
    return y
  }
}

/// The value of a buffer, which a trace lists under its path.
package func traced(_ x: Tensor, bufferAt path: @autoclosure () -> String) -> Tensor {
  if isTracing {
    Compute.alone { Pass.current.onComputeThread.trace?.declare(x, .buffer(path: path())) }
  }
  return x
}
