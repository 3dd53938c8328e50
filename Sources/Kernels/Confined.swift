import CKernels

/// A value that is touched in operations only, one of which runs at a time: it can be handed to any thread.
@safe
public final class Confined<Value>: @unchecked Sendable {
  @usableFromInline var value: Value

  /// `value` must not be reachable from elsewhere, unless it is safe to share.
  @inlinable package init(_ value: Value) { self.value = value }

  /// The value; to be called within an operation only.
  @inlinable package var onComputeThread: Value {
    // Lends the value, where `get` would copy all of it for one of its fields.
    @inline(__always) _read {
      assert(ak_is_entered(), "a confined value was read outside of an operation")
      yield value
    }
    @inline(__always) _modify {
      assert(ak_is_entered(), "a confined value was changed outside of an operation")
      yield &value
    }
  }

  /// The value, for looking at what nobody ever changes; from anywhere.
  @inlinable package var unchanging: Value {
    @inline(__always) _read { yield value }
  }

  /// Works with the value in an operation of its own.
  @inlinable
  package func run<Result, Failure>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
    try Compute.alone { () throws(Failure) -> Result in try body(&value) }
  }
}

/// A value that each body on a compute thread has for itself, so that others' work in between does not see it.
///
/// A body finds the value that the last one on its thread has left: who changes it puts it back.
@safe
package final class PerBody<Value>: @unchecked Sendable {
  @usableFromInline let values: UnsafeMutablePointer<Value>

  @inlinable package init(_ value: Value) {
    unsafe values = .allocate(capacity: Int(AK_MOST_BODIES) + 1)
    unsafe values.initialize(repeating: value, count: Int(AK_MOST_BODIES) + 1)
  }

  deinit {
    unsafe values.deinitialize(count: Int(AK_MOST_BODIES) + 1)
    unsafe values.deallocate()
  }

  /// The value of the body that calls.
  @inlinable package var onComputeThread: Value {
    @inline(__always) unsafeAddress {
      assert(ak_on_compute_thread(), "a body's value was read outside of any")
      return unsafe UnsafePointer(values + Int(ak_compute_thread_number()))
    }
    @inline(__always) unsafeMutableAddress {
      assert(ak_on_compute_thread(), "a body's value was changed outside of any")
      return unsafe values + Int(ak_compute_thread_number())
    }
  }
}
