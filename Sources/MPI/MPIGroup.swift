import AviaryPlatform
import AviaryTraining
import COpenMPI
import Synchronization

/// The processes of an MPI job: `mpirun -n 4 program` starts four that make one group.
///
/// ```swift
/// let group = try MPIGroup.start()
/// var hooks = TrainingHooks()
/// hooks.group = group
/// options.processes = ProcessOptions(count: group.count, synchronizesStatistics: true)
/// let report = try fit(task, options, in: folder, hooks: hooks)
/// group.finish()
/// ```
///
/// What another process does not send within `timeout` ends the whole job with one line on standard error: a process has
/// died, or hangs, and what was saved last can be resumed.
public final class MPIGroup: ProcessGroup {
  public let rank: Int
  public let count: Int
  /// How many seconds the others may take for anything but preparations; nil for as long as they like.
  public let timeout: Double?
  private let adviceText = Mutex("")

  /// What the line says about going on, such as how to resume.
  public var advice: String {
    get { adviceText.withLock { $0 } }
    set { adviceText.withLock { $0 = newValue } }
  }

  private init(timeout: Double?) {
    self.timeout = timeout
    rank = Int(am_rank())
    count = Int(am_count())
  }

  /// Whether the program was built with MPI: with the trait of that name.
  public static var isAvailable: Bool { am_is_available() }

  /// Joins the job that `mpirun` has started; a group of one where nobody has. To be called once.
  public static func start(timeout: Double? = 25) throws(MPIFault) -> MPIGroup {
    guard isAvailable else { throw .notBuilt }
    if let fault = unsafe am_start() { throw .cannotStart(reason: unsafe String(cString: fault)) }
    return MPIGroup(timeout: timeout)
  }

  /// Leaves the job; every process does so before it ends. Nothing can be exchanged afterwards.
  public func finish() { am_finish() }

  /// Ends all processes of the job with this status.
  public func abort(_ status: Int32) -> Never {
    am_abort(status)
    _exit(status)
  }

  /// From now on standard output goes nowhere: process 0 prints.
  public func silenceOutput() { am_silence_output() }

  /// Makes everything that is sent take longer, in seconds a byte: for tests of what overlaps.
  public func slowDown(secondsPerByte: Double) { am_slow_down(secondsPerByte) }

  public func beginSum(_ values: [Float]) -> any GroupSum { MPISum(values, self) }

  public func gather(_ values: [Double]) -> [[Double]] {
    let lengths = Array(repeating: 8 * values.count, count: count)
    let all = exchange(values, lengths, isPatient: false)
    return (0..<count).map { Array(all[$0 * values.count..<($0 + 1) * values.count]) }
  }

  public func gather(_ bytes: [UInt8], isPatient: Bool) -> [[UInt8]] {
    let lengths = exchange([Int64(bytes.count)], Array(repeating: 8, count: count), isPatient: isPatient).map {
      Int($0)
    }
    guard lengths.contains(where: { $0 > 0 }) else { return Array(repeating: [], count: count) }
    let all = exchange(bytes, lengths, isPatient: isPatient)
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return Array(all[start..<start + length])
    }
  }

  /// Brings arrays of every process to all.
  ///
  /// - Parameter lengths: by rank, in bytes.
  private func exchange<Element: BitwiseCopyable>(
    _ own: [Element], _ lengths: [Int], isPatient: Bool
  ) -> [Element] {
    let size = MemoryLayout<Element>.stride
    return unsafe Array(unsafeUninitializedCapacity: lengths.reduce(0, +) / size) { buffer, initialized in
      unsafe own.withUnsafeBytes { bytes in
        let work = unsafe am_begin_gather(bytes.baseAddress, lengths, buffer.baseAddress)
        unsafe finish(work, isPatient: isPatient)
      }
      initialized = buffer.count
    }
  }

  /// Waits for a work and frees it, or ends the job.
  fileprivate func finish(_ work: OpaquePointer?, isPatient: Bool = false) {
    let slice = 0.1
    var (waited, asked) = (0.0, 0.0)
    while unsafe !am_wait(work, slice) {
      waited += slice
      // mpirun asks all to end when one has died, and kills them soon after: nothing comes any more.
      asked = Interruption.isRequestedHere ? asked + slice : 0
      if asked > 0.35 {
        end(
          "the job was asked to end while process \(unsafe missing(work)) was waited for: it may have died",
          isFirst: rank == 0)
      }
      // Each waits a little longer than the one before, so that one line says it.
      if !isPatient, let timeout, waited > timeout + 0.3 * Double(min(rank, 8)) {
        end(
          "process \(unsafe missing(work)) has not answered for \(Int(timeout)) s: it hangs, or its machine does",
          isFirst: true)
      }
    }
    if let fault = unsafe am_fault(work) {
      end("process \(unsafe missing(work)) cannot be reached (\(unsafe String(cString: fault)))", isFirst: true)
    }
    unsafe am_free(work)
  }

  private func missing(_ work: OpaquePointer?) -> String {
    let rank = unsafe am_missing(work)
    return rank < 0 ? "another" : "\(rank)"
  }

  /// Ends the job because nothing can go on.
  private func end(_ reason: String, isFirst: Bool) -> Never {
    if isFirst {
      let line = "error: " + reason + (advice.isEmpty ? "" : "; " + advice) + "\n"
      let bytes = Array(line.utf8)
      unsafe bytes.withUnsafeBytes { _ = unsafe write(2, $0.baseAddress, $0.count) }
    }
    am_abort(1)
    _exit(1)
  }
}

/// A sum under way, and its memory.
@safe
private final class MPISum: GroupSum {
  private let memory: UnsafeMutableBufferPointer<Float>
  private let group: MPIGroup
  private var work: OpaquePointer?

  init(_ values: [Float], _ group: MPIGroup) {
    unsafe memory = .allocate(capacity: values.count)
    _ = unsafe memory.initialize(from: values)
    self.group = group
    unsafe work = am_begin_sum(memory.baseAddress, values.count)
  }

  deinit {
    // MPI may still be writing to it.
    if unsafe work == nil { unsafe memory.deallocate() }
  }

  func wait() -> [Float] {
    if let begun = unsafe work {
      unsafe group.finish(begun)
      unsafe work = nil
    }
    return unsafe Array(memory)
  }
}

/// Why processes cannot work together.
public enum MPIFault: Error, CustomStringConvertible, Equatable {
  /// The program was built without MPI.
  case notBuilt
  /// MPI does not start.
  case cannotStart(reason: String)

  public var description: String {
    switch self {
    case .notBuilt:
      "this program was built without MPI; install Open MPI (libopenmpi-dev) and build it with: swift build -c release --traits MPI"
    case .cannotStart(let reason): "MPI does not start: \(reason)"
    }
  }
}
