import AviaryDiagnostics
import CKernels
import Synchronization

/// Where all arithmetic happens: on threads of the package's own, one at a time.
///
/// oneDNN and the kernels of this package share one team of worker threads, which belongs to a compute thread. What is said
/// here holds for every scope of the package: `run`, `inference`, `withMode`, `valueWithGradients`, `observing`, `tracing`.
///
/// **What a body sees of its caller.** A synchronous scope runs its body on a compute thread while the caller waits:
/// - Isolation: the body may use what its caller may use, an actor's state included, since the caller stands still.
///   Checks of the thread itself fail: `MainActor.assumeIsolated`, `Thread.isMainThread`.
/// - Task-local values have their defaults, since the body is in no task. Bind those that the body reads:
///   `let id = Request.id; inference { Request.$id.withValue(id) { … } }`.
/// - `Task.isCancelled` is false. Ask `Compute.isCancelled`.
///
/// `enqueue`, the asynchronous form, runs the body as part of its task: task-local values and `Task.isCancelled` are the
/// task's.
///
/// **How long others wait.** Bodies are served in the order of their calls, each to its end. A body that has run for a tenth
/// of a second gives way, between two of its operations, to those that wait; whatever it has set (mode, tape, observation,
/// random numbers) stays its own, and its results are those of a run by itself. So a prediction beside a training loop in
/// one long scope waits for one operation and a few milliseconds. One long operation is not interrupted.
///
/// **What a body may wait for.** A body may wait for another thread, even for one that computes: after a tenth of a second,
/// work from elsewhere proceeds while it waits. It must not wait for its own caller, as by `DispatchQueue.main.sync` in a
/// scope that was entered on the main thread: that is a deadlock, as it is anywhere.
public enum Compute {
  /// Runs `body` on a compute thread and waits for its end; at once where the caller is within a body already. See `Compute`
  /// for what a body sees of its caller, and for how long others wait.
  ///
  /// The calling thread is blocked meanwhile. In asynchronous code, where threads are few, use `enqueue`.
  @inlinable
  public static func run<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    isCurrent ? try body() : try handOver(alone: false, body)
  }

  /// Runs `body` on a compute thread as a part of the calling task, which is suspended until it has ended: no thread waits.
  ///
  /// ```swift
  /// let logits = await Compute.enqueue { model(images) }
  /// ```
  ///
  /// Task-local values and `Task.isCancelled` in `body` are the task's. Cancelling the task does not take back what has
  /// been enqueued; a body that may become superfluous looks at `Task.isCancelled` first.
  public static func enqueue<Result: Sendable, Failure>(
    _ body: @Sendable () throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    try await withTaskExecutorPreference(ComputeExecutor.shared) { () async throws(Failure) -> Result in try body() }
  }

  /// Whether the task that called the scope around the caller has been cancelled; outside of any, the current task. A long
  /// body asks between its steps.
  public static var isCancelled: Bool {
    guard isCurrent, !Task.isCancelled else { return Task.isCancelled }
    return unsafe caller.onComputeThread?.isCancelled ?? false
  }

  /// The task that waits for the body, if it is one.
  private static let caller = unsafe PerBody<UnsafeCurrentTask?>(nil)

  /// Runs `body` as one operation: while it is this body's turn, and with nothing of others in between. Whatever touches
  /// tensors' elements runs so. `body` must not wait for other threads.
  @inlinable
  package static func alone<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    guard isCurrent else { return try handOver(alone: true, body) }
    guard ak_enter() else { return try body() }
    defer { ak_leave() }
    return try body()
  }

  @usableFromInline
  package static func handOver<Result, Failure>(
    alone: Bool, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var outcome: Swift.Result<Result, Failure>?
    let precision = scopedPrecision
    unsafe withUnsafeCurrentTask { task in
      withoutActuallyEscaping(body) { escapable in
        let work = Work {
          unsafe caller.onComputeThread = task
          callersPrecision.onComputeThread = precision
          defer {
            unsafe caller.onComputeThread = nil
            callersPrecision.onComputeThread = nil
          }
          do throws(Failure) {
            outcome = .success(try escapable())
          } catch {
            outcome = .failure(error)
          }
        }
        // The caller waits until the body has ended, so neither the body nor what it captures outlives this call.
        unsafe ak_compute(
          { unsafe Unmanaged<Work>.fromOpaque($0!).takeUnretainedValue().body() },
          Unmanaged.passUnretained(work).toOpaque(), alone)
      }
    }
    return try outcome!.get()
  }

  /// Whether the caller is a compute thread.
  @inlinable package static var isCurrent: Bool { ak_on_compute_thread() }

  /// How many threads share a computation. Results are the same for the same number, bit for bit. A new number holds for
  /// the body that sets it, and for those that begin later.
  public static var threads: Int {
    get { alone { Int(ak_threads()) } }
    set {
      ensure(newValue >= 1, "threads: \(newValue) is not at least 1")
      alone { ak_set_compute_threads(Int32(newValue)) }
    }
  }

  /// The precision of products: that of the scope around the caller (see `withPrecision`), or else the program's, which is what
  /// is set.
  ///
  /// - Precondition: the processor has it.
  public static var precision: Precision {
    get { (isCurrent ? callersPrecision.onComputeThread : nil) ?? scopedPrecision ?? programsPrecision }
    set {
      newValue.ensureAvailable()
      isBFloat16.store(newValue == .bfloat16, ordering: .relaxed)
    }
  }

  private static let isBFloat16 = Atomic<Bool>(false)
  private static var programsPrecision: Precision { isBFloat16.load(ordering: .relaxed) ? .bfloat16 : .float32 }
  /// Of the scope that the body, or the caller of the body, is in.
  private static let callersPrecision = PerBody<Precision?>(nil)
  /// Of the scope that the task or the thread is in.
  @TaskLocal private static var scopedPrecision: Precision?

  /// Runs `body` in a precision, on the caller's own thread.
  package static func withPrecision<Result, Failure>(
    _ precision: Precision, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isCurrent {
      let outer = callersPrecision.onComputeThread
      callersPrecision.onComputeThread = precision
      defer { callersPrecision.onComputeThread = outer }
      return try body()
    }
    var outcome: Swift.Result<Result, Failure>?
    $scopedPrecision.withValue(precision) {
      do throws(Failure) {
        outcome = .success(try body())
      } catch {
        outcome = .failure(error)
      }
    }
    return try outcome!.get()
  }

  /// What the pool of tensor memory has done so far.
  public static var memory: (allocations: Int, misses: Int, heldBytes: Int) {
    let statistics = ak_pool_read_statistics()
    return (Int(statistics.allocations), Int(statistics.misses), Int(statistics.held_bytes))
  }

  /// The most memory that the process has had resident, in kilobytes.
  public static var peakKilobytes: Int { Int(ak_peak_kilobytes()) }

  /// Gives memory that no tensor holds back to the system.
  public static func trimMemory() {
    ak_pool_trim()
  }

  /// Gives memory back that no tensor has needed since the last call: what a burst of work took. Called every now and then it
  /// slows steady work by nothing.
  public static func trimUnneededMemory() {
    ak_pool_trim_unneeded()
  }
}

/// A body, or a job of a task, as C hands it on.
private final class Work {
  let body: () -> Void
  init(body: @escaping () -> Void) { self.body = body }
}

/// Runs jobs of tasks on compute threads.
private final class ComputeExecutor: TaskExecutor {
  static let shared = ComputeExecutor()

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let work = Work { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    unsafe ak_compute_later(
      { unsafe Unmanaged<Work>.fromOpaque($0!).takeRetainedValue().body() }, Unmanaged.passRetained(work).toOpaque())
  }
}
