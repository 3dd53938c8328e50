import AviaryDiagnostics
import AviaryKernels

/// Whether layers behave as in training (batch statistics, dropout) or as in inference.
public enum Mode: Sendable {
  /// A pass that learns, or one that predicts.
  case training, inference
}

/// The key of a pass's random numbers, besides the path of the layer that draws them.
public struct Noise: Sendable {
  /// The seed.
  public var seed: UInt64
  /// The number of the training step: every step draws new numbers, and a resumed run draws the same ones.
  public var step: UInt64

  /// Noise of a seed at a step.
  public init(seed: UInt64, step: UInt64) {
    self.seed = seed
    self.step = step
  }
}

/// The random numbers of a pass. Scopes that name no noise share those of the pass around them.
final class Drawing {
  private let noise: Noise
  /// How often each path has drawn: a layer called twice draws twice.
  private var calls: [String: UInt64] = [:]

  private static let passes = Confined<UInt64>(0)

  /// Without noise each pass draws anew.
  init(_ noise: Noise?) {
    if noise == nil { Self.passes.onComputeThread += 1 }
    self.noise = noise ?? Noise(seed: 0, step: Self.passes.onComputeThread)
  }

  func stream(purpose: String, path: String) -> RandomStream {
    let call = calls[path, default: 0]
    calls[path] = call + 1
    return RandomStream(
      seed: noise.seed, purpose: purpose, path: call == 0 ? path : "\(path)#\(call)", step: noise.step)
  }
}

/// The settings of the pass that runs now. They belong to the body; outside of any scope there is no tape, and the mode is
/// inference.
struct Pass {
  static let current = PerBody(Pass())

  var mode = Mode.inference
  /// Whether dropout drops in training mode.
  var drops = true
  var tape: Tape?
  /// Lists the operations that are called; nil where none is wanted.
  var trace: TraceRecorder?
  /// Whether the same weights will be used in many passes, so that preparing them pays.
  var weightsStay = false
  /// Nil outside of any scope, where nothing is drawn.
  var drawing: Drawing?
  /// A normalisation that waits for the relu that may follow it.
  var pending: BatchNormalizationPass?
  /// Where the inputs of convolutions and linear maps are being observed.
  var calibration: CalibrationRecord?
  /// What the tapes that begin now change about gradients on their way back.
  var gradientRule: GradientRule?
  /// The part of this process in a pass that several make together; nil where it is made by one.
  var share: PassShare?
  /// What stands for cells of a model, by their identity, while a frozen copy of it is in use.
  var bindings: [ObjectIdentifier: AnyObject]?

  /// Makes the pending computation, if there is one.
  static func resolvePending() {
    guard let waiting = current.onComputeThread.pending else { return }
    current.onComputeThread.pending = nil
    waiting.runPending()
  }

  /// Runs `body` under changed settings, which others' work between its operations does not see: see `Compute`.
  static func scope<Result, Failure>(
    _ change: (inout Pass) -> Void, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Compute.run { () throws(Failure) -> Result in
      let outer = Compute.alone {
        resolvePending()
        let outer = current.onComputeThread
        var inner = outer
        change(&inner)
        current.onComputeThread = inner
        return outer
      }
      defer {
        Compute.alone {
          resolvePending()
          current.onComputeThread = outer
        }
      }
      return try body()
    }
  }
}

/// Runs `body` in a mode, without changing whether a tape records: for Monte-Carlo dropout or new batch statistics. See
/// `Compute` for what `body` sees of its caller, and for how long others wait.
///
/// - Parameters:
///   - noise: the key of random numbers. By default a scope inside of a pass continues with the pass's numbers, and any
///     other scope draws new ones.
///   - dropping: whether dropout is active in training mode. Batch statistics for inference are taken without it.
public func withMode<Result, Failure>(
  _ mode: Mode, noise: Noise? = nil, dropping: Bool = true, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try Pass.scope(
    {
      $0.mode = mode
      $0.drops = dropping
      if noise != nil || $0.drawing == nil { $0.drawing = Drawing(noise) }
    }, body)
}

/// Runs `body` without a tape and in inference mode: for teachers and targets inside of a training step, or for many
/// predictions at once. See `Compute` for what `body` sees of its caller, and for how long others wait.
///
/// - Parameter weightsStay: the same weights will be used in many passes, so that it pays to prepare them in the first,
///   which takes longer. Results differ from those without it by rounding only.
public func inference<Result, Failure>(
  weightsStay: Bool = false, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try Pass.scope(
    {
      $0.mode = .inference
      $0.tape = nil
      $0.weightsStay = weightsStay
    }, body)
}

/// Runs `body` with the factors of products in a precision, as PyTorch's `autocast` does: those of convolutions, linear maps and
/// products of matrices. Their sums, all other operations, weights and gradients stay of float32. The pullbacks of what is
/// computed in the scope are of the same precision, wherever they run.
///
/// ```swift
/// let logits = withPrecision(.bfloat16) { model(images) }
/// ```
///
/// Recurrent layers and attention's fused kernel stay in float32, and quantised layers in integers. `Compute.precision` is the
/// program's default. The body runs on the caller's own thread.
///
/// - Precondition: the processor has instructions for the precision: see `Precision.isAvailable`.
public func withPrecision<Result, Failure>(
  _ precision: Precision, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  precision.ensureAvailable()
  return try Compute.withPrecision(precision, body)
}

/// The mode of the pass that runs now.
public var currentMode: Mode {
  Compute.isCurrent ? Pass.current.onComputeThread.mode : .inference
}

/// Whether a tape records what is done now.
public var isRecording: Bool {
  Compute.isCurrent && Pass.current.onComputeThread.tape != nil
}

/// Whether the caller runs on the compute thread, inside of a scope.
package var isComputing: Bool { Compute.isCurrent }

/// What stands for cells of a model, by their identity, in the pass that runs now; to be called on the compute thread.
package var currentBindings: [ObjectIdentifier: AnyObject]? { Pass.current.onComputeThread.bindings }

/// Runs `body` in inference mode with what stands for cells of a model, by their identity.
package func inference<Result, Failure>(
  binding cells: [ObjectIdentifier: AnyObject], _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  try Pass.scope(
    {
      $0.mode = .inference
      $0.tape = nil
      $0.weightsStay = true
      $0.bindings = cells
    }, body)
}

/// Whether a profile is being made.
package var isProfiling: Bool { Profile.isOn }

/// Attributes the work of `body` to the layer at a path, for profiles and traces.
package func profiled<Result>(_ path: String, _ body: () -> Result) -> Result {
  Compute.run { Profile.labelled(path: path, body) }
}

/// The same for a body that takes the layer's input; on a compute thread only.
package func profiled(_ path: String, _ x: consuming Tensor, _ body: (consuming Tensor) -> Tensor) -> Tensor {
  Profile.labelled(path: path, x, body)
}

/// Runs the pending computation, so that its statistics have been observed.
package func settle() { operation {} }
