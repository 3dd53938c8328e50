import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Synchronization
import Testing

/// What a body sees of its caller, what it may wait for, and how long others wait for it.
@Suite(.serialized) struct ScopeTests {
  /// What a long scope computes: steps that draw random numbers, observe statistics and differentiate.
  final class Training {
    private let weight = Variable(Tensor(repeating: 0.05, shape: [8, 8, 3, 3]))
    private let scale = Variable(Tensor(ones: [8]))
    private let shift = Variable(Tensor(zeros: [8]))
    private var mean = Tensor(zeros: [8])
    private var numbers = TestNumbers(seed: 5)
    private(set) var losses: [Float] = []

    private func loss() -> Tensor {
      let x = Tensor(numbers.floats(4 * 8 * 6 * 6), shape: [4, 8, 6, 6])
      let y = convolution(x, weight: weight.tracked, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
      let z = batchNormalization(y, scale: scale.tracked, shift: shift.tracked, epsilon: 1e-5) { batch, _ in
        self.mean = self.mean * 0.9 + batch * 0.1
      }
      return (dropout(relu(z) + x, rate: 0.3).mean(over: [2, 3]) * 2).squared().sum()
    }

    func step() {
      let noise = Noise(seed: 1, step: UInt64(losses.count))
      let pass = valueWithGradients(of: [weight, scale, shift], mode: .training, noise: noise) { (loss(), ()) }
      for variable in [weight, scale, shift] {
        variable.updateBySGD(
          gradient: pass.gradients[variable]!, momentum: nil, learningRate: 0.01, weightDecay: 0, factor: 0,
          nesterov: false)
      }
      losses.append(pass.value.scalar + mean.scalars.reduce(0, +))
    }

    /// A part of one long pass.
    func part(_ sum: Tensor) -> Tensor {
      losses.append(0)
      return sum * 0.5 + loss()
    }

    var weights: [Float] { weight.value.scalars }

    func gradient(of body: () -> Tensor) -> [Float] {
      let pass = valueWithGradients(of: [weight, scale, shift], mode: .training, noise: Noise(seed: 2, step: 9)) {
        (body(), ())
      }
      return pass.gradients[weight]!.scalars + [pass.value.scalar]
    }
  }

  enum Scope: CaseIterable, Sendable {
    case inference, training, gradients

    /// Runs one long scope of steps as long as `goesOn`, and returns how many there were, and what came of them.
    func run(_ goesOn: (Int) -> Bool) -> (steps: Int, results: [Float]) {
      let training = Training()
      switch self {
      case .inference:
        AviaryTensors.inference { while goesOn(training.losses.count) { training.step() } }
        return (training.losses.count, training.losses + training.weights)
      case .training:
        withMode(.training, noise: Noise(seed: 3, step: 3)) {
          while goesOn(training.losses.count) { training.step() }
        }
        return (training.losses.count, training.losses + training.weights)
      case .gradients:
        let results = training.gradient {
          var sum = Tensor(0)
          repeat { sum = training.part(sum) } while goesOn(training.losses.count)
          return sum
        }
        return (training.losses.count, results)
      }
    }
  }

