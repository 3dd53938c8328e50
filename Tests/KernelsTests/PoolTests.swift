import AviaryKernels
import AviaryTensors
import AviaryTestSupport
import CKernels
import Foundation
import Testing

/// Memory for tensors. The statistics are the process's, so the loops run apart, each in a process of its own.
@Suite struct PoolTests {
  @Test(arguments: [0, 1, 63, 64, 65, 512, 513, 577, 4096, 4097, 100_000, 5_000_001])
  func blocksAreAlignedAndFit(bytes: Int) {
    var capacity = 0
    let block = ak_pool_allocate(bytes, &capacity)!
    #expect(UInt(bitPattern: block) % 64 == 0)
    #expect(capacity >= max(bytes, 1) && capacity % 64 == 0)
    #expect(capacity <= max(64, bytes + bytes / 8 + 64), "at most an eighth is wasted")
    block.initializeMemory(as: UInt8.self, repeating: 0xa5, count: capacity)
    ak_pool_release(block, capacity)
    // The size class of a block's whole capacity is its own.
    var again = 0
    let other = ak_pool_allocate(capacity, &again)!
    #expect(again == capacity)
    ak_pool_release(other, again)
  }

  @Test func releasedBlocksAreUsedAgainAndTrimmed() async {
    await #expect(processExitsWith: .success) {
      var capacity = 0
      let block = ak_pool_allocate(123_456, &capacity)
      ak_pool_release(block, capacity)
      let before = ak_pool_read_statistics()
      let again = ak_pool_allocate(123_456, &capacity)
      check(again == block)
      let after = ak_pool_read_statistics()
      check(after.misses == before.misses && after.allocations == before.allocations + 1)
      ak_pool_release(again, capacity)
      let sizes = (0..<500).map { 1 + $0 * $0 }
      let blocks = sizes.map { size -> (UnsafeMutableRawPointer?, Int) in
        let block = ak_pool_allocate(size, &capacity)
        return (block, capacity)
      }
      for (block, capacity) in blocks { ak_pool_release(block, capacity) }
      check(ak_pool_read_statistics().held_bytes > 0)
      Compute.trimMemory()
      check(ak_pool_read_statistics().held_bytes == 0)
    }
  }

  /// What work needs again and again stays; what a burst took goes after it, whether its blocks are small or large.
  @Test(arguments: [100_000, 3 << 20]) func whatABurstTookIsGivenBack(size: Int) async {
    await #expect(processExitsWith: .success) { [size] in
      var capacity = 0
      func use(_ count: Int) {
        let blocks = (0..<count).map { _ in ak_pool_allocate(size, &capacity)! }
        for block in blocks { ak_pool_release(block, capacity) }
      }
      use(10)
      Compute.trimUnneededMemory()
      check(Compute.memory.heldBytes == 10 * capacity, "\(Compute.memory)")
      for _ in 0..<3 {
        use(3)
        Compute.trimUnneededMemory()
        check(Compute.memory.heldBytes == 3 * capacity, "\(Compute.memory)")
        let misses = Compute.memory.misses
        use(3)
        check(Compute.memory.misses == misses)
        use(10)
        Compute.trimUnneededMemory()
        check(Compute.memory.heldBytes == 10 * capacity, "\(Compute.memory)")
      }
      Compute.trimUnneededMemory()
      check(Compute.memory.heldBytes == 0, "\(Compute.memory)")
    }
  }

  @Test func largeBlocksAreCutFromWhatHasJoined() async {
    await #expect(processExitsWith: .success) {
      let size = 3 << 20
      var capacity = 0
      let blocks = (0..<6).map { _ in ak_pool_allocate(size, &capacity)! }
      check(capacity == size)
      // Given back in an order in which a block lies before, after, between and apart from those that are free.
      for index in [1, 3, 2, 5, 4, 0] { ak_pool_release(blocks[index], capacity) }
      let misses = ak_pool_read_statistics().misses
      let held = ak_pool_read_statistics().held_bytes
      check(held == UInt64(6 * size), "\(held)")
      let whole = ak_pool_allocate(6 * size, &capacity)!
      check(whole == blocks[0] && capacity == 6 * size)
      whole.initializeMemory(as: UInt8.self, repeating: 0xa5, count: capacity)
      ak_pool_release(whole, capacity)
      let parts = [2 * size, size / 2, 3 * size].map { ($0, ak_pool_allocate($0, &capacity)!) }
      check(ak_pool_read_statistics().misses == misses && ak_pool_read_statistics().held_bytes == held)
      // More than is left at the range's end: it grows by what is missing.
      let last = ak_pool_allocate(size, &capacity)!
      check(ak_pool_read_statistics().held_bytes == held + UInt64(size / 2))
      for (size, part) in parts { ak_pool_release(part, size) }
      ak_pool_release(last, size)
      Compute.trimMemory()
      check(ak_pool_read_statistics().held_bytes == 0)
    }
  }

  @Test func largeBlocksNeverOverlap() async {
    await #expect(processExitsWith: .success) {
      var numbers = TestNumbers(seed: 3)
      var blocks: [(start: UnsafeMutableRawPointer, capacity: Int, mark: UInt8)] = []
      for step in 0..<3000 {
        let draw = numbers.floats(2)
        if blocks.count > 40 || (draw[0] < 0 && !blocks.isEmpty) {
          let block = blocks.remove(at: Int((draw[1] + 1) * 0.4999 * Float(blocks.count)))
          // Where any other block had been cut from its memory, its marks would be gone.
          for place in stride(from: 0, to: block.capacity, by: 4096) {
            check(block.start.load(fromByteOffset: place, as: UInt8.self) == block.mark)
          }
          check(block.start.load(fromByteOffset: block.capacity - 1, as: UInt8.self) == block.mark)
          ak_pool_release(block.start, block.capacity)
        } else {
          var capacity = 0
          let bytes = (1 << 20) + Int((draw[1] + 1) * 4e6)
          let block = ak_pool_allocate(bytes, &capacity)!
          check(capacity >= bytes && capacity - bytes < 65536 && UInt(bitPattern: block) % 65536 == 0)
          let mark = UInt8(step % 251)
          for place in stride(from: 0, to: capacity, by: 4096) {
            block.storeBytes(of: mark, toByteOffset: place, as: UInt8.self)
          }
          block.storeBytes(of: mark, toByteOffset: capacity - 1, as: UInt8.self)
          blocks.append((block, capacity, mark))
          if step % 100 == 0 { Compute.trimMemory() }
        }
      }
      let live = blocks.reduce(0) { $0 + $1.capacity }
      check(Compute.memory.heldBytes >= live && Compute.memory.heldBytes < 500 << 20)
    }
  }

  #if os(Linux)
    /// Where the process may not set a range of addresses apart, large blocks come from the system one by one.
    @Test func withoutARangeBlocksComeFromTheSystem() async {
      await #expect(processExitsWith: .success) {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ").first
        var limit = rlimit()
        limit.rlim_cur = rlim_t((Int(pages ?? "") ?? 0) * 4096 + (600 << 20))
        limit.rlim_max = limit.rlim_cur
        check(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
        var capacity = 0
        let block = ak_pool_allocate(5_000_001, &capacity)!
        block.initializeMemory(as: UInt8.self, repeating: 0xa5, count: capacity)
        ak_pool_release(block, capacity)
        check(ak_pool_allocate(5_000_001, &capacity) == block)
        check(ak_pool_read_statistics().held_bytes == UInt64(capacity))
      }
    }
  #endif

  @Test func trainingStepMissesThePoolNoMore() async {
    await #expect(processExitsWith: .success) {
      let network = SmallNetwork()
      for _ in 0..<3 { network.step() }
      let misses = Compute.memory.misses
      let held = Compute.memory.heldBytes
      let allocations = Compute.memory.allocations
      for _ in 0..<17 { network.step() }
      check(Compute.memory.misses == misses, "\(Compute.memory.misses) misses instead of \(misses)")
      check(Compute.memory.heldBytes == held)
      check(Compute.memory.allocations > allocations)
    }
  }

  @Test func residentMemoryIsFlat() async {
    await #expect(processExitsWith: .success) {
      let network = SmallNetwork()
      for _ in 0..<20 { network.step() }
      let before = residentBytes()
      for _ in 0..<100 { network.step() }
      let after = residentBytes()
      // Room for what the allocator of small objects does; a leaked activation a step would be 20 MB.
      check(after - before < 4 << 20, "resident memory grew from \(before) to \(after)")
    }
  }
}

