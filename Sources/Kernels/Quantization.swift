import AviaryDiagnostics
import COneDNN

/// What integers of 8 bits stand for: number = scale · integer. Zero is zero.
package struct QuantizedForm: Hashable, Sendable {
  package let scale: Float
  /// From −128 to 127, or from 0 to 255.
  package let isSigned: Bool

  package init(scale: Float, isSigned: Bool) {
    self.scale = scale
    self.isSigned = isSigned
  }

  fileprivate var type: ad_type { isSigned ? AD_INT8 : AD_UINT8 }
}

/// Numbers as integers of 8 bits.
package struct QuantizedBuffer: Sendable {
  package var buffer: Buffer
  package let form: QuantizedForm

  package init(buffer: Buffer, form: QuantizedForm) {
    self.buffer = buffer
    self.form = form
  }

  /// The numbers as floats.
  package func dequantized() -> Buffer {
    let result = Buffer(buffer.layout.floats)
    Requantization.run(buffer, form, into: result, nil)
    return result
  }

  /// Whether the integers are in the same order as the elements of a layout, of any type.
  package func hasOrder(of layout: Layout) -> Bool {
    buffer.layout == layout || buffer.layout.floats == layout.floats && !layout.floats.isPlain
  }

  /// Memory that holds the integers in the order of a layout and is not shared: this buffer's own where possible.
  /// The layout is that of the integers to come, which may have a sign where these have none.
  package consuming func takeMemory(_ layout: Layout) -> Buffer {
    ensure(hasOrder(of: layout), "the integers are not in the order of the layout")
    var own = buffer
    _ = consume self
    return Buffer(storage: own.isHeldAlone() ? own.storage : own.copied().storage, layout: layout)
  }

  /// The same numbers in another form.
  package func requantized(_ form: QuantizedForm, shape: [Int]) -> QuantizedBuffer {
    if form == self.form { return self }
    let result = Buffer(.channelsLast(shape, isSigned: form.isSigned))
    Requantization.run(buffer, self.form, into: result, form)
    return QuantizedBuffer(buffer: result, form: form)
  }
}

extension Buffer {
  /// Row-major integers of 8 bits.
  package init(_ values: Span<Int8>, shape: [Int]) {
    ensure(values.count == shape.reduce(1, *), "\(values.count) integers do not fill the shape \(shape)")
    self.init(.plain(shape, isSigned: true))
    unsafe values.withUnsafeBytes { source in
      if let base = source.baseAddress { unsafe address.copyMemory(from: base, byteCount: source.count) }
    }
  }

  /// Row-major integers under another shape, without a copy.
  func integers(_ shape: [Int]) -> Buffer {
    Buffer(storage: storage, layout: .plain(shape, isSigned: true))
  }

  /// The integers of a row-major buffer of signed ones.
  package func integers(count: Int) -> [Int8] {
    unsafe Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: Int8.self), count: count))
  }

  /// Row-major integers as floats, each row of the outermost axis by a scale of its own.
  package func dequantized(scales: [Float], shape: [Int]) -> Buffer {
    let result = Buffer(.plain(shape))
    let columns = scales.isEmpty ? 0 : shape.reduce(1, *) / scales.count
    let integers = unsafe address.assumingMemoryBound(to: Int8.self)
    kernel("dequantisation", result.layout, floats: result.count) {
      for (row, scale) in scales.enumerated() {
        for index in (row * columns)..<((row + 1) * columns) {
          unsafe result.floats[index] = Float(integers[index]) * scale
        }
      }
    }
    return result
  }

  /// The numbers rounded to integers of 8 bits, to the nearest and ties to even; what is beyond the range becomes its end.
  package func quantized(_ form: QuantizedForm, shape: [Int]) -> QuantizedBuffer {
    let result = Buffer(.channelsLast(shape, isSigned: form.isSigned))
    Requantization.run(self, nil, into: result, form)
    return QuantizedBuffer(buffer: result, form: form)
  }
}

/// Whether 8-bit integers are multiplied by instructions of their own: without them oneDNN's sums of products can overflow,
/// and floats are as fast.
package enum IntegerArithmetic {
  package static let isSupported = ad_has_int8()
}

/// Reorders that change what the elements are. They are few: one for each place where floats become integers.
private enum Requantization {
  private struct Key: Hashable {
    let source: Layout
    let destination: Layout
    let from: Float
    let to: Float
    let threads: Int
  }

  private static let known = Confined<[Key: Plan]>([:])

  static func run(_ source: Buffer, _ form: QuantizedForm?, into destination: Buffer, _ result: QuantizedForm?) {
    let key = Key(
      source: source.layout, destination: destination.layout, from: form?.scale ?? 1, to: result?.scale ?? 1,
      threads: Compute.threads)
    let plan = known.onComputeThread[key] ?? made(key)
    unsafe plan.execute { buffers in
      unsafe buffers.source = source.address
      unsafe buffers.destination = destination.address
    }
  }

