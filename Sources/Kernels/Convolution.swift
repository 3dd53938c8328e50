import COneDNN

/// One convolution's geometry: what its plans are made from.
package struct ConvolutionShape: Hashable, Sendable {
  /// [N, C, …]
  package let input: [Int]
  /// [O, C / groups, …]
  package let weights: [Int]
  package let window: Window
  package let groups: Int
  package var hasBias: Bool
  /// Of the factors of products. What comes in may be of either; what comes out is of float32, unless asked otherwise.
  package var precision = Precision.float32
  /// [N, O, …]
  package let output: [Int]

  package init(input: [Int], weights: [Int], window: Window, groups: Int, hasBias: Bool) {
    self.input = input
    self.weights = weights
    self.window = window
    self.groups = groups
    self.hasBias = hasBias
    output = input.indices.map { index in
      if index < 2 { return index == 0 ? input[0] : weights[0] }
      let axis = index - 2
      let reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1
      let padded = input[index] + window.paddingLow[axis] + window.paddingHigh[axis]
      return (padded - reach) / window.stride[axis] + 1
    }
  }

  /// oneDNN wants the groups as an axis of their own: [G, O / G, C / G, …].
  var groupedWeights: [Int] {
    groups == 1 ? weights : [groups, weights[0] / groups] + weights.dropFirst()
  }

  private func request(
    _ kind: ad_kind, source: Layout, _ pass: ConvolutionPass, _ algorithm: ConvolutionAlgorithm?
  ) -> ad_request {
    var request = ad_request(kind, flags: pass == .training ? Int32(AD_TRAINING.rawValue) : 0)
    // The tensor's own layout where it is blocked already, or has too few channels to be blocked.
    request.source = (source.isPlain && input[1] >= 8 ? Layout.any(input) : source).id
    switch algorithm ?? ruled(pass) {
    case .direct: break
    // What oneDNN likes best where it may choose: channels last.
    case .directChannelsLast: request.source = Layout.any(input).id
    // As in training, so that the weights are taken as they are. Channels in blocks, whichever way they come.
    case .winograd:
      request.source = Layout.any(input).id
      request.flags |= Int32(AD_WINOGRAD.rawValue | AD_TRAINING.rawValue)
    case .preparedWinograd:
      request.source = Layout.any(input).id
      request.flags |= Int32(AD_WINOGRAD.rawValue)
    }
    request.weights = Layout.any(groupedWeights).id
    if hasBias { request.bias = Layout.plain([weights[0]]).id }
    request.destination = Layout.any(output).id
    window.describe(in: &request)
    return request
  }

  func ruled(_ pass: ConvolutionPass) -> ConvolutionAlgorithm {
    AlgorithmRule.algorithm(
      batch: input[0], inputChannels: input[1], outputChannels: weights[0], output: output.dropFirst(2),
      window: window, groups: groups, pass: pass)
  }

  /// A plan by products of a lower precision than float32's; nil where that is not wanted, or oneDNN has none.
  private func lowPrecision(_ kind: ad_kind, flags: Int32, result: Precision = .float32) -> Plan? {
    guard precision != .float32 else { return nil }
    var request = ad_request(kind, flags: flags)
    // What a pass computes is of float32, unless asked otherwise, and the other two are its factors.
    func operand(_ shape: [Int], isResultOf pass: ad_kind) -> ad_layout {
      Layout.any(shape, kind == pass ? result : precision).id
    }
    request.source = operand(input, isResultOf: AD_CONVOLUTION_BACKWARD_DATA)
    request.weights = operand(groupedWeights, isResultOf: AD_CONVOLUTION_BACKWARD_WEIGHTS)
    request.destination = operand(output, isResultOf: AD_CONVOLUTION_FORWARD)
    if hasBias, kind != AD_CONVOLUTION_BACKWARD_DATA { request.bias = Layout.plain([weights[0]]).id }
    window.describe(in: &request)
    guard let plan = Plan(request), !plan.isFallback else { return nil }
    return plan
  }

  /// A plan by the algorithm asked for, or by direct convolution, in the tensor's layout or in any.
  private func plan(_ request: ad_request) -> Plan {
    var direct = request
    direct.flags &= ~Int32(AD_WINOGRAD.rawValue)
    var open = direct
    open.source = Layout.any(input).id
    for candidate in [request, direct] {
      if let plan = Plan(candidate), !plan.isFallback {
        return plan
      }
    }
    return .required(open, "convolution of \(input) by \(weights)")
  }

  /// The forward pass: result = relu?(convolution + bias + what the destination holds?).
  ///
  /// - Parameters:
  ///   - algorithm: in place of the rule's, to measure it.
  ///   - result: what the result is rounded to, where the products are of that precision.
  package func forward(
    source: Layout, pass: ConvolutionPass, relu: Bool, add: Bool, algorithm: ConvolutionAlgorithm? = nil,
    result: Precision = .float32
  ) -> Plan {
    var fused: Int32 = 0
    if relu { fused |= Int32(AD_RELU.rawValue) }
    if add { fused |= Int32(AD_ADD.rawValue) }
    let training = pass == .training ? Int32(AD_TRAINING.rawValue) : 0
    if let plan = lowPrecision(AD_CONVOLUTION_FORWARD, flags: fused | training, result: result) { return plan }
    let source = precision == .float32 || !source.isOfBFloat16 ? source : source.floats
    var request = request(AD_CONVOLUTION_FORWARD, source: source, pass, algorithm)
    request.flags |= fused
    return plan(request)
  }

  /// A forward pass for inference that ends with an activation; nil where oneDNN has none, or where another algorithm, which
  /// leaves the activation to a kernel of its own, is the quicker one.
  package func forward(
    source: Layout, pass: ConvolutionPass, activation: FusedActivation, result: Precision = .float32
  ) -> Plan? {
    if let plan = lowPrecision(AD_CONVOLUTION_FORWARD, flags: activation.flag, result: result) { return plan }
    let source = precision == .float32 || !source.isOfBFloat16 ? source : source.floats
    switch ruled(pass) {
    case .winograd, .preparedWinograd: return nil
    case .direct, .directChannelsLast: break
    }
    var request = request(AD_CONVOLUTION_FORWARD, source: source, pass, nil)
    request.flags |= activation.flag
    guard let plan = Plan(request), !plan.isFallback else { return nil }
    return plan
  }

  /// The gradient with respect to the input. `source` is the layout that the input had.
  package func backwardData(source: Layout, algorithm: ConvolutionAlgorithm? = nil) -> Plan {
    if let plan = lowPrecision(AD_CONVOLUTION_BACKWARD_DATA, flags: Int32(AD_TRAINING.rawValue)) { return plan }
    var request = request(AD_CONVOLUTION_BACKWARD_DATA, source: gradientSource(source), .training, algorithm)
    request.bias = -1
    return plan(request)
  }

  /// The gradients with respect to weights and bias.
  package func backwardWeights(source: Layout, algorithm: ConvolutionAlgorithm? = nil) -> Plan {
    if let plan = lowPrecision(AD_CONVOLUTION_BACKWARD_WEIGHTS, flags: Int32(AD_TRAINING.rawValue)) { return plan }
    var request = request(AD_CONVOLUTION_BACKWARD_WEIGHTS, source: gradientSource(source), .training, algorithm)
    // oneDNN finds its best kernel for channels last only where both layouts are named.
    if takesGradientsChannelsLast { request.destination = Layout.channelsLast(output).id }
    return plan(request)
  }

  private var takesGradientsChannelsLast: Bool {
    AlgorithmRule.takesGradientsChannelsLast(inputChannels: input[1], groups: groups)
  }

  private func gradientSource(_ source: Layout) -> Layout {
    takesGradientsChannelsLast ? .channelsLast(input) : source
  }

  /// Row-major weights under the shape that the plans know.
  package func grouped(_ weights: Buffer) -> Buffer { weights.reshaped(to: groupedWeights) }
  /// The reverse of `grouped`, for a row-major buffer.
  package func ungrouped(_ weights: Buffer) -> Buffer { weights.reshaped(to: self.weights) }
  /// Weights, of any layout and under the shape that plans know, in the one that a plan wants.
  package func arranged(_ weights: Buffer, as layout: Layout) -> Buffer {
    guard layout.isTransformed else { return weights.reordered(to: layout) }
    var request = ad_request(AD_REORDER, flags: Int32(AD_WINOGRAD.rawValue))
    let blocked = weights.reordered(to: .blockedWeights(self.weights))
    request.source = blocked.layout.id
    request.destination = layout.id
    let result = Buffer(layout)
    unsafe Plan.required(request, "transformation of weights \(self.weights)").execute { buffers in
      unsafe buffers.source = blocked.address
      unsafe buffers.destination = result.address
    }
    return result
  }
  /// The row-major layout of the weights as plans know them.
  package var plainWeights: Layout { .plain(groupedWeights) }
}

