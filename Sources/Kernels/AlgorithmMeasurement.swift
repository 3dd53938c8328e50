/// How long a convolution takes by each algorithm: what the rule is made from.
package struct AlgorithmMeasurement: Sendable {
  /// What is measured.
  package enum Work: Hashable, Sendable {
    case forward(ConvolutionPass)
    case gradientOfInput
    case gradientOfWeights
  }

  package let shape: ConvolutionShape
  package let work: Work
  /// Seconds; without the algorithms that this work has not.
  package let seconds: [ConvolutionAlgorithm: Double]
  /// The rule's choice.
  package let chosen: ConvolutionAlgorithm

  /// Measures all algorithms on the compute thread, each for `duration` seconds at least.
  package init(_ shape: ConvolutionShape, _ work: Work, duration: Double = 0.05) {
    self.shape = shape
    self.work = work
    (seconds, chosen) = Compute.alone {
      var seconds: [ConvolutionAlgorithm: Double] = [:]
      for algorithm in ConvolutionAlgorithm.allCases {
        seconds[algorithm] = shape.seconds(of: work, by: algorithm, duration: duration)
      }
      return (seconds, shape.ruled(work.pass))
    }
  }

  /// How much longer the rule's choice takes than the quickest: 1 where it is that.
  package var loss: Double {
    guard let least = seconds.values.min(), let own = seconds[chosen] else { return 1 }
    return own / least
  }
}

extension AlgorithmMeasurement.Work {
  fileprivate var pass: ConvolutionPass {
    if case .forward(let pass) = self { pass } else { .training }
  }
}

extension ConvolutionShape {
  /// The layout that a convolution before this one gives its result, in training.
  private var usualSource: Layout {
    let before = ConvolutionShape(
      input: [input[0], 3] + input.dropFirst(2), weights: [input[1], 3] + Array(repeating: 1, count: input.count - 2),
      window: Window(
        kernel: window.kernel.map { _ in 1 }, stride: window.stride.map { _ in 1 },
        dilation: window.dilation.map { _ in 1 }, paddingLow: window.paddingLow.map { _ in 0 },
        paddingHigh: window.paddingHigh.map { _ in 0 }), groups: 1, hasBias: false)
    return input[1] < 8
      ? .plain(input)
      : before.forward(source: .plain(before.input), pass: .training, relu: true, add: false).destination
  }

  /// The least time of a call, with what it takes to bring the input into the layout that the algorithm wants, and with
  /// weights that no cache holds: a network has others between two calls.
  fileprivate func seconds(
    of work: AlgorithmMeasurement.Work, by algorithm: ConvolutionAlgorithm, duration: Double
  ) -> Double? {
    let source = Buffer.zeros(usualSource)
    let plan =
      switch work {
      case .forward(let pass): forward(source: source.layout, pass: pass, relu: true, add: false, algorithm: algorithm)
      case .gradientOfInput: backwardData(source: source.layout, algorithm: algorithm)
      case .gradientOfWeights: backwardWeights(source: source.layout, algorithm: algorithm)
      }
    let isWinograd = algorithm == .winograd || algorithm == .preparedWinograd
    guard plan.implementation.contains("wino") == isWinograd,
      algorithm != .preparedWinograd || work == .forward(.repeatedInference)
    else { return nil }
    let copies = max(1, min(16, (64 << 20) / max(1, plan.weights.byteCount)))
    let weights = (0..<copies).map { _ in Buffer.zeros(plan.weights) }
    let gradient = Buffer.zeros(plan.destination)
    let bias = hasBias ? Buffer.zeros(.plain([self.weights[0]])) : nil
    var call = 0
    func run() {
      defer { call += 1 }
      switch work {
      case .forward:
        plan.forward(
          source: source.reordered(to: plan.source), weights: weights[call % copies], bias: bias,
          into: Buffer(plan.destination))
      case .gradientOfInput:
        _ = plan.backwardData(gradient: gradient, weights: weights[call % copies])
      case .gradientOfWeights:
        _ = plan.backwardWeights(
          source: source.reordered(to: plan.source), gradient: gradient, bias: hasBias ? plan.bias : nil)
      }
    }
    run()
    var least = Double.infinity
    let clock = ContinuousClock()
    let end = clock.now + .seconds(duration)
    while clock.now < end || call < 4 {
      let took = clock.measure(run)
      least = min(least, Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18)
    }
    return least
  }
}
