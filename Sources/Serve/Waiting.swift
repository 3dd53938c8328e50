import AviaryPlatform
import Dispatch
import Synchronization

/// Runs an asynchronous body to its end, while the calling thread waits.
func waiting(_ body: @escaping @Sendable () async throws -> Void) throws {
  let outcome = Outcome()
  let end = DispatchSemaphore(value: 0)
  Task.detached {
    do {
      try await body()
    } catch {
      outcome.fault.withLock { $0 = error }
    }
    end.signal()
  }
  end.wait()
  if let fault = outcome.fault.withLock({ $0 }) { throw fault }
}

private final class Outcome: Sendable {
  let fault = Mutex<(any Error)?>(nil)
}

/// Writes out what has been printed: standard output may be a file or a pipe.
func flushOutput() { fflush(nil) }