extension Plan {
  /// Runs a forward convolution or linear map into `destination`.
  package func forward(source: Buffer, weights: Buffer, bias: Buffer?, into destination: Buffer) {
    unsafe execute { buffers in
      unsafe buffers.source = source.address
      unsafe buffers.weights = weights.address
      unsafe buffers.bias = bias?.address
      unsafe buffers.destination = destination.address
    }
  }

  /// The gradient with respect to the input of a convolution or linear map.
  package func backwardData(gradient: Buffer, weights: Buffer) -> Buffer {
    let result = Buffer(source)
    unsafe execute { buffers in
      unsafe buffers.destination_gradient = gradient.address
      unsafe buffers.weights = weights.address
      unsafe buffers.source_gradient = result.address
    }
    return result
  }

  /// The gradients with respect to weights, and bias where there is one.
  package func backwardWeights(source: Buffer, gradient: Buffer, bias: Layout?) -> (weights: Buffer, bias: Buffer?) {
    let weightsGradient = Buffer(weights)
    let biasGradient = bias.map { Buffer($0) }
    unsafe execute { buffers in
      unsafe buffers.source = source.address
      unsafe buffers.destination_gradient = gradient.address
      unsafe buffers.weights_gradient = weightsGradient.address
      unsafe buffers.bias_gradient = biasGradient?.address
    }
    return (weightsGradient, biasGradient)
  }
}
