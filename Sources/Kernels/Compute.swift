import AviaryDiagnostics
import CKernels

/// The thread on which all arithmetic happens.
///
/// oneDNN and Aviary's own kernels share one team of worker threads, which belongs to this thread. Work handed to it from
/// other threads is done in turn, each piece to its end.
public enum Compute {
  /// Runs `body` on the compute thread and waits for it; at once where the caller is that thread already.
  @inlinable
  public static func run<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    isCurrent ? try body() : try handOver(body)
  }

  @usableFromInline
  static func handOver<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    var outcome: Swift.Result<Result, Failure>?
    withoutActuallyEscaping(body) { escapable in
      let work = Work {
        do throws(Failure) {
          outcome = .success(try escapable())
        } catch {
          outcome = .failure(error)
        }
      }
      // The caller waits until the body has ended, so neither the body nor what it captures outlives this call.
      unsafe ak_compute(
        { unsafe Unmanaged<Work>.fromOpaque($0!).takeUnretainedValue().body() },
        Unmanaged.passUnretained(work).toOpaque())
    }
    return try outcome!.get()
  }

  private final class Work {
    let body: () -> Void
    init(body: @escaping () -> Void) { self.body = body }
  }

  /// Whether the caller is the compute thread.
  @inlinable package static var isCurrent: Bool { ak_on_compute_thread() }

  /// How many threads share a computation. Results are the same for the same number, bit for bit.
  public static var threads: Int {
    get { run { Int(ak_threads()) } }
    set {
      ensure(newValue >= 1, "threads: \(newValue) is not at least 1")
      run { ak_set_threads(Int32(newValue)) }
    }
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
}

/// A value that only the compute thread may touch, which is why it can be handed to any thread.
@safe
public final class Confined<Value>: @unchecked Sendable {
  @usableFromInline var value: Value

  /// `value` must not be reachable from elsewhere, unless it is safe to share.
  @inlinable package init(_ value: Value) { self.value = value }

  /// The value; to be called on the compute thread only.
  @inlinable package var onComputeThread: Value {
    // Lends the value, where `get` would copy all of it for one of its fields.
    @inline(__always) _read {
      assert(ak_on_compute_thread(), "a confined value was read off the compute thread")
      yield value
    }
    @inline(__always) _modify {
      assert(ak_on_compute_thread(), "a confined value was changed off the compute thread")
      yield &value
    }
  }

  /// Works with the value on the compute thread.
  @inlinable
  package func run<Result, Failure>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
    try Compute.run { () throws(Failure) -> Result in try body(&value) }
  }
}
