import COneDNN

/// A oneDNN primitive made ready for one geometry. Plans are found in a cache and live as long as the program.
@safe
package struct Plan: @unchecked Sendable {
  private let plan: UnsafePointer<ad_plan>
  /// The kind that was requested: an `ad_kind`.
  let kind: Int32
  /// Keeps a plan that is not in the cache alive.
  private let owner: PlanMemory?

  init?(_ request: ad_request) {
    var request = request
    guard let found = unsafe ad_plan_for(&request) else { return nil }
    unsafe plan = found
    kind = request.kind
    owner = nil
  }

  /// A plan with scales built in, which lives as long as it is referenced.
  init(_ memory: PlanMemory, kind: Int32) {
    unsafe plan = UnsafePointer(memory.plan)
    self.kind = kind
    owner = memory
  }

  package var source: Layout { unsafe Layout(id: plan.pointee.source) }
  package var weights: Layout { unsafe Layout(id: plan.pointee.weights) }
  package var bias: Layout { unsafe Layout(id: plan.pointee.bias) }
  package var destination: Layout { unsafe Layout(id: plan.pointee.destination) }
  package var workspaceBytes: Int { unsafe plan.pointee.workspace_bytes }
  /// oneDNN's name of the implementation, such as `jit_wino_4x3:avx512_core`.
  package var implementation: String { unsafe String(cString: plan.pointee.implementation) }

  /// Whether oneDNN falls back on plain loops or on matrix products.
  var isFallback: Bool {
    func begins(with prefix: StaticString) -> Bool {
      (0..<prefix.utf8CodeUnitCount).allSatisfy {
        unsafe UInt8(bitPattern: plan.pointee.implementation[$0]) == prefix.utf8Start[$0]
      }
    }
    return begins(with: "ref") || begins(with: "gemm")
  }

  /// Runs the primitive on the buffers that `bind` names.
  func execute(_ bind: (inout ad_buffers) -> Void) {
    guard Profile.isOn else { return unsafe run(bind) }
    Profile.record(operation, plan: self) { unsafe run(bind) }
  }

  private func run(_ bind: (inout ad_buffers) -> Void) {
    var buffers = unsafe ad_buffers()
    let bytes = unsafe plan.pointee.scratchpad_bytes
    if bytes > 0 { unsafe buffers.scratchpad = Scratchpad.memory(bytes) }
    unsafe bind(&buffers)
    if unsafe !ad_execute(plan, &buffers) {
      fatalError("oneDNN failed in \(implementation): \(unsafe String(cString: ad_last_error()))")
    }
  }

  /// The plan for a request that oneDNN has to support.
  static func required(_ request: ad_request, _ what: @autoclosure () -> String) -> Plan {
    guard let plan = Plan(request) else {
      fatalError("oneDNN has no \(what()): \(unsafe String(cString: ad_last_error()))")
    }
    return plan
  }
}

/// A plan that is not in oneDNN's cache.
@safe
final class PlanMemory {
  let plan: UnsafeMutablePointer<ad_plan>

  init(_ plan: UnsafeMutablePointer<ad_plan>) { unsafe self.plan = plan }

  deinit { unsafe ad_free_quantized(plan) }
}

/// Memory that primitives work in; one block, since they run one after the other.
private enum Scratchpad {
  private static let block = Confined<(storage: Storage, bytes: Int)?>(nil)

  static func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
    if let kept = block.onComputeThread, kept.bytes >= bytes { return unsafe kept.storage.address }
    block.onComputeThread = nil
    let storage = Storage(byteCount: bytes)
    block.onComputeThread = (storage, bytes)
    return unsafe storage.address
  }
}

extension ad_request {
  /// A request with nothing in it but its kind and the size of the thread team.
  init(_ kind: ad_kind, flags: Int32 = 0) {
    self.init()
    self.kind = Int32(kind.rawValue)
    self.flags = flags
    source = -1
    weights = -1
    bias = -1
    destination = -1
    parts = (-1, -1, -1, -1, -1, -1, -1, -1)
    threads = Int32(Compute.threads)
  }
}

/// A window that slides over the spatial axes of [N, C, …]: one to three of them.
package struct Window: Hashable, Sendable {
  package var kernel: [Int]
  package var stride: [Int]
  package var dilation: [Int]
  package var paddingLow: [Int]
  package var paddingHigh: [Int]

  package init(kernel: [Int], stride: [Int], dilation: [Int], paddingLow: [Int], paddingHigh: [Int]) {
    self.kernel = kernel
    self.stride = stride
    self.dilation = dilation
    self.paddingLow = paddingLow
    self.paddingHigh = paddingHigh
  }

  func describe(in request: inout ad_request) {
    func three(_ values: [Int]) -> (Int32, Int32, Int32) {
      (Int32(values[0]), values.count > 1 ? Int32(values[1]) : 0, values.count > 2 ? Int32(values[2]) : 0)
    }
    request.kernel = three(kernel)
    request.strides = three(stride)
    request.dilations = three(dilation.map { $0 - 1 })
    request.padding_low = three(paddingLow)
    request.padding_high = three(paddingHigh)
  }
}
