import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import Testing

/// Deferred computation has the semantics of eager execution.
@Suite struct DeferralTests {
  /// relu(normalisation(convolution) + addend) of named operands, each of which may change afterwards.
  static func block(_ operands: [String: Tensor]) -> Tensor {
    let y = same(operands["x"]!, operands["weight"]!, bias: operands["bias"]!)
    let normalized = batchNormalization(
      y, mean: operands["mean"]!, variance: operands["variance"]!, scale: operands["scale"]!,
      shift: operands["shift"]!, epsilon: 1e-5)
    return relu(normalized + operands["addend"]!)
  }

  static func blockOperands(channels: Int = 16, _ seed: UInt64 = 1) -> [String: Tensor] {
    [
      "x": numbers([2, channels, 6, 5], seed), "weight": numbers([channels, channels, 3, 3], seed + 1),
      "bias": numbers([channels], seed + 2), "mean": numbers([channels], seed + 3),
      "variance": positiveNumbers([channels], seed + 4), "scale": positiveNumbers([channels], seed + 5),
      "shift": numbers([channels], seed + 6), "addend": numbers([2, channels, 6, 5], seed + 7),
    ]
  }

  // MARK: - Activations

  static let activations: [@Sendable (Tensor) -> Tensor] = [
    { relu6($0) }, { silu($0) }, { hardSwish($0) },
  ]

  /// Convolution, normalisation and activation are one call in inference, of which nothing else becomes a part.
  @Test(arguments: 0..<3) func anActivationJoinsAConvolutionInInference(_ index: Int) {
    let activate = Self.activations[index]
    let operands = Self.blockOperands()
    func normalized() -> Tensor {
      batchNormalization(
        same(operands["x"]!, operands["weight"]!, bias: operands["bias"]!), mean: operands["mean"]!,
        variance: operands["variance"]!, scale: operands["scale"]!, shift: operands["shift"]!, epsilon: 1e-5)
    }
    let y = activate(normalized())
    #expect(isDeferred(y))
    let bare = normalized().scalars
    let apart = activate(Tensor(bare, shape: y.shape))
    expectClose(actual: y.scalars, expected: apart.scalars.map(Double.init))
    let sum = relu(activate(normalized()) + operands["addend"]!)
    expectClose(actual: sum.scalars, expected: relu(apart + operands["addend"]!).scalars.map(Double.init))
    expectClose(
      actual: activate(activate(normalized())).scalars, expected: activate(apart).scalars.map(Double.init))
    expectClose(actual: relu(activate(normalized())).scalars, expected: relu(apart).scalars.map(Double.init))
    let weight = Variable(operands["weight"]!)
    let pass = valueWithGradients(of: [weight], mode: .inference, noise: nil) {
      let y = activate(same(operands["x"]!, weight.tracked))
      return (y.sum(), isDeferred(y))
    }
    #expect(!pass.auxiliary && pass.gradients[weight]!.scalars.contains { $0 != 0 })
  }

  // MARK: - Joined channels

