import AviaryDiagnostics
import CKernels
import COneDNN
import Synchronization

/// A profile of the compute layer, event by event. While no profile is recorded, it costs one check of a flag.
public enum Profile {
  /// One run of a primitive or kernel.
  public struct Event: Sendable {
    /// What was computed: "convolution", "relu, gradient".
    public let operation: String
    /// oneDNN's name of the implementation; nil for Aviary's own kernels.
    public let implementation: String?
    /// The shapes of its operands and result.
    public let shapes: String
    /// The operation of the program that needed it, as a trace names it; empty where there is none.
    public let origin: String
    /// The path of the layer that needed it; empty outside of any layer.
    public let path: String
    /// Whether it was part of a backward pass.
    public let isBackward: Bool
    /// Seconds since the recording began.
    public let start: Double
    /// Seconds.
    public let duration: Double
    /// Floating-point operations of convolutions and matrix products; 0 for everything else, which is bound by memory.
    public let arithmetic: Double
    /// Bytes read and written, each operand counted once.
    public let bytes: Int
  }

  /// The result of a recording.
  public struct Recording: Sendable {
    public let events: [Event]
    /// Seconds, including the time between events.
    public let duration: Double
    /// Blocks of tensor memory requested, and how many of them the pool had to get from the system.
    public let blocks: Int
    public let poolMisses: Int
  }

  /// Whom work is attributed to.
  package struct Label: Sendable {
    package var path = ""
    /// The operation of the program; empty until it is known.
    package var operation = ""
    package var isBackward = false
  }

  private struct State {
    var records: [Record] = []
    var origin = ContinuousClock.now
    /// The operation that has described itself last.
    var name = ""
  }

  private static let flag = Atomic(false)
  private static let turn = Mutex(())
  private static let state = Confined(State())
  private static let labels = PerBody(Label())

  /// Whether a recording is being made.
  package static var isOn: Bool { flag.load(ordering: .relaxed) }

  /// Runs `body` and records what the compute layer does meanwhile, on behalf of any thread. There is one recording at a
  /// time: a second waits for the first to end. It must not begin within `body` or within a scope such as `inference`.
  public static func recording(_ body: () throws -> Void) rethrows -> Recording {
    // The compute thread must not wait for a recording that needs it.
    ensure(
      !Compute.isCurrent,
      "Profile.recording: a recording cannot begin inside of a scope such as inference or valueWithGradients")
    return try turn.withLock { _ in try record(body) }
  }

  private static func record(_ body: () throws -> Void) rethrows -> Recording {
    state.run {
      $0 = State()
      $0.records.reserveCapacity(1 << 16)
    }
    let memory = Compute.memory
    let begin = ContinuousClock.now
    state.run { $0.origin = begin }
    flag.store(true, ordering: .relaxed)
    defer { flag.store(false, ordering: .relaxed) }
    try body()
    let duration = seconds(since: begin)
    let after = Compute.memory
    return Recording(
      events: state.run { $0.records.map(\.event) }, duration: duration,
      blocks: after.allocations - memory.allocations, poolMisses: after.misses - memory.misses)
  }

  fileprivate static func seconds(since begin: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - begin).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}

// MARK: - Labels

extension Profile {
  /// The label of the work that comes next; on a compute thread only.
  package static var label: Label { labels.onComputeThread }

  /// The label of an operation that is computed later.
  package static func label(of operation: String) -> Label {
    var label = label
    label.operation = operation
    return label
  }

  /// Notes the name of the current operation.
  package static func name(_ operation: String) { state.onComputeThread.name = operation }

  /// Runs `body`, an operation that gives its name by `name` at its end. The events recorded meanwhile get that name,
  /// unless they have one.
  package static func named<Result>(_ body: () -> Result) -> Result {
    let start = state.onComputeThread.records.count
    state.onComputeThread.name = ""
    let result = body()
    let name = state.onComputeThread.name
    guard !name.isEmpty, start < state.onComputeThread.records.count else { return result }
    for index in start..<state.onComputeThread.records.count
    where state.onComputeThread.records[index].label.operation.isEmpty {
      state.onComputeThread.records[index].label.operation = name
    }
    return result
  }

  /// Runs `body` under a label; on a compute thread only.
  package static func labelled<Result>(_ label: Label, _ body: () throws -> Result) rethrows -> Result {
    let outer = labels.onComputeThread
    labels.onComputeThread = label
    defer { labels.onComputeThread = outer }
    return try body()
  }

  /// Runs `body`, which is handed the input, as the work of the layer at a path.
  package static func labelled<Input, Result>(
    path: String, _ input: consuming Input, _ body: (consuming Input) -> Result
  ) -> Result {
    let outer = labels.onComputeThread
    labels.onComputeThread.path = path
    defer { labels.onComputeThread = outer }
    return body(input)
  }