  private static func made(_ key: Key) -> Plan {
    var request = ad_request(AD_REORDER)
    request.source = key.source.id
    request.destination = key.destination.id
    guard let plan = Plan(request, source: key.from, destination: key.to) else {
      fatalError("oneDNN has no quantisation: \(unsafe String(cString: ad_last_error()))")
    }
    if known.onComputeThread.count >= 256 { known.onComputeThread = [:] }
    known.onComputeThread[key] = plan
    return plan
  }
}

extension Plan {
  /// A plan with scales built in; nil where oneDNN has none.
  fileprivate init?(
    _ request: ad_request, source: Float, destination: Float, addend: QuantizedForm? = nil, weights: [Float] = [],
    bias: [Float]? = nil
  ) {
    var request = request
    let count = Int32(weights.count)
    func make(_ weights: UnsafePointer<Float>?, _ bias: UnsafePointer<Float>?) -> UnsafeMutablePointer<ad_plan>? {
      var scales = unsafe ad_scales(
        source: source, destination: destination, addend: addend?.scale ?? 1, addend_type: addend?.type ?? AD_FLOAT,
        channels: count, weights: weights, bias: bias)
      return unsafe ad_make_quantized(&request, &scales)
    }
    let made = unsafe weights.withUnsafeBufferPointer { weights -> UnsafeMutablePointer<ad_plan>? in
      guard let bias else { return unsafe make(weights.baseAddress, nil) }
      return unsafe bias.withUnsafeBufferPointer { unsafe make(weights.baseAddress, $0.baseAddress) }
    }
    guard let made = unsafe made else { return nil }
    unsafe self.init(PlanMemory(made), kind: request.kind)
  }
}

/// What a convolution or linear map of integers is made from, besides its geometry.
package struct QuantizedOperands {
  package var source: QuantizedForm
  /// What the result is; nil for floats.
  package var destination: QuantizedForm?
  /// What is added, where it is integers: what the destination holds.
  package var addend: QuantizedForm?
  package var adds: Bool
  package var relu: Bool
  /// One factor for each output channel: of the weights, and of what follows.
  package var weights: [Float]
  package var bias: [Float]?

  package init(
    source: QuantizedForm, destination: QuantizedForm?, addend: QuantizedForm? = nil, adds: Bool = false,
    relu: Bool = false, weights: [Float], bias: [Float]?
  ) {
    self.source = source
    self.destination = destination
    self.addend = addend
    self.adds = adds
    self.relu = relu
    self.weights = weights
    self.bias = bias
  }

  fileprivate func plan(_ request: ad_request) -> Plan? {
    var request = request
    if relu { request.flags |= Int32(AD_RELU.rawValue) }
    if adds { request.flags |= Int32(AD_ADD.rawValue) }
    return Plan(
      request, source: source.scale, destination: destination?.scale ?? 1, addend: addend, weights: weights,
      bias: bias)
  }
}

extension ConvolutionShape {
  /// The plan for a convolution of integers; nil where oneDNN knows no better than plain loops.
  package func quantized(_ operands: QuantizedOperands) -> Plan? {
    var request = ad_request(AD_CONVOLUTION_FORWARD)
    request.source = Layout.any(input, isSigned: operands.source.isSigned).id
    request.weights = Layout.any(groupedWeights, isSigned: true).id
    request.destination =
      (operands.destination.map { Layout.any(output, isSigned: $0.isSigned) } ?? .any(output)).id
    window.describe(in: &request)
    guard let plan = operands.plan(request), !plan.isFallback else { return nil }
    return plan
  }

  /// Row-major integers as the plan wants its weights.
  package func prepared(_ weights: Buffer, for plan: Plan) -> Buffer {
    weights.integers(groupedWeights).reordered(to: plan.weights)
  }
}

extension LinearShape {
  /// The plan for a linear map of integers; nil where oneDNN has none.
  package func quantized(_ operands: QuantizedOperands) -> Plan? {
    var request = ad_request(AD_LINEAR_FORWARD)
    request.source = Layout.plain([rows, inputs], isSigned: operands.source.isSigned).id
    request.weights = Layout.any([outputs, inputs], isSigned: true).id
    request.destination = Layout.plain([rows, outputs]).id
    return operands.plan(request)
  }

  /// Row-major integers as the plan wants its weights.
  package func prepared(_ weights: Buffer, for plan: Plan) -> Buffer {
    weights.integers([outputs, inputs]).reordered(to: plan.weights)
  }
}