  /// Channels that are joined step by step are normalised where they lie, and copied into one when something else needs them.
  @Test(arguments: [[16, 32], [64, 16, 32], [16, 3, 16], [1, 2, 3]], [[1, 5, 7], [2, 5, 7], [2, 1, 1]])
  func joinedChannels(of sizes: [Int], extents: [Int]) {
    let (images, positions) = (extents[0], extents[1] * extents[2])
    let parts = sizes.enumerated().map { index, size in
      let part = numbers([images, size, extents[1], extents[2]], UInt64(index))
      // One of them lies otherwise.
      return sizes[0] % 16 == 0 && index != 1 || sizes == [16, 32] ? inBlocks(part) : part
    }
    let channels = sizes.reduce(0, +)
    let runs = parts.map(\.scalars)
    var elements: [Float] = []
    for image in 0..<images {
      for (run, size) in zip(runs, sizes) {
        elements += run[(image * size * positions)..<((image + 1) * size * positions)]
      }
    }
    let joined = Tensor(elements, shape: [images, channels, extents[1], extents[2]])
    var scale = positiveNumbers([channels], 52).scalars
    scale[channels - 1] = .nan
    func normalized(_ x: Tensor) -> Tensor {
      batchNormalization(
        x, mean: numbers([channels], 50), variance: positiveNumbers([channels], 51),
        scale: Tensor(scale, shape: [channels]), shift: numbers([channels], 53), epsilon: 1e-5)
    }
    func grown() -> Tensor { parts.dropFirst().reduce(parts[0]) { concatenated([$0, $1], axis: 1) } }
    let y = grown()
    if positions > 1 { #expect(isDeferred(y) == (sizes != [16, 3, 16])) }
    for activate: (Tensor) -> Tensor in [{ $0 }, { relu($0) }] {
      let (result, expected) = (activate(normalized(y)).scalars, activate(normalized(joined)).scalars)
      #expect(result.suffix(positions).allSatisfy { $0.isNaN })
      expectClose(
        actual: result.map { $0.isNaN ? 7 : $0 }, expected: expected.map { $0.isNaN ? 7 : Double($0) })
    }
    #expect(y.scalars == joined.scalars)
    #expect((grown() + 1).scalars == joined.scalars.map { $0 + 1 })
    #expect(grown().transposed([1, 0, 2, 3]).scalars == joined.transposed([1, 0, 2, 3]).scalars)
  }

  @Test func laterStepChangesNoJoinedChannels() {
    let variable = Variable(numbers([1, 2, 3, 4], 1))
    let y = concatenated([variable.value, numbers([1, 3, 3, 4], 2)], axis: 1)
    #expect(isDeferred(y))
    let before = variable.value.scalars
    variable.moveInPlace()
    #expect(Array(y.scalars.prefix(24)) == before)
  }

  // MARK: - Operands are captured at the call

  @Test(arguments: ["x", "weight", "bias", "mean", "variance", "scale", "shift", "addend"])
  func laterStepChangesNothing(moved: String) {
    let operands = Self.blockOperands()
    let expected = inference { Self.block(operands) }.scalars
    let variables = Self.blockOperands().mapValues(Variable.init)
    let y = inference { Self.block(variables.mapValues(\.value)) }
    #expect(isDeferred(y))
    let before = variables[moved]!.value.scalars
    variables[moved]!.moveInPlace()
    #expect(variables[moved]!.value.scalars == before.map { $0 - 0.5 })
    #expect(y.scalars == expected)
    // What is prepared from the old elements is not used for the new.
    let after = inference { Self.block(variables.mapValues(\.value)) }.scalars
    var moved = (operands, moved)
    moved.0[moved.1] = Tensor(before.map { $0 - 0.5 }, shape: operands[moved.1]!.shape)
    #expect(after == inference { Self.block(moved.0) }.scalars)
  }

  @Test(arguments: ["x", "scale", "shift"]) func laterStepChangesNoWaitingNormalisation(moved: String) {
    let operands = ["x": numbers([2, 16, 4, 4], 1), "scale": positiveNumbers([16], 2), "shift": numbers([16], 3)]
    func normalized(_ operands: [String: Tensor]) -> Tensor {
      batchNormalization(operands["x"]!, scale: operands["scale"]!, shift: operands["shift"]!, epsilon: 1e-5)
    }
    let expected = withMode(.training) { normalized(operands) }.scalars
    let variables = operands.mapValues { Variable(Tensor($0.scalars, shape: $0.shape)) }
    let y = withMode(.training) {
      let y = normalized(variables.mapValues(\.value))
      variables[moved]!.moveInPlace()
      return y
    }
    #expect(y.scalars == expected)
  }

  /// What a normalisation by statistics prepares is not used for other statistics, nor for changed ones.
  @Test(arguments: ["mean", "variance", "scale", "shift"]) func preparedStatisticsAreThoseOfTheCall(moved: String) {
    func normalized(_ operands: [String: Tensor]) -> [Float] {
      relu(
        batchNormalization(
          operands["x"]!, mean: operands["mean"]!, variance: operands["variance"]!, scale: operands["scale"]!,
          shift: operands["shift"]!, epsilon: 1e-5)
      ).scalars
    }
    let operands = Self.blockOperands()
    let variables = operands.mapValues { Variable(Tensor($0.scalars, shape: $0.shape)) }
    #expect(normalized(variables.mapValues(\.value)) == normalized(operands))
    variables[moved]!.moveInPlace()
    var changed = operands
    changed[moved] = Tensor(operands[moved]!.scalars.map { $0 - 0.5 }, shape: operands[moved]!.shape)
    let expected = normalized(changed)
    // Variances below zero give what is not a number.
    #expect(zip(normalized(variables.mapValues(\.value)), expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    #expect(normalized(operands) != expected)
  }

  @Test func backwardPassUsesTheElementsOfItsForwardPass() {
    let (x, w) = (numbers([2, 16, 5, 5], 1), numbers([16, 16, 3, 3], 2))
    func gradients(moving: Bool) -> [Float] {
      let weight = Variable(Tensor(w.scalars, shape: w.shape))
      let input = Variable(x)
      let pass = valueWithGradients(of: [weight, input], mode: .training, noise: nil) {
        let loss = (same(input.tracked, weight.tracked) * numbers([2, 16, 5, 5], 3)).sum()
        if moving { weight.moveInPlace() }
        return (loss, ())
      }
      return pass.gradients[input]!.scalars + pass.gradients[weight]!.scalars
    }
    #expect(gradients(moving: true) == gradients(moving: false))
  }

  @Test(arguments: [
    ([16, 16, 3, 3], 1), ([20, 16, 1, 1], 1), ([16, 1, 3, 3], 16), ([4, 8, 1, 1], 2), ([5, 3, 3, 3], 1),
  ])
  func memoryThatNobodyElseHoldsIsChangedInPlace(shape: [Int], groups: Int) {
    let weight = Variable(numbers(shape, 1))
    let x = numbers([1, shape[1] * groups, 5, 5], 2)
    func convolved(_ weight: Tensor) -> Tensor {
      convolution(x, weight: weight, stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: groups)
    }
    for _ in 0..<3 {
      let before = ObjectIdentifier(weight.mutableBuffer(.plain(weight.value.shape)).storage)
      _ = valueWithGradients(of: [weight], mode: .training, noise: nil) { (convolved(weight.tracked).sum(), ()) }
      _ = inference { convolved(weight.value) }.scalars
      #expect(ObjectIdentifier(weight.mutableBuffer(.plain(weight.value.shape)).storage) == before)
    }
    let held = weight.value
    let other = memory(of: held)
    #expect(weight.mutableBuffer(.plain(weight.value.shape)).storage !== other)
    let view = weight.value.reshaped(to: [-1])
    #expect(weight.mutableBuffer(.plain(weight.value.shape)).storage !== memory(of: view))
  }

  // MARK: - Preconditions fire at the call

  @Test func wrongShapesTrapAtTheCall() async {
    await #expect(processExitsWith: .failure) {
      _ = inference { same(numbers([1, 3, 4, 4], 1), numbers([2, 4, 3, 3], 2)) }
    }
    await #expect(processExitsWith: .failure) {
      _ = inference { same(numbers([1, 3, 4, 4], 1), numbers([2, 3, 3, 3], 2), bias: numbers([3], 3)) }
    }
    await #expect(processExitsWith: .failure) {
      _ = inference { same(numbers([1, 3, 4, 4], 1), numbers([2, 3, 3, 3], 2)) + numbers([1, 3, 4, 4], 3) }
    }
    await #expect(processExitsWith: .failure) {
      _ = withMode(.training) {
        batchNormalization(numbers([2, 3, 4], 1), scale: numbers([4], 2), shift: numbers([4], 3), epsilon: 1e-5)
      }
    }
    await #expect(processExitsWith: .failure) {
      _ = withMode(.training) {
        batchNormalization(numbers([1, 3], 1), scale: numbers([3], 2), shift: numbers([3], 3), epsilon: 1e-5)
      }
    }
  }

  @Test func wrongStatisticsTrapAtTheCall() async {
    await #expect(processExitsWith: .failure) {
      let c = numbers([4], 1)
      _ = inference {
        batchNormalization(
          same(numbers([1, 3, 4, 4], 2), numbers([4, 3, 3, 3], 3)), mean: numbers([1], 1), variance: c, scale: c,
          shift: c, epsilon: 1e-5)
      }
    }
    await #expect(processExitsWith: .failure) {
      let c = numbers([4], 1)
      _ = inference {
        batchNormalization(
          same(numbers([1, 3, 4, 4], 2), numbers([4, 3, 3, 3], 3)), mean: c, variance: numbers([3], 1), scale: c,
          shift: c, epsilon: 1e-5)
      }
    }
  }

  @Test func windowsThatCannotSlideTrapAtTheCall() async {
    let zeroStride = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = convolution(
        numbers([1, 3, 4, 4], 1), weight: numbers([2, 3, 3, 3], 2), stride: [0, 1], padding: [0, 0], dilation: [1, 1])
    }
    expectMessage(zeroStride, "stride [0, 1]")
    let tooSmall = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = same(numbers([1, 3, 0, 4], 1), numbers([2, 3, 1, 1], 2))
    }
    expectMessage(tooSmall, "[1, 3, 0, 4]")
    let noChannels = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = same(numbers([1, 0, 4, 4], 1), numbers([2, 0, 1, 1], 2))
    }
    expectMessage(noChannels, "empty")
  }

  // MARK: - Forced results are kept

  @Test func forcedResultIsKept() {
    let y = inference { Self.block(Self.blockOperands()) }
    let first = y.scalars
    let kept = memory(of: y)
    #expect(y.scalars == first && memory(of: y) === kept)
    #expect(memory(of: y.detached()) === kept)
  }

  // MARK: - Fused equals unfused

  @Test(arguments: [3, 8, 16, 19, 32], [false, true])
  func blockIsTheSumOfItsParts(channels: Int, addendIsDeferred: Bool) {
    var operands = Self.blockOperands(channels: channels)
    if addendIsDeferred {
      operands["addend"] = inference { same(operands["addend"]!, numbers([channels, channels, 1, 1], 20)) }
    }
    let fused = inference { Self.block(operands) }
    let (apart, addend) = inference {
      let y = forced(same(operands["x"]!, operands["weight"]!, bias: operands["bias"]!))
      let normalized = batchNormalization(
        y, mean: operands["mean"]!, variance: operands["variance"]!, scale: operands["scale"]!,
        shift: operands["shift"]!, epsilon: 1e-5)
      let addend = Tensor(operands["addend"]!.scalars, shape: y.shape)
      return (forced(relu(forced(forced(normalized) + addend))), addend)
    }
    expectSame(fused, apart)
    #expect(operands["addend"]!.scalars == addend.scalars, "the addend is as it was")
  }

  /// An addend that nobody needs afterwards may be overwritten; one that anybody needs may not, however it is held.
  @Test(arguments: [16, 19]) func addendThatIsNeededStays(channels: Int) {
    let (w, v) = (numbers([channels, channels, 3, 3], 1), numbers([channels, channels, 1, 1], 2))
    let x = numbers([1, channels, 6, 6], 3)
    func addend() -> Tensor { forced(inference { same(x, v) }) }
    let reference = addend().scalars
    let expected = inference { forced(same(x, w)) + Tensor(reference, shape: x.shape) }

    let kept = addend()
    expectSame(inference { same(x, w) + kept }, expected)
    #expect(kept.scalars == reference)

    let asView = addend()
    let view = asView.reshaped(to: [-1])
    expectSame(inference { same(x, w) + asView }, expected)
    #expect(view.scalars == reference)

    let detached = addend()
    let other = detached.detached()
    expectSame(inference { detached + same(x, w) }, expected)
    #expect(other.scalars == reference)

    // Nobody holds this one but the expression.
    expectSame(inference { same(x, w) + addend() }, expected)
    // Two expressions hold this one: the sum, and its relu.
    let (sum, rectified) = inference {
      let sum = same(x, w) + addend()
      return (sum, relu(sum))
    }
    expectSame(rectified, relu(expected))
    expectSame(sum, expected)
  }

  @Test func inputThatIsAddedStays() {
    let w = numbers([16, 16, 3, 3], 1)
    let expected = inference { () -> Tensor in
      let x = forced(throughConvolution(numbers([1, 16, 5, 5], 2)))
      return forced(same(x, w)) + Tensor(x.scalars, shape: x.shape)
    }
    func blockWithoutOwner() -> Tensor {
      let x = forced(throughConvolution(numbers([1, 16, 5, 5], 2)))
      return same(x, w) + x
    }
    expectSame(inference { blockWithoutOwner() }, expected)
  }

  @Test func tensorAddedToItself() {
    let (x, w) = (numbers([1, 16, 5, 5], 1), numbers([16, 16, 3, 3], 2))
    let y = inference { same(x, w) }
    let doubled = inference { y + y }
    let rectified = inference { relu(y + y) }
    expectSame(doubled, y * 2)
    expectSame(rectified, relu(y * 2))
    expectSame(inference { same(x, w) + same(x, w) }, y * 2)
  }

  @Test func convolutionUsedTwice() {
    let (x, w) = (numbers([1, 16, 5, 5], 1), numbers([16, 16, 3, 3], 2))
    let z = numbers([1, 16, 5, 5], 3)
    let plain = forced(inference { same(x, w) })
    let (rectified, sum, both) = inference {
      let y = same(x, w)
      let rectified = relu(y)
      let sum = y + z
      return (rectified, sum, rectified + sum + y)
    }
    expectSame(both, forced(relu(plain)) + forced(plain + z) + plain)
    expectSame(rectified, relu(plain))
    expectSame(sum, plain + z)
  }

  @Test(arguments: [16, 20]) func residualBlocksInARow(channels: Int) {
    let blocks = (0..<4).map { Self.blockOperands(channels: channels, UInt64(10 * $0)) }
    func run(_ each: (Tensor) -> Tensor) -> Tensor {
      inference {
        var x = numbers([2, channels, 6, 5], 99)
        for var operands in blocks {
          operands["addend"] = x
          operands["x"] = x
          x = each(Self.block(operands)) * 0.1
        }
        return maxPool(x, kernel: [2, 2])
      }
    }
    expectSame(run { $0 }, run(forced))
  }
}

/// The tensor, its elements computed.
func forced(_ x: Tensor) -> Tensor {
  _ = x.scalars
  return x
}

/// Expects tensors that differ by rounding at most.
func expectSame(_ a: Tensor, _ b: Tensor, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(a.shape == b.shape, sourceLocation: sourceLocation)
  expectClose(
    actual: a.scalars, expected: b.scalars.map(Double.init), relativeL2: 1e-6, relativeMax: 1e-5,
    sourceLocation: sourceLocation)
}

/// Expects what a process that trapped left as its message.
func expectMessage(_ result: ExitTest.Result?, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(message.contains(text), sourceLocation: sourceLocation)
}