  /// Runs `body` as the work of the layer at a path.
  package static func labelled<Result>(path: String, _ body: () throws -> Result) rethrows -> Result {
    var label = label
    label.path = path
    return try labelled(label, body)
  }
}

// MARK: - Recording

/// An event before it is formatted: only what is cheap to note while the clock runs.
private struct Record {
  let operation: String
  let plan: Plan?
  let layout: Layout?
  var label: Profile.Label
  let start: Double
  let duration: Double
  let bytes: Int

  var event: Profile.Event {
    Profile.Event(
      operation: operation, implementation: plan?.implementation,
      shapes: plan?.shapes ?? layout.map { "\($0.dimensions)" } ?? "", origin: label.operation, path: label.path,
      isBackward: label.isBackward,
      start: start, duration: duration, arithmetic: plan?.arithmetic ?? 0, bytes: plan?.bytes ?? bytes)
  }
}

extension Profile {
  static func record<Result>(
    _ operation: String, plan: Plan? = nil, layout: Layout? = nil, bytes: Int = 0, _ body: () -> Result
  ) -> Result {
    let start = seconds(since: state.onComputeThread.origin)
    let result = body()
    let end = seconds(since: state.onComputeThread.origin)
    let label = labels.onComputeThread
    state.onComputeThread.records.append(
      Record(
        operation: operation, plan: plan, layout: layout, label: label, start: start, duration: end - start,
        bytes: bytes))
    return result
  }
}

/// Runs one of Aviary's own kernels, and records it during a profile.
///
/// - Parameters:
///   - layout: of the result.
///   - floats: how many floats are read and written.
@inline(__always)
func kernel<Result>(
  _ operation: StaticString, _ layout: Layout, floats: @autoclosure () -> Int, _ body: () -> Result
) -> Result {
  guard Profile.isOn, ak_is_entered() else { return body() }
  return Profile.record("\(operation)", layout: layout, bytes: 4 * floats(), body)
}

extension Plan {
  /// The kind of the primitive, for people.
  var operation: String {
    switch ad_kind(UInt32(kind)) {
    case AD_CONVOLUTION_FORWARD: "convolution"
    case AD_CONVOLUTION_BACKWARD_DATA: "convolution, gradient of input"
    case AD_CONVOLUTION_BACKWARD_WEIGHTS: "convolution, gradient of weights"
    case AD_LINEAR_FORWARD: "linear"
    case AD_LINEAR_BACKWARD_DATA: "linear, gradient of input"
    case AD_LINEAR_BACKWARD_WEIGHTS: "linear, gradient of weights"
    case AD_BATCH_NORM_FORWARD: "batch normalisation"
    case AD_BATCH_NORM_BACKWARD: "batch normalisation, gradient"
    case AD_MAX_POOL_FORWARD, AD_AVERAGE_POOL_FORWARD: "pooling"
    case AD_MAX_POOL_BACKWARD, AD_AVERAGE_POOL_BACKWARD: "pooling, gradient"
    case AD_REORDER: Profile.reorder
    case AD_CONCATENATE: "concatenation"
    case AD_MATRIX_PRODUCT: "matrix product"
    default: "primitive \(kind)"
    }
  }

  private static func size(_ layout: Layout) -> Int { layout.id < 0 ? 0 : layout.byteCount }

  fileprivate var bytes: Int {
    let moved = Self.size(source) + Self.size(weights) + Self.size(bias) + Self.size(destination)
    // Of a concatenation the plan knows no single source; there, as everywhere, what is written has been read.
    return source.id < 0 ? 2 * moved : moved
  }

  fileprivate var shapes: String {
    [source, weights, destination].filter { $0.id >= 0 }.map { "\($0.dimensions)" }.joined(separator: " ")
  }

  /// Two for each multiplication with a weight: every element of the result takes what one filter, or one column, has.
  fileprivate var arithmetic: Double {
    guard weights.id >= 0, destination.id >= 0 else { return 0 }
    let result = destination.dimensions
    // Of transformed weights only their number is known: a window of 3×3.
    let isTransformed = ad_kind(UInt32(kind)) == AD_CONVOLUTION_FORWARD && self.weights.isTransformed
    let weights = isTransformed ? [result[1], source.dimensions[1], 3, 3] : self.weights.dimensions
    let count = Double(result.reduce(1, *))
    if ad_kind(UInt32(kind)) == AD_MATRIX_PRODUCT {
      guard weights.count >= 2, let columns = result.last, columns > 0 else { return 0 }
      return 2 * count * Double(weights.suffix(2).reduce(1, *)) / Double(columns)
    }
    guard result.count >= 2, result[1] > 0 else { return 0 }
    return 2 * count * Double(weights.reduce(1, *)) / Double(result[1])
  }
}

extension Profile {
  /// The name of events that only change the memory layout.
  public static let reorder = "reorder"
}
