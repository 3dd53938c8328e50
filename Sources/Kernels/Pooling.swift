import AviaryDiagnostics
import COneDNN

/// Pooling over windows of [N, C, …].
package struct Pooling: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case max
    /// `countingPadding`: the padding's zeros count in the mean.
    case average(countingPadding: Bool)
  }

  package let kind: Kind
  package let input: [Int]
  package let output: [Int]
  package let window: Window

  package init(kind: Kind, input: [Int], output: [Int], window: Window) {
    self.kind = kind
    self.input = input
    self.output = output
    self.window = window
  }

  private func plan(forward: Bool, source: Layout, destination: Layout, training: Bool) -> Plan {
    var request: ad_request
    switch kind {
    case .max:
      request = ad_request(forward ? AD_MAX_POOL_FORWARD : AD_MAX_POOL_BACKWARD)
    case .average(let countingPadding):
      request = ad_request(forward ? AD_AVERAGE_POOL_FORWARD : AD_AVERAGE_POOL_BACKWARD)
      if countingPadding { request.flags |= Int32(AD_INCLUDE_PADDING.rawValue) }
    }
    if training { request.flags |= Int32(AD_TRAINING.rawValue) }
    request.source = source.id
    request.destination = destination.id
    window.describe(in: &request)
    return .required(request, "pooling of \(input)")
  }

  /// The plan for a result that nothing is asked of later.
  func plan(of source: Layout) -> Plan {
    plan(forward: true, source: source, destination: .any(output), training: false)
  }

  /// The result, and which elements won where the backward pass will ask.
  package func forward(_ x: Buffer, training: Bool) -> (y: Buffer, winners: Storage?) {
    var (y, winners) = computed(x, training: training)
    guard kind == .max else { return (y, winners) }
    // oneDNN's maximum passes over what is not a number.
    if tookInvalid() {
      // What is not a number wins, as infinity does.
      if training { (y, winners) = computed(x.infinityForNaN(), training: true) }
      // Infinity · 0 is not a number.
      y.restoreNaN(of: largest(of: x.nanMarks(), in: y.layout).scaled(by: 0))
    }
    // It begins with the lowest finite number, so that windows of nothing but −infinity have that.
    if y.hasLowest { y.lowerToInfinity(where: largest(of: x.marksAboveInfinity(), in: y.layout)) }
    return (y, winners)
  }

  /// The greatest of bfloat16, which are of bfloat16; nil for other numbers.
  package func forward(rounded x: Buffer) -> Buffer? {
    ensure(kind == .max, "pooling of rounded numbers: only the maximum is supported")
    guard x.layout.isOfBFloat16 else { return nil }
    let y = computed(x, training: false, result: .bfloat16).y
    // Floats tell apart what is not a number, and windows of nothing but −infinity.
    if tookInvalid() || y.hasLowest { forward(x.inFloats, training: false).y.reorder(into: y) }
    return y
  }

  private func computed(
    _ x: Buffer, training: Bool, result: Precision = .float32
  ) -> (y: Buffer, winners: Storage?) {
    let plan = plan(forward: true, source: x.layout, destination: .any(output, result), training: training)
    let y = Buffer(plan.destination)
    let winners = plan.workspaceBytes > 0 ? Storage(byteCount: plan.workspaceBytes) : nil
    unsafe plan.execute { buffers in
      unsafe buffers.source = x.address
      unsafe buffers.destination = y.address
      unsafe buffers.workspace = winners?.address
    }
    return (y, winners)
  }

  private func largest(of marks: Buffer, in layout: Layout) -> Buffer {
    computed(marks, training: false).y.reordered(to: layout)
  }

  /// The result for integers of 8 bits, which it leaves as they are: the largest of a window.
  package func forward(_ x: QuantizedBuffer) -> QuantizedBuffer {
    ensure(kind == .max, "pooling of integers: only the maximum is supported")
    let isSigned = x.form.isSigned
    let plan = plan(
      forward: true, source: x.buffer.layout, destination: .any(output, isSigned: isSigned), training: false)
    let y = Buffer(plan.destination)
    unsafe plan.execute { buffers in
      unsafe buffers.source = x.buffer.address
      unsafe buffers.destination = y.address
    }
    return QuantizedBuffer(buffer: y, form: x.form)
  }

  /// The gradient with respect to the input, whose layout was `source`.
  package func backward(_ gradient: Buffer, winners: Storage?, source: Layout) -> Buffer {
    let plan = plan(forward: false, source: source, destination: .any(output), training: true)
    let arranged = gradient.reordered(to: plan.destination)
    let result = Buffer(plan.source)
    unsafe plan.execute { buffers in
      unsafe buffers.destination_gradient = arranged.address
      unsafe buffers.source_gradient = result.address
      unsafe buffers.workspace = winners?.address
    }
    return result
  }
}
