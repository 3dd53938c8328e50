import Synchronization
import Testing

@testable import AviaryServing

/// What `body` throws, if it does.
private func fault<Value>(_ body: () async throws(ServingFault) -> Value) async -> ServingFault? {
  do throws(ServingFault) {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}

/// A gate that holds a batch until it is opened.
private final class Gate: Sendable {
  private let answer = Answer<Bool>()
  func open() { answer.settle(.success(true)) }
  func pass() async { _ = try? await answer.value() }
}

/// Something that several threads look at and change.
private final class Flag: Sendable {
  private let mutex: Mutex<Bool>

  init(_ value: Bool) { mutex = Mutex(value) }

  var value: Bool {
    get { mutex.withLock { $0 } }
    set { mutex.withLock { $0 = newValue } }
  }
}

@Suite(.timeLimit(.minutes(1))) struct QueueTests {
  private typealias Queue = BatchQueue<Int, Int>

  /// Waits until something is so.
  private func until(_ isSo: () -> Bool) async {
    while !isSo() { try? await Task.sleep(for: .milliseconds(1)) }
  }

  @Test func requestsThatWaitAreAnsweredTogether() async throws {
    let sizes = Mutex<[Int]>([])
    let gate = Gate()
    let queue = Queue(.init(batch: 4, delay: .zero, capacity: 100)) { batch in
      if sizes.withLock({
        $0.append(batch.count)
        return $0.count == 1
      }) {
        await gate.pass()
      }
      return batch.map { .success(10 * $0) }
    }
    let answers = await withTaskGroup(of: (Int, Int?).self) { group in
      group.addTask { (0, try? await queue.submit(0)) }
      await until { sizes.withLock { $0.count } == 1 }
      for number in 1...9 { group.addTask { (number, try? await queue.submit(number)) } }
      await until { queue.length == 9 }
      gate.open()
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    #expect(answers == Dictionary(uniqueKeysWithValues: (0...9).map { ($0, 10 * $0) }))
    #expect(sizes.withLock { $0 } == [1, 4, 4, 1])
  }

  @Test func aFullBatchDoesNotWait() async throws {
    let queue = Queue(.init(batch: 2, delay: .seconds(30), capacity: 10)) { $0.map { .success($0) } }
    async let first = queue.submit(1)
    async let second = queue.submit(2)
    let sum = try await first + second
    #expect(sum == 3)
    // Neither does one that is larger than a batch.
    #expect(try await queue.submit(5, rows: 7) == 5)
  }

  @Test func oneThatIsNotFullWaitsForOthers() async throws {
    let sizes = Mutex<[Int]>([])
    let queue = Queue(.init(batch: 3, delay: .milliseconds(500), capacity: 10)) { batch in
      sizes.withLock { $0.append(batch.count) }
      return batch.map { .success($0) }
    }
    let start = ContinuousClock.now
    async let first = queue.submit(1)
    try await Task.sleep(for: .milliseconds(10))
    async let second = queue.submit(2)
    let sum = try await first + second
    #expect(sum == 3)
    #expect(sizes.withLock { $0 } == [2])
    #expect(ContinuousClock.now - start >= .milliseconds(499))
  }

  @Test func rowsFillABatch() async throws {
    let batches = Mutex<[[Int]]>([])
    let gate = Gate()
    let queue = Queue(.init(batch: 4, delay: .zero, capacity: 10)) { batch in
      if batches.withLock({
        $0.append(batch)
        return $0.count == 1
      }) {
        await gate.pass()
      }
      return batch.map { .success($0) }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { _ = try? await queue.submit(0) }
      await until { batches.withLock { $0.count } == 1 }
      for (place, rows) in [3, 1, 2, 9, 1].enumerated() {
        group.addTask { _ = try? await queue.submit(rows, rows: rows) }
        await until { queue.length == place + 1 }
      }
      gate.open()
    }
    #expect(batches.withLock { $0 } == [[0], [3, 1], [2], [9], [1]])
  }

  @Test func aFullQueueRefusesAndGivenUpPlacesAreFree() async throws {
    let gate = Gate()
    let begun = Mutex(0)
    let queue = Queue(.init(batch: 1, delay: .zero, capacity: 2)) { batch in
      begun.withLock { $0 += 1 }
      await gate.pass()
      return batch.map { .success($0) }
    }
    let running = Task { try await queue.submit(0) }
    await until { begun.withLock { $0 } == 1 }
    let first = Task { try await queue.submit(1) }
    let second = Task { () async throws -> Int in try await queue.submit(2) }
    await until { queue.length == 2 }
    #expect(await fault { () async throws(ServingFault) in try await queue.submit(3) }?.status == 503)
    second.cancel()
    #expect(
      await fault { () async throws(ServingFault) -> Int in
        do { return try await second.value } catch let fault as ServingFault { throw fault } catch { return 0 }
      } == .cancelled)
    #expect(queue.length == 1)
    let third = Task { try await queue.submit(4) }
    await until { queue.length == 2 }
    gate.open()
    #expect(try await [running.value, first.value, third.value] == [0, 1, 4])
  }

  @Test func anAnswerThatIsMissingIsAFault() async {
    let queue = Queue(.init(batch: 2, delay: .zero, capacity: 2)) { _ in [] }
    #expect(await fault { () async throws(ServingFault) in try await queue.submit(1) }?.kind == "failed")
  }

  @Test func whatIsLateIsGivenUp() async {
    let gate = Gate()
    let queue = Queue(.init(batch: 1, delay: .zero, capacity: 2)) { batch in
      await gate.pass()
      return batch.map { .success($0) }
    }
    let found = await fault { () async throws(ServingFault) in
      try await inTime(.now + .milliseconds(20), else: .deadline(seconds: 0.02)) { () async throws(ServingFault) in
        try await queue.submit(1)
      }
    }
    #expect(found == .deadline(seconds: 0.02))
    gate.open()
  }
}

/// How much works at once.
private final class Load: Sendable {
  private let state = Mutex((count: 0, weight: 0, mostCount: 0, mostWeight: 0))

  var most: (count: Int, weight: Int) { state.withLock { ($0.mostCount, $0.mostWeight) } }

  func begin(_ weight: Int) {
    state.withLock {
      $0.count += 1
      $0.weight += weight
      $0.mostCount = max($0.mostCount, $0.count)
      $0.mostWeight = max($0.mostWeight, $0.weight)
    }
  }

  func end(_ weight: Int) {
    state.withLock {
      $0.count -= 1
      $0.weight -= weight
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct WorkerPoolTests {
  @Test func workIsBoundedByNumberAndWeight() async {
    let load = Load()
    let pool = WorkerPool(workers: 3, capacity: 100, mostWeight: 10)
    let total = await withTaskGroup(of: Int.self) { group in
      for number in 0..<24 {
        let weight = number % 4 == 0 ? 9 : 3
        group.addTask {
          let found = try? await pool.run(weight: weight) { () throws(ServingFault) -> Int in
            load.begin(weight)
            let end = ContinuousClock.now + .milliseconds(2)
            while ContinuousClock.now < end {}
            load.end(weight)
            return 1
          }
          return found ?? 0
        }
      }
      return await group.reduce(0, +)
    }
    let most = load.most
    #expect(total == 24 && most.count <= 3 && most.weight <= 10)
  }

  @Test func workThatNobodyWaitsForIsNotDone() async throws {
    let pool = WorkerPool(workers: 1, capacity: 1, mostWeight: 1)
    let isHeld = Flag(true)
    let wasDone = Flag(false)
    let begun = Flag(false)
    let running = Task {
      try await pool.run { () throws(ServingFault) in
        begun.value = true
        while isHeld.value {}
      }
    }
    while !begun.value { await Task.yield() }
    let waiting = Task {
      try await pool.run { () throws(ServingFault) in wasDone.value = true }
    }
    while pool.length == 0 { await Task.yield() }
    #expect(
      await fault { () async throws(ServingFault) in try await pool.run { () throws(ServingFault) in } }?.status == 503)
    waiting.cancel()
    #expect(await waiting.result.failure as? ServingFault == .cancelled)
    isHeld.value = false
    try await running.value
    try await pool.run { () throws(ServingFault) in }
    #expect(!wasDone.value)
  }

  @Test func bytesGoBackToTheBudget() throws {
    let budget = ByteBudget(limit: 100)
    let first = budget.share()
    try first.grow(by: 60)
    do {
      let second = budget.share()
      try second.grow(by: 40)
      #expect(throws: ServingFault.self) { try second.grow(by: 1) }
      #expect(throws: ServingFault.self) { try first.grow(by: .max) }
    }
    #expect(budget.usedBytes == 60)
    try first.grow(by: 40)
    #expect(budget.usedBytes == 100)
  }
}

extension Result {
  fileprivate var failure: Failure? { if case .failure(let fault) = self { fault } else { nil } }
}
