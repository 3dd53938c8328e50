import AviaryTensors
import AviaryTestSupport
import Testing

/// Passes, their settings, and what comes out of them.
@Suite struct TapeTests {
  let a = Variable(numbers([3, 4], 1))
  let b = Variable(numbers([3, 4], 2))

  func pass(_ body: () -> Tensor) -> Gradients {
    valueWithGradients(of: [a, b], mode: .training, noise: nil) { (body(), ()) }.gradients
  }

  @Test func settingsOfThePasses() {
    #expect(currentMode == .inference && !isRecording)
    _ = pass {
      #expect(currentMode == .training && isRecording)
      inference { #expect(currentMode == .inference && !isRecording) }
      withMode(.inference) { #expect(currentMode == .inference && isRecording) }
      #expect(currentMode == .training && isRecording)
      return a.tracked.sum()
    }
    withMode(.training) { #expect(currentMode == .training && !isRecording) }
    _ = valueWithGradients(of: [a], mode: .inference, noise: nil) {
      #expect(currentMode == .inference && isRecording)
      return (a.tracked.sum(), ())
    }
    #expect(currentMode == .inference && !isRecording)
  }

  // MARK: - What is kept

  /// What no backward pass asks for serves again before it.
  @Test func operandsThatAreNotNeededAreNotKept() {
    let x = Variable(numbers([2, 16, 6, 6], 3))
    let ones = Tensor(ones: [16])
    func normalized(_ x: Tensor) -> Tensor { batchNormalization(x, scale: ones, shift: ones, epsilon: 1e-5) }
    let uses: [(String, (Tensor) -> Tensor)] = [
      ("dropout", { dropout($0, rate: 0.5) }), ("a sum", { $0 + Tensor(ones: x.value.shape) }),
      ("a bias", { $0 + Tensor(ones: [6]) }), ("a difference", { $0 - Tensor(ones: [6]) }), ("a factor", { $0 * 2 }),
      ("a maximum", { maxPool($0, kernel: [2, 2]) }), ("a mean", { averagePool($0, kernel: [2, 2]) }),
      ("another order", { $0.transposed([1, 0, 2, 3]) }), ("a slice", { $0.slice(axis: 0, from: 0, to: 1) }),
      ("a part", { concatenated([$0, $0], axis: 1) }), ("an exponential", { exp($0) }), ("a softmax", { softmax($0) }),
    ]
    _ = valueWithGradients(of: [x], mode: .training, noise: nil) {
      for (name, use) in uses {
        #expect(!isKept({ x.tracked * 3 }, by: use), "the operand of \(name)")
        #expect(!isKept({ relu(normalized(x.tracked)) }, by: use), "a normalised operand of \(name)")
      }
      #expect(isKept({ x.tracked * 3 }, by: { $0 * $0 }), "the operands of a product are needed")
      return (x.tracked.sum(), ())
    }
  }

  /// The gradient of a relu that is a part of a normalisation, where somebody else asks for it than the normalisation.
  @Test func maskedGradientsAreComputedAgain() {
    let x = Variable(numbers([4, 16, 5, 5], 4))
    let (scale, shift) = (positiveNumbers([16], 5), numbers([16], 6))
    let factors = numbers([4, 16, 5, 5], 7)
    let pass = valueWithGradients(of: [x], mode: .training, noise: nil) {
      let z = watched(batchNormalization(x.tracked, scale: scale, shift: shift, epsilon: 1e-5))
      let y = relu(z)
      return ((y * factors).sum(), (z, y))
    }
    let (z, y) = pass.auxiliary
    let expected = zip(y.scalars, factors.scalars).map { $0 > 0 ? $1 : 0 }
    #expect(pass.gradients[z]!.scalars == expected && expected.contains(0) && y.scalars.contains { $0 > 0 })
  }

  @Test func inferenceInsideIsAConstant() {
    let gradients = pass {
      let target = inference { a.tracked * b.tracked }
      return (a.tracked * target).sum()
    }
    #expect(gradients[a]!.scalars == (a.value * b.value).scalars)
    #expect(gradients[b] == nil)
  }

  @Test func detachedIsAConstant() {
    let gradients = pass { (a.tracked * a.tracked.detached() + b.tracked.detached()).sum() }
    #expect(gradients[a]!.scalars == a.value.scalars)
    #expect(gradients[b] == nil)
  }

  @Test func valueAndAuxiliaryAreKnownToNoTape() {
    let (value, gradients, logits) = valueWithGradients(of: [a], mode: .training, noise: nil) {
      let logits = a.tracked * 2
      return (logits.sum(), logits)
    }
    #expect(abs(value.scalar - a.value.scalars.reduce(0, +) * 2) < 1e-5)
    #expect(gradients[a]!.scalars == Array(repeating: 2, count: 12))
    #expect(logits.scalars == a.value.scalars.map { $0 * 2 })
  }

  /// Tensors that a body has let out belong to that pass, also where a later tape lies at the same address.
  @Test func tensorsOfEarlierPassesAreConstants() {
    var escaped: [Tensor] = []
    for _ in 0..<20 {
      let before = escaped
      let gradients = pass {
        let loss = before.reduce((a.tracked * b.tracked).sum()) { $0 + ($1 * $1).sum() }
        escaped.append(a.tracked * 3)
        return loss
      }
      #expect(gradients[a]!.scalars == b.value.scalars)
      for tensor in before { #expect(gradients[tensor] == nil) }
    }
  }

  @Test func higherOrderIsRefusedByName() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = Variable(numbers([2], 1))
      _ = valueWithGradients(of: [x], mode: .training, noise: nil) {
        let inner = valueWithGradients(of: [x], mode: .training, noise: nil) { (x.tracked.sum(), ()) }
        return (inner.value, ())
      }
    }
    expectMessage(result, "higher-order gradients are not supported")
  }

  @Test func lossOfManyElementsIsRefused() async {
    await #expect(processExitsWith: .failure) {
      let x = Variable(numbers([2], 1))
      _ = valueWithGradients(of: [x], mode: .training, noise: nil) { (x.tracked, ()) }
    }
  }

  @Test func passInsideOfInferenceStandsAlone() {
    let gradients = pass {
      let inner = inference { pass { (a.tracked * 5).sum() } }
      #expect(inner[a]!.scalars == Array(repeating: 5, count: 12))
      return (a.tracked * inner[a]!).sum()
    }
    #expect(gradients[a]!.scalars == Array(repeating: 5, count: 12))
  }

  @Test func watchedInputsAndIntermediateResults() {
    let x = numbers([3, 4], 9)
    let (_, gradients, seen) = valueWithGradients(of: [a], mode: .inference, noise: nil) {
      let input = watched(x)
      let product = watched(input * a.tracked)
      let unused = watched(input * 3)
      return ((product * product).sum(), (input, product, unused))
    }
    let product = x * a.value
    expectSame(gradients[seen.1]!, product * 2)
    expectSame(gradients[seen.0]!, product * 2 * a.value)
    expectSame(gradients[a]!, product * 2 * x)
    #expect(gradients[seen.2] == nil && gradients[x] == nil)
    #expect(watched(x).scalars == x.scalars)
  }

  /// What is watched does not keep a relu from becoming a part of the normalisation, and its gradient is still right.
  @Test func watchedNormalisation() {
    let x = Variable(numbers([4, 16, 3, 3], 1))
    let (scale, shift) = (positiveNumbers([16], 2), numbers([16], 3))
    func gradients(_ step: (Tensor) -> Tensor) -> [Tensor] {
      let pass = valueWithGradients(of: [x], mode: .training, noise: nil) {
        let y = watched(step(batchNormalization(x.tracked, scale: scale, shift: shift, epsilon: 1e-5)))
        let z = watched(step(relu(y)))
        return ((z * numbers([4, 16, 3, 3], 4)).sum(), [y, z])
      }
      return pass.auxiliary.map { pass.gradients[$0]! } + [pass.gradients[x]!]
    }
    for (fused, apart) in zip(gradients { $0 }, gradients(forced)) {
      expectClose(actual: fused.scalars, expected: apart.scalars.map(Double.init), relativeL2: 1e-5)
    }
  }

  @Test func sumsScalesAndNorms() {
    let first = pass { (a.tracked * 2).sum() }
    let second = pass { (a.tracked * 3 + b.tracked * 4).sum() }
    let sum = first + second
    #expect(sum[a]!.scalars == Array(repeating: 5, count: 12))
    #expect(sum[b]!.scalars == Array(repeating: 4, count: 12))
    #expect(abs(sum.globalNorm - Float(12 * (25 + 16)).squareRoot()) < 1e-4)
    #expect(sum.scaled(by: 2)[b]!.scalars == Array(repeating: 8, count: 12))
    #expect(abs(sum.clipped(toNorm: 1).globalNorm - 1) < 1e-4)
    #expect(sum.clipped(toNorm: 100)[a]!.scalars == sum[a]!.scalars)
  }

  /// Tensors watched in different passes are different tensors.
  @Test func sumsKeepWatchedTensorsApart() {
    func watchedPass(_ factor: Float) -> (Gradients, Tensor) {
      let pass = valueWithGradients(of: [a], mode: .training, noise: nil) {
        let y = watched(a.tracked * 1)
        return ((y * factor).sum(), y)
      }
      return (pass.gradients, pass.auxiliary)
    }
    let ((first, x), (second, y)) = (watchedPass(2), watchedPass(3))
    let sum = first + second
    #expect(sum[x]!.scalars == Array(repeating: 2, count: 12))
    #expect(sum[y]!.scalars == Array(repeating: 3, count: 12))
    #expect(second[x] == nil)
  }

  @Test func variableUsedManyTimes() {
    let gradients = pass { (a.tracked + a.tracked * a.tracked).sum() + a.tracked.sum() }
    expectSame(gradients[a]!, a.value * 2 + 2)
  }

  /// Frozen weights under statistics that change from epoch to epoch do not collect what was folded in before.
  @Test func foldedWeightsDoNotPileUp() {
    let operands = DeferralTests.blockOperands()
    for seed in 0..<5 {
      var changed = operands
      changed["mean"] = numbers([16], UInt64(seed))
      _ = inference { DeferralTests.block(changed) }.scalars
    }
    #expect(preparations(of: operands["weight"]!) == 1)
  }

  /// Statistics folded into the same weights with another ε are another normalisation.
  @Test func foldedNormalisationsAreToldApart() {
    let operands = DeferralTests.blockOperands()
    func folded(_ epsilon: Float, _ step: (Tensor) -> Tensor) -> Tensor {
      inference {
        batchNormalization(
          step(same(operands["x"]!, operands["weight"]!)), mean: operands["mean"]!, variance: operands["variance"]!,
          scale: operands["scale"]!, shift: operands["shift"]!, epsilon: epsilon)
      }
    }
    for epsilon in [Float(1e-5), 0.5] { expectSame(folded(epsilon) { $0 }, folded(epsilon, forced)) }
  }
}
