import Aviary
import AviaryCommands

/// Where the time of a workload's steps went, for a person.
struct ProfileReport {
  let workload: String
  let steps: Int
  let recording: Profile.Recording
  /// Seconds, and blocks that `malloc` gave, of as many steps that nobody watched; no number where none can be counted.
  let unwatched: (seconds: Double, allocations: Int?)
  let limits: MachineLimits

  /// Sums over the events of one kind.
  private struct Sums {
    var calls = 0
    var seconds = 0.0
    var arithmetic = 0.0
    var bytes = 0
    var implementations: Set<String> = []

    mutating func add(_ event: Profile.Event) {
      calls += 1
      seconds += event.duration
      arithmetic += event.arithmetic
      bytes += event.bytes
      if let name = event.implementation { implementations.insert(name) }
    }
  }

  private var stepSeconds: Double { recording.duration / Double(steps) }
  private var total: Sums { recording.events.reduce(into: Sums()) { $0.add($1) } }

  var lines: [String] {
    let total = total
    let head =
      "\(workload): \(milliseconds(unwatched.seconds / Double(steps))) a step, "
      + "\(milliseconds(stepSeconds)) while it is watched; \(counted(steps, "step"))"
    guard !recording.events.isEmpty else { return [head, "no tensor operation"] + memory }
    return [head, ""] + byOperation(total) + [""] + byLayer + [""] + reorders + memory + arithmetic(total)
  }

  private func byOperation(_ total: Sums) -> [String] {
    var sums: [String: Sums] = [:]
    for event in recording.events { sums[event.operation, default: Sums()].add(event) }
    var rows = [["operation", "calls", "ms a step", "share", "GFLOP/s", "GB/s", "implementation"]]
    for (name, sum) in sums.sorted(by: { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }) {
      rows.append([
        name, fixed(Double(sum.calls) / Double(steps), 1), perStep(sum.seconds), share(sum.seconds),
        sum.arithmetic > 0 ? fixed(sum.arithmetic / sum.seconds * 1e-9, 1) : "",
        fixed(Double(sum.bytes) / sum.seconds * 1e-9, 1), sum.implementations.sorted().joined(separator: ", "),
      ])
    }
    let rest = max(0, recording.duration - total.seconds)
    rows.append(["between operations", "", perStep(rest), share(rest)])
    return table(rows, right: [1, 2, 3, 4, 5])
  }

  private var byLayer: [String] {
    var sums: [String: (forward: Double, backward: Double)] = [:]
    for event in recording.events {
      if event.isBackward {
        sums[event.path, default: (0, 0)].backward += event.duration
      } else {
        sums[event.path, default: (0, 0)].forward += event.duration
      }
    }
    var rows = [["layer", "forward, ms a step", "backward", "share"]]
    // In the order in which they are met.
    var met: Set<String> = []
    for event in recording.events where met.insert(event.path).inserted {
      guard let sum = sums[event.path] else { continue }
      rows.append([
        event.path.isEmpty ? "outside of layers" : event.path, perStep(sum.forward), perStep(sum.backward),
        share(sum.forward + sum.backward),
      ])
    }
    return table(rows, right: [1, 2, 3])
  }

  private var reorders: [String] {
    let sum = recording.events.filter { $0.operation == Profile.reorder }.reduce(into: Sums()) { $0.add($1) }
    guard sum.calls > 0 else { return ["reorders: none"] }
    return [
      "reorders: \(fixed(Double(sum.calls) / Double(steps), 1)) a step, \(perStep(sum.seconds)) ms, "
        + "\(megabytes(sum.bytes)) MB moved"
    ]
  }

  private var memory: [String] {
    let heap =
      unwatched.allocations.map {
        "\(fixed(Double($0) / Double(steps), 0)) a step"
          + (recording.events.isEmpty ? "" : ", \(fixed(Double($0) / Double(recording.events.count), 1)) an operation")
      } ?? "not measured: this C library's cannot be counted"
    return [
      "tensor memory: \(fixed(Double(recording.blocks) / Double(steps), 1)) blocks a step; "
        + "pool misses: \(recording.poolMisses) in all steps",
      "heap allocations: \(heap)",
    ]
  }

  private func arithmetic(_ total: Sums) -> [String] {
    let flops = total.arithmetic / recording.duration * 1e-9
    let bytes = Double(total.bytes) / recording.duration * 1e-9
    return [
      "arithmetic: \(fixed(total.arithmetic / Double(steps) * 1e-9, 3)) GFLOP a step, \(fixed(flops, 1)) GFLOP/s, "
        + "\(percent(flops / limits.gigaflops)) of a large matrix product's \(fixed(limits.gigaflops, 0))",
      "traffic: \(megabytes(total.bytes)) MB a step, \(fixed(bytes, 1)) GB/s; large arrays are read and written at "
        + fixed(limits.gigabytes, 0),
      "(Winograd does less arithmetic than is counted here; what the cache holds is faster than large arrays.)",
    ]
  }

  private func perStep(_ seconds: Double) -> String { fixed(seconds / Double(steps) * 1e3, 3) }
  private func share(_ seconds: Double) -> String { percent(seconds / recording.duration) }
  private func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / Double(steps) * 1e-6, 1) }
}

/// What the machine gives at best, now: measured, because other programs share it.
struct MachineLimits {
  /// Of a product of two large matrices.
  let gigaflops: Double
  /// Read and written by a pass over an array that no cache holds.
  let gigabytes: Double

  init() {
    let size = 1024
    let a = Tensor(repeating: 0.5, shape: [size, size])
    let product = Self.best { _ = matmul(a, a) }
    gigaflops = 2 * Double(size * size * size) / product * 1e-9
    let x = Tensor(repeating: 0.5, shape: [1 << 24])
    let pass = Self.best { _ = x * 2 }
    gigabytes = 2 * 4 * Double(x.count) / pass * 1e-9
  }

  private static func best(_ body: () -> Void) -> Double {
    (0..<5).map { _ in
      let start = secondsOnAClock()
      body()
      return secondsOnAClock() - start
    }.min() ?? .infinity
  }
}

/// A time in milliseconds, as a person reads it.
func milliseconds(_ seconds: Double) -> String { fixed(seconds * 1e3, 3) + " ms" }