/// An exit test's expectation: ends the process where it does not hold.
private func check(_ condition: Bool, _ message: @autoclosure () -> String = "", line: UInt = #line) {
  if !condition {
    FileHandle.standardError.write(Data("line \(line): \(message())\n".utf8))
    exit(1)
  }
}

private func residentBytes() -> Int {
  let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return pages * 4096
}

/// Two convolutions with normalisation and relu, a pool and a classifier, trained by gradient descent.
private struct SmallNetwork {
  let x: Tensor
  let weights: [Variable]
  let scale = Variable(Tensor(ones: [16]))
  let shift = Variable(Tensor(zeros: [16]))
  let runningMean = Variable(Tensor(zeros: [16]))
  let head: Variable
  let labels = IntTensor([0, 1, 2, 0])

  init() {
    var numbers = TestNumbers(seed: 1)
    x = Tensor(numbers.floats(4 * 3 * 28 * 28), shape: [4, 3, 28, 28])
    weights = [
      Variable(Tensor(numbers.floats(16 * 3 * 9), shape: [16, 3, 3, 3])),
      Variable(Tensor(numbers.floats(16 * 16 * 9), shape: [16, 16, 3, 3])),
    ]
    head = Variable(Tensor(numbers.floats(3 * 16), shape: [3, 16]))
  }

  func step() {
    let variables = weights + [scale, shift, head]
    let pass = valueWithGradients(of: variables, mode: .training, noise: nil) {
      var y = x
      for weight in weights {
        y = convolution(y, weight: weight.tracked, stride: [1, 1], padding: [1, 1], dilation: [1, 1])
        y = relu(
          batchNormalization(y, scale: scale.tracked, shift: shift.tracked, epsilon: 1e-5) { mean, _ in
            runningMean.value = runningMean.value * 0.9 + mean * 0.1
          })
      }
      let features = maxPool(y, kernel: [2, 2]).mean(over: [2, 3])
      return (crossEntropy(linear(features, weight: head.tracked), labels: labels), ())
    }
    for variable in variables {
      variable.updateBySGD(
        gradient: pass.gradients[variable]!, momentum: nil, learningRate: 0.01, weightDecay: 0, factor: 0,
        nesterov: false)
    }
  }
}