  /// Predictions from elsewhere are answered while a scope goes on that ends only after them, and neither changes the other.
  @Test func aLongScopeHoldsUpNobody() async {
    // In a process of its own: another test may set the number of threads, which results depend on.
    await #expect(processExitsWith: .success) {
      for scope in Scope.allCases {
        let expected = (0..<6).map { ComputeTests.network(UInt64($0)) }
        let isOver = Atomic(false)
        let begun = DispatchSemaphore(value: 0)
        let limit = Date(timeIntervalSinceNow: 120)
        let outcome = Mutex<(steps: Int, results: [Float])?>(nil)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
          let found = scope.run { step in
            if step == 1 { begun.signal() }
            return !isOver.load(ordering: .relaxed) && Date.now < limit
          }
          outcome.withLock { $0 = found }
          ended.signal()
        }
        wait(begun)
        for (seed, expected) in expected.enumerated() {
          #expect(ComputeTests.network(UInt64(seed)) == expected)
          let (mode, records) = withMode(.inference) { (currentMode, isRecording) }
          #expect(mode == .inference && !records, "the scope that is interrupted is not seen")
        }
        #expect(Date.now < limit, "predictions waited for the end of the scope")
        isOver.store(true, ordering: .relaxed)
        wait(ended)
        let found = outcome.withLock { $0! }
        let alone = scope.run { $0 < found.steps }
        #expect(found.steps > 1 && alone.steps == found.steps && found.results == alone.results)
      }
    }
  }

  @Test func aBodyMayWaitForOthersWork() async {
    // In a process of its own: another test may set the number of threads, which results depend on.
    await #expect(processExitsWith: .success) {
      for scope in Scope.allCases {
        let expected = ComputeTests.network(3)
        let answers = Mutex<[[Float]]>([])
        let (_, results) = scope.run { step in
          guard step < 3 else { return false }
          guard step == 1 else { return true }
          let done = DispatchSemaphore(value: 0)
          for _ in 0..<3 {
            Thread.detachNewThread {
              let answer = ComputeTests.network(3)
              answers.withLock { $0.append(answer) }
              done.signal()
            }
          }
          for _ in 0..<3 { wait(done) }
          return true
        }
        #expect(answers.withLock { $0 } == [expected, expected, expected])
        #expect(results == scope.run { $0 < 3 }.results)
      }
    }
  }

  @Test func aBodyThatComputesNothingMayWaitToo() {
    let done = DispatchSemaphore(value: 0)
    Compute.run {
      Thread.detachNewThread {
        _ = ComputeTests.network(1)
        done.signal()
      }
      wait(done)
    }
  }

  /// More bodies than processors, all long, all at once.
  @Test func longScopesShareTheirTurns() async {
    // In a process of its own, as above.
    await #expect(processExitsWith: .success) {
      let training = Scope.training.run { $0 < 40 }.results
      await withTaskGroup(of: Bool.self) { group in
        for index in 0..<6 {
          group.addTask {
            await withCheckedContinuation { continuation in
              Thread.detachNewThread {
                let results = Scope.training.run { step in
                  // So that the body is a long one whatever the processor.
                  if step == 0 { Thread.sleep(forTimeInterval: 0.1) }
                  return step < 40
                }.results
                continuation.resume(returning: results == training && ComputeTests.network(UInt64(index)).count == 16)
              }
            }
          }
        }
        for await isRight in group { #expect(isRight) }
      }
    }
  }

  // MARK: - The asynchronous form

  @Test func tasksWaitWithoutThreads() async {
    // In a process of its own, whose pool no other test fills.
    await #expect(processExitsWith: .success) {
      let expected = (0..<8).map { ComputeTests.network(UInt64($0)) }
      let release = DispatchSemaphore(value: 0)
      let begun = DispatchSemaphore(value: 0)
      // Nothing is answered before this one has ended.
      Thread.detachNewThread {
        Compute.alone {
          begun.signal()
          wait(release)
        }
      }
      wait(begun)
      await withTaskGroup(of: Bool.self) { group in
        for index in 0..<200 {
          group.addTask {
            await Compute.enqueue { ComputeTests.network(UInt64(index % 8)) } == expected[index % 8]
          }
        }
        // The pool has a thread left for another task, though two hundred wait.
        await Task.detached { for _ in 0..<100 { await Task.yield() } }.value
        release.signal()
        for await isRight in group where !isRight { exit(2) }
      }
    }
  }

  @TaskLocal static var name = "nobody"

  @Test func anEnqueuedBodyBelongsToItsTask() async throws {
    struct Stop: Swift.Error, Equatable {}
    let name = await Self.$name.withValue("somebody") { await Compute.enqueue { Self.name } }
    #expect(name == "somebody")
    #expect(await Compute.enqueue { Compute.isCurrent && currentMode == .inference })
    do {
      try await Compute.enqueue { () throws(Stop) -> Void in throw Stop() }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error == Stop())
    }
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return await Compute.enqueue { [Task.isCancelled, Compute.isCancelled] }
    }
    task.cancel()
    #expect(await task.value == [true, true])
    #expect(await Compute.enqueue { Task.isCancelled || Compute.isCancelled } == false)
  }

  // MARK: - What a synchronous body sees

  @Test func aBodyIsInNoTask() async {
    let seen = Self.$name.withValue("somebody") {
      let name = Self.name
      return inference { [Self.name, Self.$name.withValue(name) { Self.name }] }
    }
    #expect(seen == ["nobody", "somebody"], "as the documentation says")
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return inference { [Task.isCancelled, Compute.isCancelled] }
    }
    task.cancel()
    #expect(await task.value == [false, true])
    #expect(inference { Compute.isCancelled } == false && Compute.isCancelled == false)
  }

  @Test func aBodyMayUseItsActorsState() async {
    actor Counter {
      var count = 0
      func predict() -> [Float] {
        inference {
          count += 1
          return ComputeTests.network(UInt64(count))
        }
      }
    }
    let counter = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<5 { group.addTask { _ = await counter.predict() } }
    }
    #expect(await counter.count == 5)
  }
}

/// Waits, but not for ever.
private func wait(_ semaphore: DispatchSemaphore) {
  if semaphore.wait(timeout: .now() + 120) == .timedOut { fatalError("nothing happened") }
}
